import assert from 'node:assert/strict'
import type { Client } from '../../lib/client.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { ClientTransformer } from '../../lib/transformer.ts'
import type { ServerOptions } from '../../lib/server/options.ts'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { memory } from '../../transformers/memory/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { PairOptions } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { tapClient } from '../support/faults-tap.ts'
import { turns, until } from '../support/faults-wait.ts'
import { readWelcome } from '../support/faults-welcome.ts'
import type { Welcomed } from '../support/faults-welcome.ts'

describe('recovery', () => {
  const use = undoing()
  guard()

  /** An open client, its peer, what both told, and the token of its last welcome. */
  const open = async (options: PairOptions = {}) => {
    const hosted = host(use, options)
    const welcomes: Welcomed[] = []
    const tapped = tapClient(hosted.network, {
      hear: data => {
        if (typeof data === 'string' && data.startsWith('!1')) welcomes.push(readWelcome(data))
        return [data]
      }
    })
    const client: Client = hosted.dial({ transformers: [tapped] })
    const near = logOf(client)
    await until(() => client.state === 'open' && hosted.told.peers.length === 1)
    const [peer] = hosted.told.peers
    const [far] = hosted.told.logs
    assert.ok(peer && far)
    const token = (): string => welcomes.at(-1)?.token ?? ''
    return { ...hosted, client, near, peer, far, token, tapped }
  }

  /** Shows a token without a client. */
  const show = (network: Parameters<typeof RawClient.dial>[0], session: unknown, more: Record<string, unknown> = {}) =>
    RawClient.dial(network, { say: [hello({ session, got: [0, 0], ...more })] })

  it('ends after the window, and tells what was lost', async () => {
    const clock = new Clock(use)
    const { network, client, near, peer, far } = await open({ server: { recovery: { time: 1_000 } } })
    const { id } = client
    for (const [writer, name] of [
      [client, 'up'],
      [peer, 'down']
    ] as const) {
      for (let index = 0; index < 3; index++) writer.write(`${name} ${index}`)
    }
    // The answer acknowledges what went up, the question what came down.
    await until(() => far.values.length === 3 && near.values.length === 3)
    await client.ping()
    client.write('up 3')
    peer.write('down 3')
    await turns()
    network.down = true
    network.cut()
    await until(() => peer.state === 'away')
    client.write('up 4')
    peer.write('down 4')
    await clock.pass(999)
    assert.equal(peer.state, 'away')
    await clock.pass(1)
    assert.equal(peer.state, 'closed')
    assert.deepEqual(
      far.closes.map(({ code, reconnect }) => [code, reconnect]),
      [[3002, true]]
    )
    assert.deepEqual(far.lost, ['down 3', 'down 4'])
    assert.deepEqual(far.story, ['open', 'disconnect', 'lost', 'close'])
    network.down = false
    await clock.pass(60_000, 1_000)
    assert.deepEqual(near.story, ['open', 'disconnect', 'lost', 'close', 'open'])
    assert.deepEqual(near.lost, ['up 3'])
    assert.deepEqual(
      near.closes.map(({ code, reconnect }) => [code, reconnect]),
      [[3002, true]]
    )
    assert.notEqual(client.id, id)
  })

  it('ends with the server, and tells exactly what was sent and not acknowledged; the rest goes to the next one', async () => {
    const { network, client, near, far, serve } = await open()
    for (const value of ['a', 'b']) client.write(value)
    await until(() => far.values.length === 2)
    await client.ping()
    for (const value of ['c', 'd']) client.write(value)
    client.write('loose', { reliable: false })
    await until(() => far.values.length === 5)
    // The old one does not come back, and says nothing.
    const next = serve()
    use(() => next.close({ timeout: 0 }))
    const second: unknown[] = []
    next.on('connection', peer => {
      peer.on('data', value => second.push(value))
    })
    network.cut()
    for (const value of ['e', 'f']) client.write(value)
    await until(() => second.length >= 2)
    await turns()
    assert.deepEqual(second, ['e', 'f'])
    assert.deepEqual(near.lost, ['c', 'd'])
    assert.deepEqual(near.story, ['open', 'disconnect', 'lost', 'close', 'open'])
    assert.deepEqual(
      near.opens.map(({ recovered }) => recovered),
      [false, false]
    )
    assert.equal(client.bufferedBytes > 0, true)
  })

  const withUsers: PairOptions = {
    server: { authenticate: ({ auth }) => ({ user: auth }) } satisfies Partial<ServerOptions>,
    client: { auth: 'alice' }
  }

  it('is refused to a stolen token', async () => {
    const { network, client, near, peer, far, token } = await open(withUsers)
    for (const auth of ['mallory', undefined, ['alice'], { user: 'alice' }]) {
      const thief = await show(network, token(), { auth })
      const welcome = await thief.welcome()
      assert.equal(welcome.recovered, false)
      assert.notEqual(welcome.id, client.id)
      thief.abort()
    }
    peer.write('for alice')
    client.write('from alice')
    await until(() => near.values.length === 1 && far.values.length === 1)
    assert.deepEqual([near.values, far.values, near.story], [['for alice'], ['from alice'], ['open']])
  })

  it('is refused to a wrong token', async () => {
    const { network, client, near, token } = await open()
    const { id } = client
    const right = token()
    const secret = right.slice(id.length + 1)
    const flipped = right
      .split('')
      .map((character, index) => `${right.slice(0, index)}${character === 'A' ? 'B' : 'A'}${right.slice(index + 1)}`)
    const wrong: unknown[] = [
      ...flipped,
      id,
      `${id}.`,
      `.${secret}`,
      secret,
      '',
      '.',
      '..',
      right.slice(0, -1),
      `${right}A`,
      `${right}\u0000`,
      ` ${right}`,
      `${id}.${id}.${secret}`,
      '__proto__.x',
      'constructor.x',
      'A'.repeat(513),
      `${id}.${'A'.repeat(400)}`,
      null,
      0,
      true,
      [right],
      { token: right },
      `${id}.${secret.toLowerCase()}x`
    ]
    for (const session of wrong) {
      const other = await show(network, session)
      const welcome = await other.welcome()
      assert.equal(welcome.recovered, false, `${session}`)
      assert.notEqual(welcome.id, id)
      other.abort()
    }
    await turns()
    assert.deepEqual([client.state, near.story], ['open', ['open']])
  })

  it('takes progress that is no progress for none', async () => {
    const { network, token, client } = await open()
    for (const got of [
      undefined,
      null,
      1,
      'x',
      [],
      [0],
      [0, 0, 0],
      [-1, 0],
      [0.5, 0],
      ['0', '0'],
      [1e300, 0],
      { 0: 0, 1: 0 }
    ]) {
      const other = await show(network, token(), { got })
      assert.equal((await other.welcome()).recovered, false, JSON.stringify(got))
      other.abort()
    }
    assert.equal(client.state, 'open')
  })

  it('is refused to a former token once the client has confirmed the newer one, and not before', async () => {
    const { network, client, near, token } = await open()
    const first = token()
    network.cut()
    await until(() => near.opens.length === 2)
    // Nothing was said over the new wire: the welcome may have got lost.
    const again = await show(network, first)
    const welcome = await again.welcome()
    assert.deepEqual([welcome.recovered, welcome.id], [true, client.id])
    again.say('"confirmed"')
    await turns()
    const late = await show(network, first)
    assert.equal((await late.welcome()).recovered, false)
    const latest = await show(network, welcome.token, { got: [0, 0] })
    assert.equal((await latest.welcome()).recovered, true)
  })

  it('is refused to the token of a session that was closed', async () => {
    const { network, client, token, server, told } = await open()
    const old = token()
    client.end()
    await until(() => server.peers.size === 0)
    const other = await show(network, old)
    assert.equal((await other.welcome()).recovered, false)
    told.peers[1]?.destroy(4000)
    await turns()
    const again = await show(network, `${told.peers[1]?.id}.x`)
    assert.equal((await again.welcome()).recovered, false)
  })

  it('lets the newer of two live wires win, and closes the older one', async () => {
    const { network, near, peer, far, token, told } = await open({ client: { plugins: [] } })
    const other = await show(network, token())
    assert.equal((await other.welcome()).recovered, true)
    peer.write('for the newer')
    await until(() => other.heard.length === 2)
    await turns()
    assert.deepEqual(other.heard[1], '"for the newer"')
    other.say('"from the newer"')
    await until(() => far.values.length === 1)
    await until(() => near.closes.length === 1)
    assert.deepEqual([near.values, near.closes.map(({ code }) => code)], [[], [3509]])
    assert.equal(told.peers.length, 1)
    await until(() => network.links === 1)
  })

  it('counts nothing that still comes over the older wire', async () => {
    const { network, client, peer, far, token } = await open({ network: { latency: 0 }, client: { plugins: [] } })
    const other = await show(network, token())
    // What the old wire carries from here on arrives behind the newcomer's hello.
    client.write('too late')
    const { got } = await other.welcome()
    assert.deepEqual(got, [0, 0])
    await turns()
    other.say('"first"')
    await until(() => far.values.length === 1)
    assert.deepEqual([far.values, peer.state], [['first'], 'open'])
  })

  it('is refused to another version of the protocol, which harms nobody', async () => {
    const { network, token, client, near } = await open()
    for (const v of [0, 2, 99]) {
      const other = await show(network, token(), { v })
      assert.equal((await other.goodbye())[0], 3501)
    }
    assert.deepEqual([client.state, near.story], ['open', ['open']])
  })

  it('is refused with another parser', async () => {
    const { network, token, client } = await open({ server: { parsers: [json(), msgpack()] } })
    const other = await show(network, token(), { parser: 'msgpack' })
    assert.equal((await other.welcome()).recovered, false)
    assert.equal(client.state, 'open')
  })

  it('ends slow: more was written than the window keeps, while there was no wire', async () => {
    for (const end of ['peer', 'client'] as const) {
      const limits = { window: 10_000, message: 2_000 }
      const pair = await open({ server: { limits }, client: { limits } })
      pair.network.down = true
      pair.network.cut()
      await until(() => pair.peer.state === 'away' && pair.client.state === 'away')
      const writer: Client | Peer = pair[end]
      const [log, other] = end === 'peer' ? [pair.far, pair.near] : [pair.near, pair.far]
      let written = 0
      while (writer.state === 'away' && written < 100) writer.write(`${written++}`.padEnd(968, '.'))
      assert.equal(writer.state, end === 'peer' ? 'closed' : 'connecting')
      assert.ok(written >= 10 && written <= 14, `${written} thousand bytes`)
      assert.deepEqual(
        log.closes.map(({ code, reconnect }) => [code, reconnect]),
        [[3003, true]]
      )
      assert.deepEqual(
        log.errors.map(({ code }) => code),
        // A client that is away is nothing that a server could mend, or should log; its own writes are.
        end === 'peer' ? [] : ['ERR_SLOW']
      )
      assert.equal(log.lost.length, written)
      assert.equal(writer.bufferedBytes, 0, 'and keeps nothing')
      assert.deepEqual(other.closes, [])
    }
  })

  it('ends slow: too much was waiting when the wire was lost', async () => {
    const { network, peer, far } = await open({
      server: { limits: { window: 1_100, message: 1_200 } },
      client: { limits: { window: 1_100, message: 1_200 } }
    })
    for (let index = 0; index < 50; index++) peer.write('.'.repeat(400))
    assert.equal(peer.state, 'open')
    network.cut()
    await until(() => peer.state === 'closed')
    assert.deepEqual(
      far.closes.map(({ code }) => code),
      [3003]
    )
    assert.equal(far.lost.length, 50)
  })

  it('keeps so many sessions: the one that left first is given up', async () => {
    const { network, server, dial, told } = host(use, { server: { recovery: { sessions: 2 } } })
    const clients: Client[] = []
    for (let index = 0; index < 4; index++) {
      clients.push(dial())
      await until(() => told.peers.length === index + 1)
    }
    await until(() => clients.every(({ state }) => state === 'open'))
    const logs = clients.map(client => logOf(client))
    network.down = true
    network.cut()
    await until(() => server.peers.size === 2)
    assert.deepEqual(
      told.peers.map(({ state }) => state),
      ['closed', 'closed', 'away', 'away']
    )
    assert.deepEqual(
      told.logs.map(({ closes }) => closes.map(({ code }) => code)),
      [[3002], [3002], [], []]
    )
    network.down = false
    await until(() => logs.every(({ opens }) => opens.length === 1))
    assert.deepEqual(
      logs.map(({ opens }) => opens[0]?.recovered),
      [false, false, true, true]
    )
    assert.deepEqual(
      told.logs.map(({ story }) => story.join()),
      [
        'open,disconnect,close',
        'open,disconnect,close',
        'open,disconnect,recovered',
        'open,disconnect,recovered',
        'open',
        'open'
      ]
    )
  })

  it('waits for ever where it is told to', async () => {
    const clock = new Clock(use)
    const { network, client, near, peer } = await open({ server: { recovery: { time: Infinity }, heartbeat: 0 } })
    network.down = true
    network.cut()
    await until(() => peer.state === 'away')
    await clock.pass(3_600_000, 60_000)
    assert.equal(peer.state, 'away')
    network.down = false
    await clock.pass(60_000, 1_000)
    await until(() => client.state === 'open')
    assert.equal(near.opens.at(-1)?.recovered, true)
  })

  it('keeps none where none may be kept', async () => {
    const { network, server, near, far, client } = await open({ server: { recovery: { sessions: 0 } } })
    network.cut()
    await until(() => near.opens.length === 2)
    assert.deepEqual(far.closes.length, 1)
    assert.equal(far.story.at(-1), 'close')
    assert.equal(server.peers.size, 1)
    assert.deepEqual([client.state, near.opens.map(({ recovered }) => recovered)], ['open', [false, false]])
  })

  for (const [how, state] of [
    ['destroy', 'closed'],
    ['end', 'away']
  ] as const)
    it(`tells a client that comes back how its session was ended while it was away: ${how}`, async () => {
      const { client, near, peer, server, network } = await open()
      network.down = true
      network.cut()
      await until(() => peer.state === 'away')
      peer[how](4500, 'locked out')
      assert.equal(peer.state, state)
      network.down = false
      client.open()
      await until(() => client.state === 'closed' && server.peers.size === 0)
      assert.deepEqual(near.closes, [{ code: 4500, reason: 'locked out', after: 0, reconnect: false }])
      // Who asks anew is somebody new.
      client.open()
      await until(() => client.state === 'open')
      assert.equal(near.opens.at(-1)?.recovered, false)
    })

  it('tells it whoever has the token of the session, for as long as it could be resumed', async () => {
    const clock = new Clock(use)
    const { network, peer, token } = await open({ server: { recovery: { time: 60_000 } } })
    const old = token()
    peer.destroy(4100, 'later')
    const stranger = await show(network, `${peer.id}.x`)
    assert.equal((await stranger.welcome()).recovered, false)
    for (const time of [0, 59_000]) {
      await clock.pass(time)
      const raw = await show(network, old)
      assert.deepEqual(await raw.goodbye(), [4100, 'later', 0])
    }
    await clock.pass(2_000)
    const late = await show(network, old)
    assert.equal((await late.welcome()).recovered, false)
  })

  it('says the goodbye again that went over a wire that was dead already', async () => {
    const clock = new Clock(use)
    const [dead, live] = [memory(), memory()]
    let dials = 0
    const either: ClientTransformer = {
      ...dead,
      dial: (url, receiver, signal) => (dials++ === 0 ? dead : live).dial(url, receiver, signal)
    }
    const { told, dial } = host(use, { server: { transformers: [dead, live], heartbeat: 0 } })
    const client = dial({ transformers: [either] })
    const near = logOf(client)
    await until(() => client.state === 'open')
    const [peer] = told.peers
    dead.stalled = true
    peer?.write('last')
    peer?.end(4600, 'bye')
    await turns()
    // The client gives the wire up; the server has heard nothing of that when it comes back.
    void client.ping(1_000).catch(() => {})
    await clock.pass(1_000)
    await clock.pass(10, 1)
    await until(() => near.closes.length === 1 && peer?.state === 'closed')
    assert.deepEqual(near.values, ['last'])
    assert.deepEqual(near.story, ['open', 'disconnect', 'recovered', 'close'])
    for (const { closes } of [near, ...told.logs]) {
      assert.deepEqual(
        closes.map(({ code, reason }) => [code, reason]),
        [[4600, 'bye']]
      )
    }
    assert.deepEqual(told.logs[0]?.lost, [])
  })

  it('is judged again, and survives wires that die meanwhile', async () => {
    let release = (): void => {}
    let asked = 0
    const { network, client, near, server, told } = await open({
      server: {
        authenticate: () => {
          if (asked++ === 0) return 'user'
          return new Promise(resolve => (release = () => resolve('user')))
        }
      }
    })
    network.cut()
    for (let round = 0; round < 3; round++) {
      await until(() => asked === round + 2)
      network.cut()
      const late = release
      await turns()
      late()
    }
    await until(() => asked === 5)
    release()
    await until(() => near.opens.length === 2)
    assert.deepEqual(
      [client.state, near.opens.at(-1), server.peers.size, told.peers.length],
      ['open', { recovered: true }, 1, 1]
    )
  })
})
