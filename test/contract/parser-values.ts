import assert from 'node:assert/strict'
import type * as FastCheck from 'fast-check'
import { AnywireError, type ErrorCode } from '../../lib/errors.ts'
import type { Parser } from '../../lib/parser.ts'
import type { Data } from '../../lib/transformer.ts'
import type { ParserSupports } from './parser-supports.ts'

const binaries: readonly (new (buffer: ArrayBuffer) => ArrayBufferView)[] = [
  Uint8Array,
  DataView,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array
]

/** How many code points there are of surrogates, which are no characters, and the first of them. */
const SURROGATES = 0x800
const SURROGATE = 0xd800

/** Any character, as fast-check's own `binary`, which takes a second and much memory to make. */
export const character = (fc: typeof FastCheck): FastCheck.Arbitrary<string> =>
  fc.integer({ min: 0, max: 0x10ffff - SURROGATES }).map(
    index => String.fromCodePoint(index < SURROGATE ? index : index + SURROGATES),
    text => {
      const [first = '', ...more] = String(text)
      if (first !== text || more.length > 0 || /\p{Surrogate}/u.test(first)) throw new TypeError('no character')
      const code = first.codePointAt(0) ?? 0
      return code < SURROGATE ? code : code - SURROGATES
    }
  )

/** Bytes at an offset that suits no wide element, in every kind of view, and in an ArrayBuffer. */
const views = (bytes: Uint8Array): readonly unknown[] => [
  ...binaries.map(kind => new kind(bytes.slice(0, bytes.length & ~7).buffer)),
  new Uint8Array(bytes).buffer,
  new Uint8Array([0, ...bytes]).subarray(1)
]

/** Any value that a parser says it carries. */
export const value = (fc: typeof FastCheck, supports: ParserSupports): FastCheck.Arbitrary<unknown> => {
  const unit = character(fc)
  const key = fc.string({ unit, maxLength: 12 }).filter(text => text !== '__proto__' && text !== 'constructor')
  const text = supports.loneSurrogates
    ? fc.oneof(
        fc.string({ unit }),
        fc.array(fc.integer({ min: 0, max: 0xffff })).map(codes => String.fromCharCode(...codes))
      )
    : fc.string({ unit })
  const bytes = fc.uint8Array({ maxLength: 40 }).map(array => new Uint8Array(array))
  if (!supports.structures) return fc.oneof(text, bytes)
  const number = fc
    .oneof(
      fc.double({ noNaN: !supports.nonFinite, noDefaultInfinity: !supports.nonFinite }),
      fc.integer(),
      fc.maxSafeInteger()
    )
    .map(candidate => (supports.minusZero || candidate !== 0 ? candidate : 0))
  const leaf = fc.oneof(
    fc.constant(null),
    fc.boolean(),
    number,
    text,
    ...(supports.nestedUndefined ? [fc.constant(undefined)] : []),
    ...(supports.bigint ? [fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })] : []),
    ...(supports.date ? [fc.date({ noInvalidDate: true })] : []),
    ...(supports.views ? [bytes.chain(each => fc.constantFrom(...views(each)))] : [])
  )
  return fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: true }),
      ...(supports.collections
        ? [
            fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map(entries => new Map(entries)),
            fc.array(tie('value'), { maxLength: 4 }).map(items => new Set(items))
          ]
        : [])
    )
  })).value
}

export const nested = (levels: number): unknown => {
  let result: unknown = 1
  for (let level = 0; level < levels; level++) result = level % 2 ? [result] : { in: result }
  return result
}

export const throws = (act: () => unknown, code: ErrorCode): void => {
  assert.throws(act, error => error instanceof AnywireError && error.code === code)
}

/** A decoded value, or the error that is allowed. Anything else that is thrown goes on. */
export const attempt = (parser: Parser, data: Data): void => {
  try {
    parser.decode(data)
  } catch (error) {
    if (!(error instanceof AnywireError) || error.code !== 'ERR_VALUE') throw error
  }
}

/** Exchanges one name for another of the same length wherever it is in a message. */
export const rename = (data: Data, from: string, to: string): Data => {
  if (typeof data === 'string') return data.replaceAll(from, to)
  const text = Array.from(data, byte => String.fromCharCode(byte)).join('')
  return Uint8Array.from(text.replaceAll(from, to), character => character.charCodeAt(0))
}

interface Mutation {
  at: number
  remove: number
  insert: readonly number[]
}

export const mutate = (data: Data, mutations: readonly Mutation[]): Data => {
  const units = typeof data === 'string' ? Array.from(data, unit => unit.charCodeAt(0)) : [...data]
  for (const { at, remove, insert } of mutations) units.splice(at % (units.length + 1), remove, ...insert)
  return typeof data === 'string' ? String.fromCharCode(...units) : Uint8Array.from(units)
}
