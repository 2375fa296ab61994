import { addTo, removeFrom } from '../../lib/sets.ts'
import { Shares } from '../../lib/shares.ts'

/** Milliseconds for which a key is remembered. */
const TIME = 300_000

interface Known {
  readonly count: number
  readonly time: number
  readonly owner: string
}

/**
 * The keys of messages that were published, and how many received each. Of too many the oldest one of whoever has most is
 * forgotten: nobody's retry is doubled because others publish much.
 */
export class Keys {
  readonly #size: number
  /** The oldest first; and so those of each owner. */
  readonly #known = new Map<string, Known>()
  readonly #byOwner = new Map<string, Set<string>>()
  readonly #shares = new Shares<string>()

  constructor(size: number) {
    this.#size = size
  }

  get(key: string): number | undefined {
    this.sweep()
    return this.#known.get(key)?.count
  }

  /**
   * @param key - one that is not known
   * @param owner - the session that published it; '': the server
   */
  set(key: string, count: number, owner: string): void {
    this.#known.set(key, { count, time: performance.now(), owner })
    addTo(this.#byOwner, owner, key)
    this.#shares.change(owner, 1)
    const { heaviest } = this.#shares
    const [oldest] = (this.#known.size > this.#size && this.#byOwner.get(heaviest ?? '')) || []
    if (oldest !== undefined) this.#forget(oldest)
  }

  sweep(): void {
    const end = performance.now() - TIME
    for (const [key, { time }] of this.#known) {
      if (time > end) return
      this.#forget(key)
    }
  }

  #forget(key: string): void {
    const { owner = '' } = this.#known.get(key) ?? {}
    this.#known.delete(key)
    removeFrom(this.#byOwner, owner, key)
    this.#shares.change(owner, -1)
  }
}
