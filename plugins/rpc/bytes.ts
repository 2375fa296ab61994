/*
 * Bytes among values, for parsers of text, which carry none: an object `{ p: packet }` whose arrays have, in the place of
 * bytes, `{ b: base64 }`; and in that of other objects `{ v: object }`, so that none is taken for bytes.
 */
import { fromBase64, toBase64 } from '../../lib/base64.ts'

/** Arrays within a message, down to the arguments of the calls in a list, and to what is in arrays among these. */
const DEPTH = 3

/** The same arrays with other values. */
const map = (value: unknown, change: (value: unknown) => unknown, depth = DEPTH): unknown =>
  depth && Array.isArray(value) ? value.map(item => map(item, change, depth - 1)) : change(value)

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => Object(value) === value

export const pack = (packet: unknown): unknown => ({
  p: map(packet, value => {
    if (!(value instanceof Uint8Array)) return isObject(value) ? { v: value } : value
    return { b: toBase64(value) }
  })
})

/** What is no packet is something else then, too. */
export const unpack = (packed: unknown): unknown => {
  try {
    return map(isObject(packed) ? packed['p'] : 0, value => {
      if (!isObject(value)) return value
      return 'b' in value ? fromBase64(`${value['b']}`) : value['v']
    })
  } catch {
    // A stranger may send anything.
    return 0
  }
}
