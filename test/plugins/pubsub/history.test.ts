import assert from 'node:assert/strict'
import { createServer } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import type { Message, PubSubOptions } from '../../../plugins/pubsub/index.ts'
import { Log } from '../../../plugins/pubsub/log.ts'
import { LIMITS, parseTopics } from '../../../plugins/pubsub/options.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { throwsCode } from '../../contract/ends.ts'
import { Clock } from '../../support/faults-clock.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes, world } from '../../support/pubsub.ts'

const values = (messages: readonly Message[]): unknown[] => messages.map(({ value }) => value)

const history = (size = 100, ttl?: number): PubSubOptions => ({
  topics: { 'h.>': { history: ttl === undefined ? { size } : { size, ttl } } }
})

describe('pubsub: history', () => {
  guard()
  const use = undoing()

  /** A client that loses its session, and what it hears. */
  const lost = async (options: PubSubOptions, names: readonly string[] = ['h.a']) => {
    const made = world(use, { pubsub: options, server: { recovery: false } })
    const one = await made.open()
    const heard: unknown[] = []
    const outcomes: string[] = []
    one.pubsub.on('subscribe', ({ topic, recovered, missed }) => {
      outcomes.push(`${topic}${recovered ? ' recovered' : ''}${missed ? ' missed' : ''}`)
    })
    for (const name of names) await one.pubsub.subscribe(name, value => heard.push(value))
    outcomes.length = 0
    const leave = async () => {
      made.network.down = true
      made.network.cut()
      await until(() => made.server.peers.size === 0)
    }
    const comeBack = async () => {
      made.network.down = false
      await until(() => outcomes.length === names.length)
    }
    return { ...made, ...one, heard, outcomes, leave, comeBack }
  }

  it('is caught up with by who comes back', async () => {
    const { server, heard, outcomes, leave, comeBack } = await lost(history())
    server.pubsub.publish('h.a', 1)
    await until(() => heard.length === 1)
    await leave()
    for (const value of [2, null, undefined]) server.pubsub.publish('h.a', value)
    server.pubsub.publish('h.b', 'another topic')
    await comeBack()
    server.pubsub.publish('h.a', 3)
    await until(() => heard.length === 5)
    assert.deepEqual([heard, outcomes], [[1, 2, null, undefined, 3], ['h.a recovered']])
  })

  it('is complete also when nothing was missed, and nothing was ever heard', async () => {
    const { heard, outcomes, leave, comeBack, server } = await lost(history())
    await leave()
    await comeBack()
    assert.deepEqual([heard, outcomes], [[], ['h.a recovered']])
    outcomes.length = 0
    await leave()
    server.pubsub.publish('h.a', 'the first of all')
    await comeBack()
    assert.deepEqual([heard, outcomes], [['the first of all'], ['h.a recovered']])
  })

  it('is caught up with by patterns, in order over all topics', async () => {
    const { server, heard, outcomes, leave, comeBack } = await lost(history(), ['h.*', 'h.>', 'h.b'])
    await leave()
    for (const [index, topic] of ['h.b', 'h.a', 'h.b', 'h.a.b', 'h.c'].entries()) server.pubsub.publish(topic, index)
    await comeBack()
    assert.deepEqual(heard, [0, 1, 2, 4, 0, 1, 2, 3, 4, 0, 2])
    assert.deepEqual(outcomes, ['h.* recovered', 'h.> recovered', 'h.b recovered'])
  })

  it('says when it is not complete, and then nothing of it arrives', async () => {
    const { server, heard, outcomes, leave, comeBack } = await lost(history(2), ['h.a', 'h.*', 'h.b', 'other'])
    await leave()
    for (const value of [1, 2, 3]) server.pubsub.publish('h.a', value)
    server.pubsub.publish('h.b', 4)
    await comeBack()
    assert.deepEqual([heard, outcomes], [[4], ['h.a missed', 'h.* missed', 'h.b recovered', 'other missed']])
  })

  it('does not catch up with more than a limit', async () => {
    const { server, heard, outcomes, leave, comeBack } = await lost({ ...history(), limits: { messages: 3 } })
    for (const missed of [3, 4]) {
      heard.length = outcomes.length = 0
      await leave()
      for (let count = 0; count < missed; count++) server.pubsub.publish('h.a', count)
      await comeBack()
      assert.deepEqual([heard, outcomes], missed === 3 ? [[0, 1, 2], ['h.a recovered']] : [[], ['h.a missed']])
    }
  })

  it('is not complete for patterns that stand for topics without one', async () => {
    const { outcomes, leave, comeBack } = await lost(
      { topics: { 'h.>': { history: { size: 5 } }, 'h.a.>': { retain: true } } },
      ['h.b', 'h.*', 'h.>', '>', 'h.a.b', 'h.b.*']
    )
    await leave()
    await comeBack()
    assert.deepEqual(outcomes, [
      'h.b recovered',
      'h.* recovered',
      'h.> missed',
      '> missed',
      'h.a.b missed',
      'h.b.* recovered'
    ])
  })

  it('is another one on a server that was restarted', async () => {
    const { server, serve, heard, outcomes, comeBack, leave } = await lost(history())
    server.pubsub.publish('h.a', 1)
    await until(() => heard.length === 1)
    await leave()
    await server.close({ timeout: 0 })
    const { server: next } = serve()
    for (const value of [2, 3]) next.pubsub.publish('h.a', value)
    await comeBack()
    next.pubsub.publish('h.a', 4)
    await until(() => heard.length === 2)
    assert.deepEqual([heard, outcomes], [[1, 4], ['h.a missed']])
  })

  it('leaves out what its publisher was left out of', async () => {
    const { server, pubsub, heard, outcomes, leave, comeBack, network, open } = await lost(history(), ['h.a'])
    const before = server.peers.size
    pubsub.publish('h.a', 'own', { echo: false })
    await until(() => server.pubsub.history('h.a').messages.length === 1)
    network.cut()
    await leave()
    server.pubsub.publish('h.a', 'for all')
    await comeBack()
    assert.deepEqual([before, heard, outcomes], [1, ['for all'], ['h.a recovered']])
    const other = await open('bob')
    const theirs = notes()
    await other.pubsub.subscribe('h.a', theirs.handler)
    assert.equal(await other.pubsub.publish('h.a', 1, { echo: false, ack: true }), 1)
  })

  it('can be asked for', async () => {
    const { server, open } = world(use, { pubsub: history(5) })
    const { pubsub } = await open()
    assert.deepEqual(await pubsub.history('other'), {
      epoch: server.pubsub.history('x').epoch,
      messages: [],
      complete: false
    })
    assert.deepEqual((await pubsub.history('h.a')).complete, true)
    for (let value = 1; value <= 5; value++) server.pubsub.publish('h.a', value)
    const all = await pubsub.history('h.a')
    assert.deepEqual([values(all.messages), all.complete], [[1, 2, 3, 4, 5], true])
    assert.deepEqual(
      all.messages.map(({ offset }) => offset),
      [1, 2, 3, 4, 5]
    )
    assert.deepEqual(server.pubsub.history('h.a'), all)
    const third = all.messages[2]
    assert.ok(third)
    const look = async (options: object) => {
      const { messages, complete } = await pubsub.history('h.a', options)
      return [values(messages), complete]
    }
    assert.deepEqual(await look({ since: third }), [[4, 5], true])
    assert.deepEqual(await look({ limit: 2 }), [[1, 2], true])
    assert.deepEqual(await look({ reverse: true, limit: 2 }), [[5, 4], true])
    assert.deepEqual(await look({ since: third, reverse: true }), [[5, 4], true])
    assert.deepEqual(await look({ limit: 0 }), [[], true])
    for (let value = 6; value <= 9; value++) server.pubsub.publish('h.a', value)
    assert.deepEqual(await look({}), [[5, 6, 7, 8, 9], false])
    assert.deepEqual(await look({ since: third }), [[5, 6, 7, 8, 9], false])
    assert.deepEqual(await look({ since: { epoch: all.epoch, offset: 4 } }), [[5, 6, 7, 8, 9], true])
    assert.deepEqual(await look({ since: { epoch: 'another', offset: 7 } }), [[5, 6, 7, 8, 9], false])
    assert.deepEqual(await look({ since: { epoch: all.epoch, offset: 99 } }), [[5, 6, 7, 8, 9], false])
    await assert.rejects(pubsub.history('h.*'), { code: 'ERR_OPTION' })
    await assert.rejects(pubsub.history('h.a', { limit: -1 }), { code: 'ERR_OPTION' })
    await assert.rejects(pubsub.history('h.a', { limit: Infinity }), { code: 'ERR_OPTION' })
    assert.throws(() => server.pubsub.history('h.*'), { code: 'ERR_OPTION' })
    assert.throws(() => server.pubsub.retained('h..a'), { code: 'ERR_OPTION' })
  })

  it('forgets what is too old', async () => {
    const clock = new Clock(use)
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [pubsub(history(5, 1_000))]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    server.pubsub.publish('h.a', 1)
    await clock.pass(600)
    server.pubsub.publish('h.a', 2)
    assert.deepEqual(
      [values(server.pubsub.history('h.a').messages), server.pubsub.history('h.a').complete],
      [[1, 2], true]
    )
    await clock.pass(600)
    const { messages, complete, epoch } = server.pubsub.history('h.a')
    assert.deepEqual([values(messages), complete], [[2], false])
    assert.equal(server.pubsub.history('h.a', { since: { epoch, offset: 1 } }).complete, true)
    await clock.pass(20_000)
    assert.deepEqual(server.pubsub.history('h.a').messages, [])
    server.pubsub.publish('h.a', 3)
    assert.deepEqual(server.pubsub.history('h.a').messages[0]?.offset, 3)
  })

  it('is of so many topics, and says so of those that it forgot', async () => {
    const { server, outcomes, leave, comeBack, heard } = await lost({ ...history(), limits: { topics: 2 } }, [
      'h.a',
      'h.b',
      'h.*'
    ])
    server.pubsub.publish('h.a', 1)
    server.pubsub.publish('h.b', 2)
    await until(() => heard.length === 4)
    await leave()
    await comeBack()
    assert.deepEqual(outcomes, ['h.a recovered', 'h.b recovered', 'h.* recovered'])
    await leave()
    outcomes.length = 0
    server.pubsub.publish('h.a', 3)
    server.pubsub.publish('h.c', 4)
    server.pubsub.publish('h.d', 5)
    server.pubsub.publish('h.a', 6)
    await comeBack()
    // The topic a was forgotten between 3 and 6; b when nothing of it was missed, which nobody knows any more.
    assert.deepEqual(outcomes, ['h.a missed', 'h.b missed', 'h.* missed'])
    assert.deepEqual(
      server.pubsub.history('h.a').messages.map(({ offset }) => offset > 2),
      [true]
    )
  })

  it('keeps the last value for those who come later', async () => {
    const { server, open } = world(use, { pubsub: { topics: { 's.>': { retain: true } } } })
    const { pubsub } = await open()
    const heard: unknown[] = []
    const note = (value: unknown, { topic, retained }: Message): void => void heard.push([topic, value, retained])
    server.pubsub.publish('s.a', 1)
    pubsub.publish('s.a', 2)
    server.pubsub.publish('s.b', null)
    server.pubsub.publish('s.c', undefined)
    server.pubsub.publish('s.d', 3)
    server.pubsub.publish('s.d')
    assert.deepEqual(await pubsub.subscribe('s.a', note), { recovered: false, missed: false })
    assert.deepEqual(heard, [['s.a', 2, true]])
    await pubsub.subscribe('s.*', note)
    assert.deepEqual(heard.slice(1), [
      ['s.a', 2, true],
      ['s.b', null, true],
      ['s.c', undefined, true]
    ])
    heard.length = 0
    await pubsub.subscribe('s.a', note)
    assert.deepEqual(heard, [['s.a', 2, true]])
    server.pubsub.publish('s.b', 4)
    await until(() => heard.length === 2)
    assert.deepEqual(heard[1], ['s.b', 4, false])
    assert.deepEqual(server.pubsub.retained('s.b')?.value, 4)
    assert.equal(server.pubsub.retained('s.d'), undefined)
    assert.deepEqual(
      [server.pubsub.retained('s.c')?.value, 'value' in Object(server.pubsub.retained('s.c'))],
      [undefined, true]
    )
    assert.equal(server.pubsub.retained('other'), undefined)
  })

  it('is of no more bytes than a limit: what was published to longest ago is forgotten', async () => {
    const topics = {
      'h.>': { history: { size: 5 } },
      't.*': { history: { size: 100, ttl: 1_000 } },
      's.*': { retain: true }
    }
    const clock = new Clock(use)
    const { server } = world(use, { pubsub: { topics, limits: { bytes: 10_000 } } })
    const publish = (topic: string, count: number, length = 1_000): void => {
      for (let number = 0; number < count; number++) server.pubsub.publish(topic, 'x'.repeat(length))
    }
    const kept = (...names: readonly string[]) => names.map(name => server.pubsub.history(name).messages.length)
    // What is replaced, taken back, or too old makes room.
    publish('h.a', 20)
    publish('s.a', 20)
    server.pubsub.publish('s.a')
    publish('t.a', 4)
    await clock.pass(10_000, 1_000)
    publish('t.b', 4)
    assert.deepEqual(kept('h.a', 't.a', 't.b'), [5, 0, 4])
    publish('s.b', 1)
    assert.deepEqual([kept('h.a', 't.b'), server.pubsub.history('h.a').complete], [[0, 4], false])
    publish('h.b', 1, 8_000)
    assert.deepEqual([kept('t.b', 'h.b'), server.pubsub.retained('s.b') !== undefined], [[0, 1], true])
    // Nor is there room for one that is larger.
    publish('h.b', 1, 20_000)
    assert.deepEqual([kept('h.b'), server.pubsub.retained('s.b')], [[0], undefined])
    publish('h.a', 5)
    assert.deepEqual(kept('h.a'), [5])
  })

  it('is of one topic at least, whatever the limits are', () => {
    const topics = { 'h.>': { history: { size: 5 } } }
    const { server } = world(use, { pubsub: { topics, limits: { topics: 0, bytes: 1_000 } } })
    for (let number = 0; number < 20; number++) server.pubsub.publish(`h.${number % 2}`, 'x'.repeat(100))
    assert.deepEqual(
      ['h.0', 'h.1'].map(name => server.pubsub.history(name).messages.length),
      [0, 1]
    )
  })

  it('is caught up with also where that is very much', () => {
    const limits = { ...LIMITS, messages: Infinity }
    const log = new Log(parseTopics({ h: { history: { size: 300_000 } } }), limits)
    for (let number = 0; number < 300_000; number++) log.add('h', [number], [], true)
    assert.equal(log.since('h', { epoch: log.epoch, sequence: 0 })?.length, 300_000)
  })

  it('tells messages that did not arrive on a wire that lives', async () => {
    const { server, open, peerOf } = world(use, { pubsub: history() })
    const { client, pubsub } = await open()
    const gaps: unknown[] = []
    pubsub.on('gap', gap => gaps.push(gap))
    const { values, handler } = notes()
    const { unsubscribe } = pubsub.subscribe('h.*', handler)
    await until(() => server.pubsub.subscribers('h.a') === 1)
    server.pubsub.publish('h.a', 1)
    const peer = peerOf(client)
    // As if the server had not been able to send to it.
    const state = peer as unknown as { reach: number }
    const { reach } = state
    state.reach = 0
    server.pubsub.publish('h.a', 2)
    server.pubsub.publish('h.a', 3)
    server.pubsub.publish('h.b', 1)
    state.reach = reach
    server.pubsub.publish('h.a', 4)
    server.pubsub.publish('h.b', 2)
    server.pubsub.publish('h.b', 3)
    await until(() => values.length === 4)
    assert.deepEqual(gaps, [{ topic: 'h.a', from: 2, to: 3 }])
    // Ending a subscription is no loss.
    unsubscribe()
    await until(() => server.pubsub.subscribers('h.a') === 0)
    server.pubsub.publish('h.a', 5)
    await pubsub.subscribe('h.a', handler)
    server.pubsub.publish('h.a', 6)
    await until(() => values.length === 5)
    assert.equal(gaps.length, 1)
  })
})

describe('pubsub: publishing', () => {
  guard()
  const use = undoing()

  it('reaches nobody twice with one key', async () => {
    const { server, open } = world(use)
    const { pubsub } = await open()
    const { values, handler } = notes()
    await pubsub.subscribe('*', handler)
    for (const topic of ['a', 'a', 'b']) assert.equal(await pubsub.publish(topic, topic, { key: 'k', ack: true }), 1)
    assert.equal(server.pubsub.publish('a', 'again', { key: 'k' }), 1)
    assert.equal(server.pubsub.publish('a', 'other', { key: 'l' }), 1)
    await until(() => values.length === 3)
    await turns()
    assert.deepEqual(values, ['a', 'b', 'other'])
    await assert.rejects(pubsub.publish('a', 1, { key: 'x'.repeat(300), ack: true }), { code: 'ERR_OPTION' })
    assert.throws(() => server.pubsub.publish('a', 1, { key: 'x'.repeat(257) }), { code: 'ERR_OPTION' })
    const twins = [
      ['t u', 'v'],
      ['t', 'u v']
    ] as const
    const heard: string[] = []
    for (const [topic, key] of twins) {
      server.pubsub.subscribe(topic, () => heard.push(topic))
      server.pubsub.publish(topic, 1, { key })
    }
    assert.deepEqual(heard, ['t u', 't'])
  })

  it('forgets keys after a while, and the oldest of too many', async () => {
    const clock = new Clock(use)
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [pubsub({ limits: { keys: 2 } })]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const heard: unknown[] = []
    server.pubsub.subscribe('a', value => heard.push(value))
    const publish = (value: number, key: string): number => server.pubsub.publish('a', value, { key })
    publish(1, 'k')
    publish(2, 'k')
    await clock.pass(300_000, 100_000)
    publish(3, 'k')
    for (const key of ['l', 'm', 'k', 'm']) publish(4, key)
    assert.deepEqual(heard, [1, 3, 4, 4, 4])
  })

  it('is remembered however many keys of others there are', async () => {
    const { server, open } = world(use, { pubsub: { limits: { keys: 4 } } })
    const [one, other] = [await open(), await open()]
    const heard: unknown[] = []
    server.pubsub.subscribe('a', value => heard.push(value))
    const publish = ({ pubsub }: typeof one, value: unknown): Promise<number> =>
      pubsub.publish('a', value, { key: String(value), ack: true })
    await publish(one, 'mine')
    server.pubsub.publish('a', 'of the server', { key: 'server' })
    for (let number = 0; number < 20; number++) await publish(other, number)
    await publish(one, 'mine')
    server.pubsub.publish('a', 'of the server', { key: 'server' })
    await publish(other, 18)
    await publish(other, 0)
    assert.deepEqual(heard, ['mine', 'of the server', ...Array(20).keys(), 0])
  })

  it('is sent again in the next session, once', async () => {
    const { network, server, open } = world(use, { server: { recovery: false } })
    const { client, pubsub } = await open()
    const heard: unknown[] = []
    server.pubsub.subscribe('a', value => heard.push(value))
    for (let round = 0; round < 20; round++) {
      const counts = [0, 1, 2].map(number => pubsub.publish('a', round * 3 + number, { ack: true }))
      await turns(round % 5)
      network.cut()
      assert.deepEqual(await Promise.all(counts), [1, 1, 1])
      await until(() => client.state === 'open')
    }
    assert.deepEqual(
      heard,
      Array.from({ length: 60 }, (_, index) => index)
    )
  })

  it('has rates, by topic', async () => {
    const clock = new Clock(use)
    const { server, open } = world(use, { pubsub: { topics: { 'r.*': { rate: { second: 1, burst: 2 } } } } })
    const { pubsub } = await open()
    const refused: unknown[] = []
    pubsub.on('refuse', ({ topic, error }) => refused.push([topic, error?.code]))
    const attempt = async (topic: string): Promise<string> => {
      try {
        await pubsub.publish(topic, 1, { ack: true })
        return 'ok'
      } catch (error) {
        return String(Reflect.get(Object(error), 'code'))
      }
    }
    const all = await Promise.all(['r.a', 'r.a', 'r.a', 'r.b', 'other', 'other', 'other'].map(attempt))
    assert.deepEqual(all, ['ok', 'ok', 'ERR_RATE', 'ok', 'ok', 'ok', 'ok'])
    await clock.pass(1_000)
    assert.deepEqual([await attempt('r.a'), await attempt('r.a')], ['ok', 'ERR_RATE'])
    pubsub.publish('r.a', 1)
    await until(() => refused.length === 1)
    assert.deepEqual(refused, [['r.a', 'ERR_RATE']])
    assert.equal(server.pubsub.publish('r.a', 'the server may'), 0)
  })

  it('throws what cannot be sent, and sends the rest', async () => {
    const { server, open } = world(use, { server: { limits: { message: 10_000 } } })
    const { pubsub } = await open()
    const heard: unknown[] = []
    server.pubsub.subscribe('a', value => heard.push(value))
    pubsub.publish('a', 1)
    throwsCode(() => pubsub.publish('a', 'x'.repeat(20_000)), 'ERR_TOO_LARGE')
    throwsCode(() => pubsub.publish('a', 10n), 'ERR_ENCODE')
    await assert.rejects(pubsub.publish('a', 10n, { ack: true }), { code: 'ERR_ENCODE' })
    await assert.rejects(pubsub.publish('a', 'x'.repeat(20_000), { ack: true }), { code: 'ERR_TOO_LARGE' })
    pubsub.publish('a', 2)
    await until(() => heard.length === 2)
    assert.deepEqual(heard, [1, 2])
    await pubsub.subscribe('a', () => {})
    throwsCode(() => server.pubsub.publish('a', 10n), 'ERR_ENCODE')
  })

  it('waits in no more than a limit', async () => {
    const { network, open, server } = world(use, { pubsub: { queue: 3 } })
    const { client, pubsub } = await open()
    const heard: unknown[] = []
    server.pubsub.subscribe('a', value => heard.push(value))
    network.down = true
    network.cut()
    await until(() => client.state === 'away')
    throwsCode(() => pubsub.publish('a', 10n), 'ERR_ENCODE')
    for (let value = 0; value < 3; value++) assert.equal(pubsub.publish('a', value), true)
    throwsCode(() => pubsub.publish('a', 3), 'ERR_LIMIT')
    await assert.rejects(pubsub.publish('a', 4, { ack: true }), { code: 'ERR_LIMIT' })
    network.down = false
    await until(() => heard.length === 3)
    assert.deepEqual(heard, [0, 1, 2])
  })
})
