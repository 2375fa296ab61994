import assert from 'node:assert/strict'
import type { Peer } from '../../core.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Rules } from '../../plugins/permissions/index.ts'
import type { Place } from '../../plugins/presence/client.ts'
import { presence as inBrowsers } from '../../plugins/presence/client.ts'
import { presence } from '../../plugins/presence/index.ts'
import type { PresenceOptions, ServerPresence } from '../../plugins/presence/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { pluginContract } from '../contract/plugin.ts'
import { Clocked } from '../support/clocked.ts'

pluginContract('presence', () => ({
  client: inBrowsers(),
  server: presence(),
  packets: {
    toServer: [
      [0, 0, 'room', { name: 'x' }],
      [2, 1, 'room'],
      [4, 'room', 1],
      [3, 2, 'room'],
      [1, 3, 'room']
    ],
    toClient: [
      [5, 0],
      [6, 1, 'ERR_DENIED'],
      [7, 'room', [['id', 1, 'data']]],
      [8, 'room', [['id', 0]]],
      [9, 'room', 'enter', 'ERR_DENIED']
    ]
  }
}))

type Data = { name: string; at?: number }

describe('presence', () => {
  let world: Clocked

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const start = (options: PresenceOptions = {}, rules?: Rules): void => {
    const plugins = [...(rules ? [permissions(rules)] : []), presence(options)]
    // The plugins of this test are not in the type of the world's server.
    world = new Clocked({ plugins: plugins as never })
  }

  const connect = (query: Record<string, string> = {}) =>
    world.connect([reconnect({ random: () => 0.1 }), inBrowsers()], { query })

  const server = (): ServerPresence => (world.server as unknown as { presence: ServerPresence }).presence

  const record = (place: Place<Data>): string[] => {
    const events: string[] = []
    for (const event of ['join', 'change', 'leave'] as const) {
      place.on(event, ({ data, connections }) => events.push(`${event} ${data?.name ?? '-'} ${connections}`))
    }
    place.on('evicted', (verb, { code }) => events.push(`evicted ${verb} ${code}`))
    return events
  }

  const names = (place: Place<Data>): string[] => place.members().map(({ data }) => data.name)

  it('tells who is there, who comes and goes, and what they say of themselves', async () => {
    start()
    const [one, two] = [connect().presence<Data>('room'), connect().presence<Data>('room')]
    const events = record(one)
    await world.pass(10)
    const entered = Promise.all([one.watch(), one.enter({ name: 'Ada' }), two.enter({ name: 'Bob' })])
    await world.pass(100)
    await entered
    assert.deepEqual(names(one).sort(), ['Ada', 'Bob'])
    assert.deepEqual(two.members(), [])
    two.update({ name: 'Bob', at: 1 })
    two.update({ name: 'Bob', at: 2 })
    await world.pass(100)
    assert.deepEqual(
      one.members().map(({ data }) => data.at),
      [undefined, 2]
    )
    const left = two.leave()
    await world.pass(100)
    await left
    assert.deepEqual(events, ['join Ada 1', 'join Bob 1', 'change Bob 1', 'leave Bob 1'])
    assert.deepEqual(
      server()
        .members('room')
        .map(({ data }) => data),
      [{ name: 'Ada' }]
    )
  })

  it('begins a watch with all there are, and tells each of them once', async () => {
    start()
    const places = Array.from({ length: 5 }, () => connect().presence<Data>('room'))
    await world.pass(10)
    for (const [index, place] of places.entries()) void place.enter({ name: `${index}` })
    await world.pass(1)
    const late = connect().presence<Data>('room')
    const events = record(late)
    void late.watch()
    await world.pass(200)
    assert.deepEqual(
      events.sort(),
      Array.from({ length: 5 }, (_, index) => `join ${index} 1`)
    )
  })

  it('has one member for each identity, however many connections', async () => {
    start({ identity: ({ query }: Peer) => query['user'] ?? '' })
    const watcher = connect({ user: 'watcher' }).presence<Data>('room')
    const events = record(watcher)
    const tabs = [connect({ user: 'ada' }), connect({ user: 'ada' })]
    await world.pass(10)
    void watcher.watch()
    for (const [index, tab] of tabs.entries()) {
      void tab.presence<Data>('room').enter({ name: `tab ${index}` })
      await world.pass(100)
    }
    assert.deepEqual(watcher.members(), [{ id: 'ada', connections: 2, data: { name: 'tab 1' } }])
    tabs[1]?.destroy()
    await world.pass(100)
    tabs[0]?.destroy()
    await world.pass(100)
    assert.deepEqual(events, ['join tab 0 1', 'change tab 1 2', 'change tab 0 1', 'leave tab 0 1'])
  })

  it('does not flicker while a wire is lost, and tells that somebody left when the session is over', async () => {
    start()
    const one = connect()
    const two = connect()
    const events = record(one.presence<Data>('room'))
    await world.pass(10)
    void one.presence<Data>('room').watch()
    void two.presence<Data>('room').enter({ name: 'Bob' })
    await world.pass(100)
    for (let cut = 0; cut < 5; cut++) {
      world.network.cut()
      await world.pass(2_000)
    }
    assert.deepEqual(events, ['join Bob 1'])
    two.destroy()
    await world.pass(100)
    assert.deepEqual(events, ['join Bob 1', 'leave Bob 1'])
  })

  it('is there again after the server restarted, without a word of the application', async () => {
    start()
    const one = connect()
    const two = connect()
    const place = one.presence<Data>('room')
    await world.pass(10)
    void place.watch()
    void two.presence<Data>('room').enter({ name: 'Bob' })
    await world.pass(100)
    const events = record(place)
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(2_000)
    await closing
    two.presence<Data>('room').update({ name: 'Bob', at: 7 })
    world.serve({ plugins: [presence()] as never })
    await world.pass(20_000)
    assert.deepEqual(
      place.members().map(({ data }) => data),
      [{ name: 'Bob', at: 7 }]
    )
    // The connections are new ones, and so are the members: their ids are those of their connections.
    assert.deepEqual([...events].sort(), ['join Bob 1', 'leave Bob 1'])
  })

  it('tells the latest of many updates, and few messages', async () => {
    start({ interval: 50 })
    const watcher = connect()
    const place = watcher.presence<Data>('room')
    let told = 0
    place.on('change', () => told++)
    const people = Array.from({ length: 20 }, () => connect().presence<Data>('room'))
    await world.pass(10)
    void place.watch()
    for (const person of people) void person.enter({ name: 'x', at: 0 })
    await world.pass(100)
    for (let frame = 1; frame <= 60; frame++) {
      for (const person of people) person.update({ name: 'x', at: frame })
      await world.pass(16)
    }
    await world.pass(100)
    assert.deepEqual(
      place.members().map(({ data }) => data.at),
      people.map(() => 60)
    )
    // 960 ms, told once in 50.
    assert.ok(told <= 21 * people.length, `${told} changes`)
  })

  it('keeps out whoever is not allowed, says so, and changes nothing', async () => {
    let allowed = new Set(['open'])
    const rule = ({ name }: { name: string }): Promise<boolean> => Promise.resolve(allowed.has(name))
    start({}, { presence: rule })
    const client = connect()
    const [open, secret] = [client.presence<Data>('open'), client.presence<Data>('secret')]
    const events = record(open)
    await world.pass(10)
    const refusals = Promise.allSettled([
      secret.enter({ name: 'x' }),
      secret.watch(),
      open.enter({ name: 'x' }),
      open.watch()
    ])
    await world.pass(100)
    assert.deepEqual(
      (await refusals).map(result => (result.status === 'rejected' ? (result.reason as { code: string }).code : 'ok')),
      ['ERR_DENIED', 'ERR_DENIED', 'ok', 'ok']
    )
    assert.deepEqual(server().members('secret'), [])
    allowed = new Set()
    ;(world.server as unknown as { permissions: { refresh(): void } }).permissions.refresh()
    await world.pass(100)
    assert.deepEqual(events, ['join x 1', 'evicted enter ERR_DENIED', 'evicted watch ERR_DENIED'])
    assert.deepEqual(server().members('open'), [])
  })

  it('lets a connection be in so many places, and no more', async () => {
    start({ places: 3 })
    const client = connect()
    await world.pass(10)
    const results = Promise.allSettled(Array.from({ length: 5 }, (_, index) => client.presence(`${index}`).enter(0)))
    await world.pass(100)
    assert.deepEqual(
      (await results).map(({ status }) => status),
      ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']
    )
  })
})
