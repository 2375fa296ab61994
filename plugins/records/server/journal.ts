/** What came and went. */
export interface Moves {
  readonly entered: ReadonlySet<string>
  readonly left: ReadonlySet<string>
  /** What of that left because it may not be seen any more. */
  readonly denied: ReadonlySet<string>
}

/** How many entries are remembered at most. */
const MOST = 1_000

const NOBODY: Moves = { entered: new Set(), left: new Set(), denied: new Set() }

/** What is before all that is remembered. */
const UNKNOWN = -1

/**
 * Which records came and went last, for those who are some behind. With a commit, or without one, where it was found out anew who may see
 * what: so each entry has a place of its own.
 */
export class Journal {
  #entries: (Moves & { readonly seq: number })[] = []
  /** Up to this commit, and so many entries, nothing is remembered. */
  #forgotten: number
  #count = 0

  constructor(seq: number) {
    this.#forgotten = seq
  }

  /** @param seq - the commit with which, or behind which, it came and went */
  add(seq: number, moves: Moves): void {
    if (!moves.entered.size && !moves.left.size) return
    this.#entries.push({ seq, ...moves })
    if (this.#entries.length <= MOST) return
    const gone = this.#entries.splice(0, MOST / 2)
    this.#count += gone.length
    this.#forgotten = gone.at(-1)?.seq ?? seq
  }

  /** What came and went with one commit, if that is the last one with which something did. */
  of(seq: number): Moves {
    const last = this.#entries.at(-1)
    return last?.seq === seq ? last : NOBODY
  }

  /** The place behind all that came and went up to a commit, and before the next one. Most who ask are few behind. */
  placeAt(seq: number): number {
    let at = this.#entries.length
    while (at > 0 && (this.#entries[at - 1]?.seq ?? 0) > seq) at--
    return at === 0 && seq < this.#forgotten ? UNKNOWN : this.#count + at
  }

  /** What is there now, or is not, and was otherwise at a place. Undefined: that is not remembered. */
  since(place: number): Moves | undefined {
    if (place < this.#count) return undefined
    const entries = this.#entries.slice(place - this.#count)
    if (!entries.length) return NOBODY
    const entered = new Set<string>()
    const left = new Set<string>()
    const denied = new Set<string>()
    for (const entry of entries) {
      for (const id of entry.entered) {
        denied.delete(id)
        if (!left.delete(id)) entered.add(id)
      }
      for (const id of entry.left) {
        if (entered.delete(id)) continue
        left.add(id)
        if (entry.denied.has(id)) denied.add(id)
      }
    }
    return { entered, left, denied }
  }
}
