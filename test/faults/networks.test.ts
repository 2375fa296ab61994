import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from '../../index.ts'
import type { ConnectOptions } from '../../index.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { webtransport } from '../../transformers/webtransport/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { HurtingProxy } from '../support/hurting-proxy.ts'
import type { Hurts } from '../support/hurting-proxy.ts'
import { until } from '../support/faults-wait.ts'
import { serverCertificateHashes } from '../support/webtransport.ts'

describe('a network', () => {
  const use = undoing()
  guard()

  /** A server behind a network that hurts, and a client that prefers WebSocket. Values are counted both ways. */
  const start = async (hurts: Hurts, options: ConnectOptions = {}) => {
    const http = createHttpServer()
    const server = createServer(http, { transformers: [ws(), engineio()] })
    const far: unknown[] = []
    server.on('connection', peer => {
      peer.on('data', value => {
        far.push(value)
        peer.write(value)
      })
    })
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    const proxy = new HurtingProxy((http.address() as AddressInfo).port, hurts)
    const url = await proxy.listen()
    const client = connect(url, {
      transformers: [ws(), engineio({ upgrade: false })],
      reconnect: { min: 10, max: 100 },
      wires: { headStart: 100, patience: 400, rest: 60_000, remember: 0 },
      ...options
    })
    const near: unknown[] = []
    const attempts: string[] = []
    const ends: number[] = []
    client.on('data', value => near.push(value))
    client.on('attempt', ({ transformer, error }) => attempts.push(`${transformer} ${error ? error.message : 'ok'}`))
    client.on('close', ({ code }) => ends.push(code))
    use(async () => {
      client.destroy()
      await server.close({ timeout: 0 })
      await proxy.close()
      await new Promise(resolve => http.close(resolve))
    })
    return { client, server, proxy, near, far, attempts, ends }
  }

  /** Writes values at a pace, until all came back once and in order. */
  const converse = async ({ client, near, far }: Awaited<ReturnType<typeof start>>, count: number): Promise<void> => {
    const values = Array.from({ length: count }, (_, index) => index)
    for (const value of values) {
      client.write(value)
      if (value % 10 === 9)
        await until(
          () => near.length > value - 50,
          () => `${near.length} of ${value}`,
          20_000
        )
    }
    await until(
      () => near.length >= count,
      () => `${near.length} of ${count}`,
      20_000
    )
    assert.deepEqual([near, far], [values, values])
  }

  for (const status of [400, 403, 502]) {
    it(`that answers WebSocket upgrades with ${status} is passed by polling`, async () => {
      const world = await start({ upgrades: status })
      await converse(world, 30)
      assert.equal(world.client.transformer, 'engine.io')
      assert.match(world.attempts.join(), new RegExp(`ws .*${status}`))
      assert.deepEqual(world.client.wires.resting, ['ws'])
    })
  }

  it('that never answers WebSocket upgrades is passed by polling, which got a late start', async () => {
    const world = await start({ upgrades: 'hang' })
    await converse(world, 30)
    assert.equal(world.client.transformer, 'engine.io')
  })

  it('that opens WebSockets and swallows what they carry is passed by polling', async () => {
    const world = await start({ upgrades: 'mute' })
    await converse(world, 30)
    assert.equal(world.client.transformer, 'engine.io')
    assert.match(world.attempts.join(), /ws The handshake took too long/)
  })

  it('with latency and loss carries everything', async () => {
    const world = await start({ latency: 200, loss: 0.1 }, { wires: { headStart: 2_000 } })
    await converse(world, 60)
    assert.equal(world.client.transformer, 'ws')
  })

  it('with a proxy that buffers carries everything', async () => {
    const world = await start({ buffer: 150, upgrades: 403 })
    await converse(world, 30)
    assert.equal(world.client.transformer, 'engine.io')
  })

  it('that kills connections again and again carries everything, over whatever there is', async () => {
    const world = await start({ life: 150 }, { wires: { headStart: 100, rest: 200, settle: 50, remember: 0 } })
    await converse(world, 300)
    assert.deepEqual(world.ends, [])
  })

  it('that lets WebSockets through at last has the connection move to one', async () => {
    const world = await start({ upgrades: 403 }, { wires: { rest: 50, settle: 50, remember: 0 } })
    await converse(world, 30)
    assert.equal(world.client.transformer, 'engine.io')
    world.proxy.hurts = {}
    await until(() => world.client.transformer === 'ws')
    assert.deepEqual(world.ends, [])
  })
})

describe('a network without a way for WebTransport', () => {
  const use = undoing()
  guard()

  it('costs a head start where the port is refused, or silent', async () => {
    const http = createHttpServer()
    const server = createServer(http, { transformers: [ws()] })
    // It takes connections, and says nothing: as if what is sent were dropped.
    const sockets = new Set<Socket>()
    const silent = createTcpServer(socket => {
      sockets.add(socket.on('error', () => {}))
    })
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve))
    use(async () => {
      await server.close({ timeout: 0 })
      for (const socket of sockets) socket.destroy()
      silent.close()
      http.close()
    })
    const portOf = (listening: { address(): unknown }): number => (listening.address() as AddressInfo).port
    for (const [port, outcome] of [
      [portOf(silent), /^webtransport given up$/],
      [1, /^webtransport (?!ok)/]
    ] as const) {
      const client = connect(`http://127.0.0.1:${portOf(http)}`, {
        transformers: [webtransport({ port, serverCertificateHashes }), ws()],
        wires: { headStart: 100, upgrade: false, remember: 0 }
      })
      const attempts: string[] = []
      // Only for this test: the server has no WebTransport either.
      client.wires.on('skip', () => {})
      client.on('attempt', ({ transformer, error }) => attempts.push(`${transformer} ${error?.message ?? 'ok'}`))
      await until(() => client.state === 'open' && attempts.length === 2)
      assert.equal(client.transformer, 'ws')
      assert.match(attempts.find(attempt => attempt.startsWith('webtransport')) ?? '', outcome)
      client.destroy()
    }
  })
})
