import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sizeOf, WAITING } from '../../lib/outbox.ts'
import type { Outbox } from '../../lib/server/outbox.ts'
import type { Run } from '../../lib/run.ts'
import type { Frame } from '../../lib/server/frame.ts'
import type { Data, Wire } from '../../lib/transformer.ts'

/** What a kind of outbox is tested with. */
export interface OutboxKind {
  readonly make: (window: number) => Outbox
  /** Shared frames, counted or not, that may be put; the same ones for all outboxes of a history. */
  readonly frames: readonly Frame[]
  readonly share?: (outbox: Outbox, frame: Frame) => void
  /** Bytes that may be sent at once without looking at the wire or the window again. */
  readonly piece: number
  /** Whether wires take runs. */
  readonly runs: boolean
}

interface Message {
  readonly data: Data
  readonly counted: boolean
}

/** The naive one: a list of all messages ever written, and three positions among the counted ones. */
export class OutboxModel {
  readonly window: number
  readonly log: Message[] = []
  /** The index of the first message that was not sent. */
  next = 0
  /** Counted messages that were acknowledged; and the most that were ever sent. */
  taken = 0
  reached = 0
  full = false

  constructor(window: number) {
    this.window = window
  }

  get sent(): number {
    return this.log.slice(0, this.next).filter(({ counted }) => counted).length
  }

  /** The index in the log of the counted message number `count`, or the end of the log. */
  indexOf(count: number): number {
    let seen = 0
    for (const [index, { counted }] of this.log.entries()) {
      if (counted && seen++ === count) return index
    }
    return this.log.length
  }

  get unsent(): readonly Message[] {
    return this.log.slice(this.next)
  }

  /** What the other end may have got: one whose runs are sent again knows what it had sent over the wire before. */
  reach({ share }: OutboxKind): number {
    return share ? this.reached : this.sent
  }

  get unacknowledged(): readonly Message[] {
    return this.log
      .slice(0, this.next)
      .filter(({ counted }) => counted)
      .slice(this.taken)
  }
}

const total = (all: readonly Data[]): number => all.reduce((sum, data) => sum + sizeOf(data), 0)

const size = (messages: readonly Message[]): number => total(messages.map(({ data }) => data))

/** An outbox with the wire that it is flushed to. */
export class OutboxReal {
  readonly kind: OutboxKind
  readonly outbox: Outbox
  heard: Data[] = []
  /** How many messages, or runs, the wire still takes before it says "full". */
  room = Infinity
  /** The runs, or else messages, that were sent: how many are counted, and their size; 0 for those never acknowledged. */
  pieces: { readonly count: number; readonly held: number }[] = []

  constructor(kind: OutboxKind, window: number) {
    this.kind = kind
    this.outbox = kind.make(window)
  }

  get wire(): Wire {
    const take = (messages: readonly Data[], held: number, count: number): boolean => {
      this.heard.push(...messages)
      this.pieces.push({ count, held })
      return --this.room > 0
    }
    return {
      buffered: 0,
      send: data => take([data], this.kind.share ? 0 : sizeOf(data), 1),
      ...(this.kind.runs && { sendRun: (run: Run) => take(run.messages(), total(run.reliable()), run.count) }),
      close() {},
      abort() {}
    }
  }
}

type Step = fc.Command<OutboxModel, OutboxReal>

/** What must hold after each step. */
const check = (model: OutboxModel, { outbox, kind }: OutboxReal): void => {
  assert.equal(outbox.full, model.full, 'full')
  assert.equal(outbox.waiting, size(model.unsent), 'waiting')
  const flying = outbox.bytes - outbox.waiting
  const least = size(model.unacknowledged)
  if (kind.share) {
    // Runs are acknowledged as a whole.
    assert.ok(flying >= least, `${flying} bytes held, ${least} are not acknowledged`)
    assert.ok(
      flying <= size(model.log.slice(0, model.next).filter(({ counted }) => counted)),
      'only what is counted is held'
    )
    if (least === 0) assert.equal(flying, 0, 'nothing is held for nothing')
  } else assert.equal(flying, least, 'flying')
  assert.equal(
    outbox.writable,
    !model.full && flying < model.window && outbox.waiting < Math.min(WAITING, model.window),
    'writable'
  )
}

const add = (data: Data): Step => ({
  check: () => true,
  run(model, real) {
    real.outbox.add(data)
    model.log.push({ data, counted: true })
    check(model, real)
  },
  toString: () => `add(${describe(data)})`
})

const share = (index: number): Step => ({
  check: () => true,
  run(model, real) {
    const { frames, share } = real.kind
    const frame = frames[index % frames.length]
    if (!frame || !share) return
    share(real.outbox, frame)
    model.log.push({ data: frame.data, counted: frame.counted })
    check(model, real)
  },
  toString: () => `share(${index})`
})

/** @param room - after how many messages, or runs, the wire says "full" */
const flush = (room: number): Step => ({
  check: () => true,
  run(model, real) {
    const { outbox } = real
    const before = outbox.bytes - outbox.waiting
    Object.assign(real, { room, heard: [], pieces: [] })
    outbox.flush(real.wire)
    assert.deepEqual(
      real.heard,
      model.unsent.slice(0, real.heard.length).map(({ data }) => data),
      'sent in order'
    )
    if (model.full) assert.equal(real.heard.length, 0, 'nothing is sent to a full wire')
    let flying = before
    let { sent } = model
    for (const { count, held } of real.pieces) {
      assert.ok(flying < model.window, 'nothing is sent to a full window')
      sent += count
      // What is acknowledged already is sent for the sake of the order alone.
      if (sent > model.taken) flying += held
    }
    const largest = Math.max(0, ...model.log.map(({ data }) => sizeOf(data)))
    assert.ok(
      flying <= Math.max(before, model.window + Math.min(real.kind.piece, model.window) + largest),
      'the window is kept'
    )
    model.next += real.heard.length
    model.reached = Math.max(model.reached, model.sent)
    model.full ||= real.room <= 0
    const more = model.unsent.length > 0
    assert.ok(!more || model.full || outbox.bytes - outbox.waiting >= model.window, 'sends all that it may')
    check(model, real)
  },
  toString: () => `flush(${room})`
})

const drain = (): Step => ({
  check: ({ full }) => full,
  run(model, real) {
    real.outbox.full = model.full = false
    check(model, real)
  },
  toString: () => 'drain'
})

/** @param share - of the messages that are not acknowledged; above 1: more than were sent */
const acknowledge = (share: number, beyond: number): Step => ({
  check: () => true,
  run(model, real) {
    const reach = model.reach(real.kind)
    const count = model.taken + Math.round((reach - model.taken) * share) + beyond
    const fits = count <= reach
    assert.equal(real.outbox.acknowledge(count), fits)
    if (fits) model.taken = Math.max(model.taken, count)
    check(model, real)
  },
  toString: () => `acknowledge(${share}, ${beyond})`
})

/** @param late - how many messages were acknowledged since the other end said where it was, as a share of all */
const rewind = (got: number, consumed: number, late: number): Step => ({
  check: () => true,
  run(model, real) {
    const { sent, taken } = model
    const least = Math.round(taken * (1 - late))
    const received = least + Math.round((model.reach(real.kind) - least) * got)
    const acknowledged = least + Math.round((received - least) * consumed)
    assert.equal(real.outbox.rewind(received, acknowledged), true)
    // A new wire has room. What was sent and is not counted is not sent again.
    real.outbox.full = model.full = false
    const count = Math.max(received, taken)
    const from = count > sent ? model.indexOf(count - 1) + 1 : Math.min(model.next, model.indexOf(count))
    if (count < sent) {
      const again = model.log.slice(from, model.next).filter(({ counted }) => counted)
      model.log.splice(from, model.next - from, ...again)
    }
    if (count !== sent) model.next = from
    model.taken = Math.max(taken, acknowledged)
    assert.equal(real.outbox.sent, count)
    check(model, real)
  },
  toString: () => `rewind(${got}, ${consumed}, ${late})`
})

/** Counts that cannot be. A refusal changes nothing. */
const wrong = (kind: number, by: number): Step => ({
  check: () => true,
  run(model, real) {
    const { taken } = model
    const reach = model.reach(real.kind)
    const counts: readonly (readonly [number, number])[] = [
      [reach + by, taken],
      [reach + by, reach + by],
      [taken, taken + by],
      [taken, reach + by]
    ]
    const [received, consumed] = counts[kind] ?? [-1, 0]
    if (received >= 0) assert.equal(real.outbox.rewind(received, consumed), false, `rewind(${received}, ${consumed})`)
    check(model, real)
  },
  toString: () => `wrong(${kind}, ${by})`
})

const end = (model: OutboxModel, real: OutboxReal): void => {
  const { sent, unsent } = real.outbox.clear()
  const counted = (messages: readonly Message[]): Data[] =>
    messages.filter(({ counted }) => counted).map(({ data }) => data)
  assert.deepEqual(sent, counted(model.unacknowledged), 'sent and not acknowledged')
  // What waits to be sent again may be acknowledged already.
  assert.deepEqual(unsent, counted(model.unsent).slice(Math.max(0, model.taken - model.sent)), 'never sent')
  if (real.kind.share) assert.equal(real.outbox.bytes, 0, 'nothing is held after the end')
}

const describe = (data: Data): string => `${data.slice(0, 8)}… ${data.length}`

let serial = 0

/** Histories of one outbox. */
export const histories = (): fc.Arbitrary<Iterable<Step>> => {
  const length = fc.oneof({ weight: 6, arbitrary: fc.nat(100) }, { weight: 1, arbitrary: fc.nat(90_000) })
  const share01 = fc.integer({ min: 0, max: 8 }).map(eighths => eighths / 8)
  return fc.commands(
    [
      length.map(length => add(`${serial++}`.padEnd(length, '.'))),
      // Values: 0xc1 begins none.
      length.map(length => add(Uint8Array.of(length % 0xc1, serial++ & 255))),
      fc.nat(30).map(share),
      fc.nat(30).map(share),
      fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 4 })).map(flush),
      fc.constant(drain()),
      fc.tuple(share01, fc.constantFrom(0, 0, 0, 1, 1000)).map(([share, beyond]) => acknowledge(share, beyond)),
      fc
        .tuple(share01, share01, fc.constantFrom(0, 0, 0, 0.5))
        .map(([got, consumed, late]) => rewind(got, consumed, late)),
      fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 1e9 })).map(([kind, by]) => wrong(kind, by))
    ],
    { maxCommands: 60, size: 'max' }
  )
}

/** Runs a history against both, and ends them. */
export const compare = (kind: OutboxKind, window: number, steps: Iterable<Step>): void => {
  const both = { model: new OutboxModel(window), real: new OutboxReal(kind, window) }
  fc.modelRun(() => both, steps)
  end(both.model, both.real)
}
