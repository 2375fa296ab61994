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
type Job = () => Promise<unknown> | undefined | void

/** The interceptors of one direction, and the queue of the values that they have not seen yet. */
export interface Pipeline {
  /** Adds an interceptor behind those that are there. */
  use(interceptor: Interceptor): Undo
  /** Nothing is here that a value would have to pass, or wait for: 0. Otherwise how many interceptors and jobs there are. */
  readonly length: number
  /** Whether an interceptor has not said yet what becomes of its value. */
  readonly busy: boolean
  /** Sends a value through, behind those before it; `done` gets what comes out, `settled` is called in any case. */
  run(value: unknown, done: Next, settled?: () => void, options?: WriteOptions): void
  /**
   * Sends a value through to `send`. What that throws is thrown here, unless an interceptor takes its time.
   * @returns what `send` returned; false while the value, or another one, is on its way
   */
  write(value: unknown, send: (passed: unknown) => boolean, options?: WriteOptions): boolean
  /** Calls `job` behind the values that wait. */
  after(job: Job): void
  /** Calls `job` once nothing goes on by itself: behind the values that wait, or where these wait for somebody who reads. */
  rest(job: () => void): void
  /** Does what waits, as far as it may. */
  work(): void
}

/** @param isOpen - whether values may go through; when that changes, `work` is to be called */
export const makePipeline = (failed: (error: unknown) => void, isOpen = (): boolean => true): Pipeline => {
  let stages: readonly Interceptor[] = []
  const jobs: Job[] = []
  /** Values that interceptors have passed on while the gate was shut: they go before all jobs, and what is passed on behind them. */
  const ready: (() => void)[] = []
  const rests: (() => void)[] = []
  /** Whether a job is under way. */
  let working = false
  let busy = false

  /** Sends a value through some stages; returns a promise only where one of them is asynchronous. */
  const pass = (
    [stage, ...rest]: readonly Interceptor[],
    value: unknown,
    done: Next,
    options?: WriteOptions
  ): Promise<void> | undefined => {
    let behind: Promise<void> | undefined
    let called = false
    const next = (passed: unknown): void => {
      if (called) return failed(new Error('next was called twice'))
      called = true
      behind = pass(rest, passed, done, options)
    }
    try {
      // What fails behind the interceptors is no concern of theirs, nor of whoever calls `next` later.
      if (!stage) {
        if (isOpen() && !ready[0]) done(value)
        else
          ready.push(() => {
            done(value)
          })
      } else {
        const own = stage(value, next, options)
        if (own)
          return Promise.resolve(own)
            .catch(failed)
            .then(() => behind)
      }
    } catch (error) {
      failed(error)
    }
    return behind
  }

  const work = (): void => {
    // A job that adds jobs, or opens the gate, has them done by the loop that it runs in.
    while (!working && isOpen()) {
      const job = ready.shift() ?? jobs.shift()
      if (!job) break
      working = true
      const pending = job()
      working = busy = !!pending
      void pending?.then(() => {
        working = busy = false
        work()
      })
    }
    if (!working) for (const job of rests.splice(0)) job()
  }

  const after = (job: Job): void => {
    jobs.push(job)
    work()
  }

  const run: Pipeline['run'] = (value, done, settled, options) =>
    after(() => {
      const pending = pass(stages, value, done, options)
      if (pending) return pending.then(settled)
      settled?.()
      return undefined
    })

  return {
    use(interceptor) {
      const stage: Interceptor = (...args) => interceptor(...args)
      stages = [...stages, stage]
      return () => {
        stages = stages.filter(other => other !== stage)
      }
    },
    get length() {
      return stages.length + ready.length + jobs.length + +working
    },
    get busy() {
      return busy
    },
    run,
    write(value, send, options) {
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
      run(value, done, undefined, options)
      gone = true
      if (refused) throw refused
      return room && !busy
    },
    after,
    rest(job) {
      rests.push(job)
      work()
    },
    work
  }
}
