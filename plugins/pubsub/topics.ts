/*
 * What applications publish, by topic, as far as the compiler can know: `pubsub<{ 'room.*': Message }>()`. As on the server,
 * the most specific pattern counts. Nothing of this is there at run time.
 */

/** Has the topics of a server with it, for its clients: `pubsub<typeof server>()`. Never there. */
export interface Typed<T> {
  readonly '~topics'?: T
}

/** What was given as types: a map of topics, or a server. */
export type TopicsOf<T> = T extends { readonly peers: unknown; readonly pubsub: Typed<infer M> } ? M : T

/** Whether all names that one stands for are among those of a pattern. */
type Covers<Pattern extends string, Name extends string> = Pattern extends '>'
  ? true
  : Pattern extends `${infer P}.${infer Ps}`
    ? Name extends `${infer N}.${infer Ns}`
      ? IsPart<P, N> extends true
        ? Covers<Ps, Ns>
        : false
      : false
    : Name extends `${string}.${string}`
      ? false
      : IsPart<Pattern, Name>

type IsPart<Pattern extends string, Part extends string> = Pattern extends '*'
  ? Part extends '>'
    ? false
    : true
  : Part extends Pattern
    ? true
    : false

/** Whether two have a name in common. */
type Meets<A extends string, B extends string> = A extends '>'
  ? true
  : B extends '>'
    ? true
    : A extends `${infer P}.${infer Ps}`
      ? B extends `${infer N}.${infer Ns}`
        ? MeetsPart<P, N> extends true
          ? Meets<Ps, Ns>
          : false
        : false
      : B extends `${string}.${string}`
        ? false
        : MeetsPart<A, B>

type MeetsPart<A extends string, B extends string> = A extends '*' | B ? true : B extends '*' | A ? true : false

/** Whether one pattern is more specific than another one that covers the same name, as seen from its beginning. */
type Precedes<A extends string, B extends string> = A extends `${infer P}.${infer Ps}`
  ? B extends `${infer Q}.${infer Qs}`
    ? P extends Q
      ? Precedes<Ps, Qs>
      : Q extends '*'
        ? true
        : false
    : true
  : B extends `${string}.${string}`
    ? false
    : A extends B
      ? false
      : B extends '>'
        ? true
        : B extends '*'
          ? A extends '>'
            ? false
            : true
          : false

type Covering<T, Name extends string> = {
  [K in keyof T & string]: Covers<K, Name> extends true ? K : never
}[keyof T & string]

/** Of the patterns that cover a name, the most specific one. */
type Best<Patterns extends string> = {
  [K in Patterns]: true extends { [O in Exclude<Patterns, K>]: Precedes<O, K> }[Exclude<Patterns, K>] ? never : K
}[Patterns]

/** Those that have only some of the names that a pattern stands for. */
type Within<T, Name extends string> = {
  [K in keyof T & string]: Covers<K, Name> extends true ? never : Meets<K, Name> extends true ? K : never
}[keyof T & string]

/** The patterns that decide about a topic, or about what a pattern stands for. */
type Deciding<T, Name extends string> = Best<Covering<T, Name>> | Within<T, Name>

/** What is published to a topic. */
export type ValueOf<T, Name extends string> = unknown extends T
  ? unknown
  : Deciding<T, Name> extends infer K extends keyof T
    ? T[K]
    : never

/** A topic; where the topics have types and this is none of them, what is wrong. */
export type Topic<T, Name extends string> = unknown extends T
  ? Name
  : [Covering<T, Name>] extends [never]
    ? `no topic of pubsub<…>() covers '${Name}'`
    : Name

/** The same of what is subscribed to. */
export type Pattern<T, Name extends string> = unknown extends T
  ? Name
  : [Deciding<T, Name>] extends [never]
    ? `no topic of pubsub<…>() is like '${Name}'`
    : Name
