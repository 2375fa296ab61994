import type { Value } from '../../../lib/store.ts'
import type { Operator, Query } from '../core/query.ts'

/** What a record is when nobody says what it is. */
export type AnyRecord = { readonly [key: string]: Value }

/** One value with all that is in it, and no fields of its own. */
type Leaf = null | undefined | boolean | number | string | Uint8Array | readonly unknown[]

/** Types nest seven deep; below that paths are not listed. */
type Deeper<D extends unknown[]> = [...D, unknown]

/** A key that can stand in a path as it is. */
type Plain<K> = K extends string ? (K extends `${string}.${string}` | `${string}\\${string}` | '' ? never : K) : never

/** Whether a key stands for many, as that of an index signature does: `Yes` or `No`. */
type IfAny<K extends string, Yes, No> = { readonly ' ': 1 } extends Record<K, 1> ? Yes : No

/** The paths within a type: `'address' | 'address.city'`. What is below a key that stands for many is one text with it, which `Known` looks into. */
export type PathOf<T, D extends unknown[] = []> = D['length'] extends 7
  ? string
  : T extends Leaf
    ? never
    : T extends object
      ? {
          [K in Plain<keyof T>]: IfAny<K, K, K | `${K}.${PathOf<NonNullable<T[K]>, Deeper<D>>}`>
        }[Plain<keyof T>]
      : never

/** Undefined where a field may be absent: it is optional, or one of many. */
type Absent<T, K extends string> = T extends Record<K, unknown> ? IfAny<K, undefined, never> : undefined

/**
 * What a field is that a path leads to, with undefined where it may be absent, whatever is above it; never where there is no such field.
 * `Begun` is the beginning of a key that has dots within.
 */
export type ValueAt<T, P extends string, Begun extends string = ''> = T extends Leaf
  ? never
  : Value extends T
    ? unknown
    : P extends `${infer K}.${infer Rest}`
      ? K extends `${string}\\`
        ? ValueAt<T, Rest, `${Begun}${K}.`>
        : `${Begun}${K}` extends infer Key extends keyof T
          ? ValueAt<NonNullable<T[Key]>, Rest>
          : never
      : `${Begun}${P}` extends infer Key extends keyof T & string
        ? T[Key] | Absent<T, Key>
        : never

/** `What` where a field is of a type, or may be anything. */
type Fitting<What, Field, V> = NonNullable<Field> extends V ? What : Value extends Field ? What : never

/** Anything where a path leads to a field, which is of a type; else what a compiler says. */
export type Known<T, P extends string, V = unknown> = [ValueAt<T, P>] extends [never]
  ? { readonly ' ': `this record has no field '${P}'` }
  : Fitting<unknown, ValueAt<T, P>, V>

/** Anything where what a path leads to may be absent; else what a compiler says. */
export type Optional<T, P extends string> = P extends ''
  ? unknown
  : undefined extends ValueAt<T, P>
    ? unknown
    : { readonly ' ': `this record must have '${P}'` }

/** Some of the fields of a type, at any depth; undefined for such as may be absent. */
export type Patch<T> = T extends Leaf
  ? T
  : { readonly [K in keyof T]?: Patch<T[K]> | (K extends string ? Absent<T, K> : undefined) }

/** Some paths; where there are none, what a compiler says instead of `never`. */
type OrNone<P, Hint extends string> = [P] extends [never] ? string & { readonly '': Hint } : P

/** The paths whose values are of a type, or may be anything. */
type PathTo<T, V, D extends unknown[] = []> = D['length'] extends 7
  ? string
  : T extends Leaf
    ? never
    : T extends object
      ? {
          [K in Plain<keyof T>]:
            | Fitting<K, T[K], V>
            | (Value extends T[K] ? never : `${K}.${PathTo<NonNullable<T[K]>, V, Deeper<D>>}`)
        }[Plain<keyof T>]
      : never

/** The paths whose values are numbers. */
export type NumberPath<T> = OrNone<PathTo<T, number>, 'no field of this record is a number'>

/** A list whose items are moved, inserted and changed one by one; in a record's type, the type of the field. */
export type ListOf<Item> = { readonly [id: string]: { readonly '@pos': string; readonly '@value': Item } }

/** A set of values that are added and removed one by one; in a record's type, the type of the field. */
export type SetOf<Item extends SetItem> = { readonly [key: string]: true } & { readonly '@item'?: Item }

/** What can be in a set. */
export type SetItem = string | number | boolean

export type ListPath<T> = OrNone<PathTo<T, ListOf<unknown>>, 'no field of this record is a ListOf'>

export type SetPath<T> = OrNone<PathTo<T, SetOf<SetItem>>, 'no field of this record is a SetOf'>

/** What the items of the list at a path are. */
export type ListItem<T, P extends string> = NonNullable<ValueAt<T, P>> extends ListOf<infer Item> ? Item : Value

/** What the items of the set at a path are. */
export type SetItemAt<T, P extends string> = NonNullable<ValueAt<T, P>> extends SetOf<infer Item> ? Item : SetItem

/**
 * The records of an application: what is in each collection, or in a record without one, by the beginning of its id. With
 * `[name: string]: AnyRecord` there may be others too.
 */
export type Schema = { readonly [prefix: string]: object }

/** What the type of a field is compared with that no record can have. */
type Refused<What extends string> = { readonly '': `a record cannot have ${What}` }

/** What of a type can be in a record; where something cannot, what a compiler says instead. */
type Storable<T> = unknown extends T
  ? T
  : T extends Exclude<Leaf, readonly unknown[]>
    ? T
    : T extends bigint | symbol
      ? Refused<'a bigint or symbol'>
      : T extends (...args: never) => unknown
        ? Refused<'a function'>
        : T extends Date
          ? Refused<'a Date: keep its time as a number, or as text'>
          : T extends ReadonlyMap<unknown, unknown> | ReadonlySet<unknown>
            ? Refused<'a Map or Set: see SetOf'>
            : T extends Value
              ? T
              : { [K in keyof T]: Storable<T[K]> }

/** A schema of which all can be kept and sent. */
export type StorableSchema<S> = Schema & { readonly [Name in keyof S]: Storable<S[Name]> }

/** The names that a schema says, other than that there may be any. */
type Named<S> = keyof { [K in keyof S as string extends K ? never : K]: never }

interface Nothing {
  readonly '': unique symbol
}

/** Also of what may be something else; not of `any`. */
type IsNothing<T> = 0 extends 1 & T ? false : [Extract<T, Nothing>] extends [never] ? false : true

/** What is in the longest collection that an id begins with; `Begun` and `Rest` are the two halves of the id. */
type InLongest<S, Rest extends string, Begun extends string, Found> = Rest extends `${infer Part}/${infer More}`
  ? InLongest<S, More, `${Begun}${Part}/`, `${Begun}${Part}/` extends infer Name extends Named<S> ? S[Name] : Found>
  : Found

/** What the schema says of an id. */
type Said<S, Id extends string> = Id extends Named<S> ? S[Id] : InLongest<S, Id, '', Nothing>

/** What a record is that no name of the schema is for: anything, where there is no schema, or the id is not known when it is compiled. */
type Other<S, Id extends string> = string extends keyof S
  ? object extends S[string]
    ? AnyRecord
    : S[string]
  : string extends Id
    ? AnyRecord
    : never

/** What a record of this id is, or the records of a collection: as the longest name says that it begins with. */
export type TypeOf<S extends Schema, Id extends string> =
  Said<S, Id> extends infer Found ? (Found extends Nothing ? Other<S, Id> : Found) : never

/** `What` where a schema says what a record of this id is, or may; else nothing that can be used, and a compiler says why where it is. */
export type IfNamed<S extends Schema, Id extends string, What> =
  IsNothing<Said<S, Id>> extends true
    ? string extends keyof S | Id
      ? What
      : { readonly ' ': `'${Id}' begins with no name of the schema` }
    : What

/** What to compare with: what may be there. */
type Compared<V> = unknown extends V ? Value : Exclude<V, undefined> & Value

/** What an array may have in it. */
type Within<V> = unknown extends V ? Value : Extract<V, readonly unknown[]>[number] & Value

type ConditionAt<P extends string, V> =
  | readonly [path: P, operator: Exclude<Operator, 'in' | 'has'>, value: Compared<V>]
  | readonly [path: P, operator: 'in', values: readonly Compared<V>[]]
  | readonly [path: P, operator: 'has', value: Within<V>]

/** The conditions on the fields of a type: of one of many only where it is one value. */
type ConditionsOf<T, Above extends string = '', D extends unknown[] = []> = D['length'] extends 7
  ? ConditionAt<`${Above}${string}`, Value>
  : T extends Leaf
    ? never
    : T extends object
      ? {
          [K in Plain<keyof T>]:
            | ConditionAt<`${Above}${K}`, IfAny<K, Value extends T[K] ? unknown : Extract<T[K], Leaf>, T[K]>>
            | (Value extends T[K] ? never : ConditionsOf<NonNullable<T[K]>, `${Above}${K}.`, Deeper<D>>)
        }[Plain<keyof T>]
      : never

/** A query whose paths are those of a type, and whose values are what is there. */
export interface QueryOf<T> extends Query {
  readonly where?: readonly ConditionsOf<T>[] | undefined
  readonly order?: readonly (PathOf<T> | `-${PathOf<T>}`)[] | undefined
}
