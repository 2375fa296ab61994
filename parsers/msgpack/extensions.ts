/*
 * The extension types, as PROTOCOL.md and docs/parsers/msgpack.md describe them. A negative one is MessagePack's own.
 */

/** A Date, in the 32, 64 or 96 bits of timestamp.ts. */
export const TIMESTAMP = -1
/** One byte, 0. */
export const UNDEFINED = 0
/** Keys and values in turn. */
export const MAP = 1
/** The elements. */
export const SET = 2
/** The bytes of an ArrayBuffer. */
export const BUFFER = 16
/** A view of kind n of `views` in binary.ts has type 16 + n; kind 0, the Uint8Array, is MessagePack's own binary format. */
export const VIEW = 16
