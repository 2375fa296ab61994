import type { Value } from '../../../lib/store.ts'
import { LEAF, OBJECT } from './register.ts'
import type { Kind, Register } from './register.ts'
import { compareText } from './value.ts'

/** What is below a place, by the keys. */
export class Branch extends Map<string, Place> {
  /** What applications see here: an object, or undefined for nothing. Only right while `isFresh`. */
  seen: Value | undefined = undefined
  isFresh = false
  /** The keys where something changed since they were all looked at, for who keeps something of each; undefined: it may be all of them. */
  changed: Set<string> | undefined = undefined
  #last = ''
  #isSorted = true

  add(key: string, place: Place): void {
    this.set(key, place)
    if (key < this.#last) this.#isSorted = false
    this.#last = key
  }

  /** Fields have an order of their own, so that equal states look the same to the byte, whatever came first. */
  sort(): void {
    if (this.#isSorted) return
    const places = [...this].sort(([a], [b]) => compareText(a, b))
    this.clear()
    this.#isSorted = true
    for (const [key, place] of places) this.add(key, place)
  }
}

/** A place in a record: a register, or only the way to those below it. There are many of them, so they are small. */
export class Place implements Register {
  readonly path: string
  kind: Kind = LEAF
  /** Undefined where nothing is seen by itself: where nothing was written, or an object, or it was deleted. */
  value: Value | undefined = undefined
  t = 0
  node = ''
  /** The number of the change that wrote it; below 0 where nothing was written at this very path. */
  seq = -1
  branch: Branch | undefined = undefined

  constructor(path: string) {
    this.path = path
  }
}

// Not by its stamp: numbers that large are somewhere else in memory.
export const isWritten = (place: Place): boolean => place.seq >= 0

/** Gives a new place what another one has, with all below it, as it is now. */
export const fill = <P extends Place>(place: P, from: Place): P => {
  place.kind = from.kind
  place.value = from.value
  place.t = from.t
  place.node = from.node
  place.seq = from.seq
  if (!from.branch) return place
  place.branch = new Branch()
  for (const [key, child] of from.branch) place.branch.add(key, fill(new Place(child.path), child))
  // What is seen is frozen, so both may have it.
  place.branch.seen = from.branch.seen
  place.branch.isFresh = from.branch.isFresh
  return place
}

/** Forgets what was written at a place. */
export const clear = (place: Place): void => {
  place.kind = LEAF
  place.value = undefined
  place.t = 0
  place.node = ''
  place.seq = -1
}

/** Removes a place that is nothing and leads nowhere. */
export const drop = (branch: Branch, key: string, child: Place): void => {
  if (!isWritten(child) && !child.branch) branch.delete(key)
}

const lookBelow = (branch: Branch): Value | undefined => {
  if (branch.isFresh) return branch.seen
  branch.sort()
  let fields: Record<string, Value> | undefined
  for (const [key, child] of branch) {
    const value = look(child)
    if (value !== undefined) (fields ??= {})[key] = value
  }
  branch.seen = fields && Object.freeze(fields)
  branch.isFresh = true
  return branch.seen
}

const EMPTY: Value = Object.freeze({})

/** What applications see at a place. What is below decides, if anything is seen there; else what was written here. */
export const look = (place: Place): Value | undefined => {
  const fields = place.branch && lookBelow(place.branch)
  if (fields) return fields
  return place.kind === OBJECT ? EMPTY : place.value
}

/** Whether applications see anything below a place. */
export const showsBelow = ({ branch }: Place): boolean => {
  if (!branch) return false
  if (branch.isFresh) return branch.seen !== undefined
  for (const child of branch.values()) {
    if (child.kind === OBJECT || child.value !== undefined || showsBelow(child)) return true
  }
  return false
}
