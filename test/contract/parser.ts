import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { AnywireError, type ErrorCode } from '../../lib/errors.ts'
import type { Parser, ParserOptions } from '../../lib/parser.ts'
import type { Data } from '../../lib/transformer.ts'

/** What values a parser carries. What is false must make `encode` throw, where it does not say otherwise. */
export interface ParserSupports {
  /** Null, booleans, finite numbers, arrays, and objects of no class: everything but strings and bytes. */
  readonly structures: boolean
  /** Undefined as the whole value. */
  readonly undefined: boolean
  /** Undefined as a field or an item. False: not tested, JSON leaves it out. */
  readonly nestedUndefined: boolean
  /** Typed arrays of all kinds, DataView and ArrayBuffer, at any level. A Uint8Array as the whole value is always carried. */
  readonly views: boolean
  /** Integers of 64 bits. */
  readonly bigint: boolean
  /** NaN, Infinity and -Infinity. */
  readonly nonFinite: boolean
  /** Minus zero. False: it may become zero. */
  readonly minusZero: boolean
  /** Dates. False: not tested, they may become text. */
  readonly date: boolean
  /** Maps and Sets, of everything that is carried. */
  readonly collections: boolean
  /** Strings with lone surrogates, which UTF-8 does not have. */
  readonly loneSurrogates: boolean
  /** What was written may be changed afterwards, because `encode` copied it. False: not tested. */
  readonly copies: boolean
}

type Make = (options?: ParserOptions) => Parser

const MEGABYTE = 2 ** 20

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

const key = fc.string({ unit: 'binary', maxLength: 12 }).filter(text => text !== '__proto__' && text !== 'constructor')

/** Bytes at an offset that suits no wide element, in every kind of view, and in an ArrayBuffer. */
const view = (bytes: Uint8Array): fc.Arbitrary<unknown> =>
  fc.constantFrom(
    ...binaries.map(kind => new kind(bytes.slice(0, bytes.length & ~7).buffer)),
    new Uint8Array(bytes).buffer,
    new Uint8Array([0, ...bytes]).subarray(1)
  )

/** Any value that a parser says it carries. */
const value = (supports: ParserSupports): fc.Arbitrary<unknown> => {
  const text = supports.loneSurrogates
    ? fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(fc.integer({ min: 0, max: 0xffff })).map(codes => String.fromCharCode(...codes))
      )
    : fc.string({ unit: 'binary' })
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
    ...(supports.views ? [bytes.chain(view)] : [])
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

const nested = (levels: number): unknown => {
  let result: unknown = 1
  for (let level = 0; level < levels; level++) result = level % 2 ? [result] : { in: result }
  return result
}

const throws = (act: () => unknown, code: ErrorCode): void => {
  assert.throws(act, error => error instanceof AnywireError && error.code === code)
}

/** A decoded value, or the error that is allowed. Anything else that is thrown goes on. */
const attempt = (parser: Parser, data: Data): void => {
  try {
    parser.decode(data)
  } catch (error) {
    if (!(error instanceof AnywireError) || error.code !== 'ERR_VALUE') throw error
  }
}

/** Exchanges one name for another of the same length wherever it is in a message. */
const rename = (data: Data, from: string, to: string): Data => {
  if (typeof data === 'string') return data.replaceAll(from, to)
  const text = Array.from(data, byte => String.fromCharCode(byte)).join('')
  return Uint8Array.from(text.replaceAll(from, to), character => character.charCodeAt(0))
}

interface Mutation {
  at: number
  remove: number
  insert: readonly number[]
}

const mutate = (data: Data, mutations: readonly Mutation[]): Data => {
  const units = typeof data === 'string' ? Array.from(data, unit => unit.charCodeAt(0)) : [...data]
  for (const { at, remove, insert } of mutations) units.splice(at % (units.length + 1), remove, ...insert)
  return typeof data === 'string' ? String.fromCharCode(...units) : Uint8Array.from(units)
}

/** Registers the tests of one parser with mocha. Every parser must pass them, whoever wrote it. */
export const parserContract = (name: string, make: Make, { supports }: { readonly supports: ParserSupports }): void => {
  const carried = value(supports)
  const structured = supports.structures ? it : it.skip

  describe(`${name}: the contract of parsers`, () => {
    const parser = make()
    const pass = (input: unknown): unknown => parser.decode(parser.encode(input))

    it('has a name', () => assert.match(parser.name, /^[a-z0-9.-]+$/))

    it('gives back what it was given', () => {
      fc.assert(fc.property(carried, input => assert.deepEqual(pass(input), input)))
    })

    it('encodes equal values as equal messages', () => {
      fc.assert(
        fc.property(carried, input => assert.deepEqual(parser.encode(input), make().encode(structuredClone(input))))
      )
    })

    it('carries empty values', () => {
      const empty = supports.structures
        ? ['', new Uint8Array(0), null, [], {}, [[]], { '': '' }]
        : ['', new Uint8Array(0)]
      for (const input of empty) assert.deepEqual(pass(input), input)
    })

    it('carries undefined, or throws', () => {
      if (supports.undefined) assert.equal(pass(undefined), undefined)
      else throws(() => parser.encode(undefined), 'ERR_ENCODE')
    })

    it('carries every character', () => {
      const planes = Array.from({ length: 0x110 }, (_, index) =>
        String.fromCodePoint(index * 0x1000, index * 0x1000 + 0xfff)
      )
      for (const text of planes.filter(plane => !/\p{Surrogate}/u.test(plane))) assert.equal(pass(text), text)
      assert.equal(pass('\ufefftext'), '\ufefftext')
    })

    it('carries lone surrogates, or throws', () => {
      for (const text of ['\ud800', 'a\udfff', `${'long '.repeat(30)}\ud800`]) {
        if (supports.loneSurrogates) assert.equal(pass(text), text)
        else throws(() => parser.encode(text), 'ERR_ENCODE')
      }
    })

    it('carries a megabyte', () => {
      const inputs = ['x'.repeat(MEGABYTE), '\u{1f600}'.repeat(MEGABYTE / 4), new Uint8Array(MEGABYTE).fill(255)]
      for (const input of inputs) assert.deepEqual(pass(input), input)
    })

    structured('carries a hundred thousand items and keys', () => {
      const items = Array.from({ length: 100_000 }, (_, index) => index)
      assert.deepEqual(pass(items), items)
      const fields = Object.fromEntries(items.map(index => [`k${index}`, index]))
      assert.deepEqual(pass(fields), fields)
    })

    it('takes messages in a Buffer, at any offset', () => {
      const own = (message: Data) => (typeof message === 'string' ? message : Buffer.from([0, ...message]).subarray(1))
      fc.assert(fc.property(carried, input => assert.deepEqual(parser.decode(own(parser.encode(input))), input)))
    })

    it('throws for functions and symbols', () => {
      for (const input of [() => 1, Symbol('s'), [() => 1], { key: Symbol('s') }])
        throws(() => parser.encode(input), 'ERR_ENCODE')
    })

    it('throws for built-in objects that it does not carry', () => {
      const never: unknown[] = [
        /x/,
        new Error('x'),
        Promise.resolve(),
        new WeakMap(),
        new SharedArrayBuffer(1),
        Object(1n)
      ]
      for (const input of supports.collections ? never : [...never, new Map(), new Set()]) {
        throws(() => parser.encode(input), 'ERR_ENCODE')
        throws(() => parser.encode({ input }), 'ERR_ENCODE')
      }
    })

    it('throws for numbers that it does not carry', () => {
      const inputs = [
        ...(supports.nonFinite ? [] : [NaN, Infinity, -Infinity]),
        ...(supports.bigint ? [] : [1n]),
        2n ** 64n
      ]
      for (const input of inputs) throws(() => parser.encode(input), 'ERR_ENCODE')
    })

    it('throws for what contains itself', () => {
      const loop: { self?: unknown } = {}
      loop.self = [loop]
      throws(() => parser.encode(loop), 'ERR_ENCODE')
    })

    it('throws for what is nested by the thousand', () => throws(() => parser.encode(nested(100_000)), 'ERR_ENCODE'))

    structured('passes on what a getter or toJSON throws, as the cause', () => {
      const cause = new Error('mine')
      const toss = (): never => {
        throw cause
      }
      class Thrower {
        toJSON = toss
      }
      for (const input of [Object.defineProperty({}, 'field', { enumerable: true, get: toss }), [new Thrower()]]) {
        assert.throws(() => parser.encode(input), { name: 'AnywireError', code: 'ERR_ENCODE', cause })
      }
    })

    structured('limits nesting at both ends', () => {
      for (const depth of [1, 5, 64]) {
        const limited = depth === 64 ? parser : make({ depth })
        const deeper = make({ depth: depth + 1 })
        assert.deepEqual(limited.decode(limited.encode(nested(depth))), nested(depth))
        throws(() => limited.encode(nested(depth + 1)), 'ERR_ENCODE')
        throws(() => limited.decode(deeper.encode(nested(depth + 1))), 'ERR_VALUE')
      }
    })

    structured('refuses keys that could change prototypes', () => {
      const examples = [
        ['__prot0__', '__proto__', { __prot0__: { polluted: true } }],
        ['constructer', 'constructor', { constructer: { prototype: { polluted: true } } }]
      ] as const
      for (const [harmless, key, input] of examples) {
        for (const wrap of [(inner: unknown) => inner, (inner: unknown) => [{ inner }]]) {
          throws(() => parser.decode(rename(parser.encode(wrap(input)), harmless, key)), 'ERR_VALUE')
          throws(() => parser.encode(JSON.parse(JSON.stringify(wrap(input)).replace(harmless, key))), 'ERR_ENCODE')
        }
      }
      assert.deepEqual(pass({ constructor: 'name', prototype: 1 }), { constructor: 'name', prototype: 1 })
    })

    it('keeps messages apart from each other', () => {
      fc.assert(
        fc.property(carried, carried, (first, second) => {
          const message = parser.encode(first)
          parser.encode(second)
          assert.deepEqual(parser.decode(message), first)
        })
      )
    })

    it('keeps messages apart from what was written', function () {
      if (!supports.copies) this.skip()
      const bytes = Uint8Array.of(1, 2, 3)
      for (const input of [bytes, ...(supports.views ? [{ bytes }, [bytes.buffer]] : [])]) {
        const before = structuredClone(input)
        const message = parser.encode(input)
        bytes[0] = 9
        assert.deepEqual(parser.decode(message), before)
        bytes[0] = 1
      }
    })

    it('changes nothing in what it is given', () => {
      fc.assert(
        fc.property(carried, input => {
          const before = structuredClone(input)
          const message = parser.encode(input)
          assert.deepEqual(input, before)
          const copy = typeof message === 'string' ? message : message.slice()
          parser.decode(message)
          assert.deepEqual(message, copy)
        })
      )
    })

    it('throws nothing but ERR_VALUE for messages that were tampered with', () => {
      const mutation = fc.record({
        at: fc.nat(),
        remove: fc.nat({ max: 3 }),
        insert: fc.array(fc.nat({ max: 255 }), { maxLength: 5 })
      })
      fc.assert(
        fc.property(carried, fc.array(mutation, { minLength: 1, maxLength: 4 }), (input, mutations) => {
          attempt(parser, mutate(parser.encode(input), mutations))
        }),
        { numRuns: 1000 }
      )
    })

    it('throws nothing but ERR_VALUE for random messages, of either kind', () => {
      const message = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: 'binary' }), fc.json())
      fc.assert(
        fc.property(message, data => attempt(parser, data)),
        { numRuns: 1000 }
      )
    })

    it('is quick with long runs of any one byte or character', function () {
      this.timeout(20_000)
      for (let code = 0; code < 256; code++) {
        attempt(parser, new Uint8Array(65_536).fill(code))
        attempt(parser, String.fromCharCode(code).repeat(65_536))
      }
    })
  })
}
