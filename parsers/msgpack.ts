import { AnywireError, type Failure } from '../lib/errors.ts'
import { ERR_ENCODE, ERR_VALUE } from '../lib/failures.ts'
import type { Parser, ParserOptions } from '../lib/parser.ts'
import { bytesOf, decoder, Extension, MAP, SET, TEXT, toExtension, toMessage, UNDEFINED } from './msgpack/extensions.ts'
import { scan } from './msgpack/scan.ts'

type Fields = Record<string, unknown> & { toJSON?(): unknown }

const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null

const prepareText = (text: string & { isWellFormed?(): boolean }): string | Extension => {
  // Browsers before 2023 have no isWellFormed.
  if (!(text.isWellFormed ? text.isWellFormed() : !/\p{Surrogate}/u.test(text))) throw new TypeError('a lone surrogate')
  return text.startsWith('\ufeff') ? new Extension(TEXT, new TextEncoder().encode(text)) : text
}

const prepareItems = (items: readonly unknown[], room: number): readonly unknown[] => {
  let copy: unknown[] | undefined
  for (let index = 0; index < items.length; index++) {
    const item = prepare(items[index], room)
    if (!copy && !Object.is(item, items[index])) copy = [...items]
    if (copy) copy[index] = item
  }
  return copy ?? items
}

const prepareFields = (fields: Fields, room: number): Fields => {
  let copy: Fields | undefined
  for (const key of Object.keys(fields)) {
    const field = fields[key]
    const prototype =
      key === '__proto__' || (key === 'constructor' && isObject(field) && Object.hasOwn(field, 'prototype'))
    if (prototype || prepareText(key) !== key) throw new TypeError(`the key ${key}`)
    const item = prepare(field, room)
    if (!copy && !Object.is(item, field)) copy = { ...fields }
    if (copy) copy[key] = item
  }
  return copy ?? fields
}

/** The content of a Map or Set is one value after the other: an array without its head. */
const prepareCollection = (type: number, items: readonly unknown[], room: number): Extension => {
  const head = items.length < 16 ? 1 : items.length < 65_536 ? 3 : 5
  return new Extension(type, toMessage(prepareItems(items, room)).subarray(head))
}

/** The value itself where the library carries it, else a copy with extensions in it. Throws for what would get lost. */
const prepare = (value: unknown, room: number): unknown => {
  if (typeof value === 'string') return prepareText(value)
  if (typeof value === 'bigint' && value !== BigInt.asIntN(64, value) && value !== BigInt.asUintN(64, value)) {
    throw new TypeError('a bigint of more than 64 bits')
  }
  if (value === undefined) return new Extension(UNDEFINED, Uint8Array.of(0))
  if (!isObject(value) || value instanceof Uint8Array) return value
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
  const extension = isPlain ? undefined : toExtension(value)
  if (extension) return extension
  if (room < 1) throw new TypeError('nested too deep, or in itself')
  if (Array.isArray(value)) return prepareItems(value, room - 1)
  if (value instanceof Map) return prepareCollection(MAP, [...value].flat(), room - 1)
  if (value instanceof Set) return prepareCollection(SET, [...value], room - 1)
  if (typeof value.toJSON === 'function' && !(value instanceof Date)) return prepare(value.toJSON(), room - 1)
  const name = Object.prototype.toString.call(value).slice(8, -1)
  if (name !== 'Object') throw new TypeError(name)
  return prepareFields(value, room - 1)
}

/** What `act` makes; whatever it throws becomes the failure. */
const attempt = <T>(failure: Failure, act: () => T): T => {
  try {
    return act()
  } catch (cause) {
    throw new AnywireError(failure, cause instanceof TypeError ? cause.message : '', cause)
  }
}

/**
 * MessagePack, by the library @msgpack/msgpack: smaller than JSON, and it also carries undefined, NaN, bigint of 64 bits,
 * Date, Map, Set and all kinds of bytes, at any level. See docs/parsers/msgpack.md.
 * @example createServer(http, { parsers: [msgpack()] })
 */
export const msgpack = ({ depth = 64 }: ParserOptions = {}): Parser => ({
  name: 'msgpack',
  encode: value => attempt(ERR_ENCODE, () => toMessage(prepare(value, depth))),
  decode: data =>
    attempt(ERR_VALUE, () => {
      if (typeof data === 'string') throw new TypeError('text where bytes are expected')
      const bytes = bytesOf(data)
      const suspicious = scan(bytes, depth)
      const value = decoder.decode(bytes)
      if (suspicious) prepare(value, depth)
      return value
    })
})
export type * from '../lib/types.ts'
