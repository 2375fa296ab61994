import assert from 'node:assert/strict'
import { raw } from '../../parsers/raw.ts'
import { parserContract } from '../contract/parser.ts'
import { runs } from '../support/faults-seed.ts'

parserContract('raw', raw, {
  runs: runs(1_000).numRuns,
  supports: {
    structures: false,
    undefined: false,
    nestedUndefined: false,
    views: false,
    bigint: false,
    nonFinite: false,
    minusZero: false,
    date: false,
    collections: false,
    loneSurrogates: true,
    strict: true,
    copies: false
  }
})

describe('raw', () => {
  const parser = raw()

  it('passes strings and bytes on without a copy', () => {
    const bytes = Uint8Array.of(0xc1, 0xff)
    assert.equal(parser.encode('!0{}'), '!0{}')
    assert.equal(parser.encode(bytes), bytes)
    const message = Buffer.from([1, 2])
    const decoded = parser.decode(message)
    assert.deepEqual(decoded, Uint8Array.of(1, 2))
    assert.ok(decoded instanceof Uint8Array && decoded.buffer === message.buffer)
  })

  it('carries nothing else', () => {
    for (const value of [1, true, null, {}, [], new ArrayBuffer(1), Uint16Array.of(1), new Date()]) {
      assert.throws(() => parser.encode(value), { name: 'AnywireError', code: 'ERR_ENCODE' })
    }
  })
})
