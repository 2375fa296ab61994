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

/** An entry of a queue: a linked list, as an array would move all that wait for each that leaves. */
interface Entry {
  job?: Job | undefined
  next?: Entry
}

/** The interceptors of one direction, and the queue of the values that they have not seen yet. */
export class Pipeline {
  #stages: readonly Interceptor[] = []
  /** The entry that was worked on last, and the last one that waits. */
  #done: Entry = {}
  #last = this.#done
  #open = true
  #working = false
  /** Whether an interceptor is at work and has not said yet what becomes of its value. */
  busy = false
  readonly #failed: (error: unknown) => void

  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Adds an interceptor behind those that are there. */
  use(interceptor: Interceptor): Undo {
    const stage: Interceptor = (...args) => interceptor(...args)
    this.#stages = [...this.#stages, stage]
    return () => {
      this.#stages = this.#stages.filter(other => other !== stage)
    }
  }

  /** Whether a value can pass by at once, because nothing would be done to it. */
  get idle(): boolean {
    return this.#open && !this.busy && !this.#working && !this.#stages.length && !this.#done.next
  }

  /** Lets values through, or has them wait. */
  gate(open: boolean): void {
    this.#open = open
    this.#work()
  }

  /** Sends a value through, behind those before it; `done` gets what comes out, `settled` is called in any case. */
  run(value: unknown, done: Next, settled?: () => void, options?: WriteOptions): void {
    this.after(() => {
      const pending = this.#stage(this.#stages, 0, value, done, options)
      if (pending) return settled ? pending.then(settled) : pending
      settled?.()
      return undefined
    })
  }

  /** Calls `job` behind the values that wait. */
  after(job: Job): void {
    this.#last = this.#last.next = { job }
    this.#work()
  }

  #work(): void {
    // A job that adds jobs, or opens the gate, has them done by the loop that it runs in.
    if (this.#working) return
    this.#working = true
    for (let entry; this.#open && !this.busy && (entry = this.#done.next);) {
      const { job } = (this.#done = entry)
      entry.job = undefined
      const pending = job?.()
      if (!pending) continue
      this.busy = true
      void pending.then(() => {
        this.busy = false
        this.#work()
      })
    }
    this.#working = false
  }

  /** Runs the stages from `index` on; returns a promise only when one of them is asynchronous. */
  #stage(
    stages: readonly Interceptor[],
    index: number,
    value: unknown,
    done: Next,
    options?: WriteOptions
  ): Promise<void> | void {
    const stage = stages[index]
    let called = false
    let rest: Promise<void> | void = undefined
    const next = (passed: unknown): void => {
      if (called) return this.#failed(new Error('next was called twice'))
      called = true
      rest = this.#stage(stages, index + 1, passed, done, options)
    }
    try {
      // What fails behind the interceptors is no concern of theirs, nor of whoever calls `next` later.
      if (!stage) done(value)
      else {
        const own = stage(value, next, options)
        if (own)
          return Promise.resolve(own)
            .catch(this.#failed)
            .then(() => rest)
      }
    } catch (error) {
      this.#failed(error)
    }
    return rest
  }
}
