import { ERR_ENCODE, ERR_VALUE } from '../lib/failures.ts'
import type { Parser, ParserOptions } from '../lib/parser.ts'
import { bytesOf, className, isBinary, toBytes } from './binary.ts'
import { type Attachments, pack, TAG, unpack } from './container.ts'
import { checkKey, failed, isArray, isObject, settle, tooDeep, unfit } from './value.ts'

/** What JSON text has, and undefined, which it leaves out. NaN and the infinities it does not have. */
const isScalar = (value: unknown): boolean =>
  typeof value === 'string' ||
  typeof value === 'boolean' ||
  value === undefined ||
  value === null ||
  Number.isFinite(value)

/** One way through a value: how deep it may go, where it is, and the bytes that it met. */
interface Walk extends Attachments {
  readonly depth: number
  readonly path: string[]
}

const start = (depth: number): Walk => ({ depth, path: [], places: [], bytes: [] })

type Fields = Record<string, unknown>

/** Detaches one item of `source`. Returns `result`, or a copy of `source` if this is the first item that changes. */
const detachItem = (source: Fields, result: Fields, key: string, walk: Walk): Fields => {
  walk.path.push(key)
  const item = detach(source[key], walk)
  walk.path.pop()
  if (item === source[key]) return result
  const copy = result !== source ? result : isArray(source) ? Object.assign([], source) : { ...source }
  copy[key] = item
  return copy
}

/**
 * Makes a value ready for JSON: bytes become attachments, and null takes their place. Copies only what it changes.
 * @throws TypeError for what JSON would lose or change, what never ends, and what `decode` refuses.
 */
const detach = (value: unknown, walk: Walk): unknown => {
  if (isScalar(value)) return value
  if (!isObject(value)) throw unfit(value)
  const settled = settle(value)
  if (settled !== value) return detach(settled, walk)
  if (isBinary(value)) {
    const kind = className(value)
    walk.places.push([kind, ...walk.path])
    walk.bytes.push(toBytes(kind, value))
    return null
  }
  if (walk.path.length >= walk.depth) throw tooDeep()
  let result = value
  if (isArray(value)) {
    for (let index = 0; index < value.length; index++) {
      if (!isScalar(value[index])) result = detachItem(value, result, `${index}`, walk)
    }
    return result
  }
  for (const key in value) {
    checkKey(key, value[key])
    if (!isScalar(value[key]) && Object.hasOwn(value, key)) result = detachItem(value, result, key, walk)
  }
  return result
}

/** A number with an exponent that may be out of range. */
const exponent = /\d[eE]\+?\d{3}/

/** Whether a text may have keys that are refused, as they are or escaped, or a number out of range. */
const isSuspicious = (text: string): boolean =>
  text.includes('__proto__') || text.includes('constructor') || text.includes('\\u') || exponent.test(text)

/**
 * Plain JSON text, and one binary message for a value that has bytes in it: typed arrays never become text.
 * `encode` refuses what JSON would silently change: NaN, Infinity, bigint, Map, Set, functions. See docs/parsers/json.md.
 * @example createServer(http, { parsers: [json({ depth: 16 })] })
 */
export const json = ({ depth = 64 }: ParserOptions = {}): Parser => {
  const check = (value: unknown): void => void detach(value, start(depth))

  /** Longer texts may be nested too deep, or have a number that is out of range without a long exponent. */
  const short = 2 * Math.min(depth, 100) + 1

  return {
    name: 'json',
    encode(input) {
      try {
        if (input instanceof Uint8Array && input[0] !== TAG) return new Uint8Array(input)
        const walk = start(depth)
        const value = detach(input, walk)
        return walk.bytes.length || value === undefined ? pack(value, walk) : JSON.stringify(value)
      } catch (cause) {
        throw failed(ERR_ENCODE, cause)
      }
    },
    decode(data) {
      try {
        if (typeof data !== 'string') return data[0] === TAG ? unpack(data, check) : bytesOf(data)
        const value: unknown = JSON.parse(data)
        if (data.length > short || isSuspicious(data)) check(value)
        return value
      } catch (cause) {
        throw failed(ERR_VALUE, cause)
      }
    }
  }
}
