import type { Value } from '../../../lib/store.ts'
import { below } from '../core/path.ts'
import { pick } from '../core/pick.ts'
import { derived } from './derived.ts'
import type { Fields } from './fields.ts'
import type { Target } from './target.ts'
import type { SetItem, SetItemAt, SetPath } from './types.ts'

/** Keys are the items as JSON: `add` made them. */
const itemsOf = derived<Value | undefined, SetItem>(fields =>
  Object.entries(fields)
    .filter(([key, value]) => value === true && isItem(key))
    .map(([key]) => key)
    .sort()
    .map(key => JSON.parse(key) as SetItem)
)

/** A set within a record. Each item is a field of its own, so nothing is lost where several people add and delete. */
export class Members<T extends SetItem, R> {
  readonly #target: Target<R>
  readonly #path: string

  constructor(target: Target<R>, path: string) {
    this.#target = target
    this.#path = path
  }

  /** The items, in the order of their JSON text. Frozen, and the same array until something in it changes. */
  get items(): readonly T[] {
    // What the type of the record says is in the set.
    return itemsOf(pick(this.#target.look(), this.#path)) as readonly T[]
  }

  get size(): number {
    return this.items.length
  }

  has(item: T): boolean {
    return pick(this.#target.look(), this.#at(item)) === true
  }

  add(item: T): R {
    return this.#target.edit('set', this.#at(item), true)
  }

  delete(item: T): R {
    return this.#target.edit('delete', this.#at(item))
  }

  #at(item: T): string {
    return below(this.#path, JSON.stringify(item))
  }
}

/** Whether a key was made from an item; others may have been written by hand. */
const isItem = (key: string): boolean => {
  try {
    return JSON.stringify(JSON.parse(key)) === key
  } catch {
    return false
  }
}

/**
 * The set at a path of a record, whose items can be added and deleted one by one; also within a transaction.
 * @example members(todo, 'labels').add('red')
 */
export const members = <T, R, P extends SetPath<T>>(record: Fields<T, R>, path: P): Members<SetItemAt<T, P>, R> =>
  new Members(record, path)
