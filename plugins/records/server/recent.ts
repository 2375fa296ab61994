import type { Change } from './change.ts'
import { sizeOf } from './check-writes.ts'

interface Entry {
  readonly changes: readonly Change[]
  readonly size: number
}

/**
 * The last commits, for those who were told less than others and catch up: so they need not read the store. It is one for
 * all of them, and bounded.
 */
export class Recent {
  readonly #limit: number
  #entries: Entry[] = []
  /** The number of the commit of the first entry. */
  #first: number
  #size = 0

  /**
   * @param seq - the number of the last commit
   * @param limit - about how many bytes it keeps
   */
  constructor(seq: number, limit: number) {
    this.#first = seq + 1
    this.#limit = limit
  }

  /** Adds the commit that comes next. */
  add(changes: readonly Change[]): void {
    const size = changes.reduce(
      (sum, { registers }) => sum + registers.reduce((sum, one) => sum + sizeOf(one), 0),
      ENTRY
    )
    this.#entries.push({ changes, size })
    this.#size += size
    // Half of it at once, as the rest moves.
    while (this.#size > this.#limit) this.#drop(Math.ceil(this.#entries.length / 2))
  }

  /** Whether all that was committed behind a number is here. */
  reaches(seq: number): boolean {
    return seq + 1 >= this.#first
  }

  /** What was committed behind a number, up to another one; undefined: not all of it is here any more. */
  between(from: number, to: number): Change[] | undefined {
    if (!this.reaches(from)) return undefined
    return this.#entries.slice(from + 1 - this.#first, to + 1 - this.#first).flatMap(({ changes }) => changes)
  }

  #drop(count: number): void {
    for (const { size } of this.#entries.splice(0, count)) this.#size -= size
    this.#first += count
  }
}

/** What an entry costs beside its registers, in bytes. */
const ENTRY = 100
