import { ERR_LIMIT, ERR_OUTCOME_UNKNOWN } from '../../lib/failures.ts'
import { addTo, removeFrom } from '../../lib/sets.ts'
import { Shares } from '../../lib/shares.ts'
import { weigh } from '../../lib/weigh.ts'
import { because } from './error.ts'
import { isStream } from './pump.ts'

/** Characters of a key. */
const LENGTH = 256

/** Characters of an answer that counts as one; and those up to which it is looked at. */
const UNIT = 4_096
const MOST = 1_048_576

export interface KeysOptions {
  /** Milliseconds that an answer is kept for whoever asks again. Default 300,000. */
  readonly time: number
  /**
   * Answers that are kept, a long one counted as one for each 4,096 characters; past it the oldest one of whoever has most is
   * forgotten. Default 10,000.
   */
  readonly count: number
  /** Whether the contexts of two peers are of one client, judged as `recovery.same` does it. Default: deep equality. */
  readonly same: (before: unknown, now: unknown) => boolean
}

/** Who asks. */
export interface KeyOwner {
  readonly context: unknown
  /** How many of its calls and answers are kept. */
  kept: number
}

interface Entry {
  readonly id: string
  readonly owner: KeyOwner
  readonly again: Promise<unknown>
  /** When it was answered, and as how many answers that counts. */
  since: number
  share: number
}

/**
 * What calls with a key came to: of those with the same one, only the first runs. What is not answered yet is not forgotten, and
 * who asks much forgets its own answers before those of others.
 */
export class Keys {
  readonly #options: KeysOptions
  readonly #limit: number
  /** By their ids, of which clients may have the same. */
  readonly #byId = new Map<string, Set<Entry>>()
  /** Those that are answered, the oldest first; all of them, and by owner. */
  readonly #answered = new Set<Entry>()
  readonly #byOwner = new Map<KeyOwner, Set<Entry>>()
  /** As how many they count. */
  #count = 0
  readonly #shares = new Shares<KeyOwner>()

  constructor(options: KeysOptions, limit: number) {
    this.#options = options
    this.#limit = limit
  }

  /** @throws ERR_LIMIT when too much is kept for the owner, or the key is too long */
  once(owner: KeyOwner, name: string, key: string, work: () => unknown): unknown {
    this.#sweep()
    if (key.length > LENGTH) throw because(ERR_LIMIT, `${LENGTH} characters in a key`)
    const id = `${name}\n${key}`
    for (const entry of this.#byId.get(id) ?? [])
      if (this.#options.same(entry.owner.context, owner.context)) return entry.again
    if (owner.kept >= this.#limit) throw because(ERR_LIMIT, `${this.#limit} keys at the same time`)
    const result = (async () => work())()
    const again = result.then(value => {
      // Its items are for who asked first.
      if (isStream(value)) throw because(ERR_OUTCOME_UNKNOWN, name, key)
      return value
    })
    const entry: Entry = { id, owner, again, since: 0, share: 1 }
    const keep = (answer: unknown): void => this.#keep(entry, answer)
    // Who asked first hears of it; perhaps nobody asks again.
    again.then(keep, keep)
    owner.kept++
    addTo(this.#byId, id, entry)
    return result
  }

  #keep(entry: Entry, answer: unknown): void {
    const { owner } = entry
    entry.since = performance.now()
    entry.share = shareOf(answer)
    this.#count += entry.share
    this.#answered.add(entry)
    addTo(this.#byOwner, owner, entry)
    this.#shares.change(owner, entry.share)
    while (this.#count > this.#options.count) {
      const { heaviest } = this.#shares
      const [oldest] = (heaviest && this.#byOwner.get(heaviest)) ?? []
      if (!oldest) return
      this.#forget(oldest)
    }
  }

  #sweep(): void {
    const before = performance.now() - this.#options.time
    for (const entry of this.#answered) {
      if (entry.since >= before) return
      this.#forget(entry)
    }
  }

  #forget(entry: Entry): void {
    const { id, owner, share } = entry
    removeFrom(this.#byId, id, entry)
    this.#answered.delete(entry)
    removeFrom(this.#byOwner, owner, entry)
    this.#shares.change(owner, -share)
    this.#count -= share
    owner.kept--
  }
}

const shareOf = (answer: unknown): number => {
  try {
    return Math.ceil(weigh(answer, MOST) / UNIT)
  } catch {
    // It has getters that fail, and is told to nobody either.
    return 1
  }
}
