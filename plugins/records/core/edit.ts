import { AnywireError } from '../../../lib/errors.ts'
import { ERR_ENCODE, ERR_PATH, ERR_TOO_LARGE } from '../../../lib/failures.ts'
import type { Value } from '../../../lib/store.ts'
import { POSITION, VALUE } from './item.ts'
import { below, isKey, keysOf } from './path.ts'
import { showsBelow } from './place.ts'
import type { Place } from './place.ts'
import type { RecordState } from './record-state.ts'
import { DELETED, IMPLICIT, INCREMENT, isAfter, LEAF, OBJECT } from './register.ts'
import type { Kind, Stamp, Write } from './register.ts'
import { DEEPEST, isFields, isSame, isText } from './value.ts'
import type { Fields } from './value.ts'

/** Whether something can be added to: a number, or nothing. */
export const canCount = (value: Value | undefined): boolean => typeof (value ?? 0) === 'number'

const NONE: readonly string[] = []

/** What can be done at a path. */
export type Operation = 'set' | 'replace' | 'delete' | 'increment'

/**
 * What one user wants done to one record at one moment, as writes that share a stamp. What is asked for first is taken into
 * account by what comes behind it only when the state has it: give each edit of a record a state that has the former one.
 */
export class Edit {
  #writes: Write[] | undefined
  /** Positions of items, where what is written next is in the value of these. */
  #claims = NONE
  readonly #state: RecordState | undefined
  readonly #stamp: Stamp
  readonly #maxValue: number

  /**
   * @param state - the record as its user sees it; undefined: there is none
   * @param maxValue - how large one value may be: about as many bytes as it has as JSON text
   */
  constructor(state: RecordState | undefined, stamp: Stamp, maxValue: number) {
    this.#state = state
    this.#stamp = stamp
    this.#maxValue = maxValue
  }

  get writes(): readonly Write[] {
    return this.#writes ?? []
  }

  /**
   * Writes a value; of an object, those of its fields that are different, and no others. Undefined deletes, also within an object, but no record.
   * @throws ERR_PATH; ERR_ENCODE for what is no value; ERR_TOO_LARGE
   */
  set(path: string, value: unknown): this {
    if (value === undefined && path !== '') return this.delete(path)
    const depth = this.#open(path)
    if (isFields(value)) this.#patch(path, value, depth)
    else this.#leaf(path, value)
    return this
  }

  /** Makes what is at a path anew: what was there, and others wrote there before this, whenever it is told, is gone. Throws what `set` does. */
  replace(path: string, value: unknown): this {
    if (value === undefined && path !== '') return this.delete(path)
    const depth = this.#open(path)
    if (!isFields(value) && path === '') throw unfit(path, 'a record is an object')
    this.#make(path, value, depth)
    return this
  }

  /** @throws ERR_PATH */
  delete(path: string): this {
    if (path !== '') this.#open(path)
    this.#write(path, DELETED)
    return this
  }

  /** Adds to the number at a path, wherever others have brought it meanwhile. @throws ERR_PATH, also where something else is seen; ERR_ENCODE */
  increment(path: string, by: unknown): this {
    if (typeof by !== 'number' || !Number.isFinite(by)) throw unfit(path, `${nameOf(by)} is no number to add`)
    if (!canCount(this.#state?.view(path))) throw new AnywireError(ERR_PATH, `'${path}' is no number`)
    this.#open(path)
    this.#write(path, INCREMENT, by)
    return this
  }

  #write(path: string, kind: Kind | typeof INCREMENT, value?: Value, { t, node } = this.#stamp): void {
    const claims = this.#claims
    if (claims !== NONE) {
      this.#claims = NONE
      for (const position of claims) this.#write(position, OBJECT, undefined, IMPLICIT)
    }
    const write = { path, kind, value, t, node }
    // Most edits are one write, and a list that is made of one has no room for more.
    if (this.#writes) this.#writes.push(write)
    else this.#writes = [write]
  }

  /** Makes what a path leads through an object, where it is none. Returns how many keys the path has. */
  #open(path: string): number {
    const keys = keysOf(path)
    const state = this.#state
    if (!state?.isWritten) this.#write('', OBJECT, undefined, IMPLICIT)
    let place: Place | undefined = state
    for (let depth = 0; place && depth < keys.length; depth++) {
      const { value, branch } = place
      if (value !== undefined && !showsBelow(place)) {
        if (Array.isArray(value))
          throw new AnywireError(ERR_PATH, `'${place.path}' is an array, which is one value; a list has items`)
        this.#write(place.path, OBJECT)
      }
      if (keys[depth] === VALUE) this.#claim(place.path)
      // What is at the path itself does not matter.
      place = depth + 1 < keys.length ? branch?.get(keys[depth] ?? '') : undefined
    }
    return keys.length
  }

  /** Where the value of an item of a list is written, that says that there must be the item: see item.ts. */
  #claim(path: string): void {
    const position = below(path, POSITION)
    if (typeof this.#state?.view(position) === 'string') this.#claims = [...this.#claims, position]
  }

  /** The greatest stamp above a path: what has it is not hidden, and hides nothing that is not hidden already. */
  #above(path: string): Stamp {
    let greatest = IMPLICIT
    let above = ''
    for (const key of keysOf(path)) {
      const register = this.#state?.get(above)
      if (register && isAfter(register, greatest)) greatest = register
      if (this.writes.some(write => write.path === above && isAfter(write, greatest))) greatest = this.#stamp
      above = below(above, key)
    }
    const { t, node } = greatest
    if (t === 0) return IMPLICIT
    // Whoever made what is above: the server takes this for a stamp of who writes.
    return { t: node > this.#stamp.node ? t + 1 : t, node: this.#stamp.node }
  }

  #patch(path: string, fields: Fields, depth: number): void {
    if (depth >= DEEPEST) throw unfit(path, 'nested too deep')
    const seen = this.#state?.view(path)
    // What hides others is written only where it must be.
    if (seen !== undefined && !isFields(seen)) this.#write(path, OBJECT)
    let some = false
    for (const [key, value] of Object.entries(fields)) {
      const at = this.#below(path, key)
      const claims = this.#claims
      if (key === VALUE) this.#claim(path)
      some ||= value !== undefined
      if (value === undefined) {
        if (this.#state?.view(at) !== undefined) this.#write(at, DELETED)
      } else if (isFields(value)) this.#patch(at, value, depth + 1)
      else {
        const copy = this.#copy(at, value)
        if (!isSame(this.#state?.view(at), copy)) this.#write(at, LEAF, copy)
      }
      // Nothing was written there.
      if (this.#claims !== NONE) this.#claims = claims
    }
    // An empty object hides nothing that others write into it; only where something was deleted it has to win.
    if (!some && path !== '' && seen === undefined) {
      this.#write(path, OBJECT, undefined, this.#state?.get(path) ? this.#stamp : this.#above(path))
    }
  }

  #make(path: string, value: unknown, depth: number): void {
    if (depth >= DEEPEST) throw unfit(path, 'nested too deep')
    if (!isFields(value)) return this.#leaf(path, value)
    this.#write(path, OBJECT)
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) this.#make(this.#below(path, key), item, depth + 1)
    }
  }

  #below(path: string, key: string): string {
    const at = below(path, key)
    if (!isKey(key)) throw new AnywireError(ERR_PATH, `'${at.slice(0, 100)}'`)
    // All that is written is a legal path; nobody looks again.
    keysOf(at)
    return at
  }

  #leaf(path: string, value: unknown): void {
    if (path === '') throw unfit(path, 'a record is an object')
    this.#write(path, LEAF, this.#copy(path, value))
  }

  /** A value that nobody can change any more. */
  #copy(path: string, value: unknown): Value {
    // The rule, and the hot path.
    if (typeof value === 'number' && Number.isFinite(value)) return value + 0
    if (typeof value === 'boolean' || value === null) return value
    return copyOf(value, new Room(this.#maxValue, path), 0)
  }
}

/** What kind of thing something is that is no value: `NaN`, `Date`, `bigint`. */
const nameOf = (value: unknown): string => {
  if (typeof value === 'number') return String(value)
  if (typeof value !== 'object' || value === null || typeof value.constructor !== 'function') return typeof value
  return value.constructor.name
}

const unfit = (path: string, why: string): AnywireError =>
  new AnywireError(ERR_ENCODE, path === '' ? why : `'${path.slice(0, 100)}': ${why}`)

/** What bytes cost at least within a value, as they take as much in memory. */
const SMALL = 64

/** How much of a value there still may be. */
class Room {
  readonly #most: number
  #left: number
  /** Where the value is to be. */
  readonly path: string

  constructor(most: number, path: string) {
    this.path = path
    this.#most = most
    this.#left = most
  }

  pay(bytes: number): void {
    this.#left -= bytes
    if (this.#left < 0) throw new AnywireError(ERR_TOO_LARGE, `a value of more than ${this.#most} bytes`)
  }
}

const copyOf = (value: unknown, room: Room, depth: number): Value => {
  room.pay(1)
  if (value === null || typeof value === 'boolean') return value
  // -0 is 0, as in JSON.
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  if (typeof value === 'string') {
    room.pay(value.length)
    if (!isText(value)) throw unfit(room.path, 'half of a surrogate pair is no text')
    return value
  }
  if (value instanceof Uint8Array) {
    room.pay(value.length + (depth && SMALL))
    // `slice` of a Buffer would share its memory.
    return new Uint8Array(value)
  }
  if (depth >= DEEPEST) throw unfit(room.path, 'nested too deep')
  // `map` would pass over holes.
  if (Array.isArray(value)) return Object.freeze(Array.from(value, item => copyOf(item, room, depth + 1)))
  if (!isFields(value)) throw unfit(room.path, `${nameOf(value)} is no value of a record`)
  const fields: Record<string, Value> = {}
  // In one order, so that equal values are the same bytes.
  for (const key of Object.keys(value).sort()) {
    const item = value[key]
    if (item === undefined) continue
    room.pay(key.length)
    if (!isKey(key)) throw new AnywireError(ERR_PATH, `'${key.slice(0, 100)}'`)
    fields[key] = copyOf(item, room, depth + 1)
  }
  return Object.freeze(fields)
}
