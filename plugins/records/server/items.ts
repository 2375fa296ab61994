import { isClaim, itemsAt, POSITION, VALUE } from '../core/item.ts'
import { below, isBelow, keysOf, pathOf } from '../core/path.ts'
import { isWritten } from '../core/place.ts'
import type { Place } from '../core/place.ts'
import type { RecordState } from '../core/record-state.ts'
import { DELETED, INCREMENT, isAfter, LEAF } from '../core/register.ts'
import type { Stamp, Write } from '../core/register.ts'
import { merged } from './trials.ts'

/*
 * An item of a list is there as a whole, or not at all: it has a position and a value, in fields of their own. Who deletes it wins
 * against all that others change in it without knowing, be it later or told before.
 */

/** The item whose position is at a path. */
const positioned = (path: string): string | undefined => {
  const keys = keysOf(path)
  return keys.length > 1 && keys.at(-1) === POSITION ? pathOf(keys.slice(0, -1)) : undefined
}

const isItem = ({ branch }: Place): boolean => {
  const position = branch?.get(POSITION)
  return !!position && isWritten(position) && position.kind === LEAF
}

/** The first item that writes change, and that is not there. What is made with its position and value at once is there from then on. */
export const missingItem = (state: RecordState, writes: readonly Write[]): string | undefined => {
  /** Items in which something is written, with when that was, before it was claimed that they are there. */
  const values = new Set<string>()
  const claimed = new Set<string>()
  for (const write of writes) {
    if (isClaim(write)) claimed.add(positioned(write.path) ?? '')
    else for (const item of itemsAt(write.path, VALUE)) if (!claimed.has(item)) values.add(`${write.t} ${item}`)
  }
  const made = new Set<string>()
  for (const [at, { path, kind, t }] of writes.entries()) {
    const item = kind === DELETED ? undefined : positioned(path)
    if (item === undefined || made.has(item) || state.view(path) !== undefined) continue
    if (!values.has(`${t} ${item}`) && !writes.slice(0, at).some(write => isMaking(write, item))) return item
    made.add(item)
  }
  return undefined
}

/** Whether a write makes all that is at a path anew. */
const isMaking = ({ path, kind, t }: Write, item: string): boolean =>
  t > 0 && kind !== DELETED && (path === item || isBelow(item, path))

const latest = (place: Place): Stamp => {
  let stamp: Stamp = place
  for (const child of place.branch?.values() ?? []) {
    const below = latest(child)
    if (isAfter(below, stamp)) stamp = below
  }
  return stamp
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

/** Items at a place and below it, of which something was written after a write that is to hide them. */
function* itemsOver(place: Place, write: Write): Generator<Place> {
  if (!place.branch || !isAfter(latest(place), write)) return
  if (isItem(place)) yield place
  else for (const child of place.branch.values()) yield* itemsOver(child, write)
}

/** The items of which writes may delete a part, and whether they are to delete all of them. */
const touchedBy = (state: RecordState, writes: readonly Write[]): ReadonlyMap<Place, boolean> => {
  const touched = new Map<Place, boolean>()
  for (const write of writes) {
    const { path, kind, t } = write
    if (t === 0 || kind === INCREMENT) continue
    const item = kind === DELETED ? positioned(path) : undefined
    const place = placeFor(state, item === undefined ? write : { ...write, path: item })
    if (!place || (isWritten(place) && isAfter(place, write))) continue
    // Who has inserted it takes that back field by field.
    if (item !== undefined && isItem(place)) touched.set(place, true)
    else for (const each of itemsOver(place, write)) touched.set(each, kind === DELETED && each === place)
  }
  return touched
}

/** Writes, and what is to be deleted with them so that of no item a part is left. */
export const wholeItems = (state: RecordState, writes: readonly Write[]): readonly Write[] => {
  const touched = touchedBy(state, writes)
  if (!touched.size) return writes
  const then = merged(state, writes)
  const node = writes.findLast(({ t }) => t > 0)?.node ?? ''
  const rests = [...touched].flatMap(([item, isDeleted]): Write[] => {
    const place = then.find(item.path)
    const left = count(place)
    if (!place || !left) return []
    const isSame = place.branch?.get(POSITION)?.t === item.branch?.get(POSITION)?.t
    const isWhole = isItem(place) && then.view(below(item.path, VALUE)) !== undefined && !(isSame && left < count(item))
    return isWhole && !isDeleted
      ? []
      : [{ path: item.path, kind: DELETED, value: undefined, t: latest(place).t + 1, node }]
  })
  return [...writes, ...rests]
}
