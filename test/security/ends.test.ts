import assert from 'node:assert/strict'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import type { Wire } from '../../lib/transformer.ts'
import { memory } from '../../transformers/memory/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host } from '../support/faults-pair.ts'
import type { AnyServer } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { tapServer } from '../support/faults-tap.ts'
import { turns, until } from '../support/faults-wait.ts'

const TEXT = 'x'.repeat(2_000)

describe('ends that a client would put off', () => {
  const use = undoing()
  guard()

  const open = async (server: AnyServer = {}, more: Record<string, unknown> = {}) => {
    const hosted = host(use, { server: { heartbeat: 0, ...server } })
    const raw = await RawClient.dial(hosted.network, { say: [hello(more)] })
    const welcome = await raw.welcome()
    const [peer] = hosted.told.peers
    const [log] = hosted.told.logs
    assert.ok(peer && log)
    return { ...hosted, raw, welcome, peer, log }
  }

  it('come after 30 seconds in which nothing was acknowledged', async () => {
    const clock = new Clock(use)
    const { raw, peer, log } = await open({}, { window: 1_024 })
    for (let count = 0; count < 4; count++) peer.write(TEXT)
    peer.end(4100, 'enough')
    await clock.pass(29_999)
    assert.equal(peer.state, 'open')
    raw.say('!31')
    await clock.pass(1)
    await clock.pass(29_999)
    assert.equal(peer.state, 'open')
    await clock.pass(1)
    assert.deepEqual((await raw.goodbye()).slice(0, 2), [4100, 'enough'])
    assert.deepEqual(
      log.closes.map(({ code }) => code),
      [4100]
    )
    // How it ended is remembered for as long as a client may come back.
    await clock.pass(120_000)
    assert.deepEqual([log.lost.length, clock.waiting], [3, 0])
  })

  it('come in that time also for a client that comes back, and reads nothing again', async () => {
    const clock = new Clock(use)
    const { network, raw, peer, welcome } = await open({}, { window: 1_024 })
    for (let count = 0; count < 4; count++) peer.write(TEXT)
    peer.end(4100)
    raw.abort()
    await until(() => peer.state === 'away')
    await clock.pass(60_000)
    assert.equal(peer.state, 'away', 'it has the time of the recovery')
    const again = await RawClient.dial(network, { say: [hello({ session: welcome.token, got: [0, 0] })] })
    await again.welcome()
    await clock.pass(29_999)
    assert.equal(peer.state, 'open')
    await clock.pass(1)
    assert.equal((await again.goodbye())[0], 4100)
  })

  it('come at once for those who read', async () => {
    const clock = new Clock(use)
    const { raw, peer } = await open()
    peer.write(TEXT)
    peer.end(4100)
    await until(() => raw.heard.some(data => data.slice(0, 2) === '!2'))
    raw.say('!31')
    raw.wire?.close(4100, '')
    await until(() => peer.state === 'closed')
    assert.equal(clock.waiting, 0)
  })

  it('come for plain clients too, whose sockets are full', async () => {
    const clock = new Clock(use)
    const { port, told } = await hostHttp(use, { server: { heartbeat: 0 } })
    const socket = new RawSocket(port, false)
    use(() => socket.destroy())
    socket.write(upgradeRequest('/anywire'))
    await until(() => told.peers.length === 1)
    const [peer] = told.peers
    for (let full = 0; peer && full < 3;) {
      full = peer.write('x'.repeat(60_000)) ? 0 : full + 1
      await turns(2)
    }
    peer?.end(4100)
    await clock.pass(29_999)
    assert.equal(peer?.state, 'open')
    await clock.pass(1)
    assert.equal(peer?.state, 'closed')
  })

  it('cut wires that do not close', async () => {
    const clock = new Clock(use)
    const network = memory()
    const silent = tapServer(network, { wire: wire => stuck(wire) })
    const { told, server } = host(use, { server: { transformers: [silent], heartbeat: 0 } })
    const raw = await RawClient.dial(network, { say: [hello()] })
    await raw.welcome()
    told.peers[0]?.destroy()
    await clock.pass(9_999)
    assert.equal(network.links, 1)
    await clock.pass(1)
    assert.equal(network.links, 0)
    await until(() => raw.closed !== undefined)
    assert.equal(server.peers.size, 0)
  })

  it('keep what the application has said, when the server closes', async () => {
    const clock = new Clock(use)
    const { raw, peer, log, server } = await open({}, { window: 1_024 })
    for (let count = 0; count < 4; count++) peer.write(TEXT)
    peer.end(4100)
    const closing = server.close({ timeout: 1_000 })
    await clock.pass(1_000)
    await closing
    assert.equal((await raw.goodbye())[0], 4100)
    assert.deepEqual(
      log.closes.map(({ code }) => code),
      [4100]
    )
  })
})

/** A wire whose goodbye is never answered. */
const stuck = (wire: Wire): Wire => ({
  get buffered() {
    return wire.buffered
  },
  send: data => wire.send(data),
  close() {},
  abort: () => wire.abort()
})

describe('without recovery', () => {
  const use = undoing()
  guard()

  it('what is under way is bounded all the same, and its fate is told', async () => {
    const { network, told } = host(use, { server: { recovery: false } })
    const raw = await RawClient.dial(network, { say: [hello({ window: 4_096 })] })
    assert.equal((await raw.welcome()).token, '')
    const [peer] = told.peers
    for (let count = 0; count < 20; count++) peer?.write(`${count} ${'x'.repeat(1_000)}`)
    await turns()
    const values = () => raw.heard.slice(1).length
    assert.ok(values() >= 4 && values() <= 5, `${values()}`)
    raw.say('!32')
    await turns()
    assert.ok(values() >= 6 && values() <= 7, `${values()}`)
    raw.abort()
    await until(() => peer?.state === 'closed')
    assert.equal(told.logs[0]?.lost.length, 18)
  })

  it('a plain client acknowledges nothing, and has nothing kept for it', async () => {
    const { network, told } = host(use, { server: { recovery: false } })
    const raw = await RawClient.dial(network, { plain: true })
    await until(() => told.peers.length === 1)
    for (let count = 0; count < 20; count++) {
      told.peers[0]?.write('x'.repeat(100_000))
      await turns()
    }
    assert.deepEqual([raw.heard.length, told.peers[0]?.bufferedBytes], [20, 0])
  })
})

describe('plugins of a server', () => {
  const use = undoing()
  guard()

  const ended = (name: string, ends: string[], fail = false): ServerPlugin => {
    const undo = (what: string) => () => {
      ends.push(what)
      if (fail) throw new Error(`mine, ${what}`)
    }
    return {
      name,
      version: 1,
      local: true,
      server: (_server, during) => during(() => undo(name)),
      peer: (_peer, _lane, _server, during) => during(() => undo(`peer ${name}`))
    }
  }

  const failing: ServerPlugin = {
    name: 'failing',
    version: 1,
    local: true,
    peer() {
      throw new Error('mine')
    }
  }

  it('have what they began for a peer undone, where a later one fails', async () => {
    const ends: string[] = []
    const plugins = [ended('a', ends), ended('b', ends), failing]
    const { network, told, server } = host(use, { server: { plugins } })
    const raw = await RawClient.dial(network, { say: [hello()] })
    assert.equal((await raw.goodbye())[0], 3007)
    assert.deepEqual(ends, ['peer b', 'peer a'])
    assert.deepEqual([told.peers.length, server.peers.size], [0, 0])
    assert.deepEqual(
      told.errors.map(({ error, stage }) => [error.code, stage]),
      [['ERR_HANDLER', 'plugin']]
    )
  })

  it('harm nothing else by an undo that fails, and it is told', async () => {
    const ends: string[] = []
    const plugins = [ended('a', ends), ended('b', ends, true), ended('c', ends)]
    const { network, told, server } = host(use, { server: { plugins } })
    const raw = await RawClient.dial(network, { say: [hello()] })
    await raw.welcome()
    told.peers[0]?.destroy()
    assert.deepEqual(ends, ['peer c', 'peer b', 'peer a'])
    assert.deepEqual(
      told.errors.map(({ error, peer }) => [error.code, peer === told.peers[0]]),
      [['ERR_HANDLER', true]]
    )
    await server.close()
    assert.deepEqual(ends.slice(3), ['c', 'b', 'a'])
    assert.equal(told.errors.length, 2)
  })

  it('may end a peer before it begins: nobody hears of it', async () => {
    for (const call of ['destroy', 'end'] as const) {
      const ends: string[] = []
      const judge: ServerPlugin = { name: 'judge', version: 1, local: true, peer: peer => peer[call](4500, 'no') }
      const { network, told, server } = host(use, { server: { plugins: [ended('a', ends), judge, ended('b', ends)] } })
      const raw = await RawClient.dial(network, { say: [hello()] })
      await until(() => raw.heard.some(data => data.slice(0, 2) === '!2'))
      raw.wire?.close(4500, '')
      await until(() => raw.closed !== undefined && server.peers.size === 0)
      assert.deepEqual(ends, call === 'destroy' ? ['peer a'] : ['peer b', 'peer a'])
      assert.equal(told.peers.length, call === 'destroy' ? 0 : 1)
    }
  })
})
