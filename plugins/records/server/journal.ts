/** What came and went. */
export interface Moves {
  readonly entered: ReadonlySet<string>
  readonly left: ReadonlySet<string>
}

/** How many commits are remembered at most. */
const MOST = 1_000

const NOBODY: Moves = { entered: new Set(), left: new Set() }

/** Which records came and went with the last commits, for those who are some behind. */
export class Journal {
  #entries: (Moves & { readonly seq: number })[] = []
  /** Up to this commit nothing is remembered. */
  #forgotten: number

  constructor(seq: number) {
    this.#forgotten = seq
  }

  add(seq: number, moves: Moves): void {
    if (!moves.entered.size && !moves.left.size) return
    this.#entries.push({ seq, ...moves })
    if (this.#entries.length <= MOST) return
    this.#forgotten = this.#entries[MOST / 2]?.seq ?? seq
    this.#entries = this.#entries.filter(entry => entry.seq > this.#forgotten)
  }

  /** What came and went with one commit, if that is the last one with which something did. */
  of(seq: number): Moves {
    const last = this.#entries.at(-1)
    return last?.seq === seq ? last : NOBODY
  }

  /** What is there now, or is not, and was otherwise at a commit. Undefined: that is not remembered. */
  since(seq: number): Moves | undefined {
    if (seq < this.#forgotten) return undefined
    if ((this.#entries.at(-1)?.seq ?? 0) <= seq) return NOBODY
    const entered = new Set<string>()
    const left = new Set<string>()
    for (const entry of this.#entries.slice(this.#placeOf(seq))) {
      for (const id of entry.entered) if (!left.delete(id)) entered.add(id)
      for (const id of entry.left) if (!entered.delete(id)) left.add(id)
    }
    return { entered, left }
  }

  /** Of the first entry behind a commit; most who ask are few behind. */
  #placeOf(seq: number): number {
    let at = this.#entries.length
    while (at > 0 && (this.#entries[at - 1]?.seq ?? 0) > seq) at--
    return at
  }
}
