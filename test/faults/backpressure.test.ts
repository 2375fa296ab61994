import assert from 'node:assert/strict'
import type { Client } from '../../lib/client.ts'
import type { Connection } from '../../lib/connection.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { PairOptions } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { isThorough } from '../support/faults-seed.ts'
import { maskedFrame, RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { reliableOnly, tapServer } from '../support/faults-tap.ts'
import { turns, until } from '../support/faults-wait.ts'
import { collectGarbage } from '../support/garbage.ts'
import { memory } from '../../transformers/memory/index.ts'

const MIB = 1_048_576

/** What is written to who reads nothing, in bytes. */
const WRITTEN = (isThorough ? 200 : 32) * MIB

/** Bytes in use, by objects and by buffers, without garbage. */
const inUse = (): number => {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The same, once what tests before this one have left is gone too: it would be taken for room that was made here. */
const settledUse = async (): Promise<number> => {
  for (let before = inUse(); ;) {
    await turns()
    const now = inUse()
    if (now > before - MIB / 4) return now
    before = now
  }
}

describe('backpressure: a reader that stalls', () => {
  const use = undoing()
  guard()

  for (const kind of ['a client', 'a client that claims to take anything', 'a plain client'] as const) {
    it(`is ended as too slow, and costs the server no more than the cap: ${kind}`, async () => {
      const buffered = 8 * MIB
      const { port, told } = await hostHttp(use, { server: { limits: { buffered } } })
      const socket = new RawSocket(port, false)
      use(() => socket.destroy())
      const plain = kind === 'a plain client'
      socket.write(upgradeRequest(plain ? '/anywire' : undefined))
      const huge = kind.endsWith('anything') && { limit: Number.MAX_SAFE_INTEGER, window: Number.MAX_SAFE_INTEGER }
      if (!plain) socket.write(maskedFrame(hello({ ...huge })))
      await until(() => told.peers.length === 1)
      const [peer] = told.peers
      const [log] = told.logs
      assert.ok(peer && log)
      const before = await settledUse()
      let peak = 0
      let refused = 0
      for (let written = 0; written < WRITTEN; written += 65_536) {
        if (!peer.write('x'.repeat(65_530))) refused++
        if (written % (4 * MIB) === 0 && peer.state === 'open') peak = Math.max(peak, inUse() - before)
        if (written % MIB === 0) await turns(1)
      }
      assert.ok(refused > WRITTEN / 65_536 - 200, 'writes said that it is full')
      assert.deepEqual(
        log.closes.map(({ code }) => code),
        [3003]
      )
      assert.deepEqual(log.errors.map(({ code }) => code).slice(0, 2), ['ERR_SLOW', 'ERR_CLOSED'])
      assert.ok(peak > 4 * MIB, 'it was measured while something waited')
      // The values themselves, and the frames on their way to the socket.
      peak = Math.max(peak, inUse() - before)
      assert.ok(peak < buffered * 2 + 4 * MIB, `${Math.round(peak / MIB)} MiB`)
      assert.equal(peer.bufferedBytes, 0)
      socket.destroy()
    })
  }

  it('harms no other reader of the same broadcasts', async () => {
    const { port, told, dial, server } = await hostHttp(use, { server: { limits: { buffered: 2 * MIB } } })
    const socket = new RawSocket(port, false)
    use(() => socket.destroy())
    socket.write(upgradeRequest(), maskedFrame(hello()))
    await until(() => told.peers.length === 1)
    const client = dial()
    const near = logOf(client)
    await until(() => client.state === 'open' && told.peers.length === 2)
    for (let count = 0; count < 200; count++) {
      server.peers.broadcast(`${count} ${'x'.repeat(60_000)}`)
      if (count % 8 === 7) await until(() => near.values.length > count - 16)
    }
    await until(() => near.values.length === 200)
    assert.deepEqual(
      near.values.map(value => parseInt(`${value}`, 10)),
      Array.from({ length: 200 }, (_, index) => index)
    )
    assert.deepEqual(
      told.logs[0]?.closes.map(({ code }) => code),
      [3003]
    )
    assert.deepEqual([near.story, told.logs[1]?.story], [['open'], ['open']])
  })

  it('has its unreliable values dropped, and not queued', async () => {
    const { port, told, server } = await hostHttp(use)
    const socket = new RawSocket(port, false)
    use(() => socket.destroy())
    socket.write(upgradeRequest(), maskedFrame(hello()))
    await until(() => told.peers.length === 1)
    const [peer] = told.peers
    assert.ok(peer)
    while (peer.write('x'.repeat(60_000))) await turns(1)
    await turns()
    const held = peer.bufferedBytes
    const before = await settledUse()
    for (let count = 0; count < 1_000; count++) {
      assert.equal(peer.write('x'.repeat(60_000), { reliable: false }), false)
      assert.equal(server.peers.broadcast('x'.repeat(1_000), { reliable: false }), 0)
      if (count % 100 === 0) await turns(1)
    }
    assert.equal(peer.bufferedBytes, held)
    assert.ok(inUse() - before < 30 * MIB)
    assert.equal(peer.state, 'open')
  })
})

describe('backpressure: a reader that pauses', () => {
  const use = undoing()
  guard()

  const open = async (options: PairOptions = {}) => {
    const hosted = host(use, options)
    const client = hosted.dial()
    const near = logOf(client, options.read)
    await until(() => client.state === 'open' && hosted.told.peers.length === 1)
    const [peer] = hosted.told.peers
    const [far] = hosted.told.logs
    assert.ok(peer && far)
    return { ...hosted, client, near, peer, far }
  }

  /** Writes until it is told that it is full, and stays so. */
  const fill = async (writer: Connection, value: unknown): Promise<number> => {
    let written = 0
    for (let patience = 0; patience < 5;) {
      if (writer.write(value)) patience = 0
      else {
        patience++
        await turns()
      }
      written++
      assert.ok(written < 100_000, 'it is never full')
    }
    return written
  }

  for (const [from, to] of [
    ['client', 'peer'],
    ['peer', 'client']
  ] as const) {
    it(`stops the ${from} at the window, and drains afterwards`, async () => {
      const pair = await open()
      const [writer, reader]: (Client | Peer)[] = [pair[from], pair[to]]
      const log = to === 'client' ? pair.near : pair.far
      assert.ok(writer && reader)
      let drains = 0
      writer.on('drain', () => drains++)
      reader.pause()
      const written = await fill(writer, 'x'.repeat(10_000))
      assert.ok(written * 10_000 >= MIB && written * 10_000 < MIB + 400_000, `${written} values`)
      assert.equal(log.values.length, 0)
      drains = 0
      await turns(20)
      assert.equal(drains, 0)
      assert.ok(writer.bufferedBytes < MIB + 400_000)
      reader.resume()
      await until(() => log.values.length === written)
      await until(() => drains === 1)
      assert.equal(writer.write('more'), true)
      await until(() => log.values.length === written + 1)
    })

    it(`stops the ${from} when nobody listens, and goes on with iteration`, async () => {
      const pair = await open({ read: false })
      const [writer, reader]: (Client | Peer)[] = [pair[from], pair[to]]
      assert.ok(writer && reader)
      const written = await fill(writer, 'x'.repeat(10_000))
      assert.ok(written * 10_000 < MIB + 400_000, `${written} values`)
      let drained = false
      writer.on('drain', () => (drained = true))
      let read = 0
      for await (const value of reader) {
        assert.equal(`${value}`.length, 10_000)
        if (++read === 5) break
      }
      await turns(10)
      assert.equal(drained, false, 'five of a hundred make no room')
      for await (const _ of reader) {
        read++
        await turns(1)
        if (drained) break
      }
      assert.ok(read > written / 20 && read <= written, `${read} of ${written}`)
      const rest = logOf(reader)
      await until(() => rest.values.length + read === written)
    })

    it(`stops the ${from}: web streams`, async () => {
      const pair = await open({ read: false })
      const [writer, reader]: (Client | Peer)[] = [pair[from], pair[to]]
      assert.ok(writer && reader)
      const sink = writer.writable.getWriter()
      const source = reader.readable.getReader()
      let written = 0
      let stop = false
      const writing = (async () => {
        while (!stop) {
          await sink.ready
          await sink.write(`${written++}`.padEnd(10_000, '.'))
        }
      })()
      let before = -1
      while (before !== written) {
        before = written
        await turns(30)
      }
      assert.ok(written * 10_000 < MIB + 400_000, `${written} values`)
      for (let read = 0; read < 300; read++) {
        const { value } = await source.read()
        assert.equal(parseInt(`${value}`, 10), read)
      }
      assert.ok(written * 10_000 < 300 * 10_000 + MIB + 400_000, `${written} values`)
      stop = true
      for (let read = 300; read < written; read++) await source.read()
      await writing
      assert.ok(writer.listenerCount('drain') + writer.listenerCount('close') < 6, 'listeners do not pile up')
      await sink.close()
      assert.deepEqual(await source.read(), { done: true, value: undefined })
    })
  }

  it('tells a client once that nobody has ever listened, before the lanes of its plugins stop too', async () => {
    const { client, near, peer } = await open({ read: false })
    const written = await fill(peer, 'x'.repeat(10_000))
    const errors = near.errors.map(({ code, message }) => [code, message])
    assert.deepEqual(errors, [['ERR_SLOW', "Too much is unread: nobody listens for 'data'"]])
    assert.equal(client.state, 'open')
    const late = logOf(client)
    await until(() => late.values.length === written)
    client.pause()
    await fill(peer, 'x'.repeat(10_000))
    assert.deepEqual([near.errors.length, late.errors.length], [1, 0], 'who has listened may take their time')
    client.resume()
  })

  it('ends a client that writes more than may wait, however many values that is', async () => {
    const { client, near, network } = await open({ client: { limits: { buffered: 5_000_000, message: 1_024 } } })
    network.stalled = true
    let written = 0
    while (client.state === 'open' && written < 200_000) {
      client.write(0)
      written++
    }
    assert.ok(written > 150_000, 'more than a function takes arguments')
    assert.deepEqual([near.lost.length, near.closes[0]?.code, client.state], [written, 3003, 'connecting'])
    network.stalled = false
  })

  it('keeps the memory of both ends bounded, with values of any size', async () => {
    const { client, peer } = await open({
      server: { limits: { window: 20_000, message: 5_000 } },
      client: { limits: { window: 20_000, message: 5_000 } }
    })
    peer.pause()
    client.pause()
    for (const writer of [client, peer]) {
      await fill(writer, '')
      assert.ok(writer.bufferedBytes < 60_000, `${writer.bufferedBytes}`)
    }
    assert.equal(client.state, 'open')
  })

  it('goes on for ever with a reader that keeps up, however small the window', async () => {
    const limits = { window: 3_000, message: 2_000 }
    const { client, peer, near, far } = await open({ server: { limits, heartbeat: 0 }, client: { limits } })
    for (let count = 0; count < 400; count++) {
      for (const end of [client, peer]) end.write(`${count}`.padEnd(count % 1_000, '.'))
      if (count % 10 === 0) await until(() => near.values.length === count + 1 && far.values.length === count + 1)
    }
    await until(() => near.values.length === 400 && far.values.length === 400)
    assert.deepEqual([near.story, far.story], [['open'], ['open']])
  })

  it('keeps few of the unreliable values of a flood, when it takes none', async () => {
    const { network, told } = host(use, { server: { limits: { rate: false } } })
    const raw = await RawClient.dial(network, { say: [hello()] })
    await until(() => told.peers.length === 1)
    const [peer] = told.peers
    const [log] = told.logs
    peer?.pause()
    for (let count = 0; count < 1_000; count++) {
      raw.say(`!À${JSON.stringify(`${count}`.padEnd(10_000, '.'))}`)
      if (count % 50 === 0) await turns(2)
    }
    raw.say('"reliable"')
    await turns()
    peer?.resume()
    await until(() => log?.values.at(-1) === 'reliable')
    assert.ok(log && log.values.length > 1 && log.values.length < 10, `${log?.values.length} values`)
    raw.say('!À"again"')
    await until(() => log.values.at(-1) === 'again')
  })

  it('cuts a client that ignores the window', async () => {
    const limits = { window: 20_000, message: 5_000 }
    for (const plain of [false, true]) {
      const { network, told } = host(use, { server: { limits } })
      const raw = await RawClient.dial(network, { plain, say: plain ? [] : [hello()] })
      await until(() => told.peers.length === 1)
      const [peer] = told.peers
      assert.ok(peer)
      peer.pause()
      let said = 0
      while (peer.state === 'open' && said < 100) {
        raw.say(JSON.stringify('x'.repeat(4_000)))
        said++
        await turns(2)
      }
      await until(() => raw.closed !== undefined)
      assert.ok(said >= 6 && said < 16, `${said} values`)
      assert.deepEqual([raw.closed?.code, told.logs[0]?.errors.map(({ code }) => code)], [3500, ['ERR_PROTOCOL']])
    }
  })
})

describe('unreliable values', () => {
  const use = undoing()
  guard()

  it('keep coming to a reader that keeps up, however many', async () => {
    const network = memory()
    const { told, dial, server } = host(use, {
      server: { transformers: [tapServer(network, { wire: reliableOnly })], heartbeat: 0 }
    })
    const client = dial({ transformers: [network] })
    const near = logOf(client)
    await until(() => client.state === 'open' && told.peers.length === 1)
    let sent = 0
    for (let count = 0; count < 400; count++) {
      sent += server.peers.broadcast(`${count}`.padEnd(10_000, '.'), { reliable: false })
      await turns(3)
    }
    assert.equal(sent, 400)
    await until(() => near.values.length === 400)
    assert.equal(told.peers[0]?.bufferedBytes, 0)
  })

  it('pass between reliable ones without harm to their count', async () => {
    const network = memory()
    const { told, dial, server } = host(use, {
      server: { transformers: [tapServer(network, { wire: reliableOnly })], heartbeat: 0 }
    })
    const client = dial({ transformers: [network], limits: { window: 30_000 } })
    const near = logOf(client)
    await until(() => client.state === 'open' && told.peers.length === 1)
    let reliable = 0
    for (let count = 0; count < 600; count++) {
      const keep = count % 3 === 0
      server.peers.broadcast(`${keep ? 'r' : 'u'}${count}`.padEnd(1_000, '.'), { reliable: keep })
      if (keep) reliable++
      if (count % 7 === 0) await turns(3)
    }
    await until(() => near.values.filter(value => `${value}`.startsWith('r')).length === reliable)
    assert.equal(client.state, 'open')
  })
})
