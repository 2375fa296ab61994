import assert from 'node:assert/strict'
import type { Parser, ParserOptions } from '../../lib/parser.ts'
import type { Data } from '../../lib/transformer.ts'
import { fastCheck } from './fast-check.ts'
import type { ParserSupports } from './parser-supports.ts'
import { attempt, character, mutate, nested, rename, throws, value } from './parser-values.ts'

type Make = (options?: ParserOptions) => Parser

const MEGABYTE = 2 ** 20

/**
 * Registers the tests of one parser with mocha. Every parser must pass them, whoever wrote it.
 * @param make - called without options, and with `{ depth }` where the parser has structures
 * @param options - `runs`: how many messages of which nobody knows what they are to try. Default 1,000.
 * @throws ERR_MISSING_PACKAGE: it needs fast-check
 */
export const parserContract = (
  name: string,
  make: Make,
  { supports, runs = 1_000 }: { readonly supports: ParserSupports; readonly runs?: number }
): void => {
  const fc = fastCheck()
  const carried = value(fc, supports)
  /** What nobody promised is no test, and so none that is skipped. */
  const where =
    (isPromised: boolean) =>
    (title: string, run: () => void): void => {
      if (isPromised) it(title, run)
    }
  const structured = where(supports.structures)

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

    structured('carries more items and keys than two bytes can count', () => {
      const items = Array.from({ length: 65_600 }, (_, index) => index)
      assert.deepEqual(pass(items), items)
      // Engines keep names and indexes apart.
      const fields = Object.fromEntries(items.map(index => [index % 8 ? index : `name ${index}`, index]))
      assert.deepEqual(pass(fields), fields)
    })

    it('takes messages in a Buffer, at any offset', () => {
      const own = (message: Data) => (typeof message === 'string' ? message : Buffer.from([0, ...message]).subarray(1))
      fc.assert(fc.property(carried, input => assert.deepEqual(parser.decode(own(parser.encode(input))), input)))
    })

    it('throws for functions and symbols', () => {
      const inside = supports.strict ? [[() => 1], { key: Symbol('s') }] : []
      for (const input of [() => 1, Symbol('s'), ...inside]) throws(() => parser.encode(input), 'ERR_ENCODE')
    })

    it('throws for built-in objects and numbers that it does not carry, wherever they are', () => {
      const strict: unknown[] = [
        /x/,
        new Error('x'),
        Promise.resolve(),
        new WeakMap(),
        new SharedArrayBuffer(1),
        Object(1n)
      ]
      const inputs: unknown[] = [
        2n ** 64n,
        ...(supports.bigint ? [] : [1n]),
        ...(supports.collections ? [] : [new Map(), new Set()]),
        ...(supports.strict ? strict : [])
      ]
      for (const input of inputs) {
        for (const value of [input, [input], { a: { input } }]) throws(() => parser.encode(value), 'ERR_ENCODE')
      }
    })

    where(!supports.views)('throws for bytes in a value', () => {
      const bytes = Uint8Array.of(1)
      for (const input of [bytes, Buffer.from(bytes), Float64Array.of(1), new DataView(bytes.buffer), bytes.buffer]) {
        for (const value of [[input], { a: { input } }]) throws(() => parser.encode(value), 'ERR_ENCODE')
      }
    })

    it('throws for what contains itself', () => {
      const loop: { self?: unknown } = {}
      loop.self = [loop]
      const map = new Map<string, unknown>()
      map.set('self', [new Set([map])])
      for (const input of [loop, map]) throws(() => parser.encode(input), 'ERR_ENCODE')
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

    where(supports.copies)('keeps messages apart from what was written', () => {
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
        { numRuns: runs }
      )
    })

    it('throws nothing but ERR_VALUE for random messages, of either kind', () => {
      const message = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: character(fc) }), fc.json())
      fc.assert(
        fc.property(message, data => attempt(parser, data)),
        { numRuns: runs }
      )
    })

    it('is quick with long runs of any one byte or character', function () {
      this.timeout(60_000)
      for (let code = 0; code < 256; code++) {
        attempt(parser, new Uint8Array(65_536).fill(code))
        attempt(parser, String.fromCharCode(code).repeat(65_536))
      }
    })
  })
}
