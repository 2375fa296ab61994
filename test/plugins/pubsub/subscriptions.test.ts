import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type { Wire } from '../../../lib/transformer.ts'
import { pubsub as inBrowsers } from '../../../plugins/pubsub/client.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import type { Message } from '../../../plugins/pubsub/index.ts'
import { throwsCode } from '../../contract/ends.ts'
import { pluginContract } from '../../contract/plugin.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { reliableOnly, tapClient } from '../../support/faults-tap.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes, world } from '../../support/pubsub.ts'

const packets = {
  toServer: [
    [
      [1, 0, 'a.*', 'client', 'epoch', 0],
      [2, 1, 'a', 0, 'key', 'value'],
      [3, 2, 'a', 'epoch', -1, 10, false],
      [4, 3, 'a.>'],
      [0, 4, 'a', 0, 0, 'value'],
      [1],
      [4]
    ]
  ],
  toClient: [
    ['a', 1, 1, 'value'],
    [-1, 1, ['a', 1, 1, 'value'], 'epoch', 0],
    [-1, 0, 1, 'epoch', 5],
    [-1, 'ERR_DENIED', 'a hint'],
    [-1, 2, 'a'],
    [-1, ''],
    [0, 'a', 'ERR_DENIED', 'a hint'],
    [0, 'epoch']
  ]
}

pluginContract('pubsub', () => ({ client: pubsub(), server: pubsub(), packets }))
pluginContract('pubsub, the browser half', () => ({ client: inBrowsers(), server: pubsub(), packets }))

describe('pubsub: subscriptions', () => {
  const printed = guard()
  const use = undoing()

  it('are awaited, and get what is published', async () => {
    const { server, open } = world(use)
    const [one, two] = [await open(), await open()]
    const { values, messages, handler } = notes()
    assert.deepEqual({ ...(await one.pubsub.subscribe('news', handler)) }, { recovered: false, missed: false })
    assert.equal(two.pubsub.publish('news', { hello: 'world' }), true)
    assert.equal(await two.pubsub.publish('news', [1], { ack: true }), 1)
    assert.equal(await two.pubsub.publish('other', [1], { ack: true }), 0)
    assert.equal(server.pubsub.publish('news', 'of the server'), 1)
    await until(() => values.length === 3)
    assert.deepEqual(values, [{ hello: 'world' }, [1], 'of the server'])
    assert.deepEqual(messages[1], { topic: 'news', value: [1], offset: 0, epoch: messages[0]?.epoch, retained: false })
  })

  it('may be of patterns', async () => {
    const { open, server } = world(use)
    const { pubsub } = await open()
    const heard: string[] = []
    for (const name of ['news.*', 'news.>', 'news.a', '>', '*']) {
      await pubsub.subscribe(name, (_value, { topic }) => heard.push(`${name}: ${topic}`))
    }
    assert.equal(server.pubsub.publish('news.a'), 1)
    assert.equal(server.pubsub.publish('news.a.b'), 1)
    assert.equal(server.pubsub.publish('news'), 1)
    await until(() => heard.length === 8)
    await turns()
    assert.deepEqual(
      heard.toSorted(),
      [
        '*: news',
        '>: news',
        '>: news.a',
        '>: news.a.b',
        'news.*: news.a',
        'news.>: news.a',
        'news.>: news.a.b',
        'news.a: news.a'
      ].toSorted()
    )
  })

  it('may have several handlers, and end when the last one goes', async () => {
    const { open, server, peerOf } = world(use)
    const { client, pubsub } = await open()
    const [one, two] = [notes(), notes()]
    const first = pubsub.subscribe('a', one.handler)
    const second = pubsub.subscribe('a', two.handler)
    await Promise.all([first, second])
    assert.equal(server.pubsub.publish('a', 1), 1)
    await until(() => two.values.length === 1)
    first.unsubscribe()
    first.unsubscribe()
    await turns()
    assert.deepEqual([...peerOf(client).pubsub], ['a'])
    server.pubsub.publish('a', 2)
    await until(() => two.values.length === 2)
    second.unsubscribe()
    await until(() => peerOf(client).pubsub.size === 0)
    assert.equal(server.pubsub.publish('a', 3), 0)
    assert.deepEqual([one.values, two.values], [[1], [1, 2]])
  })

  it('get nothing after they were ended, whatever is on its way', async () => {
    const { open, server } = world(use)
    const { pubsub } = await open()
    const [one, two] = [notes(), notes()]
    const first = pubsub.subscribe('a', value => {
      one.values.push(value)
      second.unsubscribe()
    })
    const second = pubsub.subscribe('a', two.handler)
    await Promise.all([first, second])
    for (let count = 0; count < 3; count++) server.pubsub.publish('a', count)
    await until(() => one.values.length === 3)
    assert.deepEqual(two.values, [])
    server.pubsub.publish('a', 'on its way')
    first.unsubscribe()
    const third = notes()
    const again = pubsub.subscribe('a', third.handler)
    server.pubsub.publish('a', 'before it was asked for')
    await again
    server.pubsub.publish('a', 'after')
    await until(() => third.values.length === 1)
    assert.deepEqual([one.values, third.values], [[0, 1, 2], ['after']])
  })

  it('end by a signal, also before they began', async () => {
    const { open, server, peerOf } = world(use)
    const { client, pubsub } = await open()
    const { values, handler } = notes()
    const controller = new AbortController()
    await pubsub.subscribe('a', handler, { signal: controller.signal })
    controller.abort()
    await assert.rejects(pubsub.subscribe('a', handler, { signal: controller.signal }), { code: 'ERR_CANCELLED' })
    const early = pubsub.subscribe('a', handler)
    early.unsubscribe()
    await assert.rejects(early, { code: 'ERR_CANCELLED' })
    await until(() => peerOf(client).pubsub.size === 0)
    server.pubsub.publish('a', 1)
    await turns()
    assert.deepEqual(values, [])
  })

  it('tell no value, null and undefined apart', async () => {
    const { open, server } = world(use)
    const [one, two] = [await open(), await open()]
    const there: unknown[] = []
    const note = (value: unknown, message: object): void => void there.push('value' in message ? [value] : [])
    await one.pubsub.subscribe('a', note)
    server.pubsub.subscribe('a', note)
    two.pubsub.publish('a')
    two.pubsub.publish('a', null)
    two.pubsub.publish('a', undefined)
    two.pubsub.publish('a', undefined, { echo: true })
    server.pubsub.publish('a')
    server.pubsub.publish('a', undefined)
    await until(() => there.length === 12)
    assert.equal(there.filter(value => Array.isArray(value) && value.length === 0).length, 4)
    assert.equal(there.filter(value => Array.isArray(value) && value.length && value[0] === null).length, 2)
    assert.equal(there.filter(value => Array.isArray(value) && value.length && value[0] === undefined).length, 6)
  })

  it('leave out the publisher, where it says so', async () => {
    const { open } = world(use)
    const [one, two] = [await open(), await open()]
    const [mine, theirs] = [notes(), notes()]
    await one.pubsub.subscribe('a', mine.handler)
    await one.pubsub.subscribe('*', mine.handler)
    await two.pubsub.subscribe('a', theirs.handler)
    assert.equal(await one.pubsub.publish('a', 1, { echo: false, ack: true }), 1)
    assert.equal(await one.pubsub.publish('a', 2, { ack: true }), 2)
    await until(() => theirs.values.length === 2 && mine.values.length === 2)
    assert.deepEqual(
      [mine.values, theirs.values],
      [
        [2, 2],
        [1, 2]
      ]
    )
  })

  it('made in one turn travel in one frame, in as few as the server takes', async () => {
    const { open, peerOf, network } = world(use, { pubsub: { limits: { subscriptions: 5_000 } } })
    let frames = 0
    const counted = (wire: Wire): Wire => ({
      ...reliableOnly(wire),
      send: data => {
        if (/^![AB]/.test(`${data}`)) frames++
        return wire.send(data)
      }
    })
    const { client, pubsub } = await open('ann', undefined, tapClient(network, { wire: counted }))
    const peer = peerOf(client)
    const { handler } = notes()
    await Promise.all(Array.from({ length: 900 }, (_, index) => pubsub.subscribe(`topic.${index}`, handler)))
    assert.deepEqual([frames, peer.pubsub.size], [1, 900])
    frames = 0
    await Promise.all(Array.from({ length: 3_000 }, (_, index) => pubsub.subscribe(`more.${index}`, handler)))
    assert.deepEqual([frames, peer.pubsub.size, network.links], [3, 3_900, 1])
  })

  it('made by the server are told by the event', async () => {
    const { open, server, peerOf } = world(use)
    const { client, pubsub } = await open()
    const { pubsub: own } = peerOf(client)
    const heard: unknown[] = []
    pubsub.on('message', ({ topic, value }) => heard.push([topic, value]))
    assert.equal(own.subscribe('a.*'), true)
    assert.equal(own.subscribe('a.*'), true)
    assert.deepEqual([[...own], own.size, own.has('a.*'), own.has('a')], [['a.*'], 1, true, false])
    server.pubsub.publish('a.b', 1)
    await until(() => heard.length === 1)
    own.unsubscribe('a.*')
    own.unsubscribe('a.*')
    assert.equal(server.pubsub.publish('a.b', 2), 0)
    assert.deepEqual(heard, [['a.b', 1]])
    throwsCode(() => own.subscribe('a..b'), 'ERR_OPTION')
  })

  it('made by the server have the epoch of its history', async () => {
    const { open, server, peerOf } = world(use, { pubsub: { topics: { '>': { history: { size: 10 } } } } })
    const { client, pubsub } = await open()
    const messages: Message[] = []
    pubsub.on('message', message => messages.push(message))
    peerOf(client).pubsub.subscribe('a')
    peerOf(client).pubsub.subscribe('b')
    server.pubsub.publish('a', 1)
    server.pubsub.publish('b', 2)
    server.pubsub.publish('a', 3)
    await until(() => messages.length === 3)
    const { epoch } = server.pubsub.history('a')
    assert.deepEqual(
      messages.map(message => message.epoch),
      [epoch, epoch, epoch]
    )
    const [since] = messages
    const { messages: later, complete } = await pubsub.history('a', { since })
    assert.deepEqual([later.map(({ value }) => value), complete], [[3], true])
  })

  it('are ended by the server, which is told', async () => {
    const { open, server, peerOf } = world(use)
    const { client, pubsub } = await open()
    const ended: unknown[] = []
    pubsub.on('unsubscribe', ({ topic, error }) => ended.push([topic, error?.code]))
    const { values, handler } = notes()
    await Promise.all([pubsub.subscribe('a', handler), pubsub.subscribe('a', handler), pubsub.subscribe('b', handler)])
    peerOf(client).pubsub.unsubscribe('a')
    await until(() => ended.length === 2)
    server.pubsub.publish('a', 1)
    server.pubsub.publish('b', 2)
    await until(() => values.length === 1)
    assert.deepEqual(
      [ended, values],
      [
        [
          ['a', undefined],
          ['a', undefined]
        ],
        [2]
      ]
    )
    await pubsub.subscribe('a', handler)
    server.pubsub.publish('a', 3)
    await until(() => values.length === 2)
  })

  it('leave nothing at a signal that lasts longer, whoever ended them', async () => {
    const { open, peerOf } = world(use)
    const { client, pubsub } = await open()
    const { signal } = new AbortController()
    const left = (): number => getEventListeners(signal, 'abort').length
    const own = pubsub.subscribe('a', () => {}, { signal })
    const listening = pubsub.listen('a', () => {}, { signal })
    await Promise.all([own, listening, pubsub.subscribe('b', () => {}, { signal })])
    assert.equal(left(), 3)
    own.unsubscribe()
    listening.unsubscribe()
    assert.equal(left(), 1)
    peerOf(client).pubsub.unsubscribe('b')
    await until(() => left() === 0)
    await assert.rejects(
      pubsub.subscribe('', () => {}, { signal }),
      { code: 'ERR_OPTION' }
    )
    client.destroy()
    await assert.rejects(
      pubsub.subscribe('c', () => {}, { signal }),
      { code: 'ERR_CLOSED' }
    )
    assert.equal(left(), 0)
  })

  it('are refused for what is no topic, each by itself', async () => {
    const { open, server, peerOf } = world(use, { pubsub: { limits: { length: 10, subscriptions: 3 } } })
    const { client, pubsub } = await open()
    const { handler } = notes()
    const names = ['a', '', 'a..b', 'x'.repeat(11), 'b', '>.a', 'c', 'd']
    const outcomes = await Promise.allSettled(names.map(name => pubsub.subscribe(name, handler)))
    const codes = outcomes.map(outcome =>
      outcome.status === 'rejected' ? String(Reflect.get(Object(outcome.reason), 'code')) : 'ok'
    )
    assert.deepEqual(codes, ['ok', 'ERR_OPTION', 'ERR_OPTION', 'ERR_OPTION', 'ok', 'ERR_OPTION', 'ok', 'ERR_LIMIT'])
    assert.deepEqual([...peerOf(client).pubsub], ['a', 'b', 'c'])
    await pubsub.subscribe('a', handler)
    for (const name of ['a.*', '', '>']) {
      await assert.rejects(pubsub.publish(name, 1, { ack: true }), { code: 'ERR_OPTION' })
      throwsCode(() => server.pubsub.publish(name, 1), 'ERR_OPTION')
    }
    throwsCode(() => server.pubsub.subscribe('a.', () => {}), 'ERR_OPTION')
    throwsCode(() => server.pubsub.listen('', () => {}), 'ERR_OPTION')
  })

  it('have no more handlers than ten for each that there may be', async () => {
    const { open, server } = world(use, { pubsub: { limits: { subscriptions: 2 } } })
    const { pubsub } = await open()
    const { handler } = notes()
    const all = Array.from({ length: 25 }, () => pubsub.subscribe('a', handler))
    const outcomes = (await Promise.allSettled(all)).map(outcome =>
      outcome.status === 'rejected' ? String(Reflect.get(Object(outcome.reason), 'code')) : 'ok'
    )
    assert.deepEqual(
      outcomes,
      outcomes.map((_, index) => (index < 20 ? 'ok' : 'ERR_LIMIT'))
    )
    for (const { unsubscribe } of all) unsubscribe()
    await until(() => server.pubsub.subscribers('a') === 0)
    await pubsub.subscribe('a', handler)
  })

  it('go on in the session, and in the next one, without being asked for again', async () => {
    const { network, server, serve, open } = world(use)
    const { client, pubsub } = await open()
    const { values, handler } = notes()
    const outcomes: unknown[] = []
    pubsub.on('subscribe', outcome => outcomes.push(outcome))
    await pubsub.subscribe('a', handler)
    network.cut()
    server.pubsub.publish('a', 1)
    await until(() => values.length === 1)
    await server.close({ timeout: 0, reconnect: 0 })
    const { server: next } = serve()
    await until(() => outcomes.length === 2, 'both outcomes')
    next.pubsub.publish('a', 2)
    await until(() => values.length === 2)
    assert.deepEqual([values, client.state], [[1, 2], 'open'])
    assert.deepEqual(outcomes, [
      { topic: 'a', recovered: false, missed: false },
      { topic: 'a', recovered: false, missed: true }
    ])
  })

  it('asked for without a wire wait for one; what is published is as it was', async () => {
    const { network, server, open } = world(use)
    const one = await open()
    const { values, handler } = notes()
    await one.pubsub.subscribe('b', handler)
    network.down = true
    network.cut()
    await until(() => one.client.state === 'away')
    const value = { count: 1 }
    const subscribed = one.pubsub.subscribe('a', handler)
    assert.equal(one.pubsub.publish('a', value), true)
    const acknowledged = one.pubsub.publish('b', value, { ack: true })
    value.count = 2
    network.down = false
    await subscribed
    assert.equal(await acknowledged, 1)
    await until(() => values.length === 2)
    assert.deepEqual(values, [{ count: 1 }, { count: 1 }])
    assert.equal(server.pubsub.subscribers('a'), 1)
  })

  it('end with their client, which settles what waits', async () => {
    const { network, open, server } = world(use)
    const { client, pubsub } = await open()
    const { handler } = notes()
    await pubsub.subscribe('a', handler)
    network.down = true
    network.cut()
    await until(() => client.state === 'away')
    const refused: unknown[] = []
    pubsub.on('refuse', ({ topic, error }) => refused.push([topic, error?.code]))
    const waiting = [
      pubsub.subscribe('b', handler),
      pubsub.publish('a', 1, { ack: true }),
      pubsub.history('a'),
      pubsub.listen('a', () => {})
    ]
    pubsub.publish('c', 1)
    client.end()
    client.destroy()
    const settled = await Promise.allSettled(waiting)
    assert.deepEqual(
      settled.map(({ status }) => status),
      Array.from({ length: 4 }, () => 'rejected')
    )
    assert.deepEqual(refused, [['c', 'ERR_CLOSED']])
    assert.equal(pubsub.publish('d', 1), false)
    await turns(1)
    assert.deepEqual(refused[1], ['d', 'ERR_CLOSED'])
    await assert.rejects(pubsub.publish('a', 1, { ack: true }), { code: 'ERR_CLOSED' })
    await assert.rejects(pubsub.subscribe('a', handler), { code: 'ERR_CLOSED' })
    // What was there goes on when the client opens again.
    network.down = false
    client.open()
    await until(() => client.state === 'open')
    await until(() => server.pubsub.subscribers('a') > 0)
  })

  it('have handlers that harm nobody else', async () => {
    const { open, server, errors: reported } = world(use)
    const { pubsub, errors } = await open()
    const { values, handler } = notes()
    void pubsub.subscribe('a', () => {
      throw new Error('of a handler')
    })
    void pubsub.subscribe('a', () => Promise.reject(new Error('of another')))
    await pubsub.subscribe('a', handler)
    server.pubsub.subscribe('a', () => {
      throw new Error('of the server')
    })
    server.pubsub.publish('a', 1)
    await until(() => values.length === 1)
    await turns()
    assert.deepEqual([errors, reported, printed], [['ERR_HANDLER', 'ERR_HANDLER'], ['ERR_HANDLER pubsub a'], []])
  })

  it('of the server are called in order, whatever they publish', async () => {
    const { server } = world(use)
    const heard: unknown[] = []
    const undo = server.pubsub.subscribe('a', value => {
      heard.push(`one ${String(value)}`)
      if (value === 1) server.pubsub.publish('a', 2)
    })
    server.pubsub.subscribe('>', value => {
      heard.push(`two ${String(value)}`)
      if (value === 2) undo()
    })
    assert.equal(server.pubsub.publish('a', 1), 2)
    assert.equal(server.pubsub.publish('a', 3), 1)
    assert.deepEqual(heard, ['one 1', 'two 1', 'one 2', 'two 2', 'two 3'])
  })
})
