import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  ACK,
  CLOSE,
  frame,
  headOf,
  HELLO,
  isMarked,
  isValue,
  LANE,
  LOOSE,
  MAX_LANE,
  payloadOf,
  PING,
  PONG,
  WELCOME
} from '../../lib/frames.ts'
import type { Data } from '../../lib/transformer.ts'
import { runs } from '../support/faults-seed.ts'

const data: fc.Arbitrary<Data> = fc.oneof(
  fc.string(),
  fc.string().map(text => `!${text}`),
  fc.uint8Array(),
  fc.uint8Array().map(bytes => Uint8Array.of(0xc1, ...bytes))
)

describe('frames', () => {
  it('say which lane, and whether they count, and carry the rest as it is', () => {
    fc.assert(
      fc.property(data, fc.integer({ min: 0, max: MAX_LANE }), fc.boolean(), (payload, lane, reliable) => {
        const framed = frame(lane, payload, reliable)
        assert.equal(typeof framed, typeof payload, 'text stays text, bytes stay bytes')
        if (!isMarked(framed)) {
          assert.deepEqual([framed, headOf(framed), payloadOf(framed)], [payload, LANE, payload])
          assert.deepEqual([lane, reliable], [0, true], 'only plain values of the default lane have no mark')
          return
        }
        assert.deepEqual([headOf(framed), payloadOf(framed)], [lane + (reliable ? LANE : LOOSE), payload])
      }),
      runs(500)
    )
  })

  it('of control are not taken for values, nor values for control', () => {
    for (const control of [HELLO, WELCOME, CLOSE, ACK, PING, PONG]) {
      assert.ok(headOf(`${control}1`) < LANE)
    }
    fc.assert(
      fc.property(data, fc.boolean(), (payload, reliable) => {
        const framed = frame(0, payload, reliable)
        assert.deepEqual([headOf(framed), isValue(framed)], reliable ? [LANE, true] : [LOOSE, false])
      }),
      runs(300)
    )
  })

  it('are read whatever is in them', () => {
    fc.assert(
      fc.property(data, payload => {
        if (!isMarked(payload)) return
        assert.ok(payloadOf(payload).length < payload.length)
      }),
      runs(500)
    )
    for (const short of ['!', '!?', Uint8Array.of(0xc1), Uint8Array.of(0xc1, 0x3f)])
      assert.ok(!(headOf(short) >= LANE), `${short}`)
  })

  it('do not share memory with the bytes that they carry', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    const framed = frame(1, bytes, true)
    bytes[0] = 9
    assert.deepEqual(framed, Uint8Array.of(0xc1, 0x41, 1, 2, 3))
  })
})
