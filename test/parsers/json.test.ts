import assert from 'node:assert/strict'
import type { Data } from '../../lib/transformer.ts'
import { json } from '../../parsers/json.ts'
import { parserContract } from '../contract/parser.ts'
import { isThorough, runs } from '../support/faults-seed.ts'

parserContract('json', json, {
  runs: runs(1_000).numRuns,
  supports: {
    structures: true,
    undefined: false,
    nestedUndefined: false,
    views: false,
    bigint: false,
    nonFinite: false,
    minusZero: false,
    date: false,
    collections: false,
    loneSurrogates: true,
    strict: false,
    copies: true
  }
})

describe('json', () => {
  const parser = json()
  const encode = (value: unknown) => parser.encode(value)
  const decode = (data: Data) => parser.decode(data)
  const refused = (value: unknown, message: RegExp) =>
    assert.throws(() => encode(value), { name: 'AnywireError', code: 'ERR_ENCODE', message })

  it('is plain JSON, from and for any other program', () => {
    assert.equal(encode({ a: [1, 'é', null, true] }), '{"a":[1,"é",null,true]}')
    assert.deepEqual(decode(' { "a" : [ 1e2, "\\u00e9" ] } '), { a: [100, 'é'] })
  })

  it('does what JSON does with what JSON leaves out or changes', () => {
    class Point {
      x = 1
      readonly #secret = 2
      sum = (): number => this.x + this.#secret
    }
    const holes: number[] = []
    holes[2] = -0
    assert.equal(
      encode([undefined, () => 1, Symbol('s'), NaN, -Infinity, holes]),
      '[null,null,null,null,null,[null,null,0]]'
    )
    assert.equal(encode({ a: undefined, b: () => 1, c: new Date(0) }), '{"c":"1970-01-01T00:00:00.000Z"}')
    assert.equal(encode([new Point(), /x/, new Error('x'), new Date(NaN)]), '[{"x":1},{},{},null]')
    assert.equal(encode(NaN), 'null')
  })

  it('takes what toJSON returns, once', () => {
    class Dot {
      readonly loop = this
      bytes = Uint8Array.of(1)
      toJSON = (): unknown => ({ at: new Date(0), toJSON: this.toJSON })
    }
    assert.equal(encode([new Dot()]), '[{"at":"1970-01-01T00:00:00.000Z"}]')
    assert.equal(encode({ url: new URL('http://a/b') }), '{"url":"http://a/b"}')
    for (const inside of [new Map(), Uint8Array.of(1), [1n]]) refused({ toJSON: () => inside }, /msgpack/)
  })

  it('looks at own fields only', () => {
    const prototype = { map: new Map(), constructor: Map }
    assert.equal(encode(Object.assign(Object.create(prototype), { own: 1 })), '{"own":1}')
  })

  it('names the parser for what it refuses', () => {
    for (const value of [1n, new Map(), new Set(), Uint8Array.of(1), new ArrayBuffer(1)]) {
      const message = new RegExp(`: ${value.constructor.name} needs msgpack$`)
      refused({ value }, message)
      refused([[value]], message)
    }
    refused(undefined, /: undefined$/)
    refused(() => 1, /: function$/)
    refused(Symbol('s'), /: symbol$/)
  })

  it('sends bytes as they are, copied', () => {
    const bytes = Uint8Array.of(0, 1, 2, 0xff)
    const inputs = [
      bytes.subarray(1),
      Buffer.from(bytes).subarray(1),
      new DataView(bytes.buffer, 1),
      bytes.slice(1).buffer
    ]
    for (const input of inputs) assert.deepEqual(encode(input), Uint8Array.of(1, 2, 0xff))
    assert.deepEqual(encode(Int16Array.of(-2)), new Uint8Array(Int16Array.of(-2).buffer))
    assert.notEqual(encode(bytes), bytes)
    const { buffer } = bytes
    assert.notEqual((encode(buffer) as Uint8Array).buffer, buffer)
  })

  it('gives bytes as a Uint8Array, not copied', () => {
    const message = Buffer.from([1, 2])
    const value = decode(message)
    assert.deepEqual(value, Uint8Array.of(1, 2))
    assert.ok(value instanceof Uint8Array && value.buffer === message.buffer)
  })

  it('refuses keys that could change prototypes, however they are escaped or far away', () => {
    const far = JSON.stringify(Array.from({ length: 1000 }, () => ({ constructor: 'x' })))
    const texts = ['{"__pr\\u006fto__":1}', '{"\\u0063onstructor":{"prototype":1}}', `[${far},{"a":{"__proto__":1}}]`]
    for (const text of texts) assert.throws(() => decode(text), { code: 'ERR_VALUE' })
    for (const text of ['["a __proto__ in \\u0022__proto__"]', '{"constructor":{"name":1}}', far]) {
      assert.deepEqual(decode(text), JSON.parse(text))
    }
  })

  it('refuses a million brackets', () => {
    const many = isThorough ? 1e6 : 1e5
    for (const text of [
      '['.repeat(1e6),
      '['.repeat(many) + ']'.repeat(many),
      '{"a":'.repeat(many) + '1' + '}'.repeat(many)
    ]) {
      assert.throws(() => decode(text), { code: 'ERR_VALUE' })
    }
  })

  it('does not quote the text in its message', () => {
    assert.throws(() => decode('{"token":"s3cret"'), { message: 'The value cannot be decoded' })
  })
})
