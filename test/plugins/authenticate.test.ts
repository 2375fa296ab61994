import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { AnywireError, ERR_EXPIRED } from '../../core.ts'
import type { Client, ClientOptions, Lane, Peer, ServerOptions, ServerPlugin } from '../../core.ts'
import { authenticate as inBrowsers } from '../../plugins/authenticate/client.ts'
import { authenticate } from '../../plugins/authenticate/index.ts'
import type { AuthenticateOptions } from '../../plugins/authenticate/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import type { ServerPresence } from '../../plugins/presence/index.ts'
import { raw } from '../../parsers/raw.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { pluginContract } from '../contract/plugin.ts'
import { Clocked } from '../support/clocked.ts'

pluginContract('authenticate', () => ({
  client: inBrowsers(),
  server: authenticate(),
  packets: {
    toServer: ['[1,{"token":"x"}]', '[2]'],
    toClient: ['[0]', '[1]', '[1,"ERR_UNAUTHORIZED","no"]', '[0,1000]']
  }
}))

/** What a token of these tests says: who it is, and until when. */
interface Context {
  readonly user: string
  readonly end?: number
}

/** What a server keeps as a context, which is of any type there. */
const seen = (context: unknown): Partial<Context> => Object(context) as Partial<Context>

const contextOf = (auth: unknown): Context | AnywireError | false => {
  const [user = '', end] = String(auth).split('@')
  if (user === 'nobody' || end === 'x') return false
  if (end && Number(end) <= Date.now()) return new AnywireError(ERR_EXPIRED)
  return { user, ...(end && { end: Number(end) }) }
}

describe('authenticate', () => {
  let world: Clocked

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const start = (
    options: AuthenticateOptions<Context> = {},
    more: Partial<ServerOptions> = {},
    before: readonly ServerPlugin[] = []
  ): void => {
    const plugins = [...before, authenticate<Context>({ expires: ({ end }) => end, ...options })]
    // The plugins of this test are not in the type of the world's server.
    world = new Clocked({ authenticate: ({ auth }) => contextOf(auth), ...more, plugins: plugins as never })
  }

  const connect = (auth: ClientOptions['auth'], options: Partial<ClientOptions> = {}, auto?: boolean) =>
    world.connect([reconnect({ random: () => 0.1 }), inBrowsers(auto === undefined ? {} : { auto })], {
      ...options,
      auth
    })

  const record = (client: Client & { readonly authenticate: ReturnType<ReturnType<typeof inBrowsers>['client']> }) => {
    const events: string[] = []
    client.authenticate.on('expiring', ({ within }) => events.push(`expiring ${within}`))
    client.authenticate.on('renew', () => events.push('renew'))
    client.authenticate.on('refuse', ({ code }) => events.push(`refuse ${code}`))
    client.on('open', ({ recovered }) => events.push(`open ${recovered}`))
    client.on('close', ({ code, reconnect }) => events.push(`close ${code} ${reconnect}`))
    return events
  }

  /** What becomes of a promise: 'ok', its code, or '' for as long as it waits. */
  const fate = (promise: Promise<unknown>): { of: string } => {
    const told = { of: '' }
    promise.then(
      () => (told.of = 'ok'),
      (error: unknown) => (told.of = error instanceof AnywireError ? error.code : String(error))
    )
    return told
  }

  it('renews over the connection that is there', async () => {
    start()
    const contexts: unknown[] = []
    world.server.on('context', (peer, before) => contexts.push(before, peer.context))
    const client = connect('ann')
    const events = record(client)
    await world.pass(10)
    const { peer } = world
    const told = fate(client.authenticate('bob'))
    await world.pass(10)
    assert.equal(told.of, 'ok')
    assert.deepEqual(peer.context, { user: 'bob' })
    assert.deepEqual(contexts, [{ user: 'ann' }, { user: 'bob' }])
    assert.equal(world.peers.length, 1)
    assert.deepEqual(events, ['open false', 'renew'])
  })

  it('shows the new one at the next attempts', async () => {
    const shown: unknown[] = []
    start(
      {},
      {
        recovery: false,
        authenticate: ({ auth }) => {
          shown.push(auth)
          return contextOf(auth)
        }
      }
    )
    const client = connect('ann')
    await world.pass(10)
    void client.authenticate(() => 'bob')
    await world.pass(10)
    world.peer.disconnect()
    await world.pass(1_000)
    assert.deepEqual(shown, ['ann', 'bob', 'bob'])
    assert.deepEqual(world.peer.context, { user: 'bob' })
  })

  it('changes nothing where it is refused', async () => {
    const reported: string[] = []
    start({}, { recovery: false })
    world.server.on('error', ({ code }) => reported.push(code))
    const client = connect('ann')
    const events = record(client)
    await world.pass(10)
    const told = fate(client.authenticate('nobody'))
    await world.pass(10)
    assert.equal(told.of, 'ERR_UNAUTHORIZED')
    assert.deepEqual(world.peer.context, { user: 'ann' })
    assert.equal(client.state, 'open')
    world.peer.disconnect()
    await world.pass(1_000)
    assert.deepEqual(world.peer.context, { user: 'ann' }, 'it comes back as it was')
    assert.deepEqual(events, ['open false', 'refuse ERR_UNAUTHORIZED', 'close 3002 true', 'open false'])
    assert.deepEqual(reported, [])
  })

  it('shows the latest of several, also where the source of an earlier one is slower', async () => {
    start({}, { recovery: false })
    const client = connect('ann')
    await world.pass(10)
    let give = (_auth: string): void => {}
    const slow = new Promise<string>(resolve => (give = resolve))
    const first = fate(client.authenticate(() => slow))
    const second = fate(client.authenticate('bob'))
    await world.pass(10)
    give('carl')
    await world.pass(10)
    assert.deepEqual([first.of, second.of], ['ERR_CANCELLED', 'ok'])
    assert.deepEqual(world.peer.context, { user: 'bob' })
    world.peer.disconnect()
    await world.pass(1_000)
    assert.deepEqual(world.peer.context, { user: 'bob' })
  })

  it('goes back to what was accepted last where a later one is refused', async () => {
    start({}, { recovery: false })
    const client = connect('ann')
    await world.pass(10)
    const fates = ['bob', 'nobody'].map(auth => fate(client.authenticate(auth)))
    await world.pass(10)
    assert.deepEqual(
      fates.map(({ of }) => of),
      ['ok', 'ERR_UNAUTHORIZED']
    )
    assert.equal(await client.auth(), 'bob')
  })

  it('shows an earlier one where the later one was refused before', async () => {
    start()
    const client = connect('ann')
    await world.pass(10)
    let give = (_auth: string): void => {}
    const slow = new Promise<string>(resolve => (give = resolve))
    const first = fate(client.authenticate(() => slow))
    const second = fate(client.authenticate('nobody'))
    await world.pass(10)
    assert.equal(second.of, 'ERR_UNAUTHORIZED')
    give('bob')
    await world.pass(10)
    assert.equal(first.of, 'ok')
    assert.equal(await client.auth(), 'bob')
  })

  it('tells the code and message of an AnywireError, and of other errors nothing', async () => {
    const failures: string[] = []
    start(
      {},
      {
        authenticate: ({ auth }) => {
          if (auth === 'secret') throw new Error(`no ${auth}`)
          return auth === 'old' ? new AnywireError(ERR_EXPIRED, 'yesterday') : { user: `${auth}` }
        }
      }
    )
    world.server.on('error', ({ code, message }) => failures.push(`${code} ${message}`))
    const client = connect('ann')
    await world.pass(10)
    const errors: unknown[] = []
    client.authenticate('old').catch((error: unknown) => errors.push(error))
    client.authenticate('secret').catch((error: unknown) => errors.push(error))
    await world.pass(10)
    assert.deepEqual(
      errors.map(error => error instanceof AnywireError && [error.code, error.message]),
      [
        ['ERR_EXPIRED', 'The authentication is not valid any more: yesterday'],
        ['ERR_UNAUTHORIZED', 'The server refused the authentication']
      ]
    )
    assert.equal(failures.length, 1)
    assert.match(failures[0] ?? '', /^ERR_HANDLER .*'authenticate'/)
  })

  it('lets nobody become who they may not be', async () => {
    start({ same: (before, now) => before.user === now.user })
    const client = connect('ann')
    await world.pass(10)
    const other = fate(client.authenticate('bob'))
    await world.pass(10)
    assert.equal(other.of, 'ERR_UNAUTHORIZED')
    const same = fate(client.authenticate(`ann@${Date.now() + 1e9}`))
    await world.pass(10)
    assert.equal(same.of, 'ok')
  })

  it('has what is shown last count, however long what was shown before takes', async () => {
    start(
      {},
      {
        authenticate: async ({ auth }) => {
          if (auth === 'slow') await new Promise(resolve => setTimeout(resolve, 500))
          return contextOf(auth)
        }
      }
    )
    const client = connect('ann')
    await world.pass(10)
    void client.authenticate('slow')
    const told = fate(client.authenticate('fast'))
    await world.pass(100)
    assert.equal(told.of, '')
    await world.pass(1_000)
    assert.equal(told.of, 'ok')
    assert.deepEqual(world.peer.context, { user: 'fast' })
  })

  it('gives up a judge that takes too long, and does not mind its late answer', async () => {
    start(
      { timeout: 1_000 },
      {
        authenticate: async ({ auth }) => {
          if (auth === 'slow') await new Promise(resolve => setTimeout(resolve, 5_000))
          return contextOf(auth)
        }
      }
    )
    const client = connect('ann')
    await world.pass(10)
    const told = fate(client.authenticate('slow'))
    await world.pass(2_000)
    assert.equal(told.of, 'ERR_TIMEOUT')
    await world.pass(5_000)
    assert.deepEqual(world.peer.context, { user: 'ann' })
  })

  it('refuses more than a few at a time', async () => {
    start({}, { authenticate: ({ auth }) => (auth === 'slow' ? new Promise(() => {}) : contextOf(auth)) })
    const client = connect('ann')
    await world.pass(10)
    const fates = Array.from({ length: 12 }, () => fate(client.authenticate('slow')))
    await world.pass(10)
    assert.deepEqual(
      fates.map(({ of }) => of),
      [...Array<string>(10).fill(''), 'ERR_LIMIT', 'ERR_LIMIT']
    )
    client.destroy()
    await world.pass(10)
    assert.equal(fates[0]?.of, 'ERR_CLOSED')
    await world.pass(100_000)
  })

  for (const [next, recovery] of [
    ['wire', undefined],
    ['session', false]
  ] as const) {
    it(`is asked over the next ${next} where the wire is lost meanwhile`, async () => {
      // Bob is not Ann, as `recovery.same` sees it by default.
      const same = (): boolean => true
      start({}, { recovery: recovery ?? { same } })
      const client = connect('ann')
      const events = record(client)
      await world.pass(10)
      world.network.stalled = true
      const told = fate(client.authenticate('bob'))
      await world.pass(10)
      world.network.cut()
      world.network.stalled = false
      await world.pass(1_000)
      assert.equal(told.of, 'ok')
      assert.deepEqual(world.peer.context, { user: 'bob' })
      const between = recovery === undefined ? ['open true'] : ['close 3002 true', 'open false']
      assert.deepEqual(events, ['open false', ...between, 'renew'])
    })
  }

  it('waits for the first wire, and needs a client that is in use', async () => {
    start()
    const client = connect('ann', { open: false })
    const idle = fate(client.authenticate('bob'))
    await world.pass(10)
    assert.equal(idle.of, 'ERR_CLOSED')
    client.open()
    const told = fate(client.authenticate('bob'))
    await world.pass(10)
    assert.equal(told.of, 'ok')
    assert.deepEqual(world.peer.context, { user: 'bob' })
    client.destroy()
    assert.equal(await client.authenticate('ann').then(String, (error: AnywireError) => error.code), 'ERR_CLOSED')
    client.auth = () => 'eve'
    client.open()
    await world.pass(10)
    assert.deepEqual(world.peer.context, { user: 'eve' })
  })

  it('says beforehand that the time is over, and asks the auth function again', async () => {
    start({ notice: 5_000 })
    const ends = [20_000, 60_000]
    const client = connect(() => `ann@${ends.shift()}`)
    const events = record(client)
    await world.pass(14_000)
    assert.deepEqual(events, ['open false'])
    await world.pass(1_500)
    assert.deepEqual(events.slice(1), ['expiring 5000', 'renew'])
    assert.deepEqual(world.peer.context, { user: 'ann', end: 60_000 })
    await world.pass(30_000)
    assert.equal(client.state, 'open')
    assert.equal(world.peers.length, 1)
  })

  for (const notice of [100, 5_000, 30_000]) {
    it(`ends who does not renew within ${notice} ms, so that the auth function is asked for another attempt`, async () => {
      start({ notice })
      const ends = [notice + 5_000, 900_000]
      const client = connect(() => `ann@${ends.shift()}`, {}, false)
      const events = record(client)
      await world.pass(notice + 4_999)
      assert.equal(events.length, 2)
      await world.pass(2_000)
      assert.deepEqual(events, ['open false', `expiring ${notice}`, 'close 3008 true', 'open false'])
      assert.deepEqual(world.peer.context, { user: 'ann', end: 900_000 })
      assert.deepEqual([...world.server.counters.closed], [[3008, 1]])
    })
  }

  it('ends also who begins a session, or comes back, shortly before its end', async () => {
    start({}, { recovery: { same: () => true } })
    const client = connect(() => `ann@${[3_000, 9_000, 900_000].find(end => end > Date.now())}`, {}, false)
    const events = record(client)
    await world.pass(5_000)
    world.peer.disconnect()
    await world.pass(6_000)
    const begins = ['open false', 'expiring', 'close 3008 true', 'open false', 'expiring']
    assert.deepEqual(
      events.map(event => event.replace(/(expiring) .*/, '$1')),
      [...begins, 'open true', 'expiring', 'close 3008 true', 'open false']
    )
    assert.deepEqual([...world.server.counters.closed], [[3008, 2]])
  })

  it('tells that what the auth function has is not accepted, and ends then', async () => {
    start({ notice: 5_000 })
    const client = connect('ann@10000')
    const events = record(client)
    await world.pass(9_000)
    // It is still good, and asked for once.
    assert.deepEqual(events, ['open false', 'expiring 5000', 'renew'])
    await world.pass(2_000)
    assert.deepEqual(events.slice(3, 4), ['close 3008 true'])
    assert.equal(client.state, 'connecting', 'expired, and tried again')
  })

  it('leaves it to a listener that renews by itself', async () => {
    start({ notice: 5_000 })
    let asked = 0
    const client = connect(() => {
      asked++
      return 'ann@10000'
    })
    client.authenticate.on('expiring', () => client.authenticate('ann@50000'))
    await world.pass(20_000)
    assert.equal(asked, 1)
    assert.deepEqual(world.peer.context, { user: 'ann', end: 50_000 })
  })

  it('judges who is away when it comes back', async () => {
    start({ notice: 1_000 }, { recovery: { same: (before, now) => seen(before).user === seen(now).user } })
    let end = 10_000
    const client = connect(() => `ann@${end}`)
    const events = record(client)
    await world.pass(8_000)
    end = 50_000
    world.network.down = true
    world.network.cut()
    await world.pass(5_000)
    assert.equal(world.peer.state, 'away', 'not ended while nobody is there')
    world.network.down = false
    await world.pass(30_000)
    assert.equal(world.peers.length, 1)
    assert.deepEqual(events.slice(0, 2), ['open false', 'open true'])
    assert.equal(seen(world.peer.context).end, 50_000, 'the peer has what it showed when it came back')
    end = 90_000
    await world.pass(12_000)
    assert.deepEqual([client.state, world.peers.length], ['open', 1])
  })

  it('cuts the wire of who does not hear that the time is over, and goes on with the session', async () => {
    start({ notice: 6_000 }, { recovery: { same: (before, now) => seen(before).user === seen(now).user } })
    const ends = [20_000, 40_000, 90_000]
    const client = connect(() => `ann@${ends.shift()}`)
    const events = record(client)
    const values: unknown[] = []
    client.on('data', value => values.push(value))
    await world.pass(13_000)
    // What is on its way stays there: neither end has noticed yet.
    world.network.stalled = true
    await world.pass(3_000)
    assert.equal(world.peer.state, 'open')
    await world.pass(4_100)
    assert.equal(world.peer.state, 'away')
    world.peer.write('late')
    await world.pass(10)
    assert.deepEqual(values, [], 'nothing is told to who has not renewed')
    world.network.stalled = false
    world.network.cut()
    await world.pass(5_000)
    // The notice that had not arrived comes late, and does no harm.
    assert.deepEqual([events, values], [['open false', 'open true', 'expiring 6000', 'renew'], ['late']])
    assert.deepEqual([world.peers.length, seen(world.peer.context).end], [1, 90_000])
    assert.deepEqual([...world.server.counters.closed], [])
  })

  it('notices also one who goes silent after the notice', async () => {
    start({ notice: 30_000 }, { recovery: { same: (before, now) => seen(before).user === seen(now).user } })
    const ends = [40_000, 90_000]
    const client = connect(() => `ann@${ends.shift()}`, {}, false)
    const events = record(client)
    await world.pass(15_000)
    assert.deepEqual(events, ['open false', 'expiring 30000'])
    world.network.stalled = true
    await world.pass(25_100)
    assert.equal(world.peer.state, 'away')
    world.network.stalled = false
    world.network.cut()
    await world.pass(5_000)
    assert.deepEqual(events.slice(2), ['open true'])
  })

  it('ends at once who comes back with what is over', async () => {
    start({ expires: () => 10_000, notice: 5_000 }, { recovery: { same: () => true } })
    const client = connect('ann')
    const events = record(client)
    await world.pass(8_000)
    world.network.down = true
    world.network.cut()
    await world.pass(5_000)
    const values: unknown[] = []
    client.on('data', value => values.push(value))
    const [first] = world.peers
    first?.write('secret')
    world.network.down = false
    await world.pass(30_000)
    assert.deepEqual([first?.state, values], ['closed', []])
    assert.equal(
      events.find(event => event.startsWith('close')),
      'close 3008 true'
    )
  })

  it('tries again where what it asks fails, as long as there is time', async () => {
    start({ notice: 30_000 })
    const told: [number, AnywireError][] = []
    let asked = 0
    const client = connect(() => {
      if (++asked > 1 && asked < 5) throw new Error('502')
      return `ann@${asked > 1 ? 200_000 : 40_000}`
    })
    const events = record(client)
    client.authenticate.on('refuse', error => told.push([Date.now(), error]))
    await world.pass(39_000)
    assert.deepEqual(events, ['open false', 'expiring 30000', ...Array<string>(3).fill('refuse ERR_HANDLER'), 'renew'])
    const [first = 0, ...more] = told.map(([time]) => time)
    assert.deepEqual(
      more.map(time => time - first),
      [1_000, 3_000]
    )
    assert.match(
      `${told[0]?.[1].message} ${String(told[0]?.[1].cause)}`,
      /^A handler failed: 'auth': Error: 502 Error: 502$/
    )
    await world.pass(30_000)
    assert.deepEqual([asked, world.peers.length], [5, 1])
  })

  it('tries again until shortly before the end, the closer the more often', async () => {
    start({ notice: 30_000 })
    const times: number[] = []
    const client = connect(() => {
      times.push(Date.now() - 10_000)
      if (times.length > 1 && Date.now() < 37_000) throw new Error('502')
      return `ann@${times.length > 1 ? 200_000 : 40_000}`
    })
    const events = record(client)
    await world.pass(60_000)
    assert.deepEqual(
      times.slice(1).map(time => Math.round(time / 1_000)),
      [0, 1, 3, 7, 15, 23, 26, 28]
    )
    assert.deepEqual([events.at(-1), world.peers.length], ['renew', 1])
  })

  it('tries again after a new wire, which was shown the same as before', async () => {
    start({ notice: 30_000 })
    let asked = 0
    const client = connect(() => {
      if (++asked === 2) throw new Error('502')
      return `ann@${asked > 3 ? 200_000 : 40_000}`
    })
    const events = record(client)
    await world.pass(10_500)
    world.peer.disconnect()
    await world.pass(29_000)
    assert.deepEqual(
      events.map(event => event.replace(/\d+/, '')),
      ['open false', 'expiring ', 'refuse ERR_HANDLER', 'open true', 'expiring ', 'renew']
    )
    assert.equal(client.state, 'open')
  })

  it('answers whatever the application says of why it refuses', async () => {
    start(
      {},
      {
        authenticate: ({ auth }) =>
          auth === 'old' ? new AnywireError(ERR_EXPIRED, 'x'.repeat(2_000_000)) : { user: `${auth}` }
      }
    )
    const client = connect('ann')
    await world.pass(10)
    const [old, other] = [fate(client.authenticate('old')), fate(client.authenticate('bob'))]
    await world.pass(10)
    assert.deepEqual([old.of, other.of], ['ERR_EXPIRED', 'ok'])
  })

  it('tries no more where the application has renewed, or all is over', async () => {
    start({ notice: 30_000 })
    let asked = 0
    const client = connect(() => {
      if (++asked > 1) throw new Error('502')
      return 'ann@40000'
    })
    await world.pass(11_500)
    assert.equal(asked, 3)
    const told = fate(client.authenticate('ann@200000'))
    await world.pass(20_000)
    assert.deepEqual([told.of, asked], ['ok', 3])
    const other = connect(() => (++asked, `bob@${asked > 4 ? 'x' : 50_000}`))
    await world.pass(100)
    assert.equal(asked, 5, 'it is told at once')
    other.destroy()
    await world.pass(20_000)
    assert.equal(asked, 5)
  })

  const none = (): never => {
    throw new Error('no such field')
  }
  for (const [what, expires] of [
    ['no number', () => NaN],
    ['an error', none]
  ] as const) {
    it(`takes ${what} for a time that is over, and tells why`, async () => {
      start({ expires })
      const stages: string[] = []
      world.server.on('error', (_error, { stage }) => stages.push(stage))
      const events = record(connect('ann'))
      await world.pass(5)
      assert.deepEqual(events.slice(0, 2), ['open false', 'close 3008 true'])
      assert.equal(stages[0], 'authenticate')
    })
  }

  it('ends plain clients in time', async () => {
    start({ expires: () => 10_000 })
    const codes: number[] = []
    const nothing = (): void => {}
    const receiver = { open: nothing, message: nothing, drain: nothing, close: (code: number) => codes.push(code) }
    world.network.dial(new URL('http://memory/anywire'), receiver, new AbortController().signal)
    await world.pass(9_999)
    assert.deepEqual([world.peer.plain, codes], [true, []])
    await world.pass(10)
    assert.deepEqual(codes, [3008])
  })

  it('has permissions and presence look again', async () => {
    start({}, {}, [
      permissions<Context>({ presence: ({ context }) => context.user !== 'eve' }),
      presence<Context>({ identity: (peer: Peer<Context>) => peer.context.user })
    ])
    const { server } = world
    const { permissions: asked, presence: hall } = server as unknown as {
      readonly permissions: Permissions
      readonly presence: ServerPresence
    }
    const refreshed: unknown[] = []
    asked.on('refresh', peers => refreshed.push(...peers.map(({ context }) => seen(context).user)))
    const client = world.connect([inBrowsers(), presence()], { auth: 'ann' })
    const place = client.presence('room')
    void place.enter('here')
    await world.pass(100)
    const ids = (): readonly string[] => hall.members('room').map(({ id }) => id)
    assert.deepEqual(ids(), ['ann'])
    void client.authenticate('bob')
    await world.pass(100)
    assert.deepEqual(ids(), ['bob'])
    const evicted: string[] = []
    place.on('evicted', (_verb, { code }) => evicted.push(code))
    void client.authenticate('eve')
    await world.pass(100)
    assert.deepEqual(ids(), [])
    assert.deepEqual(evicted, ['ERR_DENIED'])
    assert.deepEqual(refreshed, ['bob', 'eve'])
  })

  it('shows no secret to who prints a client or a peer', async () => {
    start({}, { authenticate: ({ auth }) => (auth ? { user: 'ann' } : false) })
    const client = connect('hunter2')
    await world.pass(10)
    void client.authenticate('hunter3')
    await world.pass(10)
    assert.doesNotMatch(inspect([client, world.peer, world.server], { depth: 10, showHidden: true }), /hunter/)
  })

  it('asks nobody without end for a time that a strange server says', async () => {
    const lanes: Lane[] = []
    const strange: ServerPlugin = { name: 'authenticate', version: 1, peer: (_peer, lane) => void lanes.push(lane) }
    // As in `start`.
    world = new Clocked({ plugins: [strange] as never })
    let asked = 0
    const client = connect(() => {
      if (asked++) throw new Error('502')
      return 'ann'
    })
    const events = record(client)
    await world.pass(10)
    for (const within of ['1e309', '1e308', '-1e309', '-1', '0', '"1"', 'null']) {
      asked = 1
      lanes[0]?.write(`[0,${within}]`)
      await world.pass(10_000)
      assert.ok(asked < 20, `${asked} for ${within}`)
    }
    assert.deepEqual([client.state, events[0]], ['open', 'open false'])
  })

  it('gives up an auth function that has not settled when the time is over, and goes on with the next session', async () => {
    start({ notice: 30_000 })
    let asked = 0
    const client = connect(() => {
      if (++asked === 2) throw new Error('502')
      return asked === 3 ? new Promise<never>(() => {}) : `ann@${Date.now() + 40_000}`
    })
    const events = record(client)
    await world.pass(39_999)
    assert.deepEqual([asked, events], [3, ['open false', 'expiring 30000', 'refuse ERR_HANDLER']])
    await world.pass(60_000)
    const [, , ...later] = events.filter(event => !event.startsWith('expiring'))
    assert.deepEqual(later.slice(0, 4), ['close 3008 true', 'refuse ERR_TIMEOUT', 'open false', 'renew'])
    assert.equal(world.peers.length, 2)
  })

  it('has one of the application that never settles keep nothing from being renewed once its time is over', async () => {
    start({ notice: 30_000 })
    const client = connect(() => `ann@${Date.now() + 40_000}`)
    await world.pass(10)
    const told = fate(client.authenticate(() => new Promise<never>(() => {})))
    const events = record(client)
    await world.pass(80_000)
    assert.equal(told.of, 'ERR_TIMEOUT')
    assert.deepEqual([events.at(-1), client.state], ['renew', 'open'])
  })

  it('renews what the option has where one of the application has not settled, and shows that when it has', async () => {
    start({ notice: 30_000 })
    const client = connect(() => `ann@${Date.now() + 40_000}`)
    const events = record(client)
    await world.pass(10)
    let settle = (_auth: string): void => {}
    const bob = new Promise<string>(resolve => (settle = resolve))
    const told = fate(client.authenticate(() => bob))
    await world.pass(10_990)
    assert.deepEqual(events, ['open false', 'expiring 30000', 'renew'])
    settle('bob')
    await world.pass(10)
    assert.deepEqual([told.of, await client.auth(), world.peer.context], ['ok', 'bob', { user: 'bob' }])
  })

  it('shows nothing older behind what one of the application had to show', async () => {
    start({ notice: 30_000 })
    const gates: ((auth: string) => void)[] = []
    const gate = (): Promise<string> => new Promise(resolve => gates.push(resolve))
    let asked = 0
    const client = connect(() => (asked++ ? gate() : `ann@${Date.now() + 40_000}`))
    await world.pass(10)
    const told = fate(client.authenticate(gate))
    await world.pass(11_000)
    for (const [index, settle] of gates.entries()) {
      settle(index ? `ann@${Date.now() + 20_000}` : 'bob')
      await world.pass(10)
    }
    assert.deepEqual([gates.length, told.of, world.peer.context], [2, 'ok', { user: 'bob' }])
  })

  it('gives up one that was asked when the time was told, and never settles, and comes back with what there was', async () => {
    start({ notice: 30_000 })
    const client = connect(() => `ann@${Date.now() + 40_000}`, {}, false)
    await world.pass(11_000)
    const told = fate(client.authenticate(() => new Promise<never>(() => {})))
    await world.pass(40_000)
    assert.deepEqual([told.of, client.state, world.peers.length], ['ERR_TIMEOUT', 'open', 2])
  })

  it('leaves what was asked since it was renewed the time that it takes', async () => {
    start({ notice: 30_000 })
    const client = connect(() => `ann@${Date.now() + 90_000}`)
    await world.pass(70_000)
    let settle = (_auth: string): void => {}
    const told = fate(client.authenticate(() => new Promise<string>(resolve => (settle = resolve))))
    await world.pass(30_000)
    assert.equal(told.of, '')
    settle('bob')
    await world.pass(10)
    assert.equal(told.of, 'ok')
  })

  it('connects again with what there was while one of the application has not settled', async () => {
    start({}, { recovery: false })
    const client = connect('ann')
    await world.pass(10)
    const told = fate(client.authenticate(() => new Promise<never>(() => {})))
    world.network.cut()
    await world.pass(60_000)
    assert.deepEqual([told.of, client.state, world.peers.length], ['', 'open', 2])
    client.destroy()
    await world.pass(10)
    assert.equal(told.of, 'ERR_CLOSED')
  })

  it('leaves what the application sets itself while one is asked', async () => {
    start()
    const client = connect('ann')
    await world.pass(10)
    let settle = (_auth: string): void => {}
    const told = fate(client.authenticate(() => new Promise<string>(resolve => (settle = resolve))))
    const other = (): string => 'cat'
    client.auth = other
    settle('bob')
    await world.pass(10)
    assert.deepEqual([told.of, client.auth === other], ['ok', true])
  })

  it('gives up what it asks for where a session begins, as that has shown it', async () => {
    start({ notice: 30_000 }, { recovery: false })
    let asked = 0
    const client = connect(() =>
      ++asked === 2 ? new Promise<never>(() => {}) : `ann@${Date.now() + (asked > 3 ? 90_000 : 31_000)}`
    )
    const events = record(client)
    await world.pass(2_000)
    world.peer.disconnect()
    await world.pass(10_000)
    assert.deepEqual(
      events.map(event => event.replace(/\d+$/, '')),
      ['open false', 'expiring ', 'close 3002 true', 'open false', 'refuse ERR_CANCELLED', 'expiring ', 'renew']
    )
  })

  it('waits no longer between its tries than a timer can', async () => {
    const years = 3 * 365 * 86_400_000
    start({ notice: Infinity, expires: () => years })
    let asked = 0
    connect(() => {
      if (asked++) throw new Error('502')
      return 'ann'
    })
    await world.pass(10_000)
    assert.equal(asked, 2)
  })

  it('works with a parser that carries text alone', async () => {
    start({}, { parsers: [raw()] })
    const client = connect('ann', { parser: raw() })
    await world.pass(10)
    const told = fate(client.authenticate('nobody'))
    await world.pass(10)
    assert.equal(told.of, 'ERR_UNAUTHORIZED')
    const again = fate(client.authenticate('bob'))
    await world.pass(10)
    assert.equal(again.of, 'ok')
  })
})
