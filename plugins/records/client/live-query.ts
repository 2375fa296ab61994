import type { Value } from '../../../lib/store.ts'
import { collectionOf } from '../core/path.ts'
import { compareBy, matches } from '../core/query.ts'
import type { Query } from '../core/query.ts'
import { unchanged } from './derived.ts'
import { Live } from './live.ts'
import type { Shelf } from './live.ts'
import { share } from './snapshot.ts'

/** A record among the results of a query; the same object until something in it changes. */
export interface Result<T, Id extends string = string> {
  readonly id: Id
  readonly value: T
}

/** Whether a query leaves something out; who only wants an order follows the whole collection, as others do. */
const selects = ({ where = [], limit }: Query): boolean => where.length > 0 || limit !== undefined

/**
 * The records of a collection that a query asks for. The server sends those that match and no others; here they are matched and
 * put in order once more, so that what is written here shows at once.
 */
export class LiveQuery<T, Id extends string = string> extends Live<readonly Result<T, Id>[]> {
  readonly #asks: Query
  /** What matches, by id. */
  readonly #found = new Map<string, Result<Value>>()
  /** That, in order; the results are the first of it. */
  #sorted: Result<Value>[] = []
  #results: readonly Result<Value>[] = Object.freeze([])

  constructor(shelf: Shelf, name: string, query: Query) {
    super(shelf, name, selects(query) ? query : undefined)
    this.#asks = query
    this.begin()
  }

  get(): readonly Result<T, Id>[] {
    // What the application says that its records are.
    return this.#results as readonly Result<unknown>[] as readonly Result<T, Id>[]
  }

  protected begin(): void {
    this.shelf.told.add(this)
    this.changed([...this.#found.keys(), ...this.shelf.engine.ids(this.name)])
  }

  protected end(): void {
    this.shelf.told.delete(this)
  }

  changed(ids: readonly string[]): void {
    const own = ids.filter(id => collectionOf(id) === this.name && this.#look(id))
    if (own.length) this.#arrange(own)
    this.tell()
  }

  /** Looks at one record again. Returns whether that changed anything. */
  #look(id: string): boolean {
    const before = this.#found.get(id)
    const value = share(before?.value, this.shelf.engine.look(id))
    if (value === undefined || !matches(this.#asks, value)) return this.#found.delete(id)
    if (value === before?.value) return false
    this.#found.set(id, Object.freeze({ id, value }))
    return true
  }

  /** @param ids - what has come, gone, or changed: where it is little, the others stay in their order */
  #arrange(ids: readonly string[]): void {
    const { order, limit } = this.#asks
    const compare = compareBy(order)
    const others = this.#sorted.filter(result => this.#found.get(result.id) === result)
    const fresh = ids.flatMap(id => this.#found.get(id) ?? [])
    if (fresh.length > FEW) this.#sorted = [...others, ...fresh].sort(compare)
    else {
      this.#sorted = others
      for (const result of fresh)
        others.splice(
          placeOf(others, other => compare(other, result) < 0),
          0,
          result
        )
    }
    this.#results = unchanged(this.#results, this.#sorted.slice(0, limit))
  }
}

/** Of more than so many, sorting all is faster. */
const FEW = 100

/** How many of the first ones are before something, as the others are not. */
const placeOf = <T>(sorted: readonly T[], isBefore: (other: T) => boolean): number => {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(sorted[middle] as T)) low = middle + 1
    else high = middle
  }
  return low
}
