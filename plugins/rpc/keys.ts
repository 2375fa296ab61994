import { ERR_LIMIT, ERR_OUTCOME_UNKNOWN } from '../../lib/failures.ts'
import { because } from './error.ts'
import { isStream } from './pump.ts'

export interface KeysOptions {
  /** Milliseconds that an answer is kept for whoever asks again. Default 300,000. */
  readonly time: number
  /** Answers that are kept; past it the oldest one is forgotten. Default 10,000. */
  readonly count: number
  /** Whether the contexts of two peers are of one client, judged as `recovery.same` does it. Default: deep equality. */
  readonly same: (before: unknown, now: unknown) => boolean
}

/** Who asks. */
export interface KeyOwner {
  readonly context: unknown
  /** How many of its answers are kept. */
  kept: number
}

interface Entry {
  readonly id: string
  readonly owner: KeyOwner
  readonly since: number
  readonly again: Promise<unknown>
}

/** What calls with a key came to: of those with the same one, only the first runs. */
export class Keys {
  readonly #options: KeysOptions
  readonly #limit: number
  /** The oldest first; by their ids, of which clients may have the same. */
  readonly #entries = new Set<Entry>()
  readonly #byId = new Map<string, Set<Entry>>()

  constructor(options: KeysOptions, limit: number) {
    this.#options = options
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  /** @throws ERR_LIMIT when too much is kept for the owner */
  once(owner: KeyOwner, name: string, key: string, work: () => unknown): unknown {
    this.#forget()
    const id = `${name}\n${key}`
    const known = this.#byId.get(id) ?? new Set()
    for (const entry of known) if (this.#options.same(entry.owner.context, owner.context)) return entry.again
    if (owner.kept >= this.#limit) throw because(ERR_LIMIT, `${this.#limit} keys at the same time`)
    const result = (async () => work())()
    const again = result.then(value => {
      // Its items are for who asked first.
      if (isStream(value)) throw because(ERR_OUTCOME_UNKNOWN, name, key)
      return value
    })
    // Who asked first hears of it; perhaps nobody asks again.
    again.catch(() => {})
    const entry: Entry = { id, owner, since: performance.now(), again }
    owner.kept++
    this.#entries.add(entry)
    this.#byId.set(id, known.add(entry))
    return result
  }

  #forget(): void {
    const { time, count } = this.#options
    const before = performance.now() - time
    for (const entry of this.#entries) {
      if (entry.since >= before && this.#entries.size < count) return
      const known = this.#byId.get(entry.id)
      this.#entries.delete(entry)
      known?.delete(entry)
      if (!known?.size) this.#byId.delete(entry.id)
      entry.owner.kept--
    }
  }
}
