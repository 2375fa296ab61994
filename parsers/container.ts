import { bytesOf, fromBytes } from './binary.ts'
import { isArray, isObject } from './value.ts'

/*
 * A value with bytes inside, or none at all (undefined), as one binary message; docs/parsers/json.md has examples.
 *
 *     0xff  length  head  (length  bytes)*
 *
 * The head is JSON: `[[[kind, ...path], …], value]`, with null in the value wherever bytes go, and without it for undefined.
 * Lengths are unsigned LEB128. Bytes are placed by path, so that nothing in a value can be taken for a placeholder.
 */
export const TAG = 0xff

/** The bytes of a value, and in `places` the kind and path of each. */
export interface Attachments {
  readonly places: string[][]
  readonly bytes: Uint8Array[]
}

/** @param value - with null in place of the attachments. */
export const pack = (value: unknown, { places, bytes }: Attachments): Uint8Array => {
  const parts = [new TextEncoder().encode(JSON.stringify(value === undefined ? [places] : [places, value])), ...bytes]
  const message = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 1))
  const view = new DataView(message.buffer)
  message[0] = TAG
  let at = 1
  for (const part of parts) {
    view.setUint32(at, part.length)
    message.set(part, at + 4)
    at += 4 + part.length
  }
  return message
}

const malformed = (): TypeError => new TypeError('a malformed container')

/** Puts bytes where a path leads. Only null gives way to them, so nothing is placed twice, or inside of other bytes. */
const place = (root: unknown, path: readonly unknown[], content: unknown): void => {
  let holder = root
  for (const [index, key] of path.entries()) {
    if (!isObject(holder) || typeof key !== 'string' || !Object.hasOwn(holder, key)) throw malformed()
    if (index < path.length - 1) holder = holder[key]
    else if (holder[key] === null) holder[key] = content
    else throw malformed()
  }
}

/** @param check - sees the value before any bytes are placed in it. */
export const unpack = (message: Uint8Array, check: (value: unknown) => void): unknown => {
  const view = new DataView(message.buffer, message.byteOffset, message.length)
  let at = 1

  const take = (): Uint8Array => {
    const from = at + 4
    at = from + view.getUint32(at)
    if (at > message.length) throw malformed()
    return bytesOf(message).subarray(from, at)
  }

  const head: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(take()))
  if (!isArray(head) || !isArray(head[0])) throw malformed()
  check(head[1])
  for (const entry of head[0]) {
    if (!isArray(entry)) throw malformed()
    place(head, ['1', ...entry.slice(1)], fromBytes(entry[0], take()))
  }
  if (at < message.length) throw malformed()
  return head[1]
}
