/** What values a parser carries. What is false must make `encode` throw, where it does not say otherwise. */
export interface ParserSupports {
  /** Null, booleans, finite numbers, arrays, and objects of no class: everything but strings and bytes. */
  readonly structures: boolean
  /** Undefined as the whole value. */
  readonly undefined: boolean
  /** Undefined as a field or an item. False: not tested, JSON leaves it out. */
  readonly nestedUndefined: boolean
  /** Typed arrays of all kinds, DataView and ArrayBuffer, at any level. A Uint8Array as the whole value is always carried. */
  readonly views: boolean
  /** Integers of 64 bits. */
  readonly bigint: boolean
  /** NaN, Infinity and -Infinity. False: not tested, JSON has null for them. */
  readonly nonFinite: boolean
  /** Minus zero. False: it may become zero. */
  readonly minusZero: boolean
  /** Dates. False: not tested, they may become text. */
  readonly date: boolean
  /** Maps and Sets, of everything that is carried. */
  readonly collections: boolean
  /** Strings with lone surrogates, which UTF-8 does not have. */
  readonly loneSurrogates: boolean
  /** Whether `encode` throws for functions, symbols and other built-in objects inside of a value too. False: JSON's rules. */
  readonly strict: boolean
  /** What was written may be changed afterwards, because `encode` copied it. False: not tested. */
  readonly copies: boolean
}
