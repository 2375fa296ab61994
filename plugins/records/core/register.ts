import type { Row, Value } from '../../../lib/store.ts'
import { compareValues } from './value.ts'

/** What a register says of its path. */
export type Kind = typeof LEAF | typeof OBJECT | typeof DELETED

/** A value stands here. */
export const LEAF = 0
/** An object was made here: what was below it before is gone. */
export const OBJECT = 1
/** What was here and below is gone. */
export const DELETED = 2

/** Only in a write, never in a state: the authority adds the value to the number that is there, and stores a LEAF. */
export const INCREMENT = 3

/** When something was written, and by whom. */
export interface Stamp {
  /** Milliseconds since 1970, times 2,048, plus a counter: see clock.ts. */
  readonly t: number
  /** The storage that wrote it; only breaks ties. */
  readonly node: string
}

/** What was written last at a path. */
export interface Register extends Stamp {
  readonly path: string
  readonly kind: Kind
  /** Only where the kind is LEAF. */
  readonly value: Value | undefined
}

/** A number to be added to what is at a path. */
export interface Increment extends Stamp {
  readonly path: string
  readonly kind: typeof INCREMENT
  readonly value: Value | undefined
}

/** What somebody wants to write. */
export type Write = Register | Increment

/**
 * The stamp of what is made by writing below it: an object that nobody made by itself. It is smaller than all others, so it
 * hides nothing that others write at the same time, and does not bring back what was deleted.
 */
export const IMPLICIT: Stamp = { t: 0, node: '' }

/** Whether one stamp is greater than another one. */
export const isAfter = (a: Stamp, b: Stamp): boolean => a.t > b.t || (a.t === b.t && a.node > b.node)

/**
 * Whether a register wins against another one at its path. Kind and value only matter where two storages have one id, as
 * copied ones have; with them the order is total, so that they agree all the same.
 */
export const wins = (a: Register, b: Register): boolean => {
  if (a.t !== b.t) return a.t > b.t
  if (a.node !== b.node) return a.node > b.node
  if (a.kind !== b.kind) return a.kind > b.kind
  return compareValues(a.value, b.value) > 0
}

/** A register of a record as a store keeps it. */
export const toRow = (record: string, seq: number, { path, kind, value, t, node }: Register): Row => ({
  record,
  path,
  kind,
  value,
  t,
  node,
  seq
})
