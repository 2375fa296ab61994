import type { Value } from '../../../lib/store.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import { POSITION, VALUE } from '../core/item.ts'
import { below } from '../core/path.ts'
import { pick } from '../core/pick.ts'
import { derived } from './derived.ts'
import type { Fields } from './fields.ts'
import { makeKey } from './make-key.ts'
import { compare, orderOf, placed } from './order.ts'
import type { Order, Placed } from './order.ts'
import { place } from './position.ts'
import { checkFields } from './target.ts'
import type { Target } from './target.ts'
import type { Known, ListItem, ListOf, ListPath } from './types.ts'

/** An item of a list. */
export interface Item<T> {
  /** Of this item, wherever it is moved to. */
  readonly id: string
  readonly value: T
}

/** What is in a list, in order. */
const arranged = derived<Value | undefined, Placed>(fields =>
  Object.entries(fields)
    .flatMap(([id, field]: [string, Value]) => placed(id, field) ?? [])
    .sort(compare)
)

const placedItems = derived((all: readonly Placed[]) => all.map(({ item }) => item))

/**
 * The items of a list that is a plain value, as rules and the results of queries have it: in order. Frozen, and the same array for the
 * same value.
 */
export const itemsOf = <T>(list: ListOf<T> | undefined): readonly Item<T>[] =>
  // What the type of the record says is in the list, which is a value as all that is in records.
  placedItems(arranged(list as Value | undefined)) as readonly Item<T>[]

/**
 * A list within a record. Items have ids and positions of their own, so two people who insert, move or change different
 * items at the same time never lose anything; of two who move one item, the last one decides.
 */
export class List<T, R> {
  readonly #target: Target<R>
  readonly #path: string

  constructor(target: Target<R>, path: string) {
    this.#target = target
    this.#path = path
  }

  /** The items, in order. Frozen; the same array, and the same items, until something in them changes. */
  get items(): readonly Item<T>[] {
    // What the type of the record says is in the list.
    return placedItems(arranged(pick(this.#target.look(), this.#path))) as readonly Item<T>[]
  }

  get length(): number {
    return this.#order.all.length
  }

  /** Adds a value at the end. Throws what `insert` does. */
  push(value: T): R {
    return this.insert(this.length, value)
  }

  /**
   * Adds a value before the item that is at an index.
   * @param id - of the new item; by default one is made
   * @throws ERR_OPTION for an index that is no number; ERR_PATH where something else is there; and what `set` of a record does
   */
  insert(index: number, value: T, id = makeKey()): R {
    checkFields(this.#target, this.#path, 'list')
    const position = this.#position(index)
    return this.#target.edit('set', this.#at(id), { [POSITION]: position, [VALUE]: value })
  }

  /** Moves an item to where it has the given index, counted without it. @throws ERR_OPTION where there is no such item, and as `insert` does */
  move(id: string, index: number): R {
    const position = this.#position(index, this.#known(id))
    return this.#target.edit('set', below(this.#at(id), POSITION), position)
  }

  /** Writes the value of an item; of an object those fields that are different. @throws ERR_OPTION where there is no such item */
  set(id: string, value: T): R {
    this.#known(id)
    return this.#target.edit('set', below(this.#at(id), VALUE), value)
  }

  /** Takes an item out. Does nothing where there is none. */
  delete(id: string): R {
    return this.#target.edit('delete', this.#at(id))
  }

  #at(id: string): string {
    return below(this.#path, id)
  }

  get #order(): Order {
    return orderOf(this.#target.find(this.#path)?.branch)
  }

  #known(id: string): Placed {
    const item = this.#order.get(id)
    if (!item) throw new AnywireError(ERR_OPTION, `no item '${id}'`)
    return item
  }

  /** @param moved - is not counted */
  #position(index: number, moved?: Placed): string {
    const order = this.#order
    const own = moved ? order.indexOf(moved) : Infinity
    const positionAt = (at: number): string | undefined => order.all[at < own ? at : at + 1]?.position
    let at = Math.max(0, Math.min(Math.trunc(index), order.all.length - (moved ? 1 : 0)))
    if (Number.isNaN(at)) throw new AnywireError(ERR_OPTION, `${String(index)} is no index of a list`)
    const before = positionAt(at - 1)
    // Where two were put at one position at the same time there is nothing between them: it goes behind both.
    for (let next; before !== undefined && (next = positionAt(at)) !== undefined && next <= before;) at++
    return place(before, positionAt(at))
  }
}

/**
 * The list at a path of a record, whose items can be inserted, moved and changed one by one; also within a transaction.
 * @example
 * const steps = list(todo, 'steps')
 * steps.push({ text: 'Boil water' })
 */
export const list = <T, R, const P extends ListPath<T>>(
  record: Fields<T, R>,
  path: P & Known<T, P, ListOf<unknown>>
): List<ListItem<T, P>, R> => new List(record, path)
