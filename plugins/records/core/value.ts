import type { Value } from '../../../lib/store.ts'

/** What an object has that is no value itself. */
export type Fields = { readonly [key: string]: unknown }

/** How deep values may be nested: so many arrays and objects, one in the other. */
export const DEEPEST = 64

/** Whether text survives UTF-8: a surrogate without its other half does not. */
export const isText = (text: string & { isWellFormed?(): boolean }): boolean =>
  // Browsers before 2023 have no isWellFormed.
  text.isWellFormed ? text.isWellFormed() : !/\p{Surrogate}/u.test(text)

/** An object whose keys are fields; anything else is one value, or none at all. */
export const isFields = (value: unknown): value is Fields => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Unlike `Array.isArray` it says of what. */
export const isList = (value: Value | undefined): value is readonly Value[] => Array.isArray(value)

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array

/** Kinds of values, in the order in which they are compared. */
export const rank = (value: Value | undefined): number => {
  if (value === undefined) return 0
  if (value === null) return 1
  if (isBytes(value)) return 5
  if (isList(value)) return 6
  const scalar = ['boolean', 'number', 'string'].indexOf(typeof value)
  return scalar < 0 ? 7 : scalar + 2
}

const compare = <T>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)

/** Text by its UTF-16 code units: the order of stores, and the same on all machines. */
export const compareText: (a: string, b: string) => number = compare

const compareLists = <T>(a: ArrayLike<T>, b: ArrayLike<T>, compareItems: (a: T, b: T) => number): number => {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const order = compareItems(a[at] as T, b[at] as T)
    if (order) return order
  }
  return a.length - b.length
}

/** A total order of values, the same on all machines: 0 only for equal ones. The order of keys does not matter. */
export const compareValues = (a: Value | undefined, b: Value | undefined): number => {
  if (a === b) return 0
  const kind = rank(a)
  if (kind !== rank(b)) return kind - rank(b)
  if (kind < 5) return compare(a, b)
  if (kind === 5) return compareLists(a as Uint8Array, b as Uint8Array, compare)
  if (kind === 6) return compareLists(a as readonly Value[], b as readonly Value[], compareValues)
  const entries = (value: Value | undefined): [string, Value][] =>
    Object.entries(value as { readonly [key: string]: Value }).sort(([a], [b]) => compare(a, b))
  return compareLists(
    entries(a),
    entries(b),
    ([key, value], [other, otherValue]) => compare(key, other) || compareValues(value, otherValue)
  )
}

export const isSame = (a: Value | undefined, b: Value | undefined): boolean => compareValues(a, b) === 0
