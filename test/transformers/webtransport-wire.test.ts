import assert from 'node:assert/strict'
import { openSession } from '../../transformers/webtransport/open-session.ts'
import { BYTES, encode, HEAD, OPEN, TEXT } from '../../transformers/webtransport/frame.ts'
import type { WebTransportSession } from '../../transformers/webtransport/session.ts'
import { CheckedReceiver } from '../contract/checked-receiver.ts'
import { turns } from '../contract/waiting.ts'

/** A session whose other end is the test. */
class FakeSession implements WebTransportSession {
  readonly ready = Promise.resolve()
  readonly closed: Promise<unknown>
  readonly incomingBidirectionalStreams = new ReadableStream<never>()
  readonly incomingUnidirectionalStreams = new ReadableStream<never>()
  /** What was written. */
  readonly stream: Uint8Array[] = []
  readonly sent: Uint8Array[] = []
  closes = 0
  /** While set, the stream takes nothing. */
  stalled: Promise<void> | undefined
  arrive: (datagram: Uint8Array) => void = () => {}
  end: (info?: unknown) => void = () => {}
  datagrams: WebTransportSession['datagrams']

  constructor(datagramSize: number, old = false) {
    this.closed = new Promise(resolve => {
      this.end = resolve
    })
    const readable = new ReadableStream<Uint8Array>({
      start: controller => {
        this.arrive = datagram => controller.enqueue(datagram)
      }
    })
    const makeWritable = () => new WritableStream<Uint8Array>({ write: chunk => void this.sent.push(chunk) })
    this.datagrams = {
      readable,
      maxDatagramSize: datagramSize,
      ...(old ? { writable: makeWritable() } : { createWritable: makeWritable })
    }
  }

  async createBidirectionalStream() {
    const write = async (chunk: Uint8Array): Promise<void> => {
      await this.stalled
      this.stream.push(chunk)
    }
    return { readable: new ReadableStream<Uint8Array>(), writable: new WritableStream<Uint8Array>({ write }) }
  }

  close(): void {
    this.closes++
    this.end()
  }
}

const open = async (session: FakeSession): Promise<CheckedReceiver> => {
  const receiver = new CheckedReceiver()
  openSession(session, receiver, new AbortController().signal)
  await receiver.opened()
  await turns(2)
  session.stream.length = 0
  return receiver
}

const bytes = (chunks: readonly Uint8Array[]): number[][] => chunks.map(chunk => [...chunk])

describe('webtransport: a wire over any session', () => {
  for (const old of [false, true]) {
    it(`sends what may be lost as datagrams, by the ${old ? 'old' : 'new'} way to write them`, async () => {
      const session = new FakeSession(1_200, old)
      const { wire } = await open(session)
      wire.datagram?.('text')
      wire.datagram?.(Uint8Array.of(1, 2))
      await turns(2)
      const datagram = (kind: number, data: string | Uint8Array) => encode(kind, data).subarray(HEAD - 1)
      assert.deepEqual(bytes(session.sent), bytes([datagram(TEXT, 'text'), datagram(BYTES, Uint8Array.of(1, 2))]))
      assert.deepEqual(session.stream, [])
    })
  }

  it('drops datagrams while more of them wait than a wire may hold, and keeps those of one turn', async () => {
    const session = new FakeSession(1_200)
    let flow = (): void => {}
    const stalled = new Promise<void>(resolve => {
      flow = resolve
    })
    let taken = 0
    const write = async (): Promise<void> => {
      await stalled
      taken++
    }
    session.datagrams = { ...session.datagrams, createWritable: () => new WritableStream({ write }) }
    const { wire } = await open(session)
    for (let count = 0; count < 10_000; count++) wire.datagram?.('x'.repeat(1_000))
    assert.equal(wire.buffered, 0)
    flow()
    await turns(5)
    assert.ok(taken > 60 && taken <= 70, `${taken} of them`)
    wire.datagram?.('there is room again')
    await turns(2)
    assert.ok(taken > 61)
    const before = taken
    wire.datagram?.('and again')
    await turns(2)
    assert.equal(taken, before + 1)
  })

  it('receives datagrams as what they were sent as', async () => {
    const session = new FakeSession(1_200)
    const receiver = await open(session)
    for (const data of ['text', '', Uint8Array.of(1, 2), new Uint8Array()]) {
      session.arrive(encode(typeof data === 'string' ? TEXT : BYTES, data).subarray(HEAD - 1))
    }
    assert.deepEqual(await receiver.received(4), ['text', '', Uint8Array.of(1, 2), new Uint8Array()])
  })

  it('sends what no datagram has room for over the stream, and drops it where the stream is full', async () => {
    const session = new FakeSession(100)
    const { wire } = await open(session)
    const large = 'x'.repeat(100)
    wire.datagram?.(large)
    await turns(2)
    assert.deepEqual(bytes(session.stream), bytes([encode(TEXT, large)]))
    let flow = (): void => {}
    session.stalled = new Promise(resolve => {
      flow = resolve
    })
    while (wire.send('y'.repeat(20_000))) await turns(1)
    const { buffered } = wire
    wire.datagram?.(large)
    assert.equal(wire.buffered, buffered)
    flow()
    await turns(3)
    assert.equal(wire.buffered, 0)
    wire.datagram?.(large)
    await turns(2)
    assert.deepEqual(bytes(session.stream.slice(-1)), bytes([encode(TEXT, large)]))
  })

  it('tells what is buffered, that it is full, and that there is room again, once', async () => {
    const session = new FakeSession(0)
    const receiver = await open(session)
    const { wire } = receiver
    let flow = (): void => {}
    session.stalled = new Promise(resolve => {
      flow = resolve
    })
    let sent = 0
    while (wire.send('x'.repeat(10_000))) sent++
    assert.equal(wire.buffered, (sent + 1) * 10_004)
    await turns(3)
    assert.equal(receiver.drains, 0)
    flow()
    await receiver.until('drain', () => receiver.drains > 0)
    await turns(3)
    assert.deepEqual([receiver.drains, wire.buffered], [1, 0])
  })

  it('opens its stream also where nothing is said', async () => {
    const session = new FakeSession(0)
    openSession(session, new CheckedReceiver(), new AbortController().signal)
    await turns(3)
    assert.deepEqual(bytes(session.stream), bytes([encode(OPEN, '')]))
  })

  it('ends once, with the session', async () => {
    const session = new FakeSession(0)
    const receiver = await open(session)
    session.end({ closeCode: 0, reason: '' })
    await receiver.closed()
    receiver.wire.abort()
    receiver.wire.close(4000, 'late')
    receiver.wire.send('late')
    await turns(2)
    assert.deepEqual([receiver.ended?.code, session.closes, receiver.violations], [1006, 1, []])
    assert.deepEqual(session.stream, [])
  })

  it('waits behind a goodbye for the other end to close the session', async () => {
    const session = new FakeSession(0)
    const receiver = await open(session)
    receiver.wire.close(4001, 'bye')
    receiver.wire.send('late')
    await turns(3)
    assert.equal(receiver.ended, undefined)
    assert.equal(session.stream.length, 1)
    session.end()
    const { code, reason } = await receiver.closed()
    assert.deepEqual([code, reason], [4001, 'bye'])
  })
})
