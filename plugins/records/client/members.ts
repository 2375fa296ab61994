import { AnywireError } from '../../../lib/errors.ts'
import { ERR_ENCODE } from '../../../lib/failures.ts'
import type { Value } from '../../../lib/store.ts'
import { below } from '../core/path.ts'
import { pick } from '../core/pick.ts'
import { derived } from './derived.ts'
import type { Fields } from './fields.ts'
import { checkFields } from './target.ts'
import type { Target } from './target.ts'
import type { Known, SetItem, SetItemAt, SetOf, SetPath } from './types.ts'

/** Keys are the items as JSON: `add` made them. */
const sorted = derived<Value | undefined, SetItem>(fields =>
  Object.entries(fields)
    .filter(([key, value]) => value === true && isItem(key))
    .map(([key]) => key)
    .sort()
    .map(key => JSON.parse(key) as SetItem)
)

/**
 * The items of a set that is a plain value, as rules and the results of queries have it: in the order of their JSON text. Frozen, and the
 * same array for the same value.
 */
export const membersOf = <T extends SetItem>(set: SetOf<T> | undefined): readonly T[] =>
  // What the type of the record says is in the set.
  sorted(set) as readonly T[]

/** Whether a set that is a plain value has an item. */
export const hasMember = <T extends SetItem>(set: SetOf<T> | undefined, item: T): boolean =>
  pick(set, keyOf(item)) === true

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
    return membersOf(this.#set())
  }

  get size(): number {
    return this.items.length
  }

  has(item: T): boolean {
    return hasMember(this.#set(), item)
  }

  /** @throws ERR_PATH where something else is there; ERR_ENCODE for what is no item */
  add(item: T): R {
    if (typeof item === 'object' || (typeof item === 'number' && !Number.isFinite(item)))
      throw new AnywireError(ERR_ENCODE, `${String(item)} is no item of a set`)
    checkFields(this.#target, this.#path, 'set')
    return this.#target.edit('set', this.#at(item), true)
  }

  delete(item: T): R {
    return this.#target.edit('delete', this.#at(item))
  }

  #at(item: T): string {
    return `${this.#path}.${keyOf(item)}`
  }

  #set(): SetOf<T> | undefined {
    // What the type of the record says is there.
    return pick(this.#target.look(), this.#path) as SetOf<T> | undefined
  }
}

/** Where an item is in its set. */
const keyOf = (item: SetItem): string => below('', JSON.stringify(item))

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
export const members = <T, R, const P extends SetPath<T>>(
  record: Fields<T, R>,
  path: P & Known<T, P, SetOf<SetItem>>
): Members<SetItemAt<T, P>, R> => new Members(record, path)
