import assert from 'node:assert/strict'
import { encode } from '../../lib/encode.ts'
import { AnywireError } from '../../lib/errors.ts'
import type { Parser } from '../../lib/parser.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host } from '../support/faults-pair.ts'
import { until } from '../support/faults-wait.ts'

describe('a value of a server that cannot be encoded', () => {
  const use = undoing()
  guard()

  const refusal = (value: unknown, parser: Parser = json()): string => {
    try {
      encode(parser, value, 0)
    } catch (error) {
      assert.ok(error instanceof AnywireError)
      assert.equal(error.code, 'ERR_ENCODE')
      return error.message.replace('The value cannot be encoded: ', '')
    }
    return assert.fail('it was encoded')
  }

  it('is told with its place', () => {
    const tags = new Set(['a'])
    assert.equal(refusal({ a: 1, users: [{}, { name: 'x', tags }] }), "Set needs msgpack, at 'users.1.tags'")
    assert.equal(refusal([[Uint8Array.of(1)]]), "Uint8Array needs msgpack, at '0.0'")
    assert.equal(refusal({ at: 1n }, json()), "BigInt needs msgpack, at 'at'")
    assert.match(refusal({ a: [{ f() {} }] }, msgpack()), /, at 'a\.0\.f'$/)
  })

  it('is told without one where it is all of the value, or is not found', () => {
    assert.equal(refusal(new Map([[1, 1n]])), 'Map needs msgpack')
    assert.equal(refusal(undefined), 'undefined')
    assert.equal(refusal({ toJSON: () => ({ inner: 1n }) }), 'BigInt needs msgpack')
    // What is not sent is not to blame.
    assert.equal(refusal({ row: { own: 1n, toJSON: () => new Map() } }), "Map needs msgpack, at 'row'")
    assert.equal(refusal({ list: [1n] }, raw()), 'neither a string nor a Uint8Array')
    assert.equal(refusal({ text: 'x'.repeat(5_000), at: 1n }), 'BigInt needs msgpack')
  })

  it('is told as the parser does where what looks for the place throws', () => {
    const throws = (): never => {
      throw new Error('row is not loaded')
    }
    const row = Object.defineProperty({}, 'lazy', { get: throws, enumerable: true })
    for (const parser of [json(), msgpack()])
      for (const value of [row, { deep: [row] }]) assert.equal(refusal(value, parser), 'The value cannot be encoded')
    assert.equal(refusal({ a: new Proxy({ b: 1n }, { ownKeys: throws }) }), 'The value cannot be encoded')
  })

  it('is told with the place from which on it is nested too deep, but where it contains itself', () => {
    const self: Record<string, unknown> = { name: 'x' }
    self['child'] = [self]
    assert.equal(refusal(self), 'nested too deep')
    assert.equal(refusal({ a: { b: { c: 1 } } }, json({ depth: 2 })), "nested too deep, at 'a'")
  })

  it('costs no more than a few times what the refusal does, however deep and wide it is', () => {
    /** Lists within lists, around what JSON does not carry, or a list more. */
    const nest = (levels: number, beside: readonly unknown[], core: unknown): unknown => {
      let value = core
      for (let level = 0; level < levels; level++) value = [...beside, value]
      return value
    }
    let items = 0
    const { encode: encodeJson, ...rest } = json()
    const count = (value: unknown): number =>
      Array.isArray(value) ? value.reduce<number>((sum, item) => sum + count(item), 1) : 1
    const parser: Parser = {
      ...rest,
      encode(value) {
        items += count(value)
        return encodeJson(value)
      }
    }
    const cases: readonly [value: unknown, place: RegExp][] = [
      [nest(62, [], 1n), /^BigInt needs msgpack, at '0(\.0){61}'$/],
      [nest(62, [0, [], {}], 1n), /^BigInt needs msgpack, at '3(\.3){61}'$/],
      [nest(62, [0, 0, 0], new Map()), /^Map needs msgpack, at '3(\.3){61}'$/],
      [nest(66, [0, [0]], 0), /^nested too deep, at '2\.2(\.2)?'$/],
      [nest(100, [0, [0]], 0), /^nested too deep, at '2(\.2)*'$/],
      [[...Array.from({ length: 300 }, () => [0]), 1n], /^BigInt needs msgpack, at '300'$/]
    ]
    for (const [value, place] of cases) {
      items = 0
      assert.match(refusal(value, parser), place)
      assert.ok(items <= 12 * count(value), `${items} items for ${count(value)}`)
    }
  })

  it('names what the parser refused, and not what it would refuse behind it', () => {
    const keyed = JSON.parse('{"__proto__": 1}') as object
    assert.equal(refusal({ first: [keyed], second: 1n }), "the key __proto__, at 'first.0'")
    assert.equal(refusal({ first: 1n, second: keyed }), "BigInt needs msgpack, at 'first'")
  })

  it('keeps its cause, and what is no such failure is thrown as it is', () => {
    const cause = new TypeError('mine')
    const parser = (error: Error): Parser => ({
      ...json(),
      encode(value) {
        if (JSON.stringify(value).includes('bad')) throw error
        return '[]'
      }
    })
    assert.throws(() => encode(parser(cause), ['bad'], 0), cause)
    const failure = new AnywireError(['ERR_ENCODE', 0, 'no'], '', cause)
    assert.throws(() => encode(parser(failure), { here: 'bad' }, 0), { message: "no, at 'here'", cause })
  })

  it('is thrown so by `write` and `broadcast`', async () => {
    const { dial, server, told } = host(use)
    dial()
    await until(() => told.peers.length === 1)
    const value = { list: [new Map()] }
    for (const write of [() => told.peers[0]?.write(value), () => server.peers.broadcast(value)])
      assert.throws(write, { code: 'ERR_ENCODE', message: /at 'list\.0'$/ })
    const lazy = {
      get row() {
        throw new Error('row is not loaded')
      }
    }
    for (const write of [() => told.peers[0]?.write(lazy), () => server.peers.broadcast(lazy)])
      assert.throws(write, { code: 'ERR_ENCODE' })
  })

  it('is told without a place in what a plugin sends, since that is its own packet', async () => {
    const plugins = [{ name: 'mine', version: 1 }]
    const { dial, server, told } = host(use, { server: { plugins } })
    dial({ plugins })
    await until(() => told.peers.length === 1)
    const write = () => server.multicast(told.peers, [1, { big: 1n }], { lane: 'mine' })
    assert.throws(write, { code: 'ERR_ENCODE', message: 'The value cannot be encoded: BigInt needs msgpack' })
  })
})
