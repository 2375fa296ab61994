import type { WriteOptions } from './connection.ts'
import type { Undo } from './emitter.ts'

/**
 * Sees each value on its way. It passes the value on, or another one, by calling `next` once; not calling it drops the
 * value; throwing or rejecting fails it, which is reported. While a returned promise is pending, later values wait, so
 * the order is kept. `next` may also be called later, which delays the value. `options` are those of the write.
 */
export type Interceptor = (
  value: unknown,
  next: (value: unknown) => void,
  options: WriteOptions | undefined
) => void | Promise<void>

type Next = (value: unknown) => void
type Job = () => Promise<void> | void

/** The interceptors of one direction, and the queue of the values that they have not seen yet. */
export class Pipeline {
  #stages: readonly Interceptor[] = []
  readonly #jobs: Job[] = []
  /** Whether a job is under way, and whether it is an interceptor that has not said yet what becomes of its value. */
  #working = false
  busy = false
  readonly #failed: (error: unknown) => void
  readonly #isOpen: () => boolean

  /** @param isOpen - whether values may go through; when that changes, `work` is to be called */
  constructor(failed: (error: unknown) => void, isOpen = (): boolean => true) {
    this.#failed = failed
    this.#isOpen = isOpen
  }

  /** Adds an interceptor behind those that are there. */
  use(interceptor: Interceptor): Undo {
    const stage: Interceptor = (...args) => interceptor(...args)
    this.#stages = [...this.#stages, stage]
    return () => {
      this.#stages = this.#stages.filter(other => other !== stage)
    }
  }

  /** Nothing is here that a value would have to pass, or wait for: 0. Otherwise how many interceptors and jobs there are. */
  get length(): number {
    return this.#stages.length + this.#jobs.length + +this.#working
  }

  /** Sends a value through, behind those before it; `done` gets what comes out, `settled` is called in any case. */
  run(value: unknown, done: Next, settled = (): void => {}, options?: WriteOptions): void {
    this.after(() => {
      const pending = this.#pass(this.#stages, value, done, options)
      if (pending) return pending.then(settled)
      settled()
      return undefined
    })
  }

  /**
   * Sends a value through to `send`. What that throws is thrown here, unless an interceptor takes its time.
   * @returns what `send` returned; false while the value, or another one, is on its way
   */
  write(value: unknown, send: (passed: unknown) => boolean, options?: WriteOptions): boolean {
    let room = false
    let gone = false
    let refused: Error | undefined
    const done = (passed: unknown): void => {
      try {
        room = send(passed)
      } catch (error) {
        // Who writes it is told, if they are still there.
        if (gone) throw error
        refused = error as Error
      }
    }
    this.run(value, done, undefined, options)
    gone = true
    if (refused) throw refused
    return room && !this.busy
  }

  /** Calls `job` behind the values that wait. */
  after(job: Job): void {
    this.#jobs.push(job)
    this.work()
  }

  /** Does what waits, as far as it may. */
  work(): void {
    // A job that adds jobs, or opens the gate, has them done by the loop that it runs in.
    while (!this.#working && this.#isOpen()) {
      const job = this.#jobs.shift()
      if (!job) return
      this.#working = true
      const pending = job()
      this.#working = this.busy = !!pending
      void pending?.then(() => {
        this.#working = this.busy = false
        this.work()
      })
    }
  }

  /** Sends a value through some stages; returns a promise only where one of them is asynchronous. */
  #pass(
    [stage, ...rest]: readonly Interceptor[],
    value: unknown,
    done: Next,
    options?: WriteOptions
  ): Promise<void> | undefined {
    let behind: Promise<void> | undefined
    let called = false
    const next = (passed: unknown): void => {
      if (called) return this.#failed(new Error('next was called twice'))
      called = true
      behind = this.#pass(rest, passed, done, options)
    }
    try {
      // What fails behind the interceptors is no concern of theirs, nor of whoever calls `next` later.
      if (!stage) done(value)
      else {
        const own = stage(value, next, options)
        if (own)
          return Promise.resolve(own)
            .catch(this.#failed)
            .then(() => behind)
      }
    } catch (error) {
      this.#failed(error)
    }
    return behind
  }
}
