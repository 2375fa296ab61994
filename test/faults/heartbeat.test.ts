import assert from 'node:assert/strict'
import type { Data } from '../../lib/transformer.ts'
import { memory } from '../../transformers/memory/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { PairOptions } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { maskedFrame, RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { tapServer } from '../support/faults-tap.ts'
import { turns, until } from '../support/faults-wait.ts'

const BEAT = 32_000

describe('the heartbeat', () => {
  const use = undoing()
  guard()

  const open = async (options: PairOptions = {}, clock = new Clock(use)) => {
    const hosted = host(use, { ...options, server: { heartbeat: BEAT, ...options.server } })
    const client = hosted.dial()
    const near = logOf(client)
    await until(() => client.state === 'open' && hosted.told.peers.length === 1)
    const [peer] = hosted.told.peers
    const [far] = hosted.told.logs
    assert.ok(peer && far)
    return { ...hosted, clock, client, near, peer, far }
  }

  it('spreads the pings of connections that came together', async () => {
    const clock = new Clock(use)
    const { network, told } = host(use, { server: { heartbeat: BEAT } })
    const clients = await Promise.all(Array.from({ length: 320 }, () => RawClient.dial(network, { say: [hello()] })))
    await until(() => told.peers.length === 320)
    await turns()
    const pings = (): number =>
      clients.reduce((sum, { heard }) => sum + heard.filter(data => data.slice(0, 2) === '!4').length, 0)
    let before = pings()
    const perSlot: number[] = []
    for (let slot = 0; slot < 64; slot++) {
      await clock.pass(BEAT / 32)
      perSlot.push(pings() - before)
      before = pings()
      for (const client of clients) client.say('!50')
      await turns(2)
    }
    assert.ok(Math.max(...perSlot) <= 10, `${Math.max(...perSlot)} at once`)
    assert.ok(before >= 320, `${before} in two intervals`)
    assert.equal(
      told.logs.every(({ closes, disconnects }) => closes.length + disconnects.length === 0),
      true
    )
  })

  it('finds a dead client within two intervals and a bit, and lets it come back', async () => {
    const { clock, network, peer, far, near, client } = await open()
    await clock.pass(BEAT * 3, BEAT / 32)
    assert.deepEqual([near.story, far.story], [['open'], ['open']])
    network.stalled = true
    await clock.pass(BEAT * 2.2, BEAT / 32)
    assert.deepEqual([peer.state, far.disconnects.map(({ code }) => code)], ['away', [3001]])
    network.stalled = false
    await clock.pass(BEAT, BEAT / 32)
    await until(() => client.state === 'open' && peer.state === 'open')
    assert.deepEqual(near.opens.map(({ recovered }) => recovered).slice(0, 2), [false, true])
  })

  it('finds a dead client again after it came back', async () => {
    const { clock, network, peer, far, client } = await open()
    network.cut()
    await clock.pass(10, 1)
    await until(() => far.opens.length === 2 && client.state === 'open')
    network.stalled = true
    await clock.pass(BEAT * 2.2, BEAT / 32)
    assert.deepEqual([peer.state, far.disconnects.map(({ code }) => code)], ['away', [1006, 3001]])
  })

  it('takes any message for life: no ping is answered, but values come', async () => {
    const { clock, told, network } = await open()
    const raw = await RawClient.dial(network, { say: [hello()] })
    await raw.welcome()
    for (let beat = 0; beat < 12; beat++) {
      await clock.pass(BEAT / 2, BEAT / 32)
      raw.say(beat % 2 ? '"busy"' : '!À"busy"')
      await turns()
    }
    assert.deepEqual([told.peers[1]?.state, raw.closed], ['open', undefined])
    await clock.pass(BEAT * 2.2, BEAT / 32)
    assert.equal(told.peers[1]?.state, 'away')
  })

  it('takes any byte for life: a large message that comes slowly', async () => {
    const { port, told } = await hostHttp(use, { server: { heartbeat: 64 } })
    const socket = new RawSocket(port)
    use(() => socket.destroy())
    socket.write(upgradeRequest(), maskedFrame(hello()))
    await until(() => told.peers.length === 1)
    const [log] = told.logs
    const frame = maskedFrame(JSON.stringify('x'.repeat(300)))
    // One byte in less than a heartbeat, for several of them, by the real clock: sockets know no other.
    let at = 0
    const timer = setInterval(() => socket.write(frame.subarray(at, ++at)), 10)
    use(() => clearInterval(timer))
    await until(() => at > 60 || log?.story.length !== 1)
    clearInterval(timer)
    socket.write(frame.subarray(at))
    await until(() => log?.values.length === 1 || log?.story.length !== 1)
    assert.deepEqual([log?.values.length, log?.story], [1, ['open']])
  })

  it('acknowledges with each ping and answer: nothing is held for long', async () => {
    const { clock, client, peer, near, far } = await open()
    client.write('up')
    peer.write('down')
    await until(() => near.values.length === 1 && far.values.length === 1)
    await clock.pass(BEAT * 2.2, BEAT / 32)
    assert.deepEqual([client.bufferedBytes, peer.bufferedBytes], [0, 0])
  })

  it('leaves it to a server to acknowledge after a second, and to a client after five', async () => {
    const { clock, client, peer, near, far } = await open({ server: { heartbeat: 0 } })
    const held = (): readonly boolean[] => [client.bufferedBytes > 0, peer.bufferedBytes > 0]
    client.write('up')
    peer.write('down')
    await until(() => near.values.length === 1 && far.values.length === 1)
    await clock.pass(900)
    assert.deepEqual(held(), [true, true])
    await clock.pass(200)
    assert.deepEqual(held(), [false, true])
    await clock.pass(3_800)
    assert.deepEqual(held(), [false, true])
    await clock.pass(200)
    assert.deepEqual(held(), [false, false])
  })

  it('is heard by a client, which finds a silent server', async () => {
    const silent: Data[] = []
    const network = memory()
    let mute = false
    const tapped = tapServer(network, {
      wire: wire => ({
        ...wire,
        buffered: 0,
        send: data => {
          if (!mute) return wire.send(data)
          silent.push(data)
          return true
        },
        close: (code, reason) => void (mute || wire.close(code, reason)),
        abort: () => void (mute || wire.abort())
      })
    })
    const { clock, client, near } = await open({
      server: { transformers: [tapped] },
      client: { transformers: [network] }
    })
    await clock.pass(BEAT * 3, BEAT / 32)
    assert.deepEqual(near.story, ['open'])
    mute = true
    await clock.pass(BEAT * 1.5, BEAT / 32)
    assert.equal(client.state, 'open')
    await clock.pass(BEAT * 1.5 + 6_000, BEAT / 32)
    assert.deepEqual(
      near.disconnects.map(({ code }) => code),
      [3001]
    )
    mute = false
    await clock.pass(BEAT, BEAT / 32)
    assert.equal(client.state, 'open')
  })

  it('kills no wire that lives, however often it is probed', async () => {
    const { clock, client, near } = await open({ server: { heartbeat: 1_000 } })
    for (let step = 0; step < 400; step++) {
      await clock.pass(97)
      if (step % 7 === 0) void client.ping(2_000).catch(() => {})
      if (step % 11 === 0) void client.ping().catch(() => {})
    }
    assert.deepEqual(near.story, ['open'])
  })

  it('kills no wire that lives: a probe just before the client looks', async () => {
    const clock = new Clock(use)
    for (let offset = 0; offset < 3_000; offset += 250) {
      const { client, near, server } = await open({ server: { heartbeat: 10_000 } }, clock)
      await clock.pass(15_000 - 2_000 + offset - 1_000, 100)
      void client.ping(2_000).catch(() => {})
      await clock.pass(4_000, 100)
      assert.deepEqual(near.story, ['open'], `${offset}`)
      client.destroy()
      await server.close()
    }
  })

  it('finds a dead wire by a probe, at once where the browser says so', async () => {
    const { clock, client, near, network } = await open()
    network.stalled = true
    void client.ping(500).catch(() => {})
    await clock.pass(499)
    assert.equal(client.state, 'open')
    await clock.pass(1)
    assert.equal(client.state, 'away')
    assert.deepEqual(
      near.disconnects.map(({ code, reconnect }) => [code, reconnect]),
      [[3001, true]]
    )
  })

  it('is not there where nobody wants it', async () => {
    const { clock, network, peer, near, far } = await open({ server: { heartbeat: 0 } })
    const before = clock.waiting
    network.stalled = true
    await clock.pass(BEAT * 10, BEAT)
    network.stalled = false
    await turns()
    assert.deepEqual([peer.state, near.story, far.story], ['open', ['open'], ['open']])
    assert.ok(clock.waiting <= before)
  })

  it('leaves plain clients alone, which know no pings', async () => {
    const { clock, network, told } = await open()
    const plain = await RawClient.dial(network, { plain: true })
    await until(() => told.peers.length === 2)
    await clock.pass(BEAT * 5, BEAT / 4)
    assert.deepEqual([plain.heard, plain.closed, told.peers[1]?.state], [[], undefined, 'open'])
  })

  it('measures the round trip', async () => {
    const { clock, client, network } = await open()
    network.latency = 30
    const time = client.ping()
    await clock.pass(60, 10)
    assert.ok(Math.abs((await time) - 60) <= 10, `${await time}`)
    const lost = client.ping()
    network.cut()
    await assert.rejects(lost, { code: 'ERR_CLOSED' })
  })

  it('leaves no timers behind', async () => {
    const clock = new Clock(use)
    const { dial, server, told } = host(use, { server: { heartbeat: 1_000 } })
    const before = clock.waiting
    for (let count = 0; count < 5; count++) {
      const client = dial()
      await until(() => client.state === 'open')
      for (let probe = 0; probe < 20; probe++) void client.ping().catch(() => {})
      await clock.pass(30_000, 500)
      assert.ok(clock.waiting < before + 12, `${clock.waiting} timers`)
      client.end()
      await until(() => client.state === 'closed')
    }
    await until(() => told.peers.every(({ state }) => state === 'closed'))
    await clock.pass(10_000, 1_000)
    assert.equal(clock.waiting, before)
    await server.close()
    await clock.pass(10_000, 1_000)
    assert.equal(clock.waiting, 0)
  })
})
