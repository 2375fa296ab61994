import type { Parser } from '../../lib/parser.ts'

/*
 * Packets are arrays: a type, the number of the call, a list of values, and what else the type has. Each end numbers the
 * calls that it makes, from 1 in each session. Calls, provisions and withdrawals have one row of numbers, which only grows.
 */

/**
 * `[CALL, number, arguments, name, timeout?, key?, service?, count?]`: 0 and '' stand for none; 1 wants ACCEPTED; `count`
 * when the last ones of so many arguments are undefined, and left out.
 */
export const CALL = 0
/** `[CANCEL, number]`: the caller is not interested any more, and will not be answered. */
export const CANCEL = 1
/** `[MORE, number, [count]]`: the caller took so many items of a stream. */
export const MORE = 2
/** `[PROVIDE, number, [], name]`, from a client: is answered. */
export const PROVIDE = 3
/** `[WITHDRAW, number, [], name]`, from a client: is not answered. */
export const WITHDRAW = 4
/** `[RESULT, number, [value?]]`: nothing for undefined. Of a stream: its end. */
export const RESULT = 5
/** `[ERROR, number, [data?], code, message]` */
export const ERROR = 6
/** `[ACCEPTED, number]`: the handler is at it. */
export const ACCEPTED = 7
/** `[STREAM, number]`: the result is a stream, whose items follow. */
export const STREAM = 8
/** `[ITEM, number, [value?]]` */
export const ITEM = 9

/** How many items of a stream may be on their way. */
export const WINDOW = 32

export type Packet = readonly [type: number, call: number, values?: readonly unknown[], ...rest: unknown[]]

const isPacket = (value: unknown): value is Packet =>
  Array.isArray(value) &&
  value.length < 9 &&
  typeof value[0] === 'number' &&
  Number.isSafeInteger(value[1]) &&
  value[1] > 0 &&
  (value[2] === undefined || Array.isArray(value[2]))

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array

/** Packets with bytes among their values, as bytes: for parsers that carry no bytes inside of values. */
export const pack = (parser: Parser, [type, number, values = [], ...rest]: Packet): Uint8Array | undefined => {
  if (!values.some(isBytes)) return undefined
  const sizes = values.map(value => (isBytes(value) ? value.length : -1))
  const bare = values.map(value => (isBytes(value) ? 0 : value))
  const head = new TextEncoder().encode(`${parser.encode([[type, number, bare, ...rest], sizes])}`)
  const chunks = [new Uint8Array(4), head, ...values.filter(isBytes)]
  const packed = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    packed.set(chunk, at)
    at += chunk.length
  }
  new DataView(packed.buffer).setUint32(0, head.length)
  return packed
}

const unpack = (parser: Parser, packed: Uint8Array): unknown => {
  let at = 4 + new DataView(packed.buffer, packed.byteOffset, packed.length).getUint32(0)
  const head = parser.decode(new TextDecoder().decode(packed.subarray(4, at)))
  if (!Array.isArray(head) || !isPacket(head[0]) || !Array.isArray(head[1])) return
  const [[type, number, values = [], ...rest], sizes] = head as [Packet, unknown[]]
  const full = values.map((value, index) => {
    const size = sizes[index]
    return typeof size === 'number' && size >= 0 ? packed.subarray(at, (at += size)) : value
  })
  return at === packed.length && [type, number, full, ...rest]
}

/** The packet that arrived; undefined for anything else, which nobody answers. */
export const packetOf = (parser: Parser, value: unknown): Packet | undefined => {
  let packet = value
  try {
    if (isBytes(value)) packet = unpack(parser, value)
  } catch {
    // Bytes of a stranger may be anything.
  }
  return isPacket(packet) ? packet : undefined
}
