import { compareWith, matches, placeIn } from '../core/query.ts'
import type { Entry, Query } from '../core/query.ts'
import type { Moves } from './journal.ts'

/** A record that matches, and what decides about its place. */
interface Placed {
  readonly id: string
  readonly place: ReturnType<typeof placeIn>
}

/** What is remembered of a record whose place does not matter. */
const ANYWHERE: Placed = { id: '', place: [] }

/** Which of some records are among those that are asked for: kept up to date, record by record. */
export class Matches {
  readonly #query: Query
  readonly #order: readonly string[]
  /** Those that match. */
  readonly #all = new Map<string, Placed>()
  /** Where there is a limit, in the order that is asked for. */
  readonly #sorted: Placed[] = []
  readonly #compare: (a: Placed, b: Placed) => number
  /** The first ones; undefined where there is no limit. */
  readonly #window: Set<string> | undefined
  readonly #limit: number

  constructor(query: Query) {
    this.#query = query
    this.#order = query.order ?? []
    this.#compare = compareWith<Placed>(this.#order, ({ place }, _path, step) => place[step])
    this.#limit = query.limit ?? 0
    this.#window = query.limit === undefined ? undefined : new Set()
  }

  has(id: string): boolean {
    return (this.#window ?? this.#all).has(id)
  }

  get ids(): Iterable<string> {
    return (this.#window ?? this.#all).keys()
  }

  /** Whether a record is one of those that are asked for, as it is; there may be better ones. */
  fits(value: Entry['value']): boolean {
    return matches(this.#query, value)
  }

  /** How many records are remembered. */
  get size(): number {
    return this.#all.size
  }

  /** Takes over records that are there at first: many of them, each once. `arrange` follows. */
  load(records: readonly Entry[]): void {
    for (const record of records) {
      if (!this.fits(record.value)) continue
      const placed = this.#placed(record)
      this.#all.set(record.id, placed)
      if (this.#window) this.#sorted.push(placed)
    }
  }

  arrange(): void {
    this.#sorted.sort(this.#compare)
    for (const { id } of this.#sorted.slice(0, this.#limit)) this.#window?.add(id)
  }

  /** Takes over how records are now; those that must not be seen have no view. */
  update(records: readonly Entry[]): Omit<Moves, 'denied'> {
    const moves = new Moving()
    for (const record of records) {
      const { id } = record
      const before = this.#all.get(id)
      const now = this.fits(record.value) ? this.#placed(record) : undefined
      if (now) this.#all.set(id, now)
      else this.#all.delete(id)
      if (this.#window) this.#move(before, now, moves)
      else if (now && !before) moves.enter(id)
      else if (!now && before) moves.leave(id)
    }
    for (const id of moves.entered) this.#window?.add(id)
    for (const id of moves.left) this.#window?.delete(id)
    return moves
  }

  #placed({ id, value }: Entry): Placed {
    return this.#window ? { id, place: placeIn(this.#order, value) } : ANYWHERE
  }

  /** Moves a record to its place. For each that comes into the first ones another one leaves them, and the other way round. */
  #move(before: Placed | undefined, now: Placed | undefined, moves: Moving): void {
    if (before && now && this.#compare(before, now) === 0) return
    if (before) {
      const at = this.#indexOf(before)
      this.#sorted.splice(at, 1)
      if (at < this.#limit) {
        moves.leave(before.id)
        moves.enter(this.#sorted[this.#limit - 1]?.id)
      }
    }
    if (!now) return
    const at = this.#indexOf(now)
    this.#sorted.splice(at, 0, now)
    if (at >= this.#limit) return
    moves.enter(now.id)
    moves.leave(this.#sorted[this.#limit]?.id)
  }

  #indexOf(placed: Placed): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#sorted[middle]
      if (other && this.#compare(other, placed) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** What came and went, one after the other. */
class Moving implements Omit<Moves, 'denied'> {
  readonly entered = new Set<string>()
  readonly left = new Set<string>()

  enter(id: string | undefined): void {
    if (id !== undefined && !this.left.delete(id)) this.entered.add(id)
  }

  leave(id: string | undefined): void {
    if (id !== undefined && !this.entered.delete(id)) this.left.add(id)
  }
}
