import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ExtData } from '@msgpack/msgpack'
import * as fc from 'fast-check'
import type { Data } from '../../lib/transformer.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { parserContract } from '../contract/parser.ts'
import { isThorough, runs } from '../support/faults-seed.ts'
import { processorTime } from '../support/processor.ts'
import { program } from '../support/program.ts'

parserContract('msgpack', msgpack, {
  runs: runs(1_000).numRuns,
  supports: {
    structures: true,
    undefined: true,
    nestedUndefined: true,
    views: true,
    bigint: true,
    nonFinite: true,
    minusZero: false,
    date: true,
    collections: true,
    loneSurrogates: false,
    strict: true,
    copies: true
  }
})

const hex = (data: unknown): string => {
  assert.ok(data instanceof Uint8Array)
  return Buffer.from(data).toString('hex')
}

describe('msgpack: bytes', () => {
  const parser = msgpack()
  const encode = (value: unknown) => parser.encode(value)
  const decode = (data: Data) => parser.decode(data)
  const read = (text: string): unknown => decode(new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex')))
  const pass = (value: unknown): unknown => decode(encode(value))

  it('uses the shortest form of everything that MessagePack has', () => {
    const examples: readonly (readonly [unknown, string])[] = [
      [null, 'c0'],
      [false, 'c2'],
      [true, 'c3'],
      [0, '00'],
      [127, '7f'],
      [128, 'cc80'],
      [255, 'ccff'],
      [256, 'cd0100'],
      [65_535, 'cdffff'],
      [65_536, 'ce00010000'],
      [2 ** 32 - 1, 'ceffffffff'],
      [2 ** 32, 'cb41f0000000000000'],
      [-1, 'ff'],
      [-32, 'e0'],
      [-33, 'd0df'],
      [-128, 'd080'],
      [-129, 'd1ff7f'],
      [-32_768, 'd18000'],
      [-32_769, 'd2ffff7fff'],
      [-(2 ** 31), 'd280000000'],
      [-(2 ** 31) - 1, 'cbc1e0000000200000'],
      [1.5, 'cb3ff8000000000000'],
      [1n, 'cf0000000000000001'],
      [-1n, 'd3ffffffffffffffff'],
      ['', 'a0'],
      ['é', 'a2c3a9'],
      ['a'.repeat(31), `bf${'61'.repeat(31)}`],
      ['a'.repeat(32), `d920${'61'.repeat(32)}`],
      ['é'.repeat(16), `d920${'c3a9'.repeat(16)}`],
      ['a'.repeat(256), `da0100${'61'.repeat(256)}`],
      ['a'.repeat(65_536), `db00010000${'61'.repeat(65_536)}`],
      [Uint8Array.of(1), 'c40101'],
      [new Uint8Array(256), `c50100${'00'.repeat(256)}`],
      [new Uint8Array(65_536), `c600010000${'00'.repeat(65_536)}`],
      [[1], '9101'],
      [Array.from({ length: 16 }, () => 1), `dc0010${'01'.repeat(16)}`],
      [Array.from({ length: 65_536 }, () => 1), `dd00010000${'01'.repeat(65_536)}`],
      [{ a: 1 }, '81a16101']
    ]
    for (const [value, bytes] of examples) {
      assert.equal(hex(encode(value)), bytes)
      assert.deepEqual(read(bytes), value)
    }
  })

  it('has an extension for everything else', () => {
    const examples: readonly (readonly [unknown, string])[] = [
      [undefined, 'd4 00 00'],
      [new Map([['a', 1]]), 'c7 03 01 a161 01'],
      [new Set([1, 2]), 'd5 02 01 02'],
      [Uint8Array.of(1, 2).buffer, 'd5 10 0102'],
      [new DataView(Uint8Array.of(1).buffer), 'd4 11 01'],
      [Int8Array.of(-1), 'd4 12 ff'],
      [Uint8ClampedArray.of(1), 'd4 13 01'],
      [Int16Array.of(-2), 'd5 14 feff'],
      [Uint16Array.of(1, 2), 'd6 15 01000200'],
      [Int32Array.of(1), 'd6 16 01000000'],
      [Uint32Array.of(1), 'd6 17 01000000'],
      [Float32Array.of(1), 'd6 18 0000803f'],
      [Float64Array.of(1), 'd7 19 000000000000f03f'],
      [BigInt64Array.of(-2n), 'd7 1a feffffffffffffff'],
      [BigUint64Array.of(1n, 2n), 'd8 1b 01000000000000000200000000000000'],
      [Int8Array.of(1, 2, 3), 'c7 03 12 010203'],
      [new Date(1000), 'd6 ff 00000001'],
      [new Date(1), 'd7 ff 003d090000000000'],
      [new Date(2 ** 32 * 1000), 'd7 ff 0000000100000000'],
      [new Date(-1), 'c7 0c ff 3b8b87c0 ffffffffffffffff'],
      [new Date(8.64e15), 'c7 0c ff 00000000 000007dba8218000']
    ]
    for (const [value, bytes] of examples) {
      assert.equal(hex(encode(value)), bytes.replaceAll(' ', ''))
      assert.deepEqual(read(bytes), value)
    }
  })

  it('reads what others write in longer forms', () => {
    assert.deepEqual(read('dd 00000001 cd 0001'), [1])
    assert.deepEqual(read('df 00000001 d9 01 61 d3 0000000000000001'), { a: 1n })
    assert.equal(read('ca 3fc00000'), 1.5)
    assert.deepEqual(read('c7 04 ff 00000001'), new Date(1000))
    assert.deepEqual(read('d7 ff 003d090400000000'), new Date(1))
    assert.deepEqual(read('82 01 02 a131 03'), { '1': 3 })
  })

  it('never begins with the byte that marks control', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true }),
        value => {
          try {
            const message = encode(value)
            assert.ok(message.length > 0)
            assert.notEqual(message[0], 0xc1)
          } catch (error) {
            assert.ok(error instanceof Error && 'code' in error && error.code === 'ERR_ENCODE', String(error))
          }
        }
      ),
      runs(2_000)
    )
    assert.throws(() => read('c1'), { code: 'ERR_VALUE' })
  })

  it('keeps keys apart whose bytes and characters look alike', () => {
    const keys = ['\u00c3\u00a9', 'é', 'a'.repeat(23), 'a'.repeat(24), '', 'é'.repeat(40)]
    for (let round = 0; round < 2; round++) for (const key of keys) assert.deepEqual(pass({ [key]: 1 }), { [key]: 1 })
  })

  it('calls toJSON of a class, which may encode something itself', () => {
    class Nested {
      toJSON = (): unknown => new Map([['bytes', encode({ inner: 1 })]])
    }
    assert.deepEqual(pass([1, new Nested(), 2]), [1, new Map([['bytes', encode({ inner: 1 })]]), 2])
  })

  it('counts maps and sets as levels', () => {
    const shallow = msgpack({ depth: 1 })
    assert.doesNotThrow(() => shallow.encode(new Set([1])))
    assert.throws(() => shallow.encode(new Set([[]])), { code: 'ERR_ENCODE' })
    assert.throws(() => shallow.decode(encode(new Map([[[], 1]]))), { code: 'ERR_VALUE' })
  })

  it('refuses what it cannot have made', () => {
    const messages = [
      '', // nothing
      '0101', // two values
      'd9', // no length
      'd9 05 61', // a length that lies
      'a1 ff', // not UTF-8
      `d9 30 ${'ff'.repeat(48)}`,
      'a3 eda080', // a surrogate in UTF-8
      'dd ffffffff', // four billion items
      'df ffffffff',
      'c6 ffffffff',
      '81 80 01', // a key that is an object
      '81 c0 01',
      'd4 50 00', // an unknown extension
      'd4 10', // an extension without content
      'd5 15 01', // half an element
      'd4 15 01',
      'c7 01 01 01', // a key without a value
      'c7 01 02 92', // an array that goes on behind its extension
      'd4 ff 00', // a timestamp of one byte
      'c7 0c ff 00000000 7fffffffffffffff', // no date
      '91'.repeat(100_000) + '01' // nested too deep
    ]
    for (const message of messages) assert.throws(() => read(message), { code: 'ERR_VALUE' }, message.slice(0, 40))
    assert.throws(() => decode('text'), { code: 'ERR_VALUE' })
  })

  it('makes nothing of lengths that lie', () => {
    const lies = {
      '60 arrays of 8 million items in 300 bytes': 'dd00800000'.repeat(60),
      '350,000 arrays of 65,535 items in a megabyte': 'dcffff'.repeat(350_000),
      '60 arrays of a million items in a megabyte': `${'dd000fffff'.repeat(60)}${'00'.repeat(1e6)}`,
      '60 maps of 16 million fields': 'df00ffffffa161'.repeat(60),
      'a set of arrays of 65,535 items': `c9000ffff002${'dcffff'.repeat(349_000)}`
    }
    for (const [name, lie] of Object.entries(lies)) {
      const before = process.memoryUsage().heapUsed
      const took = processorTime(() => assert.throws(() => read(lie), { code: 'ERR_VALUE' }, name))
      assert.ok(process.memoryUsage().heapUsed - before < 2e7, name)
      assert.ok(took < 500, name)
    }
  })

  it(`reads ${isThorough ? 256 : 64} KB of anything in a time that fits`, () => {
    const sizes = { '80': 1, '90': 1, c402: 4, '81a16101': 4, d40200: 3, '92a161a162': 5, c3: 1 }
    for (const [item, size] of Object.entries(sizes)) {
      const count = Math.floor(2 ** (isThorough ? 18 : 16) / size)
      const padded = item.padEnd(2 * size, '01')
      const took = processorTime(() => {
        const value = read(`dd${count.toString(16).padStart(8, '0')}${padded.repeat(count)}`)
        assert.ok(Array.isArray(value) && value.length === count)
      })
      assert.ok(took < 2000, item)
    }
  })

  it('carries byte order marks, which the library would drop from long texts', () => {
    for (const text of ['\ufeff', `\ufeff${'long '.repeat(100)}`, 'in\ufeffside']) {
      assert.equal(pass(text), text)
      assert.deepEqual(pass([{ a: text }]), [{ a: text }])
    }
    assert.equal(hex(encode('\ufeffa')), 'd603efbbbf61')
    assert.throws(() => read('a3 efbbbf'), { code: 'ERR_VALUE' })
    assert.throws(() => encode({ '\ufeffa': 1 }), { code: 'ERR_ENCODE' })
  })

  it('sends what looks like an extension as the object that it is', () => {
    assert.deepEqual(pass(new ExtData(99, Uint8Array.of(1))), { type: 99, data: Uint8Array.of(1) })
  })

  it('does not keep the memory of long messages', () => {
    const long = encode(new Uint8Array(1e6))
    assert.ok(long instanceof Uint8Array && long.buffer.byteLength === 1_000_005)
    assert.equal(hex(encode([1])), '9101')
  })

  it('refuses invalid dates and bigints of more than 64 bits', () => {
    for (const value of [new Date(NaN), 2n ** 64n, -(2n ** 63n) - 1n]) {
      assert.throws(() => encode(value), { name: 'AnywireError', code: 'ERR_ENCODE' })
    }
  })

  it('goes on after an error', () => {
    assert.throws(() => encode([1, () => 1]))
    assert.equal(hex(encode([1])), '9101')
  })
})

describe('msgpack without its package', () => {
  it('fails with an error that names the package to install', function () {
    this.timeout(60_000)
    const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
    try {
      const flags = program('parsers/msgpack.ts')
      const file = flags.pop() ?? ''
      cpSync('package.json', join(folder, 'package.json'))
      for (const part of ['lib', 'parsers']) cpSync(join(file, '../..', part), join(folder, part), { recursive: true })
      const run = () =>
        execFileSync(process.execPath, [...flags, join(folder, 'parsers', basename(file))], {
          encoding: 'utf8',
          stdio: 'pipe'
        })
      assert.throws(run, /Cannot find package '@msgpack\/msgpack'/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
