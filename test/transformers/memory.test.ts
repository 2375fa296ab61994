import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { memory } from '../../transformers/memory/index.ts'
import type { MemoryOptions } from '../../transformers/memory/index.ts'
import { CheckedReceiver } from '../contract/checked-receiver.ts'
import { transformerContract } from '../contract/transformer.ts'

transformerContract(
  'memory',
  () => {
    const wires = memory()
    return { server: wires, client: wires, start: () => 'http://memory', cut: () => wires.cut() }
  },
  { parsers: [json(), msgpack(), raw()] }
)

describe('memory: the knobs', () => {
  const ADDRESS = new URL('http://memory/anywire')
  let clock: SinonFakeTimers

  beforeEach(() => {
    clock = useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'],
      shouldClearNativeTimers: true
    })
  })

  afterEach(() => clock.restore())

  /** A network that serves one link, its two ends open. */
  const pair = async (options?: MemoryOptions) => {
    const network = memory(options)
    const [near, far] = [new CheckedReceiver(), new CheckedReceiver()]
    const undo = network.serve(() => far)
    network.dial(ADDRESS, near, new AbortController().signal)
    await clock.tickAsync(network.latency)
    assert.ok(near.isOpen && far.isOpen)
    return { network, near, far, undo }
  }

  const codes = (...receivers: CheckedReceiver[]) => receivers.map(({ ended }) => ended?.code)

  /** Calls everything that is due now. */
  const settle = () => clock.tickAsync(1)

  it('has a latency, one way, for opening, messages and ends', async () => {
    const network = memory({ latency: 100 })
    const [near, far] = [new CheckedReceiver(), new CheckedReceiver()]
    network.serve(() => far)
    network.dial(ADDRESS, near, new AbortController().signal)
    await clock.tickAsync(99)
    assert.equal(near.isOpen, false)
    await clock.tickAsync(1)
    assert.equal(near.isOpen, true)
    near.wire.send('one')
    await clock.tickAsync(50)
    near.wire.send('two')
    await clock.tickAsync(49)
    assert.deepEqual(far.messages, [])
    await clock.tickAsync(1)
    assert.deepEqual(far.messages, ['one'])
    await clock.tickAsync(50)
    assert.deepEqual(far.messages, ['one', 'two'])
    far.wire.close(4000, 'bye')
    await clock.tickAsync(99)
    assert.deepEqual(codes(near, far), [undefined, undefined])
    await clock.tickAsync(1)
    assert.deepEqual(codes(near, far), [4000, undefined])
    await clock.tickAsync(100)
    assert.deepEqual(codes(near, far), [4000, 4000])
  })

  it('keeps the order when the latency falls', async () => {
    const { network, near, far } = await pair({ latency: 100 })
    near.wire.send('slow')
    network.latency = 10
    near.wire.send('fast')
    await clock.tickAsync(99)
    assert.deepEqual(far.messages, [])
    await clock.tickAsync(1)
    assert.deepEqual(far.messages, ['slow', 'fast'])
  })

  it('loses datagrams by the dice, and never messages', async () => {
    let throws = 0
    const { network, near, far } = await pair({ random: () => (throws++ % 4) / 4 })
    for (const [loss, expected] of [
      [0, 8],
      [0.25, 6],
      [0.5, 4],
      [1, 0]
    ] as const) {
      network.loss = loss
      far.messages.length = 0
      for (let index = 0; index < 8; index++) {
        near.wire.datagram?.('datagram')
        near.wire.send('message')
      }
      await settle()
      assert.equal(far.messages.filter(message => message === 'datagram').length, expected)
      assert.equal(far.messages.filter(message => message === 'message').length, 8)
    }
  })

  it('says full at its capacity, and drains below', async () => {
    const { network, near, far } = await pair({ capacity: 100, latency: 10 })
    assert.equal(near.wire.send('x'.repeat(99)), true)
    assert.equal(near.wire.buffered, 99)
    assert.equal(near.wire.send('x'), false)
    network.capacity = 10
    await clock.tickAsync(10)
    assert.deepEqual([near.drains, near.wire.buffered, far.messages.length], [1, 0, 2])
  })

  it('is cut: what is on its way is lost, and both ends are told', async () => {
    const { network, near, far } = await pair({ latency: 10 })
    assert.equal(network.links, 1)
    near.wire.send('lost')
    far.wire.send('lost')
    network.cut()
    assert.equal(network.links, 0)
    await clock.tickAsync(10)
    assert.deepEqual([near.ended?.code, far.ended?.code, near.messages, far.messages], [1006, 1006, [], []])
    network.cut()
  })

  it('is stalled: nothing arrives and nobody is told, until it is not any more', async () => {
    const { network, near, far } = await pair()
    near.wire.send('on its way')
    network.stalled = true
    far.wire.send('sent into the void')
    const late = new CheckedReceiver()
    network.dial(ADDRESS, late, new AbortController().signal)
    far.wire.close(4000, '')
    await clock.tickAsync(1_000_000)
    assert.deepEqual(
      [near.messages, far.messages, near.ended, far.ended, late.isOpen],
      [[], [], undefined, undefined, false]
    )
    near.wire.send('later')
    network.stalled = false
    await settle()
    assert.deepEqual([near.messages, far.messages], [['sent into the void'], ['on its way', 'later']])
    assert.deepEqual([near.ended?.code, far.ended?.code], [4000, 4000])
  })

  it('is down: nothing can be dialled, and what is open stays', async () => {
    const { network, near, far } = await pair()
    network.down = true
    const late = new CheckedReceiver()
    network.dial(ADDRESS, late, new AbortController().signal)
    near.wire.send('still')
    await settle()
    assert.equal(late.ended?.code, 1006)
    assert.match(`${late.ended?.error}`, /down/)
    assert.deepEqual(far.messages, ['still'])
  })

  it('is served by the last one who asks, until it undoes that', async () => {
    const { network, undo } = await pair()
    const refuse = network.serve(() => new Error('not today'))
    undo()
    const refused = new CheckedReceiver()
    network.dial(ADDRESS, refused, new AbortController().signal)
    await settle()
    assert.match(`${refused.ended?.error}`, /not today/)
    refuse()
    const alone = new CheckedReceiver()
    network.dial(ADDRESS, alone, new AbortController().signal)
    await settle()
    assert.match(`${alone.ended?.error}`, /nobody/)
  })

  it('keeps what was sent apart from what the sender does to it', async () => {
    const { near, far } = await pair()
    const bytes = Uint8Array.of(1, 2, 3)
    near.wire.send(bytes)
    near.wire.datagram?.(bytes)
    bytes.fill(0)
    await settle()
    assert.deepEqual(far.messages, [Uint8Array.of(1, 2, 3), Uint8Array.of(1, 2, 3)])
  })
})
