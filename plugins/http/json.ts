import { AnywireError } from '../../lib/errors.ts'
import { ERR_ENCODE, ERR_VALUE } from '../../lib/failures.ts'

/** Levels of what is read. */
const DEPTH = 64

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** Whether a value can be walked and merged without harm. */
const isHarmless = (value: unknown, room: number): boolean => {
  if (!isObject(value)) return true
  if (!room) return false
  return Object.entries(value).every(
    ([key, item]: [string, unknown]) =>
      key !== '__proto__' &&
      !(key === 'constructor' && isObject(item) && Object.hasOwn(item, 'prototype')) &&
      isHarmless(item, room - 1)
  )
}

/** @throws ERR_VALUE for what is no JSON, nested too deep, or could change prototypes */
export const read = (bytes: Uint8Array): unknown => {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    // The reason quotes the text.
    throw new AnywireError(ERR_VALUE, 'no JSON')
  }
  if (isHarmless(value, DEPTH)) return value
  throw new AnywireError(ERR_VALUE, 'nested too deep, or a key of prototypes')
}

/** What JSON would break without a word. */
const refuse = (_key: string, value: unknown): unknown => {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Map || value instanceof Set) {
    throw new AnywireError(ERR_ENCODE, 'JSON carries no bytes, Map or Set')
  }
  return value
}

/** @throws ERR_ENCODE */
export const write = (value: unknown): string => {
  try {
    return JSON.stringify(value, refuse)
  } catch (cause) {
    // Any other reason names what is the application's own.
    throw cause instanceof AnywireError ? cause : new AnywireError(ERR_ENCODE, '', cause)
  }
}
