import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Value } from '../../../lib/store.ts'
import { toBase64 } from '../../../plugins/records/core/base64.ts'
import * as client from '../../../plugins/records/core/client-codec.ts'
import { TICKS } from '../../../plugins/records/core/clock.ts'
import type { ClientFrame, Delta, Registers, ServerFrame, WriteFrame } from '../../../plugins/records/core/frame.ts'
import { DELETED, IMPLICIT, INCREMENT, LEAF, OBJECT } from '../../../plugins/records/core/register.ts'
import type { Write } from '../../../plugins/records/core/register.ts'
import * as server from '../../../plugins/records/core/server-codec.ts'
import { decodeKept } from '../../../plugins/records/core/write-codec.ts'
import { runs } from '../../support/faults-seed.ts'
import { frame } from '../../support/records.ts'
import { decodeFrame, encodeFrame } from '../../support/records-codec.ts'

const NOW = 1_790_000_000_000 * TICKS
const NODE = 'AbCdEfGhIjA'

const delta = (more: Partial<Delta> = {}): Delta => ({
  type: 'delta',
  seq: 100_000,
  more: false,
  scopes: [],
  records: [],
  versions: (more.records ?? []).map(() => more.seq ?? 100_000),
  whole: (more.records ?? []).map(() => false),
  evicted: [],
  denied: [],
  acknowledged: [],
  results: [],
  digests: [],
  ...more
})

const write = (records: readonly Registers<Write>[], number = 100_000): WriteFrame => ({
  type: 'write',
  node: NODE,
  number,
  atomic: false,
  conditions: [],
  records
})

const leaf = (path: string, value: Write['value'], t = NOW): Write & { kind: typeof LEAF } => ({
  path,
  kind: LEAF,
  value,
  t,
  node: NODE
})

describe('records: frames as bytes', () => {
  it('carry every frame as it was', () => {
    fc.assert(
      fc.property(frame, frame => {
        assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
      }),
      runs(250)
    )
  })

  it('keep writes', () => {
    const frame = write([{ record: 'a', registers: [leaf('b', Uint8Array.of(1, 2, 3)), leaf('c', ['ä'])] }])
    const kept = toBase64(encodeFrame(frame))
    assert.deepEqual(decodeKept(kept), frame)
    const ping = encodeFrame({ type: 'ping', asked: 1 })
    for (const other of [undefined, 7, '', encodeFrame(frame), '?', toBase64(ping), kept.slice(0, -4)]) {
      assert.throws(() => decodeKept(other), Error, String(other))
    }
  })

  it('are refused where they are cut or something is behind them, unless that is a frame too', () => {
    fc.assert(
      fc.property(frame, fc.nat(), (frame, cut) => {
        const bytes = encodeFrame(frame)
        for (const other of [bytes.slice(0, cut % bytes.length), Uint8Array.of(...bytes, 0)]) {
          let decoded
          try {
            decoded = decodeFrame(other)
          } catch (error) {
            assert.ok(error instanceof Error)
            continue
          }
          // What is behind follows may be missing.
          if (frame.type === 'hello' || frame.type === 'follow') {
            const { behind, ...less } = frame
            assert.ok(behind)
            assert.deepEqual(decoded, less)
            continue
          }
          assert.ok(frame.type === 'write' || frame.type === 'delta', frame.type)
          assert.deepEqual(decodeFrame(encodeFrame(decoded)), decoded)
        }
      }),
      runs(125)
    )
  })

  it('that are noise or damaged are refused, or are frames', () => {
    const noise = fc.uint8Array({ minLength: 0, maxLength: 200 })
    const damaged = fc
      .tuple(frame, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }))
      .map(([frame, changes]) => {
        const bytes = encodeFrame(frame)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(noise, damaged), bytes => {
        let decoded
        try {
          decoded = decodeFrame(bytes)
        } catch (error) {
          return assert.ok(error instanceof Error)
        }
        assert.deepEqual(decodeFrame(encodeFrame(decoded)), decoded)
      }),
      runs(500)
    )
  })

  it('that promise more than they have are refused at once', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
    const head = [...encodeFrame(write([]))]
    const examples: readonly (readonly [string, readonly number[]])[] = [
      ['nothing', []],
      ['a frame that nobody knows', [0x3f]],
      ['a list', [2, ...huge]],
      ['text', [...head, 0x36, 1, 97, 0, ...huge]],
      ['bytes', [...head, 0x37, 1, 97, 0, ...huge]],
      ['an array', [...head, 0x38, 1, 97, 0, ...huge]],
      ['an object', [...head, 0x39, 1, 97, 0, ...huge]],
      ['a number that never ends', [2, ...Array.from({ length: 1_000 }, () => 0x80)]],
      ['a number that is too large', [...head, 0x33, 1, 97, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
      ['a register without record', [...head, 0x20, 0]],
      ['a path that was not said', [...head, 0x10, 1, 97, 5]],
      ['a node that was not said', [...head, 0xb0, 1, 97, 0, 7]],
      ['no node at all', [0x80, 1, 0x30, 1, 97, 0]],
      ['more of the last record than it has', [...head, 0x1e, 1, 97, 0x1e, 2, 0]],
      ['a code that nobody knows', [...head, 0x3f, 1, 97, 0]],
      ['a time before all times', [...head, 0x70, 1, 97, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
      ['a float that is none', [...head, 0x35, 1, 97, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f]],
      ['text that is none', [...head, 0x36, 1, 97, 0, 1, 0xff]],
      ['a prototype', [...head, 0x39, 1, 97, 0, 1, 9, ...Buffer.from('__proto__'), 9, 0]],
      ['an increment by text', [...head, 0x3d, 1, 97, 0, 6, 1, 97]]
    ]
    for (const [what, bytes] of examples) assert.throws(() => decodeFrame(Uint8Array.from(bytes)), Error, what)
  })

  it('of deltas have no increments', () => {
    const records = [{ record: 'a', registers: [{ ...leaf('b', 1), kind: INCREMENT }] }]
    const bytes = encodeFrame({ ...delta(), records, versions: [1], whole: [false] } as unknown as Delta)
    assert.throws(() => decodeFrame(bytes), /malformed/)
  })

  it('have 64 levels of values and no more', () => {
    const nest = (levels: number): Value => (levels ? [nest(levels - 1)] : 1)
    const pass = (levels: number) =>
      decodeFrame(encodeFrame(write([{ record: 'a', registers: [leaf('b', nest(levels))] }])))
    assert.doesNotThrow(() => pass(64))
    assert.throws(() => pass(65), /malformed/)
  })

  it('are not made of what is no value', () => {
    for (const value of [undefined, NaN, Infinity, Symbol('a'), 1n, () => 1]) {
      const frame = write([{ record: 'a', registers: [leaf('b', value as Write['value'])] }])
      assert.throws(() => encodeFrame(frame), /malformed/, String(value))
    }
    for (const number of [-1, 0.5, NaN, 2 ** 53]) assert.throws(() => encodeFrame(write([], number)), /malformed/)
  })

  it('freeze values', () => {
    const decoded = decodeFrame(encodeFrame(write([{ record: 'a', registers: [leaf('b', [{ c: [1] }])] }])))
    assert.ok(decoded.type === 'write')
    const value = decoded.records[0]?.registers[0]?.value as [{ c: number[] }]
    for (const part of [value, value[0], value[0].c]) assert.ok(Object.isFrozen(part))
  })
})

describe('records: the format of frames', () => {
  // Writes are kept as bytes, and other versions read them: what changes here is another version of the protocol.
  const t = NOW + 1
  const title = { path: 'title', kind: LEAF, value: 'milk', t, node: NODE } as const
  const made = { path: '', kind: OBJECT, value: undefined, ...IMPLICIT } as const
  const count = { path: 'count', kind: INCREMENT, value: -2, t, node: NODE } as const
  const gone = { path: '', kind: DELETED, value: undefined, t: NOW, node: 'b' } as const
  const where = [['done', '=', false]] as const
  const follow = { scope: 1, name: 'todos/', query: { where, limit: 10 }, epoch: 'e', since: 4, digest: 0 }
  const frames: readonly (readonly [ClientFrame | ServerFrame, string])[] = [
    [
      write([{ record: 'todos/1', registers: [made, title, count] }], 7),
      '40 00 01b09d11f1a12230 07 3c 07 746f646f732f31 00 66 05 7469746c65 82e09e9c8f16 01 04 6d696c6b 2d 00 05 636f756e74 04 01'
    ],
    [
      {
        ...write([{ record: 'todos/1', registers: [title] }]),
        atomic: true,
        conditions: [['todos/1', 3]],
        records: [
          { record: 'todos/1', registers: [title] },
          { record: 'todos/2', registers: [gone] }
        ]
      },
      '43 00 01b09d11f1a12230 a08d06 01 07 746f646f732f31 03 76 07 746f646f732f31 05 7469746c65 82e09e9c8f16 01 04 6d696c6b fb 06 01 32 00 00 00 01 01 62'
    ],
    [
      delta({
        seq: 300,
        more: true,
        scopes: [
          { scope: 1, outcome: 'reset' },
          { scope: 2, outcome: 'ERR_DENIED' }
        ],
        records: [
          { record: 'a', registers: [leaf('b', [null, { c: 0.5 }])] },
          { record: 'c', registers: [] }
        ],
        versions: [299, 300],
        whole: [true, false],
        evicted: ['d'],
        denied: ['e'],
        acknowledged: [[NODE, 6]],
        results: [{ node: NODE, number: 5, record: 'a', code: 'restamp', hint: '' }],
        digests: [[1, 9]]
      }),
      'ff ac02 02 01 02 02 00 0a 4552525f44454e494544 01 01 64 01 01 65 01 00 01b09d11f1a12230 06 01 02 05 01 61 07 72657374616d70 00 01 01 09 78 01 61 01 01 62 80e09e9c8f16 02 00 09 01 01 63 05 000000000000e03f 1e 00 01 63 00'
    ],
    [
      {
        type: 'hello',
        version: 1,
        secret: 'SecretSecretSecret',
        schema: { id: 'app', version: 2 },
        asked: 1.5,
        nodes: [[NODE, 7]],
        follows: [follow]
      },
      '00 01 12 536563726574536563726574536563726574 01 03 617070 02 000000000000f83f 01 00 01b09d11f1a12230 07 01 01 06 746f646f732f 01 09 02 05 7768657265 08 01 08 03 06 04 646f6e65 06 01 3d 01 05 6c696d6974 03 0a 01 65 04 00'
    ],
    [{ type: 'follow', follows: [] }, '01 00'],
    [{ type: 'follow', follows: [], behind: [NODE, 7] }, '01 00 00 01b09d11f1a12230 07'],
    [{ type: 'unfollow', scopes: [1, 300] }, '02 02 01 ac02'],
    [{ type: 'confirm', node: NODE, number: 1 }, '03 00 01b09d11f1a12230 01'],
    [{ type: 'nodes', nodes: [[NODE, 7]] }, '05 01 00 01b09d11f1a12230 07'],
    [{ type: 'ping', asked: 1.5 }, '04 000000000000f83f'],
    [
      { type: 'welcome', epoch: 'e', asked: 1.5, time: 2, maxValue: 4, maxFrame: 5 },
      '10 01 65 000000000000f83f 0000000000000040 04 05'
    ],
    [{ type: 'mismatch', advice: 'wait', min: 1, max: 2 }, '11 01 01 02'],
    [{ type: 'pong', asked: 1.5, time: 2 }, '12 000000000000f83f 0000000000000040'],
    [{ type: 'notice', what: 'bye', number: 2 }, '13 01 02']
  ]

  const more = (frame: ClientFrame | ServerFrame): string =>
    frame.type === 'write' && frame.atomic ? ', atomic' : 'behind' in frame ? ', behind' : ''

  for (const [frame, hex] of frames) {
    it(`is that of PROTOCOL.md: ${frame.type}${more(frame)}`, () => {
      const bytes = encodeFrame(frame)
      assert.equal(Buffer.from(bytes).toString('hex'), hex.replaceAll(' ', ''))
      assert.deepEqual(decodeFrame(bytes), frame)
    })
  }

  it('may have an advice that only later servers give, which is taken for the last one that is known', () => {
    for (const advice of [3, 255])
      assert.deepEqual(decodeFrame(Uint8Array.of(17, advice, 1, 2)), {
        type: 'mismatch',
        advice: 'other',
        min: 1,
        max: 2
      })
  })

  it('is refused by whoever sends it', () => {
    for (const [frame] of frames) {
      const isClients = ['hello', 'follow', 'unfollow', 'write', 'confirm', 'nodes', 'ping'].includes(frame.type)
      const sender = isClients ? client : server
      assert.throws(() => sender.decodeFrame(encodeFrame(frame)), /malformed/)
    }
  })
})

describe('records: the size of frames', () => {
  it('is at most 36 bytes for one set of one field', () => {
    const registers = [leaf('field7', 98_765)]
    assert.ok(encodeFrame(write([{ record: 'r/123', registers }])).length <= 36)
    assert.ok(encodeFrame(delta({ records: [{ record: 'r/123', registers }] })).length <= 36)
  })

  it('is at most 64 bytes for the delta of one changed field, with an answer to its author too', () => {
    const records = [{ record: 'projects/4711', registers: [leaf('address.city', 'Reykjavík', NOW + 1_234)] }]
    const versions = [99_999]
    const scopes = [{ scope: 1, outcome: 'delta' }]
    assert.ok(encodeFrame(delta({ records, versions, scopes })).length <= 64)
    assert.ok(encodeFrame(delta({ records, versions, acknowledged: [[NODE, 1_234]] })).length <= 64)
  })

  it('is not larger than the JSON of the state', () => {
    const plain: { [record: string]: { [path: string]: unknown } } = {}
    const records: Registers[] = []
    let t = NOW
    for (let record = 0; record < 1_000; record++) {
      const registers = [
        { path: '', kind: OBJECT, value: undefined, ...IMPLICIT } as const,
        leaf('title', `Title ${record}`, t)
      ]
      const fields: { [path: string]: unknown } = { title: `Title ${record}` }
      for (let field = 0; field < 9; field++) {
        // Written at some moment of the last days, by one of twenty.
        t = NOW - ((record * 7_919 + field * 104_729) % 300_000_000) * TICKS
        const node = `AbCdEfGhI${record % 20 < 10 ? 'j' : 'k'}A`
        registers.push({ ...leaf(`field${field}`, record * field, t), node })
        fields[`field${field}`] = record * field
      }
      plain[`todos/${record}`] = fields
      records.push({ record: `todos/${record}`, registers })
    }
    const versions = records.map((_, index) => 99_000 + index)
    assert.ok(
      encodeFrame(delta({ records, versions, whole: records.map(() => true) })).length <= JSON.stringify(plain).length
    )
  })

  it('says what is gone in few bytes', () => {
    const registers = [{ path: '', kind: DELETED, value: undefined, t: NOW, node: NODE } as const]
    assert.ok(encodeFrame(delta({ records: [{ record: 'todos/1', registers }] })).length <= 32)
  })
})
