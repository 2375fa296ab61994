import assert from 'node:assert/strict'
import { WebSocket } from 'ws'
import { AnywireError } from '../../lib/errors.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { PairOptions, Watched } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { turns, until } from '../support/faults-wait.ts'

const boom = (): never => {
  throw new Error('boom')
}
const later = async (): Promise<never> => {
  await turns(1)
  return boom()
}
const WAYS = { throws: boom, rejects: later }

/** What a server was told, in short. */
const told = ({ errors }: Watched): string[] =>
  errors.map(
    ({ error, stage, peer }) =>
      `${error.code} ${stage}${peer ? ' peer' : ''} ${error.cause instanceof Error ? error.cause.message : error.cause}`
  )

describe('a handler that fails', () => {
  const use = undoing()
  const printed = guard()

  /** A server, a client whose handlers fail, and a witness who must not notice. */
  const serve = async (options: PairOptions = {}) => {
    const hosted = host(use, options)
    const witness = hosted.dial()
    const seen = logOf(witness)
    await until(() => witness.state === 'open' && hosted.told.peers.length === 1)
    const undisturbed = async (): Promise<void> => {
      const value = `still there ${seen.values.length}`
      hosted.told.peers[0]?.write(value)
      await until(() => seen.values.at(-1) === value)
      assert.deepEqual([witness.state, seen.story], ['open', ['open']])
    }
    return { ...hosted, undisturbed }
  }

  for (const [way, fail] of Object.entries(WAYS)) {
    it(`${way} on the server's events: it is reported, and the connection goes on`, async () => {
      const hosted = await serve()
      hosted.server.on('connection', fail)
      hosted.server.on('refused', fail)
      const client = hosted.dial()
      const near = logOf(client)
      await until(() => client.state === 'open' && hosted.told.errors.length === 1)
      assert.deepEqual(told(hosted.told), ['ERR_HANDLER connection boom'])
      client.write('value')
      await until(() => hosted.told.logs[1]?.values.length === 1)
      await RawClient.dial(hosted.network, { say: ['nonsense'] })
      await until(() => hosted.told.errors.length === 2)
      assert.deepEqual(told(hosted.told)[1], 'ERR_HANDLER refused boom')
      assert.deepEqual(near.story, ['open'])
      await hosted.undisturbed()
    })

    it(`${way} on a peer's events: it is reported with the peer, and the connection goes on`, async () => {
      const hosted = await serve()
      hosted.server.on('connection', peer => {
        for (const event of ['data', 'open', 'disconnect', 'close', 'lost', 'drain'] as const) peer.on(event, fail)
      })
      const client = hosted.dial()
      const near = logOf(client)
      await until(() => client.state === 'open' && hosted.told.peers.length === 2)
      const [, peer] = hosted.told.peers
      assert.ok(peer)
      client.write(1)
      client.write(2)
      await until(() => hosted.told.logs[1]?.values.length === 2)
      client.pause()
      while (peer.write('x'.repeat(10_000))) await turns(1)
      client.resume()
      await until(() => near.values.length > 0)
      hosted.network.cut()
      await until(() => near.opens.length === 2)
      peer.write('lost')
      peer.destroy()
      const stages = (): string[] => [...new Set(hosted.told.errors.map(({ stage }) => stage))].sort()
      await until(
        () => stages().length === 6,
        () => `${stages()}`
      )
      assert.deepEqual(stages(), ['close', 'data', 'disconnect', 'drain', 'lost', 'open'])
      assert.ok(hosted.told.errors.every(({ error, peer: of }) => error.code === 'ERR_HANDLER' && of === peer))
      assert.equal(hosted.told.errors.filter(({ stage }) => stage === 'data').length, 2)
    })

    it(`${way} on a peer's error: it is reported once, and not to itself`, async () => {
      const hosted = await serve()
      let calls = 0
      hosted.server.on('connection', peer => {
        peer.on('error', () => {
          calls++
          return fail()
        })
        peer.on('data', boom)
      })
      const client = hosted.dial()
      await until(() => client.state === 'open')
      client.write(1)
      await until(() => hosted.told.errors.length >= 2)
      await turns()
      assert.equal(calls, 1)
      assert.deepEqual(told(hosted.told).sort(), ['ERR_HANDLER data peer boom', 'ERR_HANDLER error peer boom'])
      await hosted.undisturbed()
    })

    it(`${way} on the server's error: it is printed, and nothing else happens`, async () => {
      const hosted = await serve()
      hosted.server.on('error', fail)
      hosted.server.on('connection', peer => peer.on('data', boom))
      const client = hosted.dial()
      await until(() => client.state === 'open')
      client.write(1)
      client.write(2)
      await until(() => printed.length === 2)
      assert.ok(printed.splice(0).every(text => text.includes('boom')))
      await hosted.undisturbed()
    })

    it(`${way} on a client's events: it is reported there`, async () => {
      const hosted = await serve()
      const client = hosted.dial()
      for (const event of ['data', 'open', 'disconnect', 'close'] as const) client.on(event, fail)
      const near = logOf(client)
      await until(() => client.state === 'open' && hosted.told.peers.length === 2)
      hosted.told.peers[1]?.write(1)
      await until(() => near.values.length === 1)
      hosted.network.cut()
      await until(() => near.opens.length === 2)
      client.destroy()
      await until(() => near.errors.length >= 5)
      await turns()
      assert.deepEqual(
        near.errors.map(({ code }) => code),
        Array(5).fill('ERR_HANDLER')
      )
      await until(() => hosted.told.logs[0]?.opens.length === 2)
      assert.deepEqual(near.story, ['open', 'disconnect', 'recovered', 'close'])
    })

    it(`${way} on a client's error: it is printed once`, async () => {
      const hosted = await serve()
      const client = hosted.dial()
      let calls = 0
      client.on('error', () => {
        calls++
        return fail()
      })
      client.on('data', boom)
      await until(() => client.state === 'open' && hosted.told.peers.length === 2)
      hosted.told.peers[1]?.write(1)
      await until(() => printed.length > 0)
      await turns()
      assert.equal(calls, 1)
      assert.equal(printed.splice(0).length, 1)
      await hosted.undisturbed()
    })

    it(`${way} in authenticate: the client is refused, and hears nothing of it`, async () => {
      let failing = false
      const hosted = await serve({ server: { authenticate: () => (failing ? fail() : 'somebody') } })
      failing = true
      const raw = await RawClient.dial(hosted.network, { say: [hello({ auth: 'secret' })] })
      const [code, reason] = await raw.goodbye()
      assert.equal(code, 3502)
      assert.ok(!reason.includes('boom') && !reason.includes('secret'))
      assert.deepEqual(told(hosted.told), ['ERR_HANDLER authenticate boom'])
      assert.deepEqual(
        hosted.told.refused.map(({ error }) => error.code),
        ['ERR_UNAUTHORIZED']
      )
      failing = false
      await hosted.undisturbed()
    })

    it(`${way} as an interceptor: it is reported, and the other values go on`, async () => {
      const hosted = await serve()
      const client = hosted.dial()
      const near = logOf(client)
      await until(() => client.state === 'open' && hosted.told.peers.length === 2)
      const [, peer] = hosted.told.peers
      const [, log] = hosted.told.logs
      assert.ok(peer && log)
      const some = (value: unknown, next: (value: unknown) => void): void | Promise<void> =>
        value === 'bad' ? fail() : next(value)
      for (const end of [client, peer]) {
        end.incoming.use(some)
        for (const value of [1, 'bad', 2]) (end === client ? peer : client).write(value)
      }
      await until(() => near.values.length === 2 && log.values.length === 2)
      for (const end of [client, peer]) {
        end.outgoing.use(some)
        for (const value of [3, 'bad', 4]) end.write(value)
      }
      await until(() => near.values.length === 4 && log.values.length === 4)
      assert.deepEqual(
        [near.values, log.values],
        [
          [1, 2, 3, 4],
          [1, 2, 3, 4]
        ]
      )
      await until(() => hosted.told.errors.length === 2 && near.errors.length === 2)
      assert.deepEqual(told(hosted.told), ['ERR_INTERCEPTOR incoming peer boom', 'ERR_INTERCEPTOR outgoing peer boom'])
      assert.ok(hosted.told.errors.every(({ peer: of }) => of === peer))
      assert.deepEqual(
        near.errors.map(({ code }) => code),
        ['ERR_INTERCEPTOR', 'ERR_INTERCEPTOR']
      )
    })
  }

  it('as the maker of ids: the client is refused, and may try again', async () => {
    let make: () => unknown = () => 'first'
    const { network, told: watched } = await serve({ server: { id: () => make() as string } })
    const makers: (() => unknown)[] = [
      boom,
      later,
      () => 'first',
      () => '',
      () => 1,
      () => ({}),
      () => 1n,
      () => Symbol('x')
    ]
    for (const maker of makers) {
      make = maker
      const before = watched.errors.length
      const raw = await RawClient.dial(network, { say: [hello()] })
      assert.equal((await raw.goodbye())[0], 3007, `${maker}`)
      await turns()
      assert.deepEqual(
        watched.errors.slice(before).map(({ stage }) => stage),
        ['id'],
        `${maker}`
      )
      assert.equal(watched.peers.length, 1)
    }
    make = () => undefined
    const raw = await RawClient.dial(network, { say: [hello()] })
    assert.equal((await raw.welcome()).id.length, 22)
  })

  it('as the filter of a broadcast: the others get it, and it is reported', async () => {
    const hosted = await serve()
    const clients = Array.from({ length: 4 }, () => hosted.dial())
    const logs = clients.map(client => logOf(client))
    await until(() => hosted.told.peers.length === 5 && clients.every(({ state }) => state === 'open'))
    const bad = hosted.told.peers[2]
    const count = hosted.server.peers.broadcast('all', { where: peer => (peer === bad ? boom() : true) })
    assert.equal(count, 4)
    await until(() => logs.filter(({ values }) => values.length === 1).length === 3)
    assert.deepEqual(told(hosted.told), ['ERR_HANDLER where peer boom'])
    assert.equal(hosted.told.errors[0]?.peer, bad)
  })

  it('as the comparison of a recovery: a new session begins', async () => {
    const hosted = await serve({ server: { recovery: { same: boom } } })
    const client = hosted.dial()
    const near = logOf(client)
    await until(() => client.state === 'open')
    hosted.network.cut()
    await until(() => near.opens.length === 2)
    assert.deepEqual(
      near.opens.map(({ recovered }) => recovered),
      [false, false]
    )
    assert.ok(told(hosted.told).includes('ERR_HANDLER same boom'), `${told(hosted.told)}`)
  })

  it('as the rule of origins: the page is refused, over each transformer', async () => {
    let asked = 0
    const origins = (): boolean => {
      asked++
      return boom()
    }
    const { url, told: watched } = await hostHttp(use, { server: { origins } })
    for (const target of [`${url}/anywire`, `${url}/anywire?anywire=1`]) {
      const socket = new WebSocket(target, { headers: { origin: 'https://example.com' } })
      const code = await new Promise(resolve => {
        socket.on('error', () => {})
        socket.on('close', resolve)
      })
      assert.ok(code === 1006 || code === 3506, `${code}`)
    }
    assert.equal(asked, 2)
    assert.deepEqual(told(watched), ['ERR_HANDLER origins boom', 'ERR_HANDLER origins boom'])
  })

  it('as a plugin of a peer: the client is refused, and it is reported', async () => {
    let failing = false
    const plugin: ServerPlugin = { name: 'bad', version: 1, local: true, peer: () => (failing ? boom() : undefined) }
    const hosted = await serve({ server: { plugins: [plugin] } })
    failing = true
    const raw = await RawClient.dial(hosted.network, { say: [hello()] })
    assert.equal((await raw.goodbye())[0], 3007)
    assert.equal(hosted.told.errors.length, 1, `${told(hosted.told)}`)
    assert.match(`${hosted.told.errors[0]?.error.cause}`, /boom/)
    assert.equal(hosted.server.peers.size, 1)
    await hosted.undisturbed()
  })

  it('as a listener of a lane: it is reported, and the lane goes on', async () => {
    const got: unknown[] = []
    const plugin: ServerPlugin = {
      name: 'lane',
      version: 1,
      peer(_peer, lane) {
        lane.on('data', value => {
          got.push(value)
          boom()
        })
      }
    }
    const hosted = await serve({ server: { plugins: [plugin] } })
    const raw = await RawClient.dial(hosted.network, { say: [hello({ plugins: [['lane', 1]] })] })
    await raw.welcome()
    raw.say('!A1', '!A2')
    await until(() => got.length === 2 && hosted.told.errors.length === 2)
    assert.deepEqual(told(hosted.told), ['ERR_HANDLER data peer boom', 'ERR_HANDLER data peer boom'])
    await hosted.undisturbed()
  })

  it('that throws what is no error is reported as well', async () => {
    const hosted = await serve()
    const odd: unknown[] = [
      undefined,
      null,
      0,
      'text',
      {},
      Symbol('x'),
      Object.create(null),
      new AnywireError(['ERR_CLOSED', 0, 'x'])
    ]
    hosted.server.on('connection', peer =>
      peer.on('data', value => {
        throw odd[Number(value)]
      })
    )
    const client = hosted.dial()
    await until(() => client.state === 'open')
    for (const index of odd.keys()) client.write(index)
    await until(() => hosted.told.errors.length === odd.length)
    assert.deepEqual(
      hosted.told.errors.map(({ error }) => error.cause),
      odd
    )
    await hosted.undisturbed()
  })

  it('that ends its own connection, or all others, is no failure', async () => {
    const hosted = await serve()
    hosted.server.on('connection', peer => {
      peer.on('data', value => {
        if (value === 'destroy') peer.destroy(4000)
        if (value === 'end') peer.end(4001)
        if (value === 'all') for (const other of hosted.server.peers) other.destroy(4002)
      })
    })
    for (const value of ['destroy', 'end', 'all']) {
      const client = hosted.dial({ plugins: [] })
      const near = logOf(client)
      await until(() => client.state === 'open')
      client.write(value)
      client.write('more')
      await until(() => near.closes.length === 1)
    }
    await turns()
    assert.deepEqual(hosted.told.errors, [])
  })
})
