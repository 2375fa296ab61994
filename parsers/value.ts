import { AnywireError, type Failure } from '../lib/errors.ts'
import { className, isBinary } from './binary.ts'

/** What every parser throws, whatever went wrong inside. Syntax errors quote the value, so their message stays out. */
export const failed = (failure: Failure, cause: unknown): AnywireError =>
  new AnywireError(failure, cause instanceof TypeError || cause instanceof RangeError ? cause.message : '', cause)

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

export const isArray = (value: unknown): value is unknown[] => Array.isArray(value)

export const tooDeep = (): TypeError => new TypeError('nested too deep, or in itself')

/** The error for a value that the parser does not carry. Of what JSON has no way to write, MessagePack carries some. */
export const unfit = (value: unknown): TypeError => {
  const name = isObject(value) ? className(value) : typeof value === 'number' ? `${value}` : typeof value
  return new TypeError(/^(bigint|Map|Set|NaN|-?Infinity)$/.test(name) ? `${name}, which msgpack carries` : name)
}

/**
 * What is sent for an object: itself, if it is bytes, an array, of no class, or of a class without `toJSON`, whose own
 * fields are sent; else what its `toJSON` returns.
 * @throws TypeError for built-in classes, whose content is not in fields.
 */
export const settle = (value: object): unknown => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === Array.prototype || isBinary(value)) return value
  if ('toJSON' in value && typeof value.toJSON === 'function') return Reflect.apply(value.toJSON, value, [])
  if (isArray(value) || className(value) === 'Object') return value
  throw unfit(value)
}

/** Throws if an own key could change prototypes once somebody copies or merges the object. */
export const checkKey = (key: string, value: unknown): void => {
  if (key === '__proto__' || (key === 'constructor' && isObject(value) && Object.hasOwn(value, 'prototype'))) {
    throw new TypeError(`the key ${key}`)
  }
}
