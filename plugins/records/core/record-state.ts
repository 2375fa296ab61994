import type { Value } from '../../../lib/store.ts'
import { below, keysOf } from './path.ts'
import { DELETED, isAfter, LEAF, OBJECT, wins } from './register.ts'
import type { Kind, Register } from './register.ts'

/** A place in a record: a register, or only the way to those below it. */
class Place implements Register {
  readonly path: string
  readonly key: string
  readonly parent: Place | undefined
  kind: Kind = LEAF
  value: Value | undefined = undefined
  /** Below 0 where nothing was written at this very path. */
  t = -1
  node = ''
  /** The number of the change that wrote it. */
  seq = 0
  children: Map<string, Place> | undefined = undefined
  /** What applications see here; undefined for nothing. Only right while `fresh`. */
  seen: Value | undefined = undefined
  fresh = false

  constructor(parent: Place | undefined, key: string, path: string) {
    this.parent = parent
    this.key = key
    this.path = path
  }
}

/** Numbers compare as the stamps do; where nothing was written there is no stamp. */
const isWritten = (place: Place): boolean => place.t >= 0

/**
 * The state of one record: a register for each path that was written, without those that an ancestor with a greater stamp hides.
 * Merging is a join: whatever the order, however often, in whatever pieces registers come, the state is the same.
 */
export class RecordState {
  readonly #root = new Place(undefined, '', '')
  /** Told of each register that is gone for good, because something above it was written later. */
  readonly #pruned: ((path: string) => void) | undefined
  /** How many registers there are. */
  size = 0

  constructor(pruned?: (path: string) => void) {
    this.#pruned = pruned
  }

  /**
   * Merges a register into the state.
   * @param seq - the number of the change, for `since`
   * @returns whether it changed the state
   * @throws ERR_PATH
   */
  merge(register: Register, seq = 0): boolean {
    const { path } = register
    let place: Place | undefined = this.#root
    let missing: readonly string[] = []
    const keys = keysOf(path)
    // A loop by hand: this is the hot path.
    for (let at = 0; at < keys.length; at++) {
      // Only the stamp decides what hides what is below: were it the kind too, the order of arrival would matter.
      if (isWritten(place) && isAfter(place, register)) return false
      const child: Place | undefined = place.children?.get(keys[at] as string)
      if (!child) {
        missing = keys.slice(at)
        break
      }
      place = child
    }
    if (missing.length === 0 && isWritten(place) && !wins(register, place)) return false
    // A place that is not fresh has no fresh one above it, so this ends where everything is known to be stale.
    for (let above: Place | undefined = place; above?.fresh; above = above.parent) above.fresh = false
    for (const key of missing) {
      const child: Place = new Place(place, key, below(place.path, key))
      place.children ??= new Map()
      place.children.set(key, child)
      place = child
    }
    if (!isWritten(place)) this.size++
    place.kind = register.kind
    place.value = register.value
    place.t = register.t
    place.node = register.node
    place.seq = seq
    if (place.children) this.#prune(place, register)
    return true
  }

  /** What was written at a path. */
  get(path: string): (Register & { readonly seq: number }) | undefined {
    const place = this.#find(path)
    return place && isWritten(place) ? place : undefined
  }

  /**
   * What an application sees at a path: frozen, and the same object as long as nothing in it changes. Undefined: nothing.
   * @throws ERR_PATH
   */
  view(path = ''): Value | undefined {
    const place = this.#find(path)
    return place && look(place)
  }

  /** Whether somebody made the record and nobody deleted it since; what is written below alone does not bring it back. */
  get isMade(): boolean {
    return isWritten(this.#root) && this.#root.kind === OBJECT
  }

  /** Whether the record, or what is at a path, was deleted and not made again. */
  isDeleted(path = ''): boolean {
    const place = this.#find(path)
    return !!place && isWritten(place) && place.kind === DELETED
  }

  /** The registers that changed behind `seq`; all of them by default. Parents come before what is below them. */
  *registers(seq = -1): Generator<Register & { readonly seq: number }> {
    yield* walk(this.#root, seq)
  }

  /** A state of its own with the same registers. */
  copy(pruned?: (path: string) => void): RecordState {
    const copy = new RecordState(pruned)
    for (const register of this.registers()) copy.merge(register, register.seq)
    return copy
  }

  /**
   * Forgets what was deleted before a stamp. It never changes what applications see.
   * @returns the paths of the registers that are gone, with the numbers of their changes
   */
  collect(before: number): { path: string; seq: number }[] {
    const gone: { path: string; seq: number }[] = []
    const all = [...this.registers()]
    for (const register of all) {
      if (register.kind !== DELETED || register.t >= before) continue
      gone.push({ path: register.path, seq: register.seq })
      this.#remove(register.path)
    }
    return gone
  }

  #find(path: string): Place | undefined {
    let place: Place | undefined = this.#root
    if (path === '') return place
    for (const key of keysOf(path)) {
      place = place.children?.get(key)
      if (!place) return undefined
    }
    return place
  }

  #remove(path: string): void {
    const place = this.#find(path)
    if (!place) return
    place.t = -1
    place.value = undefined
    place.kind = LEAF
    this.size--
    sweep(place)
  }

  /** Removes what a greater stamp above hides now. */
  #prune(place: Place, register: Register): void {
    for (const child of place.children?.values() ?? []) {
      if (child.children) this.#prune(child, register)
      if (isWritten(child) && isAfter(register, child)) {
        child.t = -1
        child.value = undefined
        this.size--
        this.#pruned?.(child.path)
      }
      if (!isWritten(child) && !child.children) {
        place.children?.delete(child.key)
        if (place.children?.size === 0) place.children = undefined
      }
    }
  }
}

/** Removes places that are nothing and lead nowhere. */
const sweep = (place: Place): void => {
  for (let empty = place; empty.parent && !isWritten(empty) && !empty.children; empty = empty.parent) {
    empty.parent.children?.delete(empty.key)
    if (empty.parent.children?.size === 0) empty.parent.children = undefined
  }
}

/** What is below decides, if anything is; else what was written here. */
const look = (place: Place): Value | undefined => {
  if (place.fresh) return place.seen
  let fields: Record<string, Value> | undefined
  for (const child of place.children?.values() ?? []) {
    const value = look(child)
    if (value !== undefined) (fields ??= {})[child.key] = value
  }
  if (fields) place.seen = Object.freeze(fields)
  else if (!isWritten(place) || place.kind === DELETED) place.seen = undefined
  else place.seen = place.kind === OBJECT ? EMPTY : place.value
  place.fresh = true
  return place.seen
}

const EMPTY: Value = Object.freeze({})

function* walk(place: Place, seq: number): Generator<Place> {
  if (isWritten(place) && place.seq > seq) yield place
  for (const child of place.children?.values() ?? []) yield* walk(child, seq)
}
