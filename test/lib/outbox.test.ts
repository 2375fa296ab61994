import assert from 'node:assert/strict'
import fc from 'fast-check'
import { makeOutbox, sizeOf } from '../../lib/outbox.ts'
import type { Outbox } from '../../lib/server/outbox.ts'
import type { Data, Wire } from '../../lib/transformer.ts'
import { compare, histories } from '../support/faults-outbox.ts'
import type { OutboxKind } from '../support/faults-outbox.ts'
import { runs } from '../support/faults-seed.ts'

/** A client's log in the shape of a server's. What that tells and a client does not ask for is noted here. */
class Shaped implements Outbox {
  readonly window: number
  sent = 0
  #taken = 0
  #full = false
  readonly #log: ReturnType<typeof makeOutbox>

  constructor(window: number) {
    this.window = window
    this.#log = makeOutbox(window)
  }

  get full(): boolean {
    return this.#full
  }

  set full(full: boolean) {
    assert.equal(full, false, 'only a wire says that it is full')
    this.#full = full
    const [, , , , , free] = this.#log
    free()
  }

  get bytes(): number {
    const [, , , , , , heldBytes] = this.#log
    return heldBytes()
  }

  get waiting(): number {
    const [, , , , , , , waiting] = this.#log
    return waiting()
  }

  get writable(): boolean {
    const [, , , , , , , , hasRoom] = this.#log
    return hasRoom()
  }

  add(data: Data): void {
    const [add] = this.#log
    add(data)
  }

  flush(wire: Wire): void {
    const [, flush] = this.#log
    const send = (data: Data): boolean => {
      this.sent++
      this.#full = !wire.send(data)
      return !this.#full
    }
    flush({ ...wire, send })
  }

  acknowledge(count: number): boolean {
    const [, , acknowledge] = this.#log
    const fits = acknowledge(count)
    if (fits) this.#taken = Math.max(this.#taken, count)
    return fits
  }

  rewind(received: number, consumed: number): boolean {
    const [, , , rewind] = this.#log
    const fits = rewind(received, consumed)
    if (fits) {
      this.sent = Math.max(received, this.#taken)
      this.#taken = Math.max(this.#taken, consumed)
      this.full = false
    }
    return fits
  }

  clear(): { sent: Data[]; unsent: Data[] } {
    const [, , , , clear, , , , , takeUnsent] = this.#log
    return { sent: clear(), unsent: takeUnsent() }
  }
}

describe('the outbox of a client', () => {
  const kind: OutboxKind = { make: window => new Shaped(window), frames: [], piece: 0, runs: false }

  for (const window of [0, 100, 3_000, 1_048_576]) {
    it(`does what a list of messages does, with a window of ${window}`, () => {
      fc.assert(
        fc.property(histories(), steps => compare(kind, window, steps)),
        runs(50)
      )
    })
  }

  it('counts empty messages too, so that a flood of them fills it', () => {
    assert.equal(sizeOf(''), 32)
    assert.equal(sizeOf(new Uint8Array(8)), 40)
    const outbox = new Shaped(1_000)
    for (let index = 0; index < 4_096; index++) outbox.add('')
    assert.equal(outbox.writable, false)
  })
})
