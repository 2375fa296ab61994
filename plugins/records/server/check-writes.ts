import { AnywireError } from '../../../lib/errors.ts'
import { ERR_INVALID, ERR_PATH, ERR_TOO_LARGE } from '../../../lib/failures.ts'
import type { Value } from '../../../lib/store.ts'
import { isKey, keysOf } from '../core/path.ts'
import { DELETED, INCREMENT, LEAF, OBJECT } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import type { RecordState } from '../core/record-state.ts'
import { isList } from '../core/value.ts'
import type { RecordsLimits } from './options.ts'
import { merged } from './trials.ts'

/** What a register costs beside its path and value, in bytes, about. */
const OVERHEAD = 24

/** What bytes take beside their length, and arrays and objects beside what is in them, where they are within a value. */
const BYTES = 62
const CONTAINER = 6

/** About how many bytes has what is within a value, where many of the smallest may be. */
const sizeOfItem = (item: Value): number => {
  const size = sizeOfValue(item)
  if (typeof item !== 'object' || item === null) return size
  return size + (item instanceof Uint8Array ? BYTES : CONTAINER)
}

/** About how many bytes a value has. */
const sizeOfValue = (value: Value | undefined): number => {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 8
  if (value instanceof Uint8Array) return value.length + 2
  let size = 2
  if (Array.isArray(value)) for (const item of value as readonly Value[]) size += sizeOfItem(item)
  else for (const [key, item] of Object.entries(value)) size += key.length + 2 + sizeOfItem(item)
  return size
}

/** About how many bytes a register has, in memory as on the wire. */
export const sizeOf = ({ path, value }: { readonly path: string; readonly value: Value | undefined }): number =>
  OVERHEAD + path.length + sizeOfValue(value)

/** Refuses numbers that are none, as they have no order, so that replicas could not agree; and keys that no path could have. */
const checkValue = (value: Value | undefined): void => {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new AnywireError(ERR_INVALID, 'a number that is none')
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (isList(value)) {
    for (const item of value) checkValue(item)
    return
  }
  for (const [key, item] of Object.entries(value)) {
    if (!isKey(key)) throw new AnywireError(ERR_PATH, `'${key.slice(0, 100)}'`)
    checkValue(item)
  }
}

/**
 * Refuses what could be written nowhere.
 * @param largest - bytes that a value may have
 * @throws ERR_PATH, ERR_INVALID, ERR_TOO_LARGE
 */
export const checkWrites = (writes: readonly Write[], largest: number): void => {
  for (const write of writes) {
    const { path, kind, value, t } = write
    keysOf(path)
    if (!Number.isSafeInteger(t) || t < 0) throw new AnywireError(ERR_INVALID, 'a time that is none')
    if (kind === INCREMENT && typeof value !== 'number') throw new AnywireError(ERR_INVALID, 'an increment is a number')
    if (kind !== OBJECT && kind !== DELETED && value === undefined) throw new AnywireError(ERR_INVALID, 'no value')
    if (path === '' && (kind === LEAF || kind === INCREMENT)) throw new AnywireError(ERR_PATH, 'a record is an object')
    checkValue(value)
    if (sizeOf(write) > largest + path.length + OVERHEAD)
      throw new AnywireError(ERR_TOO_LARGE, `a value has more than ${largest} bytes`)
  }
}

const sizeOfAll = (registers: readonly Pick<Write, 'path' | 'value'>[]): number =>
  registers.reduce((sum, register) => sum + sizeOf(register), 0)

/**
 * What a record would have too much of with some writes. Whatever it has: what makes it no larger may be written, and the record
 * may be deleted.
 * @param bytes - that it has
 */
export const excessOf = (
  state: RecordState,
  bytes: number,
  writes: readonly Write[],
  limits: Pick<RecordsLimits, 'fields' | 'record'>
): string | undefined => {
  // So much it has at most, and mostly that is little.
  if (state.size + writes.length <= limits.fields && bytes + sizeOfAll(writes) <= limits.record) return undefined
  if (writes.every(({ path, kind }) => path === '' && kind === DELETED)) return undefined
  const then = merged(state, writes)
  if (then.size > limits.fields && then.size > state.size) return 'of fields'
  // What is deleted makes room.
  if (writes.every(({ kind }) => kind === DELETED)) return undefined
  const size = sizeOfAll(then.registers())
  return size > limits.record && size > sizeOfAll(state.registers()) ? 'of bytes of a record' : undefined
}
