import assert from 'node:assert/strict'
import { connect, createServer } from '../../../core.ts'
import type { ClientPlugin, Lane, Peer, ServerPlugin } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { msgpack } from '../../../parsers/msgpack.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { mutations, randomValues, SCALARS } from '../../contract/hostile-values.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { notes } from '../../support/pubsub.ts'

describe('pubsub: strangers', () => {
  const printed = guard()
  const use = undoing()

  /** A client that says what it likes over the lane, and hears what comes. */
  const rude = (lanes: Lane[], heard: unknown[] = []): ClientPlugin => ({
    name: 'pubsub',
    version: 1,
    client(_client, lane) {
      lanes.push(lane)
      lane.on('data', value => heard.push(value))
    }
  })

  it('cannot get around the rate of messages by lists; who subscribes again fits in', async () => {
    const network = memory()
    const rate = { second: 1, burst: 1_010 }
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [pubsub()],
      limits: { rate }
    })
    const errors: string[] = []
    server.on('error', ({ code }) => errors.push(code))
    use(() => server.close({ timeout: 0, reconnect: false }))
    const [lanes, heard]: [Lane[], unknown[]] = [[], []]
    const stranger = connect('http://memory', {
      transformers: [network],
      parser: json(),
      plugins: [rude(lanes, heard)]
    })
    use(() => stranger.destroy())
    await until(() => stranger.state === 'open')
    const list = (from: number, kind: number) =>
      Array.from({ length: 1_000 }, (_, index) => [from + index, kind, `t${index}`, 0, 0, index])
    lanes[0]?.write(list(1, 0))
    await until(() => heard.length === 1_000)
    assert.deepEqual(errors, [])
    let count = 0
    server.pubsub.subscribe('t1', () => count++)
    lanes[0]?.write(list(1_001, 1))
    await until(() => server.peers.size === 0)
    assert.deepEqual([errors, count], [['ERR_RATE'], 0])
  })

  it('break no server, whatever they ask for', async () => {
    const network = memory()
    const options = { topics: { '>': { history: { size: 5 }, retain: true, rate: { second: 1e6, burst: 1e6 } } } }
    const server = createServer(undefined, { transformers: [network], parsers: [json()], plugins: [pubsub(options)] })
    const errors: string[] = []
    server.on('error', ({ code }) => errors.push(code))
    use(() => server.close({ timeout: 0, reconnect: false }))
    const lanes: Lane[] = []
    const stranger = connect('http://memory', { transformers: [network], parser: json(), plugins: [rude(lanes)] })
    const witness = connect('http://memory', { transformers: [network], parser: json(), plugins: [pubsub()] })
    use(() => stranger.destroy())
    use(() => witness.destroy())
    await until(() => stranger.state === 'open' && witness.state === 'open')
    const { values, handler } = notes()
    await witness.pubsub.subscribe('witness', handler)
    const { epoch } = server.pubsub.history('x')
    const items = [
      [1, 0, 'a.*', 'client', epoch, 0],
      [2, 1, 'a', 0, 'key', 'value'],
      [3, 1, 'a', 'client', 0],
      [4, 2, 'a', epoch, -1, 10, false],
      [5, 3, 'a.>'],
      [1],
      [5]
    ]
    const fit = (value: unknown): boolean => {
      try {
        return json().encode(value) !== undefined
      } catch {
        return false
      }
    }
    const all = [...items.flatMap(mutations).map(item => [item]), ...SCALARS, ...randomValues(300, 5)].filter(fit)
    for (const [index, packet] of all.entries()) {
      lanes[0]?.write(packet)
      if (index % 50 === 0) await turns(1)
    }
    const small = items.flatMap(mutations).filter(item => fit(item) && JSON.stringify(item).length < 500)
    lanes[0]?.write([...items, ...small].slice(0, 1_000))
    await turns()
    server.pubsub.publish('witness', 'unharmed')
    await until(() => values.length === 1)
    assert.deepEqual([errors, printed, stranger.state, values], [[], [], 'open', ['unharmed']])
    assert.equal(Reflect.get({}, 'value'), undefined)
  })

  it('cannot act for others: unsubscribe them, or hear what is not theirs', async () => {
    const network = memory()
    const server = createServer(undefined, { transformers: [network], parsers: [json()], plugins: [pubsub()] })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const lanes: Lane[] = []
    const heard: unknown[] = []
    const stranger = connect('http://memory', {
      transformers: [network],
      parser: json(),
      plugins: [rude(lanes, heard)]
    })
    const victim = connect('http://memory', { transformers: [network], parser: json(), plugins: [pubsub()] })
    use(() => stranger.destroy())
    use(() => victim.destroy())
    const { values, handler } = notes()
    const served: string[] = []
    await victim.pubsub.subscribe('a', handler)
    await victim.pubsub.listen('>', name => served.push(name))
    lanes[0]?.write([[1], [2], [1, 0]])
    await turns()
    server.pubsub.publish('a', 1)
    await until(() => values.length === 1)
    assert.deepEqual([heard, served], [[], ['a']])
  })

  it('break no client, whatever a server says', async () => {
    const network = memory()
    const told: { readonly peer: Peer; readonly lane: Lane }[] = []
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [
        { name: 'pubsub', version: 1, peer: (peer, lane) => void told.push({ peer, lane }) } satisfies ServerPlugin
      ]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', { transformers: [network], parser: json(), plugins: [pubsub()] })
    const errors: string[] = []
    const topics = new Set<unknown>()
    client.on('error', ({ code }) => errors.push(code))
    client.pubsub.on('unsubscribe', () => {})
    client.pubsub.on('refuse', ({ topic }) => topics.add(topic))
    use(() => client.destroy())
    await until(() => told.length === 1)
    const lane = told[0]?.lane
    const packets = [
      ['a', 1, 1, 'value'],
      [-1, 1, ['a', 1, 1, 'value'], 'epoch', 0],
      [-1, 0, 1, 'epoch', 5],
      [-3, 0, 'epoch', true],
      [-4, 0, 1],
      [-1, 'ERR_DENIED', 'hint'],
      [-2, 2, 'a'],
      [-2, 3, 'a'],
      [-2, ''],
      [0, 'a', 'ERR_DENIED', 'hint']
    ]
    const fit = (value: unknown): boolean =>
      JSON.stringify(value) !== undefined && !/__proto__|prototype/.test(JSON.stringify(value))
    for (const packet of [...packets, ...packets.flatMap(mutations), ...SCALARS, ...randomValues(200, 3)].filter(fit)) {
      void client.pubsub.subscribe('a', (_value, message) => topics.add(message.topic))
      void client.pubsub.listen('a', () => {})
      void client.pubsub.history('a')
      void client.pubsub.publish('a', 1, { ack: true })
      lane?.write(packet)
    }
    for (let id = 1; id < 30; id++) for (const packet of packets) lane?.write([-id, ...packet.slice(1)])
    await turns(10)
    assert.deepEqual([errors, printed, client.state], [[], [], 'open'])
    for (const topic of topics) assert.equal(typeof topic, 'string')
  })

  it('with another parser do not keep others from what they cannot have themselves', async () => {
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json(), msgpack()],
      plugins: [pubsub()]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const clients = [json(), msgpack(), json(), msgpack()].map(parser => {
      const client = connect('http://memory', { transformers: [network], parser, plugins: [pubsub()] })
      use(() => client.destroy())
      return { client, ...notes() }
    })
    for (const { client, handler } of clients) await client.pubsub.subscribe('a', handler)
    const publisher = clients[1]?.client.pubsub
    assert.ok(publisher)
    await assert.rejects(publisher.publish('a', new Uint8Array([1, 2]), { ack: true }), { code: 'ERR_ENCODE' })
    assert.equal(await publisher.publish('a', 'for all', { ack: true }), 4)
    await until(() => clients.every(({ values }) => values.includes('for all')))
    assert.deepEqual(
      clients.map(({ values }) => values.length),
      [1, 2, 1, 2]
    )
  })
})
