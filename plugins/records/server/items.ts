import { isClaim, itemsAt, POSITION, VALUE } from '../core/item.ts'
import { below, keysOf, pathOf } from '../core/path.ts'
import { isWritten } from '../core/place.ts'
import type { Place } from '../core/place.ts'
import type { RecordState } from '../core/record-state.ts'
import { DELETED, INCREMENT, isAfter, LEAF } from '../core/register.ts'
import type { Register, Stamp, Write } from '../core/register.ts'
import { lasting, merged } from './trials.ts'

/*
 * An item of a list is there as a whole, or not at all: it has a position and a value, in fields of their own. Who deletes it wins
 * against all that others change in it without knowing, be it later or told before.
 */

/** The item whose position is at a path. */
const positioned = (path: string): string | undefined => {
  const keys = keysOf(path)
  return keys.length > 1 && keys.at(-1) === POSITION ? pathOf(keys.slice(0, -1)) : undefined
}

/** Positions are text; whatever else has the key is data of the application. */
const isItem = ({ branch }: Place): boolean => {
  const position = branch?.get(POSITION)
  return !!position && isWritten(position) && typeof position.value === 'string'
}

/** Whether a write puts an item somewhere, or says that it is there. */
const isPlacing = (write: Write): boolean => isClaim(write) || (write.kind === LEAF && typeof write.value === 'string')

/** The first item that writes change, and that is not there. What is made with its position and value at once is there from then on. */
export const missingItem = (state: RecordState, writes: readonly Write[]): string | undefined => {
  /** What is written in items before it is claimed that they are there: the latest of each. */
  const values = new Map<string, Write>()
  const claimed = new Set<string>()
  const positions = new Set<string>()
  for (const write of writes) {
    const item = positioned(write.path)
    if (item !== undefined && isClaim(write)) claimed.add(item)
    else if (write.kind !== DELETED) {
      if (item !== undefined) positions.add(item)
      for (const item of itemsAt(write.path, VALUE)) {
        const before = values.get(item)
        if (!claimed.has(item) && (!before || isAfter(write, before))) values.set(item, write)
      }
    }
  }
  const anew = new Set<string>()
  const made = new Set<string>()
  for (const write of writes) {
    const { path } = write
    const item = isPlacing(write) ? positioned(path) : undefined
    if (item !== undefined && !made.has(item) && state.view(path) === undefined) {
      const value = values.get(item)
      const isWhole = value && (isHidden(state, write) || !isHidden(state, value))
      if (!isWhole && !waysTo(item).some(way => anew.has(way))) return item
      made.add(item)
    }
    if (write.t > 0 && write.kind !== DELETED) anew.add(path)
  }
  // Who claims nothing may have known the item all the same.
  for (const item of values.keys()) {
    const isThere = positions.has(item) || state.view(below(item, POSITION)) !== undefined
    if (!isThere && !anew.has(item) && state.isDeleted(item)) return item
  }
  return undefined
}

/** A path, and all that it leads through. */
const waysTo = (path: string): readonly string[] => {
  const keys = keysOf(path)
  return ['', ...keys.map((_key, at) => pathOf(keys.slice(0, at + 1)))]
}

/** Whether something above a write was written after it. */
const isHidden = (state: RecordState, write: Write): boolean => {
  let place: Place | undefined = state
  for (const key of keysOf(write.path)) {
    if (!place) return false
    if (isWritten(place) && isAfter(place, write)) return true
    place = place.branch?.get(key)
  }
  return false
}

const count = (place: Place | undefined): number => {
  if (!place) return 0
  let registers = isWritten(place) && place.kind !== DELETED ? 1 : 0
  for (const child of place.branch?.values() ?? []) registers += count(child)
  return registers
}

/** What is at a path of a record, unless a write there does nothing. */
const placeFor = (state: RecordState, write: Write): Place | undefined => {
  let place: Place | undefined = state
  for (const key of keysOf(write.path)) {
    if (place && isWritten(place) && isAfter(place, write)) return undefined
    place = place?.branch?.get(key)
  }
  return place
}

/** The stamp of what was written last at places and below them. Each is gone through once, however often it is asked for. */
class Latest {
  readonly #known = new Map<Place, Stamp>()

  of(place: Place): Stamp {
    if (!place.branch) return place
    const known = this.#known.get(place)
    if (known) return known
    let stamp: Stamp = place
    for (const child of place.branch.values()) {
      const below = this.of(child)
      if (isAfter(below, stamp)) stamp = below
    }
    this.#known.set(place, stamp)
    return stamp
  }
}

/** Places below which writes may delete something, and the ways to them. */
class Cover {
  /** The writes that do so, by their places. */
  readonly writes = new Map<Place, Register>()
  /** What leads on from places on the way. */
  readonly ways = new Map<Place, Set<Place>>()

  add(state: RecordState, place: Place, write: Register): void {
    const before = this.writes.get(place)
    if (before && !isAfter(before, write)) return
    this.writes.set(place, write)
    let above: Place = state
    for (const key of keysOf(place.path)) {
      const next = above.branch?.get(key)
      if (!next) return
      const ways = this.ways.get(above)
      if (ways) ways.add(next)
      else this.ways.set(above, new Set([next]))
      above = next
    }
  }
}

/** The items of which writes may delete a part, and whether they are to delete all of them. */
const touchedBy = (state: RecordState, writes: readonly Write[]): ReadonlyMap<Place, boolean> => {
  const touched = new Map<Place, boolean>()
  const cover = new Cover()
  for (const write of lasting(writes)) {
    if (write.t === 0 || write.kind === INCREMENT) continue
    const { path, kind } = write
    const item = kind === DELETED ? positioned(path) : undefined
    const place = placeFor(state, item === undefined ? write : { ...write, path: item })
    if (!place?.branch || (isWritten(place) && isAfter(place, write))) continue
    // Who has inserted it takes that back field by field.
    if (item !== undefined && isItem(place)) touched.set(place, true)
    else cover.add(state, place, write)
  }
  if (!cover.writes.size) return touched
  const latest = new Latest()
  /** @param least - the smallest stamp of what is written above, in the same item */
  const visit = (place: Place, least?: Stamp): void => {
    const write = cover.writes.get(place)
    let hiding = write && (!least || isAfter(least, write)) ? write : least
    // Nothing of what is there is left, or something is.
    if (hiding && !isAfter(latest.of(place), hiding)) hiding = undefined
    if (hiding && isItem(place)) {
      if (!touched.has(place)) touched.set(place, write?.kind === DELETED)
      hiding = undefined
    }
    for (const child of (hiding ? place.branch?.values() : cover.ways.get(place)) ?? []) visit(child, hiding)
  }
  visit(state)
  return touched
}

/** Writes, and what is to be deleted with them so that of no item a part is left. */
export const wholeItems = (state: RecordState, writes: readonly Write[]): readonly Write[] => {
  const touched = touchedBy(state, writes)
  if (!touched.size) return writes
  const then = merged(state, writes)
  const latest = new Latest()
  const node = writes.findLast(({ t }) => t > 0)?.node ?? ''
  const rests = [...touched].flatMap(([item, isDeleted]): Write[] => {
    const place = then.find(item.path)
    const left = count(place)
    if (!place || !left) return []
    const isSame = place.branch?.get(POSITION)?.t === item.branch?.get(POSITION)?.t
    const isWhole = isItem(place) && then.view(below(item.path, VALUE)) !== undefined && !(isSame && left < count(item))
    return isWhole && !isDeleted
      ? []
      : [{ path: item.path, kind: DELETED, value: undefined, t: latest.of(place).t + 1, node }]
  })
  return [...writes, ...rests]
}
