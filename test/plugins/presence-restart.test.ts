import assert from 'node:assert/strict'
import fc from 'fast-check'
import { presence as inBrowsers } from '../../plugins/presence/client.ts'
import type { Place } from '../../plugins/presence/client.ts'
import { presence } from '../../plugins/presence/index.ts'
import type { PresenceOptions, ServerPresence } from '../../plugins/presence/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { Clocked } from '../support/clocked.ts'
import { runs } from '../support/faults-seed.ts'

describe('presence: a server that begins anew', () => {
  let world: Clocked

  const byName: PresenceOptions = { identity: ({ query }) => query['name'] ?? '', away: 10_000 }
  // The plugins of this test are not in the type of the world's server.
  const serve = (options = byName) => world.serve({ plugins: [presence(options)] as never })

  beforeEach(() => {
    world = new Clocked({ plugins: [presence(byName)] as never })
  })

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const connect = (name: string, delay = 100) =>
    world.connect([reconnect({ min: delay, max: delay, random: () => 0.5 }), inBrowsers()], { query: { name } })

  const record = (place: Place): string[] => {
    const events: string[] = []
    for (const event of ['join', 'change', 'leave'] as const) {
      place.on(event, ({ id, data, connections }) => events.push(`${event} ${id} ${String(data)} ${connections}`))
    }
    return events
  }

  const restart = async (options = byName): Promise<void> => {
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(10)
    await closing
    serve(options)
  }

  const there = (): string[] =>
    (world.server as unknown as { presence: ServerPresence }).presence
      .members('room')
      .map(({ id, data, connections }) => `${id} ${String(data)} ${connections}`)
      .sort()

  const seen = (place: Place): string[] =>
    place
      .members()
      .map(({ id, data, connections }) => `${id} ${String(data)} ${connections}`)
      .sort()

  /** Ann, who is here and watches; Bob, with two connections, one of which is slow to come back; and what Ann sees. */
  const meet = async () => {
    const [ann, bob, too] = [connect('ann'), connect('bob', 500), connect('bob', 3_000)]
    const room = ann.presence('room')
    await world.pass(10)
    void room.watch()
    void room.enter('a')
    for (const client of [bob, too]) void client.presence('room').enter('b')
    await world.pass(100)
    assert.deepEqual(seen(room), ['ann a 1', 'bob b 2'])
    return { ann, bob, too, room, events: record(room) }
  }

  it('has nobody leave who comes back, nor anything told of who is the same', async () => {
    const { room, events } = await meet()
    await restart()
    await world.pass(200)
    assert.deepEqual(there(), ['ann a 1'])
    assert.deepEqual(seen(room), ['ann a 1', 'bob b 2'])
    await world.pass(20_000)
    assert.deepEqual(events, [])
    assert.deepEqual([seen(room), there()], [there(), ['ann a 1', 'bob b 2']])
  })

  it('tells at once what is not the same', async () => {
    const { bob, room, events } = await meet()
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(10)
    await closing
    bob.presence('room').update('new')
    const eve = connect('eve')
    void eve.presence('room').enter('e')
    serve()
    await world.pass(1_000)
    assert.deepEqual(events.sort(), ['change bob new 2', 'join eve e 1'])
    assert.equal(room.members().length, 3)
  })

  it('has those leave who do not come back in time, and connections too', async () => {
    const { bob, too, room, events } = await meet()
    const cid = connect('cid')
    await world.pass(10)
    void cid.presence('room').enter('c')
    await world.pass(100)
    events.length = 0
    bob.destroy()
    cid.destroy()
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(10)
    await closing
    serve()
    await world.pass(9_000)
    assert.deepEqual([events, too.state], [[], 'open'])
    await world.pass(2_000)
    assert.deepEqual(events.sort(), ['change bob b 1', 'leave cid c 1'])
    assert.deepEqual(seen(room), there())
  })

  it('has them leave in time also where whoever watches enters and leaves meanwhile', async () => {
    const { bob, too, room, events } = await meet()
    for (const client of [bob, too]) client.destroy()
    await restart()
    await world.pass(1_000)
    void room.enter('again')
    await world.pass(100)
    void room.leave()
    await world.pass(15_000)
    assert.deepEqual([seen(room), there()], [[], []])
    assert.deepEqual(events, ['change ann again 1', 'leave ann again 1', 'leave bob b 2'])
  })

  it('keeps nobody whom it has seen leave, nor a client that left itself', async () => {
    const { ann, bob, too, room, events } = await meet()
    const closing = world.server.close({ timeout: 0, reconnect: 0 })
    await world.pass(10)
    await closing
    void room.leave()
    serve()
    await world.pass(1_000)
    assert.deepEqual([events, ann.state], [['leave ann a 1'], 'open'])
    void bob.presence('room').leave()
    too.destroy()
    await world.pass(200)
    assert.deepEqual(events.slice(1), ['leave bob b 2'])
    void room.unwatch()
    await world.pass(20_000)
    assert.equal(events.length, 2)
  })

  it('keeps nobody where it has been there for longer', async () => {
    const { room, events } = await meet()
    await world.pass(10_000)
    for (const peer of world.server.peers) peer.destroy(4000)
    await world.pass(400)
    assert.deepEqual([events, seen(room)], [['leave bob b 2', 'join bob b 1'], there()])
  })

  it('nor where members are their connections, which are others then', async () => {
    const { room, events } = await meet()
    await restart({ away: 10_000 })
    await world.pass(200)
    assert.deepEqual(events.slice(0, 2).sort(), ['leave ann a 1', 'leave bob b 2'])
    assert.deepEqual(seen(room), there())
  })

  it('shows what is there in the end, however often it begins, and nobody who stays leaves', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), delay: fc.integer({ min: 10, max: 2_000 }) }), {
          minLength: 1,
          maxLength: 5
        }),
        fc.array(fc.integer({ min: 100, max: 6_000 }), { minLength: 1, maxLength: 3 }),
        async (people, pauses) => {
          const clients = people.map(({ name, delay }) => connect(name, delay))
          await world.pass(10)
          const rooms = clients.map(client => client.presence('room'))
          for (const [index, room] of rooms.entries()) {
            void room.watch()
            void room.enter(people[index]?.name)
          }
          await world.pass(200)
          const events = rooms.map(room => record(room))
          for (const pause of pauses) {
            await restart()
            await world.pass(pause)
          }
          await world.pass(20_000)
          assert.deepEqual(events.flat(), [])
          for (const room of rooms) assert.deepEqual(seen(room), there())
          for (const client of clients) client.destroy()
          await restart()
          await world.pass(100)
        }
      ),
      runs(10)
    )
  }).timeout(30_000)
})
