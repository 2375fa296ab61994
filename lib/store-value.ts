import { fromBase64, toBase64 } from './base64.ts'
import type { Value } from './store.ts'

/*
 * Values as JSON, for databases: what JSON has not is an object with one key that begins with a `$`, and keys of the
 * application's that begin with one get another one.
 */
const BYTES = '$bytes'
const NUMBER = '$number'

type Fields = Readonly<Record<string, unknown>>

const mapFields = (fields: Fields, name: (key: string) => string, map: (value: unknown) => unknown): Fields =>
  Object.fromEntries(Object.entries(fields).map(([key, value]) => [name(key), map(value)]))

const pack = (value: unknown): unknown => {
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0) ? value : { [NUMBER]: print(value) }
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (value instanceof Uint8Array) return { [BYTES]: toBase64(value) }
  if (Array.isArray(value)) return value.map(pack)
  if (typeof value !== 'object') throw new TypeError(`no value of a record: ${typeof value}`)
  return mapFields(value as Fields, key => (key.startsWith('$') ? `$${key}` : key), pack)
}

const print = (value: number): string => (value === 0 ? '-0' : String(value))

/** @throws TypeError for what is no value */
export const packValue = (value: unknown): string => JSON.stringify(pack(value))

/** The value of JSON that `packValue` made, parsed. */
export const unpackValue = (packed: unknown): Value => {
  if (typeof packed !== 'object' || packed === null) return packed as Value
  if (Array.isArray(packed)) return packed.map(unpackValue)
  const fields = packed as Fields
  if (typeof fields[BYTES] === 'string') return fromBase64(fields[BYTES])
  if (typeof fields[NUMBER] === 'string') return Number(fields[NUMBER])
  return mapFields(fields, key => (key.startsWith('$$') ? key.slice(1) : key), unpackValue) as Value
}
