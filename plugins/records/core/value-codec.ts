import type { Value } from '../../../lib/store.ts'
import { malformed } from './bytes.ts'
import { DEEPEST, isList } from './value.ts'
import type { Reader, Writer } from './bytes.ts'

/*
 * A value is a code and what belongs to it. The codes are below 16, so that they fit into the first byte of a register.
 */
const NULL = 0
const FALSE = 1
const TRUE = 2
/** A whole number from 0. */
const UINT = 3
/** -1 minus a whole number. */
const NEGATIVE = 4
const FLOAT = 5
const TEXT = 6
const BYTES = 7
const LIST = 8
const FIELDS = 9

/** What bytes take in memory beside their length, and what an array or object takes. */
export const HEAVY = 160
export const LIGHT = 40

/** The code of a value. */
export const codeOf = (value: Value | undefined): number => {
  if (typeof value === 'string') return TEXT
  if (typeof value === 'number') return Number.isSafeInteger(value) ? (value < 0 ? NEGATIVE : UINT) : FLOAT
  if (typeof value === 'boolean') return value ? TRUE : FALSE
  if (value === null) return NULL
  if (typeof value !== 'object') return malformed()
  return value instanceof Uint8Array ? BYTES : isList(value) ? LIST : FIELDS
}

/** Writes what belongs to a value's code. */
export const writeContent = (out: Writer, value: Value | undefined): void => {
  if (typeof value === 'string') out.text(value)
  else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) out.float(value)
    else out.uint(value < 0 ? -1 - value : value)
  } else if (value instanceof Uint8Array) out.bytes(value)
  else if (isList(value)) {
    out.uint(value.length)
    for (const item of value) writeValue(out, item)
  } else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined)
    out.uint(entries.length)
    for (const [key, field] of entries) {
      out.text(key)
      writeValue(out, field)
    }
  }
}

export const writeValue = (out: Writer, value: Value | undefined): void => {
  out.byte(codeOf(value))
  writeContent(out, value)
}

/** Reads what belongs to a code. Arrays and objects are frozen. */
export const readContent = (from: Reader, code: number, room = DEEPEST): Value => {
  if (code === TEXT) return from.text()
  if (code === UINT) return from.uint()
  if (code === NEGATIVE) return -1 - from.uint()
  if (code === FLOAT) return from.float()
  if (code === BYTES) {
    from.weight += HEAVY
    return from.bytes()
  }
  if (code <= TRUE) return code === NULL ? null : code === TRUE
  if (code > FIELDS || room < 1) return malformed()
  let count = from.uint()
  from.weight += LIGHT
  if (code === LIST) {
    const list: Value[] = []
    while (count-- > 0) list.push(readContent(from, from.byte(), room - 1))
    return Object.freeze(list)
  }
  const fields: { [key: string]: Value } = {}
  while (count-- > 0) {
    const key = from.text()
    if (key === '__proto__') malformed()
    fields[key] = readContent(from, from.byte(), room - 1)
  }
  return Object.freeze(fields)
}

export const readValue = (from: Reader): Value => readContent(from, from.byte())
