import { AnywireError, type Failure } from '../lib/errors.ts'
import { ERR_ENCODE, ERR_VALUE } from '../lib/failures.ts'
import type { Parser, ParserOptions } from '../lib/parser.ts'

/** The memory of a value that is bytes, not copied. */
const bytesOf = (value: unknown): Uint8Array | undefined => {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return value instanceof ArrayBuffer ? new Uint8Array(value) : undefined
}

type Fields = Record<string, unknown> & { toJSON?(): unknown }

/** Throws for what JSON would break unnoticed, for what never ends, and for keys that could change prototypes. */
const check = (value: unknown, room: number, settled?: boolean): void => {
  if (typeof value === 'bigint' || bytesOf(value) || value instanceof Map || value instanceof Set) {
    throw new TypeError(`${(Object(value) as object).constructor.name} needs msgpack`)
  }
  if (typeof value !== 'object' || !value) return
  const fields = value as Fields
  if (!settled && typeof fields.toJSON === 'function') return check(fields.toJSON(), room, true)
  if (room < 1) throw new TypeError('nested too deep')
  if (Array.isArray(value)) return value.forEach(item => check(item, room - 1))
  for (const key of Object.keys(value)) {
    const item = fields[key]
    if (key === '__proto__' || (key === 'constructor' && Object.hasOwn(Object(item) as object, 'prototype'))) {
      throw new TypeError(`the key ${key}`)
    }
    check(item, room - 1)
  }
}

/** A key that may be refused, or an escape that may hide one. */
const suspicious = /__proto__|constructor|\\u/

/** What `act` makes; whatever it throws becomes the failure. Syntax errors quote the message, so their text stays out. */
const attempt = <T>(failure: Failure, act: () => T): T => {
  try {
    return act()
  } catch (cause) {
    throw new AnywireError(failure, cause instanceof TypeError ? cause.message : '', cause)
  }
}

/**
 * Plain JSON text, and bytes as they are where the whole value is bytes. `encode` refuses what JSON would break without a
 * word: bytes inside a value, Map, Set, bigint. See docs/parsers/json.md.
 * @example createServer(http, { parsers: [json({ depth: 16 })] })
 */
export const json = ({ depth = 64 }: ParserOptions = {}): Parser => ({
  name: 'json',
  encode: value =>
    attempt(ERR_ENCODE, () => {
      const bytes = bytesOf(value)
      if (bytes) return bytes.slice()
      check(value, depth)
      const text = JSON.stringify(value) as string | undefined
      if (text === undefined) throw new TypeError(typeof value)
      return text
    }),
  decode: data =>
    attempt(ERR_VALUE, () => {
      if (typeof data !== 'string') return bytesOf(data)
      const value: unknown = JSON.parse(data)
      // A shorter text has no room for that many levels.
      if (data.length > 2 * depth || suspicious.test(data)) check(value, depth)
      return value
    })
})
export type * from '../lib/types.ts'
