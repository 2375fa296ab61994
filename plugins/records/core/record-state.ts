import type { Value } from '../../../lib/store.ts'
import { below, parse } from './path.ts'
import { Branch, clear, drop, fill, isWritten, look, Place } from './place.ts'
import { DELETED, isAfter, OBJECT, wins } from './register.ts'
import type { Register } from './register.ts'

/** A register, with the number of the change that wrote it. */
export interface Kept extends Register {
  readonly seq: number
}

/**
 * The state of one record: a register for each path that was written, without those that an ancestor with a greater stamp hides.
 * Merging is a join: whatever the order, however often, in whatever pieces registers come, the state is the same, and looks the
 * same to the byte. It is the place of the record itself, for those who go through it.
 */
export class RecordState extends Place {
  /** Told of each register that is gone for good, because something above it was written later. */
  readonly #pruned: ((path: string) => void) | undefined
  /** How many registers there are. */
  size = 0
  /** The greatest number of a change that was merged. */
  last = 0
  /** How many places were gone through for what is hidden. */
  visited = 0

  constructor(pruned?: (path: string) => void) {
    super('')
    this.#pruned = pruned
  }

  /**
   * Merges a register into the state.
   * @param seq - the number of the change, for `registers`
   * @returns whether it changed the state
   * @throws ERR_PATH
   */
  merge(register: Register, seq = 0): boolean {
    // The hot path: loops by hand, and nothing is made that does not stay.
    const { keys, text } = parse(register.path)
    let place: Place = this
    let depth = 0
    for (; depth < keys.length; depth++) {
      // Only the stamp decides what hides what is below: were it the kind too, the order of arrival would matter.
      if (isWritten(place) && isAfter(place, register)) return false
      const child = place.branch?.get(keys[depth] as string)
      if (!child) break
      place = child
    }
    if (depth === keys.length && isWritten(place) && !wins(register, place)) return false
    touch(this, keys)
    for (; depth < keys.length; depth++) {
      const key = keys[depth] as string
      const child = new Place(depth === keys.length - 1 ? text : below(place.path, key))
      place.branch ??= new Branch()
      place.branch.add(key, child)
      place = child
    }
    if (!isWritten(place)) this.size++
    place.kind = register.kind
    place.value = register.value
    place.t = register.t
    place.node = register.node
    place.seq = seq
    if (seq > this.last) this.last = seq
    if (place.branch) this.#prune(place, register)
    return true
  }

  /** What was written at a path. */
  get(path: string): Kept | undefined {
    const place = this.find(path)
    return place && isWritten(place) ? keep(place) : undefined
  }

  /**
   * What an application sees at a path: frozen, and the same object as long as nothing in it changes. Undefined: nothing.
   * @throws ERR_PATH
   */
  view(path = ''): Value | undefined {
    const place = this.find(path)
    return place && look(place)
  }

  /** Whether there is a register at the record itself: it was made, by itself or by writing into it, or deleted. */
  get isWritten(): boolean {
    return isWritten(this)
  }

  /** Whether somebody made the record and nobody deleted it since; what is written below alone does not bring it back. */
  get isMade(): boolean {
    return isWritten(this) && this.kind === OBJECT
  }

  /** Whether the record, or what is at a path, was deleted and not made again. */
  isDeleted(path = ''): boolean {
    const place = this.find(path)
    return !!place && isWritten(place) && place.kind === DELETED
  }

  /** The registers that changed behind `seq`; all of them by default. Parents come before what is below them. */
  registers(seq = -1): readonly Kept[] {
    const found: Kept[] = []
    if (this.last > seq) collect(this, seq, found)
    return found
  }

  /** A state of its own with the same registers. */
  copy(pruned?: (path: string) => void): RecordState {
    const copy = fill(new RecordState(pruned), this)
    copy.size = this.size
    copy.last = this.last
    return copy
  }

  /** What is at a path, for those who go through it. @throws ERR_PATH */
  find(path: string): Place | undefined {
    let place: Place | undefined = this
    if (path !== '') for (const key of parse(path).keys) place = place?.branch?.get(key)
    return place
  }

  /** Removes what a greater stamp above hides now. */
  #prune(place: Place, register: Register): void {
    const { branch } = place
    if (!branch) return
    branch.isFresh = false
    branch.changed = undefined
    for (const [key, child] of branch) {
      this.visited++
      if (child.branch) this.#prune(child, register)
      if (isWritten(child) && isAfter(register, child)) {
        clear(child)
        this.size--
        this.#pruned?.(child.path)
      }
      drop(branch, key, child)
    }
    if (branch.size === 0) place.branch = undefined
  }
}

const keep = ({ path, kind, value, t, node, seq }: Place): Kept => ({ path, kind, value, t, node, seq })

/** What is seen along a path is not known any more. */
const touch = (root: Place, keys: readonly string[]): void => {
  let { branch } = root
  for (let depth = 0; branch; depth++) {
    branch.isFresh = false
    branch.changed?.add(keys[depth] as string)
    // What is below the last key is none of its way.
    if (depth + 1 >= keys.length) return
    branch = branch.get(keys[depth] as string)?.branch
  }
}

const collect = (place: Place, seq: number, found: Kept[]): void => {
  if (place.seq > seq) found.push(keep(place))
  if (place.branch) for (const child of place.branch.values()) collect(child, seq, found)
}
