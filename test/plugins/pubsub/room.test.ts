import assert from 'node:assert/strict'
import type { PubSubOptions } from '../../../plugins/pubsub/index.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes, world } from '../../support/pubsub.ts'

const TOPICS: PubSubOptions = { topics: { 'h.>': { history: { size: 100 } }, 's.*': { retain: true } } }
const TEXT = 'x'.repeat(1_000)

/** More than the first few, and not nearly all. */
const isSome = (messages: readonly unknown[]): boolean => messages.length > 5 && messages.length < 20

describe('pubsub: what is told at once is no more than there is room for, which would end its client, again and again', () => {
  guard()
  const use = undoing()

  const setup = async () => {
    const limits = { buffered: 20_000, window: 5_000, message: 5_000 }
    const made = world(use, { pubsub: TOPICS, server: { limits, recovery: false } })
    const one = await made.open()
    const ids = new Set<string>()
    one.client.on('open', () => ids.add(one.client.id))
    const publish = (topic: (number: number) => string): void => {
      for (let number = 1; number <= 100; number++) made.server.pubsub.publish(topic(number), TEXT)
    }
    return { ...made, ...one, ids, publish, ...notes() }
  }

  it('a history', async () => {
    const { pubsub, publish, ids, errors } = await setup()
    publish(() => 'h.a')
    const [first, none] = [pubsub.history('h.a'), pubsub.history('h.a')] as const
    await assert.rejects(none, { code: 'ERR_LIMIT' })
    const { messages, complete } = await first
    assert.ok(isSome(messages) && complete, `${messages.length} messages`)
    const rest = await pubsub.history('h.a', { since: messages.at(-1) })
    assert.equal(rest.messages[0]?.offset, messages.length + 1)
    const last = await pubsub.history('h.a', { reverse: true })
    assert.ok(isSome(last.messages) && last.messages[0]?.offset === 100)
    assert.deepEqual([ids.size, errors], [0, []])
  })

  it('retained messages', async () => {
    const { pubsub, publish, ids, errors, messages, handler } = await setup()
    publish(number => `s.${number}`)
    assert.deepEqual(await pubsub.subscribe('s.*', handler), { recovered: false, missed: true })
    assert.ok(isSome(messages), `${messages.length} messages`)
    assert.deepEqual([ids.size, errors], [0, []])
  })

  it('what was missed', async () => {
    const { server, pubsub, publish, ids, errors, values, handler } = await setup()
    const outcomes: boolean[] = []
    await pubsub.subscribe('h.a', handler)
    pubsub.on('subscribe', ({ recovered, missed }) => outcomes.push(recovered, missed))
    for (const peer of server.peers) peer.destroy(4000)
    publish(() => 'h.a')
    await until(() => outcomes.length > 0)
    server.pubsub.publish('h.a', 'new')
    await until(() => values.length > 0)
    // All or nothing.
    assert.deepEqual([outcomes, values, ids.size, errors], [[false, true], ['new'], 1, []])
  })
})

describe('pubsub: what is caught up with', () => {
  guard()
  const use = undoing()

  it('is no gap where its publisher was left out', async () => {
    const { server, open } = world(use, { pubsub: TOPICS, server: { recovery: false } })
    const { pubsub } = await open()
    const { values, handler } = notes()
    const told: unknown[] = []
    pubsub.on('gap', gap => told.push(gap))
    await pubsub.subscribe('h.a', handler)
    const publish = async (value: number) => {
      server.pubsub.publish('h.a', value)
      await pubsub.publish('h.a', 'own', { echo: false, ack: true })
    }
    await publish(1)
    await publish(2)
    for (const peer of server.peers) peer.destroy(4000)
    pubsub.on('subscribe', outcome => told.push(outcome))
    for (const value of [3, 4]) await publish(value)
    await until(() => told.length > 0)
    await publish(5)
    await until(() => values.length === 5)
    assert.deepEqual([values, told], [[1, 2, 3, 4, 5], [{ topic: 'h.a', recovered: true, missed: false }]])
  })

  it('is told once, and may end the subscription', async () => {
    const { server, open, network } = world(use, { pubsub: TOPICS, server: { recovery: false } })
    const { client, pubsub } = await open()
    const { values, handler } = notes()
    const subscription = pubsub.subscribe('h.a', (value, message) => {
      handler(value, message)
      // A session that is lost amid of what is told.
      if (values.length === 2) network.cut()
      if (values.length === 3) client.destroy()
      if (value === 'stop') subscription.unsubscribe()
    })
    await subscription
    network.down = true
    network.cut()
    await until(() => server.peers.size === 0)
    for (const value of [1, 2, 3, 4, 'stop', 5]) server.pubsub.publish('h.a', value)
    network.down = false
    await until(() => values.includes('stop') && server.peers.size === 0)
    client.open()
    await until(() => client.state === 'open')
    server.pubsub.publish('h.a', 6)
    await turns()
    assert.deepEqual([values, server.pubsub.subscribers('h.a')], [[1, 2, 3, 4, 'stop'], 0])
  })
})
