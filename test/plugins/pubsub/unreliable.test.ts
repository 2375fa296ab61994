import assert from 'node:assert/strict'
import { headOf, LOOSE } from '../../../lib/frames.ts'
import type { Data } from '../../../lib/transformer.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { tapClient } from '../../support/faults-tap.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes, world } from '../../support/pubsub.ts'

const UNRELIABLE = { reliable: false }

describe('pubsub: what may be lost', () => {
  guard()
  const use = undoing()

  it('goes as a datagram, from the server and from clients', async () => {
    const { network, server, open } = world(use)
    const [one, two] = [await open(), await open()]
    const { values, handler } = notes()
    await one.pubsub.subscribe('a', handler)
    network.loss = 1
    assert.equal(server.pubsub.publish('a', 'lost', UNRELIABLE), 1)
    assert.equal(two.pubsub.publish('a', 'lost too', UNRELIABLE), true)
    await two.pubsub.publish('a', 'acknowledged', { ...UNRELIABLE, ack: true })
    server.pubsub.publish('a', 'kept')
    await until(() => values.length === 2)
    network.loss = 0
    server.pubsub.publish('a', 1, UNRELIABLE)
    two.pubsub.publish('a', 2, UNRELIABLE)
    two.pubsub.publish('a', undefined, { ...UNRELIABLE, echo: false })
    one.pubsub.publish('a', 'to others', { ...UNRELIABLE, echo: false })
    await until(() => values.length === 5)
    await turns()
    assert.deepEqual(values, ['acknowledged', 'kept', 1, 2, undefined])
  })

  it('is passed on as it came: it may be lost on both ways', async () => {
    const { network, open } = world(use)
    const [one, two] = [await open(), await open()]
    const { values, handler } = notes()
    await one.pubsub.subscribe('a', handler)
    let thrown = 0
    network.loss = 0.5
    // The first one survives, the second does not.
    network.random = () => (thrown++ ? 0 : 1)
    two.pubsub.publish('a', 'lost', UNRELIABLE)
    await two.pubsub.publish('a', 'kept', { ack: true })
    await until(() => values.length === 1)
    assert.deepEqual([values, thrown], [['kept'], 2])
  })

  it('is dropped for a reader that is slow, and for no other, and ends nobody', async () => {
    const { server, errors, open, peerOf } = world(use)
    const [one, two] = [await open(), await open()]
    const [first, second] = [notes(), notes()]
    await one.pubsub.subscribe('a', first.handler)
    await two.pubsub.subscribe('a', second.handler)
    const peer = peerOf(one.client)
    // The answer to the subscription has been acknowledged.
    await until(() => peer.bufferedBytes === 0)
    peer.write('x'.repeat(900_000))
    peer.write('x'.repeat(900_000))
    await turns()
    const held = peer.bufferedBytes
    assert.ok(held > 1_000_000)
    for (let count = 0; count < 20; count++) {
      assert.equal(server.pubsub.publish('a', 'x'.repeat(500_000), UNRELIABLE), 1)
      await turns(2)
    }
    assert.equal(peer.bufferedBytes, held)
    await until(() => second.values.length === 20)
    assert.deepEqual([first.values.length, peer.state, errors], [0, 'open', []])
    one.client.on('data', () => {})
    await until(() => peer.bufferedBytes === 0)
    server.pubsub.publish('a', 'again', UNRELIABLE)
    await until(() => first.values.length === 1)
    assert.deepEqual(first.values, ['again'])
  })

  it('waits for no wire', async () => {
    const { network, server, open } = world(use)
    const { client, pubsub } = await open()
    const { values, handler } = notes()
    server.pubsub.subscribe('a', handler)
    network.down = true
    network.cut()
    await until(() => client.state === 'away')
    assert.equal(pubsub.publish('a', 'dropped', UNRELIABLE), false)
    assert.equal(pubsub.publish('a', 'waits'), true)
    network.down = false
    await until(() => values.length === 1)
    assert.deepEqual(values, ['waits'])
    client.destroy()
    assert.equal(pubsub.publish('a', 'dropped', UNRELIABLE), false)
  })

  it('is refused, and told so, as everything else', async () => {
    const { open } = world(use, { rules: { pubsub: { publish: false } } })
    const { pubsub } = await open()
    const refused: string[] = []
    pubsub.on('refuse', ({ topic, error }) => refused.push(`${topic} ${error?.code}`))
    pubsub.publish('a', 1, UNRELIABLE)
    pubsub.publish('x'.repeat(300), 1, UNRELIABLE)
    await until(() => refused.length === 2)
    assert.deepEqual(refused.toSorted(), ['a ERR_DENIED', `${'x'.repeat(300)} ERR_OPTION`])
  })

  it('is in no history, and missed by nobody; it is retained', async () => {
    const { network, server, open } = world(use, {
      pubsub: { topics: { 'h.>': { history: { size: 10 }, retain: true } } }
    })
    const { pubsub } = await open()
    const { values, handler } = notes()
    const gaps: unknown[] = []
    pubsub.on('gap', gap => gaps.push(gap))
    await pubsub.subscribe('h.a', handler)
    server.pubsub.publish('h.a', 1)
    network.loss = 1
    server.pubsub.publish('h.a', 2, UNRELIABLE)
    assert.equal(server.pubsub.retained('h.a')?.value, 2)
    server.pubsub.publish('h.a', 3)
    await until(() => values.length === 2)
    assert.deepEqual([values, gaps], [[1, 3], []])
    const { messages } = await pubsub.history('h.a')
    assert.deepEqual(
      messages.map(({ value }) => value),
      [1, 3]
    )
  })

  it('is no place to go on from, where it is the last that was retained', async () => {
    const { server, open } = world(use, { pubsub: { topics: { 'h.>': { history: { size: 10 }, retain: true } } } })
    for (const value of [1, 2]) server.pubsub.publish('h.a', value)
    server.pubsub.publish('h.a', 'lost', UNRELIABLE)
    const { pubsub } = await open()
    const { values, handler } = notes()
    const gaps: unknown[] = []
    pubsub.on('gap', gap => gaps.push(gap))
    await pubsub.subscribe('h.a', handler)
    server.pubsub.publish('h.a', 3)
    await until(() => values.length === 2)
    assert.deepEqual([values, gaps], [['lost', 3], []])
  })

  it('loses nothing else that it overtook', async () => {
    const options = { pubsub: { topics: { 'h.>': { history: { size: 10 } } } }, server: { recovery: false } } as const
    const { network, server, open } = world(use, options)
    let isHeldUp = false
    const hear = (data: Data): readonly Data[] => (isHeldUp && !(headOf(data) >= LOOSE) ? [] : [data])
    const { pubsub } = await open('ann', undefined, tapClient(network, { hear }))
    const { values, handler } = notes()
    const gaps: unknown[] = []
    const outcomes: boolean[] = []
    pubsub.on('gap', ({ from, to }) => gaps.push([from, to]))
    await pubsub.subscribe('h.a', handler)
    server.pubsub.publish('h.a', 1)
    await until(() => values.length === 1)
    isHeldUp = true
    server.pubsub.publish('h.a', 2)
    server.pubsub.publish('h.a', 'overtakes', UNRELIABLE)
    await until(() => values.length === 2)
    isHeldUp = false
    pubsub.on('subscribe', ({ recovered }) => outcomes.push(recovered))
    network.cut()
    await until(() => outcomes.length === 1)
    server.pubsub.publish('h.a', 3)
    await until(() => values.length === 4)
    assert.deepEqual([values, gaps, outcomes], [[1, 'overtakes', 2, 3], [], [true]])
  })
})
