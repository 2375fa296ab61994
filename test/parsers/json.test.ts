import assert from 'node:assert/strict'
import type { Data } from '../../lib/transformer.ts'
import { json } from '../../parsers/json.ts'
import { toWireOrder } from '../../parsers/binary.ts'
import { parserContract } from '../contract/parser.ts'

parserContract('json', json, {
  supports: {
    structures: true,
    undefined: true,
    nestedUndefined: false,
    views: true,
    bigint: false,
    nonFinite: false,
    minusZero: false,
    date: false,
    collections: false,
    loneSurrogates: true,
    copies: true
  }
})

/** A container: the head as text, then the attachments, each after its length. */
const container = (head: string, ...attachments: readonly number[][]): Uint8Array => {
  const parts = [[...new TextEncoder().encode(head)], ...attachments]
  return Uint8Array.of(0xff, ...parts.flatMap(part => [0, 0, 0, part.length, ...part]))
}

describe('json: text', () => {
  const parser = json()
  const encode = (value: unknown) => parser.encode(value)
  const decode = (data: Data) => parser.decode(data)
  const pass = (value: unknown): unknown => decode(encode(value))
  const refused = (value: unknown, message: RegExp) =>
    assert.throws(() => encode(value), { name: 'AnywireError', code: 'ERR_ENCODE', message })

  it('is plain JSON, from and for any other program', () => {
    assert.equal(encode({ a: [1, 'é', null, true] }), '{"a":[1,"é",null,true]}')
    assert.deepEqual(decode(' { "a" : [ 1e2, "\\u00e9" ] } '), { a: [100, 'é'] })
  })

  it('does what JSON does with undefined, holes, dates, toJSON, classes and minus zero', () => {
    class Point {
      x = 1
      readonly #secret = 2
      sum = (): number => this.x + this.#secret
    }
    class Dot {
      x = 1
      toJSON = (): unknown => [this.x, new Date(0)]
    }
    const holes = Object.assign(new Array<number>(3), { 2: 1 })
    assert.equal(
      encode({ a: undefined, b: holes, c: new Date(0) }),
      '{"b":[null,null,1],"c":"1970-01-01T00:00:00.000Z"}'
    )
    assert.equal(encode(new Dot()), '[1,"1970-01-01T00:00:00.000Z"]')
    assert.equal(encode(Object.assign(Object.create({ inherited: { a: 1 } }), { own: -0 })), '{"own":0}')
    refused(new Point(), /function/)
  })

  it('names the parser for values that JSON cannot have', () => {
    refused({ a: 1n }, /bigint, which msgpack carries$/)
    refused([new Map()], /Map, which msgpack carries$/)
    refused(NaN, /NaN, which msgpack carries$/)
    refused(new WeakSet(), /WeakSet$/)
  })

  it('refuses numbers out of range, whatever the length of the text', () => {
    const numbers = ['1e309', '-1E+400', '10e308', '9'.repeat(310), `${'9'.repeat(250)}e60`]
    for (const text of numbers) assert.throws(() => decode(text), { code: 'ERR_VALUE' })
    assert.deepEqual(decode(`[1e308, 1e-999, "1e999", "${'x'.repeat(300)}"]`), [1e308, 0, '1e999', 'x'.repeat(300)])
  })

  it('refuses escaped keys that could change prototypes', () => {
    assert.throws(() => decode('{"__pr\\u006fto__":1}'), { code: 'ERR_VALUE' })
    assert.deepEqual(pass({ text: 'a __proto__ in "__proto__": text' }), { text: 'a __proto__ in "__proto__": text' })
  })

  it('refuses a million brackets', () => {
    for (const text of ['['.repeat(1e6), '['.repeat(1e6) + ']'.repeat(1e6), '{"a":'.repeat(1e6)]) {
      assert.throws(() => decode(text), { code: 'ERR_VALUE' })
    }
  })

  it('does not quote the text in its message', () => {
    assert.throws(() => decode('{"token":"s3cret"'), { message: 'A value could not be decoded' })
  })
})

describe('json: containers', () => {
  const parser = json()
  const encode = (value: unknown) => parser.encode(value)
  const decode = (data: Data) => parser.decode(data)
  const pass = (value: unknown): unknown => decode(encode(value))

  it('sends bytes as they are', () => {
    assert.deepEqual(encode(Uint8Array.of(1, 2)), Uint8Array.of(1, 2))
    assert.deepEqual(encode(Buffer.from([0xfe, 0xff])), Uint8Array.of(0xfe, 0xff))
    assert.deepEqual(decode(Uint8Array.of(1, 2)), Uint8Array.of(1, 2))
    assert.deepEqual(encode(new Uint8Array()), new Uint8Array())
  })

  it('wraps bytes that begin with the tag', () => {
    assert.deepEqual(encode(Uint8Array.of(0xff, 1)), container('[[["Uint8Array"]],null]', [0xff, 1]))
  })

  it('puts bytes behind the value, by path', () => {
    const value = { name: 'x', none: null, in: [0, { bytes: Uint8Array.of(7, 8) }], wide: Uint16Array.of(1, 0x1234) }
    const head =
      '[[["Uint8Array","in","1","bytes"],["Uint16Array","wide"]],{"name":"x","none":null,"in":[0,{"bytes":null}],"wide":null}]'
    assert.deepEqual(encode(value), container(head, [7, 8], [1, 0, 0x34, 0x12]))
    assert.deepEqual(pass(value), value)
  })

  it('has no value for undefined', () => assert.deepEqual(encode(undefined), container('[[]]')))

  it('gives back a Buffer as a Uint8Array, and what only looks like a container as it is', () => {
    assert.deepEqual(pass({ a: Buffer.from('a') }), { a: Uint8Array.of(97) })
    const lookalike = [[['Uint8Array', 'a']], { a: null }]
    assert.deepEqual(pass(lookalike), lookalike)
  })

  it('leaves out bytes that are no item of an array, and carries others in the same place twice', () => {
    const bytes = Uint8Array.of(1)
    assert.deepEqual(pass([Object.assign([1], { extra: bytes }), bytes, bytes]), [[1], bytes, bytes])
  })

  it('refuses what it cannot have made', () => {
    const heads: readonly (readonly [string, ...number[][]])[] = [
      ['', []],
      ['{}'],
      ['null'],
      ['[]'],
      ['[{},1]'],
      ['[["Uint8Array"],null]', [1]],
      ['[[[]],null]', [1]],
      ['[[["Uint8Array"]]]', [1]],
      ['[[["Uint8Array"]],1]', [1]],
      ['[[["Uint8Array"]],null]'],
      ['[[["Uint8Array"]],null]', [1], [2]],
      ['[[["Float16"]],null]', [1, 2]],
      ['[[["constructor"]],null]', [1]],
      ['[[[["Uint8Array"]]],null]', [1]],
      ['[[["Uint16Array"]],null]', [1, 2, 3]],
      ['[[["Uint8Array","a"]],{}]', [1]],
      ['[[["Uint8Array","0"]],"text"]', [1]],
      ['[[["Uint8Array",0]],[null]]', [1]],
      ['[[["Uint8Array",["0"]]],[null]]', [1]],
      ['[[["Uint8Array","length"]],[null]]', [1]],
      ['[[["Uint8Array","1"]],[null]]', [1]],
      ['[[["Uint8Array","__proto__","a"]],{}]', [1]],
      ['[[["Uint8Array","constructor","prototype"]],{}]', [1]],
      ['[[["Uint8Array","a"],["Uint8Array","a"]],{"a":null}]', [1], [2]],
      ['[[["Uint8Array","a"],["Uint8Array","a","0"]],{"a":null}]', [1], [2]],
      ['[[],{"__proto__":null}]'],
      ['[[],{"constructor":{"prototype":null}}]'],
      [`[[],${'['.repeat(65)}${']'.repeat(65)}]`]
    ]
    for (const [head, ...attachments] of heads) {
      assert.throws(() => decode(container(head, ...attachments)), { code: 'ERR_VALUE' }, head)
    }
  })

  it('refuses lengths that lie, a byte order mark and bad UTF-8', () => {
    const messages = [
      [0xff],
      [0xff, 0, 0, 0],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0x5b],
      [0xff, 0, 0, 0, 6, 0x5b, 0x5b, 0x22, 0xc0, 0x22, 0x5d],
      [0xff, 0, 0, 0, 7, 0xef, 0xbb, 0xbf, 0x5b, 0x5b, 0x5d, 0x5d],
      [...container('[[]]'), 0]
    ]
    for (const message of messages) assert.throws(() => decode(Uint8Array.from(message)), { code: 'ERR_VALUE' })
  })

  it('carries ten thousand attachments', () => {
    const value = Array.from({ length: 10_000 }, (_, index) => Uint32Array.of(index))
    assert.deepEqual(pass(value), value)
  })

  it('turns elements around where the machine keeps them the other way', () => {
    assert.deepEqual(toWireOrder(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 4, true), Uint8Array.of(4, 3, 2, 1, 8, 7, 6, 5))
    assert.deepEqual(toWireOrder(Uint8Array.of(1, 2), 2, false), Uint8Array.of(1, 2))
  })
})
