import type { Parser } from '../../lib/parser.ts'

/*
 * Bytes among values, for parsers of text that carry none: the packet by the parser, with how many bytes each value has
 * (-1: it is none); a new line, which no such text has inside; and the bytes.
 */

/** Arrays within a message, down to the arguments of the calls in a list. */
const DEPTH = 3

/** The same arrays with other values. */
const map = (value: unknown, change: (value: unknown) => unknown, depth = DEPTH): unknown =>
  depth && Array.isArray(value) ? value.map(item => map(item, change, depth - 1)) : change(value)

/** Undefined: there are no bytes in it. */
export const pack = (parser: Parser, packet: unknown): Uint8Array | undefined => {
  const sizes: number[] = []
  const chunks: Uint8Array[] = []
  const bare = map(packet, value => {
    const isBytes = value instanceof Uint8Array
    if (isBytes) chunks.push(value)
    sizes.push(isBytes ? value.length : -1)
    return isBytes ? 0 : value
  })
  if (!chunks.length) return undefined
  chunks.unshift(new TextEncoder().encode(`${parser.encode([bare, sizes])}\n`))
  const packed = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const chunk of chunks) {
    packed.set(chunk, at)
    at += chunk.length
  }
  return packed
}

/** Undefined: it is nothing that was packed. */
export const unpack = (parser: Parser, packed: Uint8Array): unknown => {
  try {
    let at = packed.indexOf(10)
    const head = parser.decode(new TextDecoder().decode(packed.subarray(0, at++)))
    const [bare, sizes] = Array.isArray(head) ? (head as unknown[]) : []
    if (!Array.isArray(sizes)) return undefined
    let index = 0
    return map(bare, value => {
      const size: unknown = sizes[index++]
      return typeof size === 'number' && size >= 0 ? packed.subarray(at, (at += size)) : value
    })
  } catch {
    // A stranger may send anything.
    return undefined
  }
}
