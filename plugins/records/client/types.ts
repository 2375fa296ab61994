import type { Value } from '../../../lib/store.ts'
import type { Condition, Query } from '../core/query.ts'

/** What a record is when nobody says what it is. */
export type AnyRecord = { readonly [key: string]: Value }

/** One value with all that is in it, and no fields of its own. */
type Leaf = null | undefined | boolean | number | string | Uint8Array | readonly unknown[]

/** Types nest seven deep; what is below is text without a check. */
type Deeper<D extends unknown[]> = [...D, unknown]

/** A key that can stand in a path as it is. */
type Plain<K> = K extends string ? (K extends `${string}.${string}` | `${string}\\${string}` | '' ? never : K) : never

/** The paths within a type: `'address' | 'address.city'`. */
export type PathOf<T, D extends unknown[] = []> = D['length'] extends 7
  ? string
  : T extends Leaf
    ? never
    : T extends object
      ? { [K in Plain<keyof T>]: K | `${K}.${PathOf<NonNullable<T[K]>, Deeper<D>>}` }[Plain<keyof T>]
      : never

/** What is at a path; undefined where something on the way, or it itself, may be absent. */
export type ValueAt<T, P extends string> = P extends keyof T
  ? T[P]
  : P extends `${infer K}.${infer Rest}`
    ? K extends keyof T
      ? ValueAt<NonNullable<T[K]>, Rest> | (undefined extends T[K] ? undefined : never)
      : unknown
    : unknown

/** Some of the fields of a type, at any depth. */
export type Patch<T> = T extends Leaf ? T : { readonly [K in keyof T]?: Patch<T[K]> | undefined }

/** The paths whose values are numbers. */
export type NumberPath<T> = { [P in PathOf<T>]: NonNullable<ValueAt<T, P>> extends number ? P : never }[PathOf<T>]

/** A list whose items are moved, inserted and changed one by one; in a record's type, the type of the field. */
export type ListOf<Item> = { readonly [id: string]: { readonly '@pos': string; readonly '@value': Item } }

/** A set of values that are added and removed one by one; in a record's type, the type of the field. */
export type SetOf<Item extends SetItem> = { readonly [key: string]: true } & { readonly '@item'?: Item }

/** What can be in a set. */
export type SetItem = string | number | boolean

export type ListPath<T> = {
  [P in PathOf<T>]: NonNullable<ValueAt<T, P>> extends ListOf<infer _Item> ? P : never
}[PathOf<T>]

export type SetPath<T> = {
  [P in PathOf<T>]: NonNullable<ValueAt<T, P>> extends SetOf<infer _Item> ? P : never
}[PathOf<T>]

/** What the items of the list at a path are. */
export type ListItem<T, P extends string> = NonNullable<ValueAt<T, P>> extends ListOf<infer Item> ? Item : never

/** What the items of the set at a path are. */
export type SetItemAt<T, P extends string> = NonNullable<ValueAt<T, P>> extends SetOf<infer Item> ? Item : never

/** The records of an application: what is in each collection, or in a record without one, by the beginning of its id. */
export type Schema = { readonly [prefix: string]: object }

/** What a record of this id is. The longest prefix decides. */
export type TypeOf<S extends Schema, Id extends string> = Id extends keyof S
  ? S[Id]
  : Id extends `${infer Collection}/${string}`
    ? `${Collection}/` extends keyof S
      ? S[`${Collection}/`]
      : AnyRecord
    : AnyRecord

/** A query whose paths are those of a type. */
export interface QueryOf<T> extends Query {
  readonly where?: readonly (PathOf<T> extends infer P extends string
    ? readonly [path: P, operator: Condition[1], value: Value]
    : never)[]
  readonly order?: readonly (PathOf<T> | `-${PathOf<T>}`)[]
}
