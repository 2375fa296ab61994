import { compareBy, matches } from '../core/query.ts'
import type { Entry, Query } from '../core/query.ts'
import type { Moves } from './journal.ts'

/** What is remembered of a record whose place does not matter. */
const NOTHING: Entry = { id: '', value: undefined }

/** Which of some records are among those that are asked for: kept up to date, record by record. */
export class Matches {
  readonly #query: Query
  /** Those that match; where there is a limit, in the order that is asked for. */
  readonly #all = new Map<string, Entry>()
  readonly #sorted: Entry[] = []
  readonly #compare: (a: Entry, b: Entry) => number
  /** The first ones; undefined where there is no limit. */
  #window: Set<string> | undefined

  constructor(query: Query) {
    this.#query = query
    this.#compare = compareBy(query.order)
    this.#window = query.limit === undefined ? undefined : new Set()
  }

  has(id: string): boolean {
    return (this.#window ?? this.#all).has(id)
  }

  get ids(): Iterable<string> {
    return (this.#window ?? this.#all).keys()
  }

  /** Takes over how records are now; those that must not be seen have no view. */
  update(records: readonly Entry[]): Moves {
    const entered = new Set<string>()
    const left = new Set<string>()
    for (const record of records) {
      const isIn = matches(this.#query, record.value)
      if (this.#window) this.#place(record, isIn)
      else if (isIn && !this.#all.has(record.id)) entered.add(record.id)
      else if (!isIn && this.#all.has(record.id)) left.add(record.id)
      if (isIn) this.#all.set(record.id, this.#window ? record : NOTHING)
      else this.#all.delete(record.id)
    }
    if (!this.#window) return { entered, left }
    const before = this.#window
    this.#window = new Set(this.#sorted.slice(0, this.#query.limit).map(({ id }) => id))
    for (const id of this.#window) if (!before.has(id)) entered.add(id)
    for (const id of before) if (!this.#window.has(id)) left.add(id)
    return { entered, left }
  }

  /** Moves a record to its place. */
  #place(record: Entry, isIn: boolean): void {
    const before = this.#all.get(record.id)
    if (before) this.#sorted.splice(this.#indexOf(before), 1)
    if (isIn) this.#sorted.splice(this.#indexOf(record), 0, record)
  }

  #indexOf(record: Entry): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#sorted[middle]
      if (other && this.#compare(other, record) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
