import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from '../../index.ts'
import type { Peer } from '../../index.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { webtransport } from '../../transformers/webtransport/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { runs } from '../support/faults-seed.ts'
import { until } from '../support/faults-wait.ts'
import { certificate, serverCertificateHashes } from '../support/webtransport.ts'

describe('a connection over WebTransport, WebSocket and polling', () => {
  const use = undoing()
  guard()

  /** A server with all three, and a client that prefers them in this order. */
  const start = async (options: Parameters<typeof connect>[1] = {}) => {
    const http = createHttpServer()
    const sockets = new Set<Socket>()
    http.on('connection', socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    const quick = webtransport({ port: 0, host: '127.0.0.1', ...certificate })
    const server = createServer(http, { transformers: [quick, ws(), engineio()] })
    const peers: Peer[] = []
    server.on('connection', peer => peers.push(peer))
    const client = connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`, {
      transformers: [webtransport({ serverCertificateHashes, port: await quick.listening }), ws(), engineio()],
      reconnect: { min: 0, max: 20 },
      wires: { remember: 0 },
      ...options
    })
    use(async () => {
      client.destroy()
      await server.close({ timeout: 0 })
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => http.close(resolve))
    })
    await until(() => client.state === 'open' && peers.length === 1)
    return { client, peers, server, sockets }
  }

  it('opens over the first of the list', async () => {
    // However long a busy machine takes for it.
    const { client, peers } = await start({ wires: { remember: 0, headStart: 60_000 } })
    assert.deepEqual([client.transformer, peers[0]?.transformer], ['webtransport', 'webtransport'])
    assert.deepEqual(client.offers, ['webtransport', 'ws', 'engine.io'])
  })

  it('carries values both ways while its wire is cut and changed at random, again and again', async () => {
    const { client, peers } = await start({ wires: { remember: 0, rest: 1, upgrade: false, headStart: 1_000 } })
    const [peer] = peers
    const names = ['webtransport', 'ws', 'engine.io']
    const [near, far]: [unknown[], unknown[]] = [[], []]
    const told = { moves: 0, cuts: 0, ends: 0 }
    client.on('data', value => near.push(value))
    peer?.on('data', value => far.push(value))
    client.on('migrate', () => told.moves++)
    client.on('disconnect', () => told.cuts++)
    client.on('close', () => told.ends++)
    const rounds = runs(75).numRuns
    const count = 100 * rounds
    let random = 1
    /** Numbers that look as if diced, the same each time. */
    const dice = (sides: number): number => (random = (random * 48_271) % 2_147_483_647) % sides
    for (let sent = 0; sent < count;) {
      for (const stop = sent + 100; sent < stop; sent++) {
        client.write(sent)
        peer?.write(sent)
      }
      const moving = client.migrate(names[dice(3)] ?? 'ws').catch(() => {})
      if (dice(4) === 0) peer?.disconnect()
      await moving
      await until(() => client.state === 'open')
    }
    await until(
      () => near.length >= count && far.length >= count,
      () => `${near.length} and ${far.length} of ${count}, ${JSON.stringify(told)}, ${client.state}`,
      20_000
    )
    const all = Array.from({ length: count }, (_, index) => index)
    assert.deepEqual(near, all)
    assert.deepEqual(far, all)
    assert.equal(peers.length, 1)
    assert.equal(told.ends, 0)
    assert.ok(told.moves + told.cuts >= rounds / 2, JSON.stringify(told))
  }).timeout(60_000)
})
