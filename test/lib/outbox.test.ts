import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MessageOutbox, sizeOf } from '../../lib/outbox.ts'
import { compare, histories } from '../support/faults-outbox.ts'
import type { OutboxKind } from '../support/faults-outbox.ts'
import { runs } from '../support/faults-seed.ts'

describe('MessageOutbox', () => {
  const kind: OutboxKind = { make: window => new MessageOutbox(window), frames: [], piece: 0, runs: false }

  for (const window of [0, 100, 3_000, 1_048_576]) {
    it(`does what a list of messages does, with a window of ${window}`, () => {
      fc.assert(
        fc.property(histories(), steps => compare(kind, window, steps)),
        runs(150)
      )
    })
  }

  it('counts empty messages too, so that a flood of them fills it', () => {
    assert.equal(sizeOf(''), 32)
    assert.equal(sizeOf(new Uint8Array(8)), 40)
    const outbox = new MessageOutbox(1_000)
    for (let index = 0; index < 4_096; index++) outbox.add('')
    assert.equal(outbox.writable, false)
  })
})
