import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { Run } from '../../lib/run.ts'
import type { Data } from '../../lib/transformer.ts'
import { makeStrictDecoder } from '../../transformers/webtransport/decoder.ts'
import { BYTES, encode, GOODBYE, HEAD, makeDecoder, OPEN, TEXT } from '../../transformers/webtransport/frame.ts'
import type { Decode, Hear } from '../../transformers/webtransport/frame.ts'
import { frameRun } from '../../transformers/webtransport/run-frame.ts'
import { character } from '../contract/parser-values.ts'

type Frame = readonly [kind: number, payload: Uint8Array]

const LIMIT = 1_000_000

const decoders: Record<string, (hear: Hear) => Decode> = {
  'the decoder of browsers': makeDecoder,
  'the decoder of servers': hear => makeStrictDecoder(LIMIT, hear, code => assert.fail(`refused with ${code}`))
}

const frame: fc.Arbitrary<readonly [kind: number, data: Data]> = fc.oneof(
  fc.tuple(fc.constant(TEXT), fc.string({ unit: character(fc) })),
  fc.tuple(fc.constant(BYTES), fc.uint8Array({ maxLength: 300 })),
  fc.tuple(fc.constant(GOODBYE), fc.constant('4001bye')),
  fc.tuple(fc.constant(OPEN), fc.constant(''))
)

/** Cuts bytes into chunks of the lengths that are given, over and over. */
const cut = (bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] => {
  const chunks: Uint8Array[] = []
  for (let offset = 0, index = 0; offset < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? 1
    chunks.push(bytes.slice(offset, offset + length))
    offset += length
  }
  return chunks
}

const read = (make: (hear: Hear) => Decode, chunks: readonly Uint8Array[]): Frame[] => {
  const frames: Frame[] = []
  const decode = make((kind, payload) => frames.push([kind, payload]))
  for (const chunk of chunks) decode(chunk)
  return frames
}

/** How many bytes are copied by `act`. */
const copied = (act: () => void): number => {
  let bytes = 0
  const { prototype } = Uint8Array
  const { set } = prototype
  prototype.set = function counting(source, offset) {
    bytes += source.length
    set.call(this, source, offset)
  }
  try {
    act()
  } finally {
    // What is left is the method of all typed arrays.
    Reflect.deleteProperty(prototype, 'set')
  }
  return bytes
}

describe('the frames of webtransport', () => {
  for (const [name, make] of Object.entries(decoders)) {
    describe(name, () => {
      it('reads what was encoded, however it is cut', () => {
        const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 })
        fc.assert(
          fc.property(fc.array(frame), lengths, (frames, lengths) => {
            const bytes = Buffer.concat(frames.map(([kind, data]) => encode(kind, data)))
            const expected = frames.map(([kind, data]) => [kind, [...Buffer.from(data)]])
            for (const chunks of [cut(bytes, lengths), cut(bytes, [1]), [bytes]]) {
              assert.deepEqual(
                read(make, chunks).map(([kind, payload]) => [kind, [...payload]]),
                expected
              )
            }
          })
        )
      })

      it('keeps payloads apart from what comes later', () => {
        const first = encode(BYTES, new Uint8Array(100).fill(1))
        const second = encode(BYTES, new Uint8Array(100).fill(2))
        const frames = read(make, cut(Buffer.concat([first, second]), [7]))
        assert.deepEqual(
          frames.map(([, payload]) => payload.every(byte => byte === payload[0])),
          [true, true]
        )
      })

      it('copies each byte a few times at most, however it is cut', () => {
        const payload = new Uint8Array(70_000)
        const small = encode(BYTES, new Uint8Array(3))
        const bytes = Buffer.concat([encode(BYTES, payload), ...Array.from({ length: 5_000 }, () => small)])
        for (const lengths of [[1], [2, 3], [1_000], [65_536], [bytes.length]]) {
          const chunks = cut(bytes, lengths)
          const size = copied(() => read(make, chunks))
          assert.ok(size <= 4 * bytes.length, `${size} bytes copied, of ${bytes.length}`)
        }
      })
    })
  }

  it('are the same for a run, one behind the other', () => {
    const messages: Data[] = [
      'text',
      'é漢\u{1f600}',
      '',
      new Uint8Array([1, 2, 3]),
      new Uint8Array(),
      'x'.repeat(70_000)
    ]
    let run: Run | undefined
    for (const data of messages) run = new Run(run, data, true)
    assert.ok(run)
    const expected = Buffer.concat(messages.map(data => encode(typeof data === 'string' ? TEXT : BYTES, data)))
    assert.equal(Buffer.compare(frameRun(run), expected), 0)
  })

  describe('that break rules', () => {
    const head = (kind: number, length: number): Uint8Array => {
      const bytes = Buffer.alloc(HEAD)
      bytes.writeUInt32BE(length * 4 + kind)
      return bytes
    }
    const hostile: readonly [title: string, bytes: Uint8Array, code: number][] = [
      ['longer than the limit', head(BYTES, LIMIT + 1), 1009],
      ['of the greatest length', Uint8Array.of(255, 255, 255, 253), 1009],
      ['that mean nothing, longer than the limit', head(OPEN, LIMIT + 1), 1009],
      ['of text that is no UTF-8', Buffer.concat([head(TEXT, 2), Buffer.from([0xc3, 0x28])]), 1007],
      ['of text with a surrogate', Buffer.concat([head(TEXT, 3), Buffer.from([0xed, 0xa0, 0x80])]), 1007],
      ['of a goodbye without a code', encode(GOODBYE, ''), 1002],
      ['of a goodbye with half a code', encode(GOODBYE, '400'), 1002],
      ['of a goodbye with a code that is none', encode(GOODBYE, '9999'), 1002],
      ['of a goodbye with words', encode(GOODBYE, 'bye bye'), 1002],
      [
        'of a goodbye that is no UTF-8',
        Buffer.concat([head(GOODBYE, 5), Buffer.from('4001'), Buffer.from([0xff])]),
        1007
      ]
    ]
    for (const [title, bytes, code] of hostile) {
      it(`refuses those ${title}, once, and hears nothing more`, () => {
        const before = encode(TEXT, 'before')
        const after = encode(TEXT, 'after')
        for (const lengths of [[1], [3], [1_000]]) {
          const heard: string[] = []
          const codes: number[] = []
          const decode = makeStrictDecoder(
            LIMIT,
            (_kind, payload) => heard.push(Buffer.from(payload).toString()),
            refused => codes.push(refused)
          )
          for (const chunk of cut(Buffer.concat([before, bytes, after, after]), lengths)) decode(chunk)
          assert.deepEqual([codes, heard], [[code], ['before']])
        }
      })
    }

    it('allocate nothing that has not arrived', () => {
      const decode = makeStrictDecoder(
        2 ** 29,
        () => {},
        () => assert.fail('refused')
      )
      decode(head(BYTES, 2 ** 28))
      const before = process.memoryUsage().arrayBuffers
      decode(new Uint8Array(10))
      assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20)
    })

    it('do not throw, whatever they are', () => {
      fc.assert(
        fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), chunks => {
          const decode = makeStrictDecoder(
            100,
            () => {},
            () => {}
          )
          for (const chunk of chunks) decode(chunk)
        })
      )
    })
  })
})
