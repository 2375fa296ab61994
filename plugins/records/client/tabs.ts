import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CLOSED } from '../../../lib/failures.ts'

/** The part of the Web Locks API that is needed: `navigator.locks`, which all tabs of an origin share. */
export interface Locks {
  request(
    name: string,
    options: { readonly mode?: 'exclusive' | 'shared'; readonly ifAvailable?: boolean },
    held: (lock: unknown) => Promise<unknown>
  ): Promise<unknown>
}

/** The part of a BroadcastChannel that is needed: what is posted comes to all others of its name. */
export interface Channel {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  close(): void
}

/** What tabs that have one store need of each other. */
export interface TabsOptions {
  /** The same for those who have the same store, and nobody else. */
  readonly name: string
  readonly locks: Locks
  readonly channel: Channel
}

/** Lets go of a lock. */
export type Unlock = () => void

/** Other tabs that have the same store, where there are tabs. What one holds is free when it is gone, however it went. */
export class Tabs {
  readonly #options: TabsOptions | undefined
  readonly #held = new Set<Unlock>()
  #isClosed = false

  constructor(options: TabsOptions | undefined) {
    this.#options = options
  }

  /** Takes a lock when it is free; at once or not at all, unless it is to be waited for. @returns undefined: it is not free, or this is closed */
  lock(name: string, options: { mode?: 'shared'; ifAvailable?: boolean } = {}): Promise<Unlock | undefined> {
    const own = this.#options
    return new Promise((resolve, reject) => {
      if (!own) return resolve(() => {})
      own.locks
        .request(`${own.name}:${name}`, options, lock => {
          if (lock && !this.#isClosed) return new Promise<void>(end => resolve(this.#hold(end)))
          resolve(undefined)
          return Promise.resolve()
        })
        .catch(reject)
    })
  }

  /** Runs something while nobody else does. @throws ERR_CLOSED where this was closed before */
  async alone<T>(name: string, run: () => Promise<T>): Promise<T> {
    const unlock = await this.lock(name)
    if (!unlock) throw new AnywireError(ERR_CLOSED)
    try {
      return await run()
    } finally {
      unlock()
    }
  }

  post(...message: readonly unknown[]): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    this.#options?.channel.postMessage(message)
  }

  listen(heard: (message: readonly unknown[]) => void): void {
    this.#options?.channel.addEventListener('message', ({ data }) => {
      if (Array.isArray(data)) heard(data)
    })
  }

  /** Lets go of everything. */
  close(): void {
    this.#isClosed = true
    this.#options?.channel.close()
    for (const unlock of this.#held) unlock()
  }

  #hold(end: () => void): Unlock {
    const unlock = (): void => {
      this.#held.delete(unlock)
      end()
    }
    this.#held.add(unlock)
    return unlock
  }
}

/** What tabs of a browser have for that; undefined elsewhere, where one process has a store at a time. */
export const browserTabs = (store: string): TabsOptions | undefined => {
  const { locks } = (globalThis.navigator as Navigator | undefined) ?? {}
  if (!locks || typeof document === 'undefined') return undefined
  const name = `anywire:${store}`
  return { name, locks, channel: new BroadcastChannel(name) }
}
