import type { Data } from './transformer.ts'

/**
 * Turns values into messages and back: pure, synchronous (so that order is kept), without state between calls.
 *
 * Rules for whoever implements it:
 * - `decode(encode(value))` is the value, within what the parser's page says that it can carry.
 * - `encode` throws on a value that it cannot carry; it never sends something else in its place.
 * - `decode` throws on everything that `encode` cannot have made, on values nested deeper than `depth`, and on objects
 *   that could change prototypes; it never throws anything but ERR_VALUE, overflows the stack or runs longer than linear.
 * - What it returns shares no memory that the caller may write to later, except the bytes of the message itself.
 */
export interface Parser {
  /** Unique among the parsers of a server; the client's handshake names it. */
  readonly name: string
  encode(value: unknown): Data
  decode(data: Data): unknown
}

/** Options that every parser takes. */
export interface ParserOptions {
  /** How deep a decoded value may be nested: arrays, objects, maps and sets count. Default 64. */
  depth?: number
}
