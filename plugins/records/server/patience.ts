import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_CLOSED, ERR_STORE } from '../../../lib/failures.ts'
import { LONGEST } from '../../../lib/timer.ts'

/** How long it waits before it tries again, in milliseconds: at first, and at most. */
const FIRST = 50
const MOST = 5_000

interface TryOptions {
  /** Tells what trying again cannot mend, which is thrown. */
  readonly isFinal?: (error: unknown) => boolean
  /** Whether the same failure again and again is told once. Default false. */
  readonly once?: boolean
}

/** Some time, which several pieces of work may take in all. */
export interface Limit {
  /** Resolves when it is over, or ended. */
  readonly done: Promise<void>
  /** What comes of some work; undefined: it took too long, or all is closed. */
  within<T>(work: Promise<T>): Promise<T | undefined>
  end(): void
}

/** Does again what failed, with longer and longer breaks: a store that is gone for a while harms nobody. */
export class Patience {
  /** Tells that something failed. */
  readonly failed: (error: unknown) => void
  readonly #breaks = new Set<() => void>()
  isClosed = false

  constructor(failed: (error: unknown) => void) {
    this.failed = failed
  }

  /** @throws ERR_CLOSED when it is closed, and the attempt that is made then fails: nobody is told of that one */
  async try<T>(attempt: () => Promise<T>, { isFinal, once = false }: TryOptions = {}): Promise<T> {
    let told = ''
    for (let time = FIRST; ; time = Math.min(2 * time, MOST)) {
      try {
        return await attempt()
      } catch (error) {
        if (isFinal?.(error)) throw error
        if (this.isClosed) throw new AnywireError(ERR_CLOSED, '', error)
        const text = textOf(error)
        if (!once || text !== told) this.failed(error)
        told = text
      }
      await this.#break(time).done
    }
  }

  /** Lets some time pass, in milliseconds; none any more when it is closed. */
  async pause(time: number): Promise<void> {
    if (!this.isClosed) await this.#break(time).done
  }

  /** What comes of some work; undefined: it took too long, or this was closed. */
  async within<T>(work: Promise<T>, time: number): Promise<T | undefined> {
    const limit = this.limit(time)
    try {
      return await limit.within(work)
    } finally {
      limit.end()
    }
  }

  /** So many milliseconds from now on; none when this is closed. */
  limit(time: number): Limit {
    const late = this.#break(time)
    if (this.isClosed) late.end()
    const none = late.done.then(() => undefined)
    return { ...late, within: work => Promise.race([work, none]) }
  }

  /** Ends all breaks; what fails from here on is not tried again. */
  close(): void {
    this.isClosed = true
    for (const end of this.#breaks) end()
  }

  #break(time: number): { readonly done: Promise<void>; readonly end: () => void } {
    let end = (): void => {}
    const done = new Promise<void>(resolve => {
      const timer = setTimeout(() => end(), Math.min(time, LONGEST))
      end = () => {
        clearTimeout(timer)
        this.#breaks.delete(end)
        resolve()
      }
    })
    this.#breaks.add(end)
    return { done, end }
  }
}

/** What is missing does not come by waiting for it. */
export const isFinal = (error: unknown): boolean => error instanceof AnywireError && error.code !== ERR_STORE[0]
