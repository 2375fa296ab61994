import { AnywireError } from './errors.ts'
import type { Undo } from './emitter.ts'

/**
 * Sees each value on its way. It passes the value on, or another one, by calling `next` once; not calling it drops the
 * value; throwing or rejecting fails it, which is reported. While a returned promise is pending, later values wait, so
 * the order is kept.
 */
export type Interceptor = (value: unknown, next: (value: unknown) => void) => void | Promise<void>

/** A step of the pipeline; the next one waits for what it returns. */
type Job = () => Promise<void> | void

/** The interceptors of one direction of a connection. */
export class Pipeline {
  #stages: readonly Interceptor[] = []
  #jobs: Job[] = []
  #busy = false
  readonly #failed: (error: AnywireError) => void

  constructor(failed: (error: AnywireError) => void) {
    this.#failed = failed
  }

  /** Adds an interceptor behind those that are there. */
  use(interceptor: Interceptor): Undo {
    const stage: Interceptor = (value, next) => interceptor(value, next)
    this.#stages = [...this.#stages, stage]
    return () => {
      this.#stages = this.#stages.filter(other => other !== stage)
    }
  }

  /** Whether a value can pass by, because nobody would see it. */
  get idle(): boolean {
    return this.#stages.length === 0 && !this.#busy
  }

  /** Whether an interceptor is still at work. */
  get busy(): boolean {
    return this.#busy
  }

  /** Sends a value through, behind those before it; `done` gets what comes out. */
  run(value: unknown, done: (value: unknown) => void): void {
    this.after(() => this.#stage(this.#stages, 0, value, done))
  }

  /** Calls `job` behind the values that are in the pipeline. */
  after(job: Job): void {
    this.#jobs.push(job)
    if (!this.#busy) void this.#work()
  }

  async #work(): Promise<void> {
    this.#busy = true
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      const pending = job()
      if (pending) await pending
    }
    this.#busy = false
  }

  /** Runs the stages from `index` on; returns a promise only when one of them is asynchronous. */
  #stage(
    stages: readonly Interceptor[],
    index: number,
    value: unknown,
    done: (value: unknown) => void
  ): Promise<void> | undefined {
    const stage = stages[index]
    if (!stage) {
      done(value)
      return undefined
    }
    let called = false
    let rest: Promise<void> | undefined
    const fail = (error: unknown): void => this.#failed(new AnywireError('ERR_INTERCEPTOR', undefined, error))
    try {
      const own = stage(value, passed => {
        if (called) return fail(new Error('next was called twice'))
        called = true
        rest = this.#stage(stages, index + 1, passed, done)
      })
      if (own instanceof Promise) return own.catch(fail).then(() => rest)
    } catch (error) {
      fail(error)
    }
    return rest
  }
}
