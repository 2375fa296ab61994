import assert from 'node:assert/strict'
import type { AnywireError, Lane, Peer, ServerOptions, ServerPlugin } from '../../core.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Rules } from '../../plugins/permissions/index.ts'
import type { Place } from '../../plugins/presence/client.ts'
import { presence as inBrowsers } from '../../plugins/presence/client.ts'
import { presence } from '../../plugins/presence/index.ts'
import type { PresenceOptions, ServerPresence } from '../../plugins/presence/index.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { pluginContract } from '../contract/plugin.ts'
import { Clocked } from '../support/clocked.ts'

pluginContract('presence', () => ({
  client: inBrowsers(),
  server: presence(),
  packets: {
    toServer: [[[1, 'enter', 'room', { name: 'x' }], [2, 'watch', 'room'], [1, { name: 'y' }], [2], [1]]],
    toClient: [
      [-1, 0],
      [-1, 0, ['id', 1, 'data']],
      [-1, 'ERR_DENIED', 'a hint'],
      [-2, 1, [['id', 1, 'data']]],
      [-1, 2, 'ERR_LIMIT', 'a hint'],
      ['room', [['id', 0]]],
      ['room', [['id', 1]]]
    ]
  }
}))

type Data = { name: string; at?: number }

describe('presence', () => {
  let world: Clocked

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const start = (options: PresenceOptions = {}, rules?: Rules, more: Partial<ServerOptions> = {}): void => {
    const plugins = [...(rules ? [permissions(rules)] : []), presence(options)]
    // The plugins of this test are not in the type of the world's server.
    world = new Clocked({ ...more, plugins: plugins as never })
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

  /** A rule that takes its time, and how often it was asked. */
  const slow = (time: number) => {
    const rule = (): Promise<boolean> => {
      rule.asked++
      return new Promise(resolve => {
        setTimeout(() => resolve(true), time)
      })
    }
    rule.asked = 0
    return rule
  }

  /** What becomes of promises: their codes, 'ok', or '' for as long as they wait. */
  const outcomes = (promises: readonly Promise<void>[]): string[] => {
    const all = promises.map(() => '')
    for (const [index, promise] of promises.entries()) {
      promise.then(
        () => (all[index] = 'ok'),
        (error: AnywireError) => (all[index] = error.code)
      )
    }
    return all
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

  it('has the same array and members until something changes, in sessions to come too', async () => {
    start({ identity: ({ query }: Peer) => query['user'] ?? '' }, undefined, { recovery: false })
    const place = connect({ user: 'eve' }).presence<Data>('room')
    assert.equal(place.members(), place.members())
    void place.watch()
    await world.pass(10)
    const { peer } = world
    const [ada, bob] = ['ada', 'bob'].map(user => connect({ user }).presence<Data>('room'))
    void ada?.enter({ name: 'Ada' })
    void bob?.enter({ name: 'Bob' })
    await world.pass(100)
    const before = place.members()
    assert.equal(before.length, 2)
    assert.equal(place.members(), before)
    peer.disconnect()
    await world.pass(1_000)
    assert.equal(peer.state, 'closed')
    assert.equal(place.members(), before)
    bob?.update({ name: 'Bob', at: 1 })
    await world.pass(100)
    const after = place.members()
    assert.notEqual(after, before)
    assert.equal(after[0], before[0])
    assert.deepEqual(after[1]?.data, { name: 'Bob', at: 1 })
    void place.unwatch()
    assert.deepEqual(place.members(), [])
  })

  it('tells a client of what is denied, and nobody waited for', async () => {
    start({}, { presence: {} })
    const place = connect().presence<Data>('room')
    void place.enter({ name: 'Ada' })
    void place.watch()
    place.enter({ name: 'Ada' }).catch(() => {})
    await world.pass(100)
    assert.deepEqual(
      world.errors.map(({ message }) => message),
      [
        "The permissions of the server do not allow this: enter 'room'",
        "The permissions of the server do not allow this: watch 'room'"
      ]
    )
    assert.equal(place.isIn, false)
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

  it('has who stays away leave after a while, and join when it comes back to its session, once each', async () => {
    start({ away: 5_000, identity: ({ query }: Peer) => query['user'] ?? '' })
    const [one, two] = [connect({ user: 'ann' }), connect({ user: 'bob' })]
    const room = two.presence<Data>('room')
    const events = record(one.presence<Data>('room'))
    await world.pass(10)
    void one.presence<Data>('room').watch()
    void room.enter({ name: 'Bob' })
    void two.presence<Data>('hall').enter({ name: 'Bob' })
    await world.pass(100)
    const peer = [...world.server.peers].find(({ query }) => query['user'] === 'bob')
    world.network.down = true
    peer?.disconnect()
    await world.pass(4_900)
    assert.deepEqual([events, server().members('hall').length], [['join Bob 1'], 1])
    await world.pass(300)
    assert.deepEqual([events, server().members('hall')], [['join Bob 1', 'leave Bob 1'], []])
    await world.pass(10_000)
    assert.deepEqual([peer?.state, room.isIn], ['away', true])
    void two.presence<Data>('hall').leave()
    room.update({ name: 'Bobby' })
    world.network.down = false
    await world.pass(10_000)
    assert.equal(peer?.state, 'open')
    // It said that it has another name, and is in one place, while it was away.
    assert.deepEqual([events.slice(2), server().members('hall')], [['join Bobby 1'], []])
    world.network.down = true
    peer?.disconnect()
    await world.pass(6_000)
    assert.deepEqual(events.slice(3), ['leave Bobby 1'])
    await world.pass(200_000)
    assert.deepEqual([peer?.state, events.length], ['closed', 4])
  })

  it('has of one who comes back and says nothing what another connection of theirs said meanwhile', async () => {
    start({ away: 1_000, identity: () => 'bob' })
    const [phone, laptop] = [connect(), connect()]
    await world.pass(10)
    const [peer] = world.peers
    void phone.presence<Data>('room').enter({ name: 'phone' })
    void laptop.presence<Data>('room').enter({ name: 'laptop' })
    await world.pass(100)
    laptop.presence<Data>('room').update({ name: 'laptop', at: 2 })
    await world.pass(100)
    const rows = () =>
      server()
        .members('room')
        .map(({ data, connections }) => [data, connections])
    world.network.down = true
    peer?.disconnect()
    await world.pass(2_000)
    assert.deepEqual(rows(), [[{ name: 'laptop', at: 2 }, 1]])
    world.network.down = false
    await world.pass(10_000)
    assert.deepEqual([peer?.state, rows()], ['open', [[{ name: 'laptop', at: 2 }, 2]]])
  })

  it('counts no connection twice that comes back, nor one that is somebody else then', async () => {
    const user = ({ context }: Peer): string => String(context)
    start({ away: 1_000, identity: user }, undefined, {
      authenticate: ({ auth }) => String(auth),
      recovery: { same: () => true }
    })
    const plugins = [reconnect({ random: () => 0.1 }), inBrowsers()] as const
    const bob = world.connect(plugins, { auth: 'bob' })
    const phone = world.connect(plugins, { auth: 'bob' })
    await world.pass(10)
    const [peer] = world.peers
    for (const client of [bob, phone]) void client.presence<Data>('room').enter({ name: 'Bob' })
    await world.pass(100)
    const rows = () =>
      server()
        .members('room')
        .map(({ id, connections }) => `${id} ${connections}`)
    assert.deepEqual(rows(), ['bob 2'])
    world.network.down = true
    peer?.disconnect()
    await world.pass(2_000)
    assert.deepEqual(rows(), ['bob 1'])
    bob.auth = () => 'bert'
    world.network.down = false
    await world.pass(10_000)
    assert.deepEqual([peer?.state, rows()], ['open', ['bob 1', 'bert 1']])
    // Whom permissions let in while it is away is there when it is back.
    peer?.disconnect()
    await world.pass(500)
    assert.deepEqual(rows(), ['bob 1', 'bert 1'])
  })

  it('lets in who was allowed while it was away, when it is back', async () => {
    start({ away: 1_000 }, { presence: slow(3_000) })
    const client = connect()
    await world.pass(10)
    const { peer } = world
    void client.presence<Data>('room').enter({ name: 'Ada' })
    await world.pass(100)
    world.network.down = true
    peer.disconnect()
    await world.pass(5_000)
    assert.deepEqual([peer.state, server().members('room')], ['away', []])
    world.network.down = false
    await world.pass(20_000)
    assert.deepEqual([peer.state, server().members('room').length], ['open', 1])
  })

  it('knows oneself at once where the place is watched, and is told of it once', async () => {
    start({ interval: 1_000 })
    const [one, two] = [connect(), connect()]
    const place = one.presence<Data>('room')
    const events = record(place)
    await world.pass(10)
    void two.presence<Data>('room').enter({ name: 'Bob' })
    void place.watch()
    await world.pass(1_500)
    void place.enter({ name: 'Ada' }).then(() => events.push(names(place).join()))
    await world.pass(10)
    assert.deepEqual(events, ['join Bob 1', 'join Ada 1', 'Bob,Ada'])
    const before = place.members()
    await world.pass(2_000)
    assert.deepEqual([events.length, place.members() === before], [3, true])
    void place.enter({ name: 'Eve' })
    await world.pass(10)
    place.update({ name: 'Eva' })
    await world.pass(2_000)
    assert.deepEqual(events.slice(3), ['change Eve 1', 'change Eva 1'])
    void place.leave()
    await world.pass(2_000)
    assert.deepEqual(events.slice(5), ['leave Eva 1'])
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

  const refresh = (): void => (world.server as unknown as { permissions: { refresh(): void } }).permissions.refresh()

  for (const before of [true, false])
    it(`asks a rule again that said ${before} before permissions changed`, async () => {
      let allowed = before
      const rule = (): Promise<boolean> => {
        const decision = allowed
        return new Promise(resolve => {
          setTimeout(() => resolve(decision), 20)
        })
      }
      start({}, { presence: rule })
      const place = connect().presence<Data>('room')
      await world.pass(10)
      const all = outcomes([place.enter({ name: 'x' }), place.watch()])
      await world.pass(5)
      allowed = !before
      refresh()
      await world.pass(100)
      const outcome = allowed ? 'ok' : 'ERR_DENIED'
      assert.deepEqual([all, server().members('room').length], [[outcome, outcome], +allowed])
    })

  it('evicts whom a rule denies, also where it is asked again before it has answered, and all the time', async () => {
    let allowed = true
    start({}, { presence: () => allowed || new Promise(resolve => setTimeout(() => resolve(false), 20)) })
    const place = connect().presence<Data>('room')
    await world.pass(10)
    const all = outcomes([place.enter({ name: 'x' }), place.watch()])
    await world.pass(100)
    assert.deepEqual(all, ['ok', 'ok'])
    allowed = false
    for (let time = 0; time < 100; time += 10) {
      refresh()
      await world.pass(10)
    }
    assert.deepEqual(server().members('room'), [])
  })

  it('hides whom a rule denies while it is asked again already, and shows them again where that allows it', async () => {
    const gates: ((allowed: boolean) => void)[] = []
    let isSlow = false
    start({}, { presence: { enter: () => !isSlow || new Promise(resolve => gates.push(resolve)), watch: true } })
    const place = connect().presence<Data>('room')
    await world.pass(10)
    const all = outcomes([place.enter({ name: 'x' })])
    await world.pass(100)
    const there = (): unknown[] => [server().members('room').length, place.isIn]
    isSlow = true
    refresh()
    refresh()
    await world.pass(10)
    assert.deepEqual([gates.length, all, there()], [2, ['ok'], [1, true]])
    gates[0]?.(false)
    await world.pass(10)
    assert.deepEqual(there(), [0, true])
    gates[1]?.(true)
    await world.pass(10)
    assert.deepEqual(there(), [1, true])
    refresh()
    gates[2]?.(false)
    await world.pass(10)
    assert.deepEqual(there(), [0, false])
  })

  it('waits for no rule of another place when permissions change', async () => {
    let allowed = true
    const never = (): boolean | Promise<boolean> => allowed || new Promise(() => {})
    start({}, { presence: ({ name }) => (name === 'slow' ? never() : allowed) })
    const client = connect()
    const places = ['slow', 'room'].map(name => client.presence<Data>(name))
    await world.pass(10)
    const all = outcomes(places.map(place => place.enter({ name: 'x' })))
    await world.pass(100)
    assert.deepEqual(all, ['ok', 'ok'])
    allowed = false
    refresh()
    await world.pass(100)
    assert.deepEqual(server().members('room'), [])
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

  it('counts the items of a list for the rate of messages; who comes again fits in', async () => {
    start({}, undefined, { limits: { rate: { second: 1, burst: 120 } } })
    const failed: string[] = []
    world.server.on('error', ({ code }) => failed.push(code))
    const client = connect()
    const places = Array.from({ length: 100 }, (_, index) => client.presence(`place ${index}`))
    const entered = outcomes(places.map(place => place.enter(1)))
    await world.pass(100)
    assert.deepEqual([new Set(entered), failed], [new Set(['ok']), []])
    for (const place of places) place.update(2)
    await world.pass(5)
    assert.deepEqual([failed, world.server.peers.size, server().members('place 0')], [['ERR_RATE'], 0, []])
  })

  it('tells in several messages what is too much for one', async () => {
    const rule = slow(1)
    start({ bytes: 30_000 }, { presence: { enter: true, watch: rule } })
    const [early, late] = [connect().presence<Data>('room'), connect().presence<Data>('room')]
    const joined = [record(early), record(late)]
    const people = Array.from({ length: 50 }, () => connect().presence<Data>('room'))
    await world.pass(10)
    const watched = outcomes([early.watch()])
    await world.pass(10)
    for (const [index, person] of people.entries()) void person.enter({ name: `${index}`.padEnd(25_000) })
    await world.pass(100)
    watched.push(...(await Promise.allSettled([late.watch(), world.pass(100)])).map(({ status }) => status))
    assert.deepEqual(watched, ['ok', 'fulfilled', 'fulfilled'])
    for (const events of joined) assert.equal(new Set(events).size, 50)
    assert.deepEqual(
      joined.map(({ length }) => length),
      [50, 50]
    )
    assert.deepEqual(world.errors, [])
  })

  it('tells nothing of those who are there as before, once the server is back', async () => {
    const options: PresenceOptions = { identity: ({ query }: Peer) => query['user'] ?? '' }
    start(options)
    const people = Array.from({ length: 10 }, (_, index) => connect({ user: `${index}` }).presence<Data>('room'))
    const watcher = connect({ user: 'watcher' }).presence<Data>('room')
    await world.pass(10)
    for (const person of people) void person.enter({ name: 'x'.repeat(4_000) })
    void watcher.watch()
    await world.pass(100)
    const events = record(watcher)
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(2_000)
    await closing
    people[3]?.update({ name: 'new' })
    void people[4]?.leave()
    world.serve({ plugins: [presence(options)] as never })
    await world.pass(19_000)
    assert.deepEqual(events, ['change new 1'])
    await world.pass(1_100)
    assert.deepEqual(events, ['change new 1', `leave ${'x'.repeat(4_000)} 1`])
    assert.equal(watcher.members().length, 9)
  })

  it('takes no more of a member than the limit', async () => {
    start({ bytes: 100 })
    const place = connect().presence<Data>('room')
    const refusals: string[] = []
    place.on('refused', ({ code }) => refusals.push(code))
    await world.pass(10)
    const results = outcomes([place.enter({ name: 'x'.repeat(100) })])
    await world.pass(10)
    assert.equal(place.isIn, false)
    void place.enter({ name: 'Ada' })
    await world.pass(10)
    place.update({ name: 'x'.repeat(100) })
    await world.pass(10)
    assert.deepEqual([results, refusals, place.isIn], [['ERR_LIMIT'], ['ERR_LIMIT'], true])
    assert.deepEqual(
      server()
        .members('room')
        .map(({ data }) => data),
      [{ name: 'Ada' }]
    )
    // Who is refused is not there, on either side.
    results.push(...(await Promise.allSettled([place.enter({ name: 'x'.repeat(100) }), world.pass(10)])).map(String))
    assert.deepEqual([place.isIn, server().members('room')], [false, []])
  })

  it('counts what parsers carry that JSON does not', async () => {
    start({ bytes: 100 }, undefined, { parsers: [msgpack()] })
    const client = world.connect([inBrowsers()], { parser: msgpack() })
    await world.pass(10)
    const long = 'x'.repeat(100)
    const values = [new Map([['x', long]]), new Set([long]), new Uint8Array(100), [[long]], new Map([[long, 1]]), 1n]
    const results = outcomes(values.map((value, index) => client.presence(`${index}`).enter(value)))
    await world.pass(10)
    assert.deepEqual(results, [...Array.from({ length: 5 }, () => 'ERR_LIMIT'), 'ok'])
  })

  it('lets so many requests wait for a slow rule, and refuses the others', async () => {
    const rule = slow(10)
    start({ places: 50 }, { presence: rule })
    const client = connect()
    await world.pass(10)
    const places = Array.from({ length: 130 }, (_, index) => client.presence(`${index}`))
    const results = outcomes(places.map(place => place.enter(0)))
    await world.pass(5)
    assert.deepEqual(
      results.map(result => result === 'ERR_LIMIT'),
      places.map((_, index) => index > 100)
    )
    await world.pass(2_000)
    assert.equal(rule.asked, 101)
    assert.equal(results.filter(result => result === 'ok').length, 50)
    assert.equal(results.includes(''), false)
    assert.deepEqual(
      places.map(({ isIn }) => isIn),
      results.map(result => result === 'ok')
    )
  })

  it('asks a slow rule of the latest update only', async () => {
    const rule = slow(100)
    start({}, { presence: rule })
    const place = connect().presence<Data>('room')
    await world.pass(10)
    void place.enter({ name: 'x' })
    for (let at = 1; at <= 90; at++) {
      place.update({ name: 'x', at })
      await world.pass(1)
    }
    await world.pass(1_000)
    assert.equal(rule.asked, 2)
    assert.deepEqual(
      server()
        .members('room')
        .map(({ data }) => data),
      [{ name: 'x', at: 90 }]
    )
  })

  it('waits for no rule to leave', async () => {
    const rule = slow(100)
    start({}, { presence: rule })
    const client = connect()
    const [room, other] = [client.presence<Data>('room'), client.presence<Data>('other')]
    await world.pass(10)
    const results = outcomes([room.enter({ name: 'x' }), other.enter({ name: 'x' }), room.leave(), other.leave()])
    await world.pass(10)
    assert.deepEqual(results, ['ok', 'ok', 'ok', 'ok'])
    await world.pass(1_000)
    assert.deepEqual([server().members('room'), server().members('other')], [[], []])
  })

  it('goes by the answer to what was asked last', async () => {
    start({}, { presence: ({ value }: { value: unknown }) => Promise.resolve((value as Data).name === 'good') })
    const place = connect().presence<Data>('room')
    await world.pass(10)
    const results = outcomes([place.enter({ name: 'bad' }), place.enter({ name: 'good' })])
    await world.pass(10)
    assert.deepEqual([results, place.isIn, server().members('room').length], [['ERR_DENIED', 'ok'], true, 1])
  })

  it('says which data cannot be sent, and sends the rest', async () => {
    start()
    const client = connect()
    const [one, two] = [client.presence<unknown>('one'), client.presence<unknown>('two')]
    const refusals: string[] = []
    one.on('refused', ({ code }) => refusals.push(code))
    await world.pass(10)
    const results = outcomes([one.enter(1), two.enter(1), client.presence('three').enter(1n)])
    await world.pass(10)
    one.update(1n)
    two.update(2)
    await world.pass(10)
    two.update(3)
    await world.pass(10)
    assert.deepEqual([results, refusals], [['ok', 'ok', 'ERR_ENCODE'], ['ERR_ENCODE']])
    assert.equal(server().members('two')[0]?.data, 3)
    two.update(2n)
    await world.pass(10)
    assert.deepEqual(
      world.errors.map(({ code }) => code),
      ['ERR_ENCODE']
    )
    // What was said before counts in sessions to come.
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(2_000)
    await closing
    world.serve({ plugins: [presence()] as never })
    await world.pass(20_000)
    assert.deepEqual([server().members('one')[0]?.data, server().members('two')[0]?.data], [1, 3])
  })

  it("tells without its data who says what a watcher's parser does not carry", async () => {
    start({}, undefined, { parsers: [json(), msgpack()] })
    const failed: string[] = []
    world.server.on('error', ({ cause }) => failed.push((cause as AnywireError).code))
    const member = world.connect([inBrowsers()], { parser: msgpack() }).presence('room')
    const other = world.connect([inBrowsers()], { parser: msgpack() }).presence('room')
    const [early, late] = [connect().presence('room'), connect().presence('room')]
    await world.pass(10)
    void early.watch()
    void other.watch()
    await world.pass(10)
    void member.enter(new Map([[1, 2]]))
    await world.pass(100)
    const watched = outcomes([late.watch()])
    await world.pass(100)
    assert.deepEqual(
      [early, late, other].map(place => place.members().map(({ data }) => data)),
      [[undefined], [undefined], [new Map([[1, 2]])]]
    )
    assert.deepEqual([watched, failed], [['ok'], ['ERR_ENCODE', 'ERR_ENCODE']])
  })

  it('settles what waits for a session when it is taken back', async () => {
    start()
    const client = world.connect([inBrowsers()], { open: false })
    const place = client.presence<Data>('room')
    const results = outcomes([place.enter({ name: 'x' }), place.watch(), place.leave(), place.unwatch()])
    await world.pass(1)
    assert.deepEqual(results, ['ok', 'ok', 'ok', 'ok'])
    client.open()
    await world.pass(100)
    assert.deepEqual([place.isIn, server().members('room')], [false, []])
  })

  it('is nowhere where it has left last, whatever was asked for before that, with a wire or without one', async () => {
    start({}, { presence: { enter: slow(20), watch: true } })
    const [client, other] = [connect(), connect().presence<Data>('room')]
    const place = client.presence<Data>('room')
    void other.watch()
    await world.pass(100)
    const enter = (name: string): Promise<void> => place.enter({ name })
    const settled = outcomes([enter('a'), enter('b'), place.leave()])
    await world.pass(100)
    // The first one is on its way.
    void enter('c')
    await world.pass(5)
    void enter('d')
    void place.leave()
    await world.pass(100)
    void enter('e')
    await world.pass(100)
    world.network.cut()
    void enter('f')
    void enter('g')
    void place.leave()
    await world.pass(30_000)
    assert.deepEqual([client.state, place.isIn, server().members('room'), other.members()], ['open', false, [], []])
    assert.deepEqual(settled, ['ok', 'ok', 'ok'])
    void enter('h')
    await world.pass(5)
    await assert.rejects(place.enter(1n as never), { code: 'ERR_ENCODE' })
    await world.pass(100)
    assert.deepEqual([place.isIn, server().members('room')], [false, []])
  })

  it('has questions answered that are asked before the end of the last session is told', async () => {
    start({}, { presence: { enter: slow(10_000) } }, { recovery: false })
    const client = connect()
    client.on('data', () => {})
    client.incoming.use(async (value, next) => {
      await new Promise(resolve => {
        setTimeout(resolve, 5_000)
      })
      next(value)
    })
    await world.pass(10)
    world.peer.write('hi')
    await world.pass(10)
    const results: string[][] = []
    client.on('open', () => results.push(outcomes([client.presence('room').enter(1)])))
    world.network.cut()
    await world.pass(20_000)
    assert.deepEqual(results, [['ok']])
  })

  it('hears of a place that was left just before it was watched', async () => {
    start()
    const [one, two] = [connect().presence<Data>('room'), connect().presence<Data>('room')]
    const events = record(one)
    await world.pass(10)
    void two.enter({ name: 'Bob' })
    await world.pass(100)
    void two.leave()
    await world.pass(5)
    void one.watch()
    await world.pass(100)
    void two.enter({ name: 'Bob' })
    await world.pass(100)
    assert.deepEqual(events, ['join Bob 1'])
  })

  it('has who watches many places told one after the other, as fast as it reads', async () => {
    start({}, undefined, { limits: { buffered: 100_000, window: 20_000 } })
    const places = Array.from({ length: 50 }, (_, index) => `place ${index}`)
    const text = 'x'.repeat(1_000)
    for (let person = 0; person < 20; person++) {
      const one = connect()
      for (const place of places) void one.presence(place).enter(text)
      await world.pass(100)
    }
    const watcher = connect()
    await world.pass(10)
    const { id } = watcher
    for (const place of places) void watcher.presence(place).watch()
    await world.pass(2_000)
    assert.deepEqual(
      places.map(place => watcher.presence(place).members().length),
      places.map(() => 20)
    )
    assert.deepEqual([watcher.id, world.errors], [id, []])
  })

  it('refuses a place with more to tell than may wait for a client, and ends nobody', async () => {
    start({}, undefined, { limits: { buffered: 100_000, window: 20_000 } })
    const text = 'x'.repeat(2_000)
    for (let person = 0; person < 60; person++) void connect().presence('full').enter(text)
    await world.pass(100)
    const watcher = connect()
    await world.pass(10)
    const { id } = watcher
    const [full, other] = [watcher.presence('full'), watcher.presence('other')]
    const refusal = full.watch().catch((error: AnywireError) => error.message)
    const results = outcomes([other.watch(), other.enter(text)])
    await world.pass(1_000)
    assert.equal(
      await refusal,
      "A limit was reached: who is there is more to tell than 'limits.buffered' of the server: watch 'full'"
    )
    assert.deepEqual([results, full.members(), other.members().length], [['ok', 'ok'], [], 1])
    assert.deepEqual([watcher.id, world.errors], [id, []])
    void connect().presence('full').enter(text)
    await world.pass(1_000)
    assert.deepEqual(full.members(), [])
  })

  it('sends only the latest of what is said while the wire is full', async () => {
    start()
    const client = connect()
    const place = client.presence<Data>('room')
    void place.enter({ name: 'x' })
    await world.pass(100)
    world.network.stalled = true
    const name = 'x'.repeat(2_000)
    for (let at = 1; at <= 500; at++) {
      place.update({ name, at })
      await world.pass(1)
    }
    assert.ok(client.bufferedBytes < 200_000, `${client.bufferedBytes} bytes`)
    world.network.stalled = false
    await world.pass(100)
    assert.deepEqual(server().members('room')[0]?.data, { name, at: 500 })
  })

  it('tells a place no more often for who watches it again and again', async () => {
    start({ interval: 50 })
    const [one, two] = [connect(), connect()]
    const [mine, theirs] = [one.presence<Data>('room'), two.presence<Data>('room')]
    let told = 0
    server().on('changes', () => told++)
    void mine.enter({ name: 'x' })
    await world.pass(100)
    told = 0
    for (let at = 1; at <= 40; at++) {
      mine.update({ name: 'x', at })
      await world.pass(5)
      void theirs.watch()
      await world.pass(5)
      assert.equal(theirs.members()[0]?.data.at, at)
      void theirs.unwatch()
    }
    // 400 ms, once in 50 and once in between.
    assert.ok(told <= 17, `${told} times`)
  })

  it('tells who has only just begun to watch nothing that they know already', async () => {
    start({ interval: 50 })
    const [one, two] = [connect(), connect()]
    const [mine, theirs] = [one.presence<Data>('room'), two.presence<Data>('room')]
    void mine.enter({ name: 'x' })
    await world.pass(60)
    const events = record(theirs)
    mine.update({ name: 'y' })
    await world.pass(5)
    void theirs.watch()
    await world.pass(100)
    mine.update({ name: 'z' })
    await world.pass(100)
    assert.deepEqual(events, ['join y 1', 'change z 1'])
  })

  it('tells a place as seldom as it is asked to', async () => {
    start({ interval: Infinity })
    const [one, two] = [connect(), connect()]
    const theirs = two.presence<Data>('room')
    void theirs.watch()
    await world.pass(10)
    void one.presence<Data>('room').enter({ name: 'x' })
    await world.pass(1_000)
    assert.equal(theirs.members().length, 0)
  })

  it('takes as many members at once as a message has', async () => {
    const crowd = Array.from({ length: 150_000 }, (_, number) => [`${number}`, 1])
    // A server that tells all of them at once.
    const teller = {
      name: 'presence',
      version: 1,
      peer: (_peer: Peer, lane: Lane) => {
        lane.on('data', () => {
          lane.write([-1, 1, crowd])
          lane.write([-1, 0])
        })
      }
    } as const satisfies ServerPlugin
    const limits = { message: 8_388_608 }
    world = new Clocked({ plugins: [teller] as never, limits })
    const client = world.connect([inBrowsers()], { limits })
    const place = client.presence('room')
    const all = outcomes([place.watch()])
    await world.pass(100)
    assert.deepEqual([all, place.members().length, world.errors], [['ok'], 150_000, []])
  })
})
