import type { Value } from '../../../lib/store.ts'
import { POSITION, VALUE } from '../core/item.ts'
import { pick } from '../core/pick.ts'
import { look } from '../core/place.ts'
import type { Branch } from '../core/place.ts'

/** An item of a list, and where it is. */
export interface Placed {
  readonly position: string
  readonly item: { readonly id: string; readonly value: unknown }
}

/** By what a record has of an item, which is the same object until something in it changes. */
const known = new WeakMap<object, Placed>()

/** An item, where what is there is one. */
export const placed = (id: string, field: Value | undefined): Placed | undefined => {
  const [position, value] = [pick(field, POSITION), pick(field, VALUE)]
  if (typeof field !== 'object' || field === null || typeof position !== 'string' || value === undefined)
    return undefined
  const before = known.get(field)
  if (before?.item.id === id) return before
  const made = { position, item: Object.freeze({ id, value }) }
  known.set(field, made)
  return made
}

/** Which one is first; where two were put at one position, their ids decide. */
export const compare = (a: Placed, b: Placed): number =>
  a.position < b.position || (a.position === b.position && a.item.id < b.item.id) ? -1 : 1

/** What is in a list, in order: all of it is looked at once, and then only what has changed. */
export class Order {
  readonly all: Placed[] = []
  readonly #byId = new Map<string, Placed>()

  get(id: string): Placed | undefined {
    return this.#byId.get(id)
  }

  put(id: string, next: Placed | undefined): void {
    const before = this.#byId.get(id)
    if (before === next) return
    if (before) this.all.splice(this.indexOf(before), 1)
    this.#byId.delete(id)
    if (!next) return
    this.#byId.set(id, next)
    this.all.splice(this.indexOf(next), 0, next)
  }

  /** Where an item is, or would be. */
  indexOf(item: Placed): number {
    let [low, high] = [0, this.all.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.all[middle]
      if (other && other !== item && compare(other, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

const orders = new WeakMap<Branch, Order>()

/** The order of a list that is made of these fields; to be asked for each time, as it goes on with what changes. */
export const orderOf = (branch: Branch | undefined): Order => {
  if (!branch) return new Order()
  let order = branch.changed && orders.get(branch)
  if (!order) orders.set(branch, (order = new Order()))
  for (const id of branch.changed ?? branch.keys()) {
    const place = branch.get(id)
    order.put(id, place && placed(id, look(place)))
  }
  branch.changed = new Set()
  return order
}
