/*
 * The extension types of anywire's MessagePack; docs/parsers/msgpack.md describes their content. -1 is MessagePack's own.
 */
export const TIMESTAMP = -1
export const UNDEFINED = 0
export const MAP = 1
export const SET = 2
export const BUFFER = 16
/** Views have this number plus their place in the list of binary.ts; 0 is free, because a Uint8Array has a format of its own. */
export const VIEW = 16
