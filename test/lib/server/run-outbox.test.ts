import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Frame } from '../../../lib/server/frame.ts'
import { RunOutbox } from '../../../lib/server/run-outbox.ts'
import type { Data } from '../../../lib/transformer.ts'
import { compare, histories, OutboxReal } from '../../support/faults-outbox.ts'
import type { OutboxKind } from '../../support/faults-outbox.ts'
import { runs } from '../../support/faults-seed.ts'
import { processorTime } from '../../support/processor.ts'

const PIECE = 65_536

/** Short and long, text and bytes, each counted and not. */
const makeFrames = (): Frame[] =>
  ['a', 'b'.repeat(70), 'c'.repeat(9_000), 'd'.repeat(70_000), Uint8Array.of(1, 2, 3)].flatMap(data => [
    new Frame(data, true),
    new Frame(data, false)
  ])

const kind = (frames: readonly Frame[], wireTakesRuns: boolean): OutboxKind => ({
  make: window => new RunOutbox(window, true),
  frames,
  share: (outbox, frame) => {
    assert.ok(outbox instanceof RunOutbox)
    outbox.put(frame.after(outbox.queue))
  },
  piece: PIECE,
  runs: wireTakesRuns
})

describe('RunOutbox', () => {
  for (const window of [0, 100, 3_000, 1_048_576]) {
    it(`does what a list of messages does, with a window of ${window}`, () => {
      fc.assert(
        fc.property(histories(), steps => compare(kind(makeFrames(), true), window, steps)),
        runs(150)
      )
    })
  }

  it('does so on wires that take no runs', () => {
    fc.assert(
      fc.property(histories(), steps => compare(kind(makeFrames(), false), 3_000, steps)),
      runs(100)
    )
  })

  it('knows what it sent over one wire when it was to send it again over the next, and did not', () => {
    const outbox = new RunOutbox(1_048_576, true)
    const heard: unknown[] = []
    const wire = { buffered: 0, send: (data: Data) => heard.push(data) > 0, close: () => {}, abort: () => {} }
    for (const value of ['0', '1', '2', '3']) outbox.add(value)
    outbox.flush(wire)
    assert.equal(outbox.rewind(1, 0), true)
    assert.equal(outbox.sent, 1)
    outbox.add('4')
    assert.equal(outbox.rewind(5, 0), false)
    assert.equal(outbox.rewind(3, 2), true)
    assert.equal(outbox.sent, 3)
    outbox.flush(wire)
    assert.deepEqual(heard, ['0', '1', '2', '3', '3', '4'])
    assert.deepEqual(outbox.clear(), { sent: ['2', '3', '4'], unsent: [] })
  })

  it('sends again what was acknowledged meanwhile: the other end drops by number', () => {
    const outbox = new RunOutbox(100, true)
    const heard: unknown[] = []
    const wire = { buffered: 0, send: (data: Data) => heard.push(data) > 0, close: () => {}, abort: () => {} }
    // Two of them fill the window.
    const values = ['0', '1', '2', '3'].map(value => value.repeat(60))
    for (const [index, value] of values.slice(0, 3).entries()) {
      outbox.add(value)
      outbox.flush(wire)
      if (index === 1) outbox.acknowledge(1)
    }
    assert.equal(outbox.sent, 3)
    assert.equal(outbox.rewind(1, 1), true)
    outbox.add(values[3] ?? '')
    assert.equal(outbox.acknowledge(4), false)
    assert.equal(outbox.acknowledge(3), true)
    assert.equal(outbox.sent, 1)
    // They take nothing of the window: nobody acknowledges them again.
    outbox.flush(wire)
    assert.deepEqual(heard, [...values.slice(0, 3), ...values.slice(1)])
    assert.deepEqual(outbox.clear(), { sent: values.slice(3), unsent: [] })
  })

  it('does not tell as lost what was acknowledged and waits to be sent again', () => {
    const outbox = new RunOutbox(1_048_576, true)
    const { wire } = new OutboxReal(kind([], true), 0)
    for (const value of ['0', '1', '2', '3']) outbox.add(value)
    outbox.flush(wire)
    assert.equal(outbox.rewind(1, 0), true)
    assert.equal(outbox.acknowledge(3), true)
    // What it said before it got more is nothing new, and goes back no further than it has confirmed.
    assert.equal(outbox.rewind(2, 0), true)
    assert.equal(outbox.sent, 3)
    assert.deepEqual(outbox.clear(), { sent: [], unsent: ['3'] })
  })

  it('shares frames with other outboxes, whatever becomes of each', () => {
    fc.assert(
      fc.property(fc.array(histories(), { minLength: 2, maxLength: 3 }), all => {
        const shared = kind(makeFrames(), true)
        for (const steps of all) compare(shared, 3_000, steps)
      }),
      runs(60)
    )
  })

  it('interleaves outboxes that are sent the same frames, and frames of their own', () => {
    const step = fc.record({ whom: fc.nat(3), what: fc.nat(12), flush: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), steps => {
        const frames = makeFrames()
        const ends = Array.from({ length: 3 }, () => ({
          real: new OutboxReal(kind(frames, true), 1e9),
          put: [] as Data[],
          all: [] as Data[]
        }))
        for (const { whom, what, flush } of steps) {
          const frame = frames[what]
          for (const [index, { real, put }] of ends.entries()) {
            if (whom < 3 && whom !== index) continue
            if (frame) real.kind.share?.(real.outbox, frame)
            else real.outbox.add(`own ${index}`)
            put.push(frame ? frame.data : `own ${index}`)
          }
          if (!flush) continue
          for (const end of ends) {
            end.real.outbox.flush(end.real.wire)
            assert.equal(end.real.outbox.waiting, 0)
          }
        }
        for (const { real, put } of ends) {
          real.outbox.flush(real.wire)
          assert.deepEqual(real.heard, put)
        }
      }),
      runs(100)
    )
  })

  it('gives outboxes that were sent the same one and the same run, and what is computed of it once', () => {
    const frames = makeFrames()
    const outboxes = [new RunOutbox(1e9, true), new RunOutbox(1e9, true)]
    const [first, second] = outboxes.map(outbox => {
      for (const index of [0, 2, 0, 1]) {
        const frame = frames[index]
        if (frame) outbox.put(frame.after(outbox.queue))
      }
      return outbox.queue
    })
    assert.ok(first)
    assert.equal(first, second)
    let computed = 0
    const compute = (): number => ++computed
    assert.equal(first.memo(compute), 1)
    assert.equal(second?.memo(compute), 1)
  })

  it('has as much to do for each run that waits, however many there are', () => {
    const piece = 'x'.repeat(PIECE)
    const take = (count: number): number => {
      const outbox = new RunOutbox(1e12, true)
      // Each is a run of its own.
      for (let index = 0; index < count; index++) outbox.add(piece)
      const { wire } = new OutboxReal(kind([], true), 0)
      const took = processorTime(() => outbox.flush(wire))
      assert.equal(outbox.waiting, 0)
      return took
    }
    take(1_000)
    const few = take(5_000)
    const many = take(50_000)
    assert.ok(many < few * 60 + 50, `${few} ms, and ${many} for ten times as many`)
  })

  it('keeps nothing where nothing is acknowledged', () => {
    const outbox = new RunOutbox(100, false)
    const { wire } = new OutboxReal(kind([], true), 0)
    for (let index = 0; index < 100; index++) {
      outbox.add('x'.repeat(1_000))
      outbox.flush(wire)
    }
    assert.equal(outbox.bytes, 0)
    assert.equal(outbox.acknowledge(100), true)
    assert.equal(outbox.acknowledge(101), false)
    assert.deepEqual(outbox.clear(), { sent: [], unsent: [] })
  })
})
