import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AnywireError } from '../../lib/errors.ts'
import type { ServerTransformer } from '../../lib/server/listener.ts'
import { createServer } from '../../lib/server/server.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import type { Receiver } from '../../lib/transformer.ts'
import { json } from '../../parsers/json.ts'
import { memory } from '../../transformers/memory/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { maskedFrame, RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { turns, until } from '../support/faults-wait.ts'

/** The first fills a small window, the second waits. */
const UNREAD = ['x'.repeat(2_000), 'unread']

describe('server.close', () => {
  const use = undoing()
  guard()

  it('sends what was written, then tells when to come back, spread', async () => {
    const { network, told, server } = host(use)
    const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.dial(network, { say: [hello()] })))
    await until(() => told.peers.length === 40)
    for (const peer of told.peers) for (let count = 0; count < 100; count++) peer.write(count)
    const closing = server.close({ reconnect: 60_000 })
    const afters: number[] = []
    for (const client of clients) {
      await until(() => client.heard.some(data => data.slice(0, 2) === '!2'))
      const values = client.heard.filter(data => data[0] !== '!')
      assert.deepEqual(
        values,
        Array.from({ length: 100 }, (_, count) => `${count}`)
      )
      const goodbye = JSON.parse(`${client.heard.at(-1)}`.slice(2)) as [number, string, number]
      assert.equal(goodbye[0], 3000)
      afters.push(goodbye[2])
      client.wire?.close(1000, '')
    }
    await closing
    assert.ok(afters.every(after => after >= 0 && after <= 60_000))
    assert.ok(new Set(afters).size > 30 && Math.max(...afters) > 30_000 && Math.min(...afters) < 30_000)
    assert.ok(told.logs.every(({ closes }) => closes.length === 1 && closes[0]?.code === 3000))
  })

  it('waits no longer than its timeout for those who do not read or answer, and spreads them too', async () => {
    const clock = new Clock(use)
    const { network, told, server } = host(use)
    const clients = await Promise.all(
      Array.from({ length: 20 }, () => RawClient.dial(network, { say: [hello({ window: 1_024 })] }))
    )
    await until(() => told.peers.length === 20)
    for (const peer of told.peers) for (const value of UNREAD) peer.write(value)
    let closed = false
    void server.close({ timeout: 2_000, reconnect: 60_000 }).then(() => (closed = true))
    // The last tenth is for wires to close.
    await clock.pass(1_799)
    assert.equal(closed, false)
    await clock.pass(1)
    await until(() => closed)
    const afters = clients.map(({ heard }) => (JSON.parse(`${heard.at(-1)}`.slice(2)) as number[])[2] ?? 0)
    assert.ok(new Set(afters).size > 15, `${afters}`)
    assert.ok(told.logs.every(({ closes, lost }) => closes[0]?.code === 3000 && lost.length === 2))
  })

  it('tells not to come back', async () => {
    const { dial, server } = host(use)
    const client = dial()
    const near = logOf(client)
    await until(() => client.state === 'open')
    await server.close({ reconnect: false })
    await until(() => near.closes.length === 1)
    assert.deepEqual(
      near.closes.map(({ code, reconnect }) => [code, reconnect]),
      [[1000, false]]
    )
  })

  it('ends sessions that wait for their clients, and those that are judged', async () => {
    let release = (): void => {}
    let asked = 0
    const { dial, server, told, network } = host(use, {
      server: {
        authenticate: () => (asked++ ? new Promise<string>(resolve => (release = () => resolve('late'))) : 'first')
      }
    })
    const client = dial({ plugins: [] })
    await until(() => client.state === 'open')
    network.cut()
    await until(() => told.peers[0]?.state === 'away')
    const judged = await RawClient.dial(network, { say: [hello()] })
    const silent = await RawClient.dial(network)
    const plain = await RawClient.dial(network, { plain: true, say: ['1'] })
    await until(() => asked === 3)
    await server.close({ timeout: 1_000 })
    release()
    await until(() => judged.closed !== undefined && silent.closed !== undefined && plain.closed !== undefined)
    assert.deepEqual([(await judged.goodbye())[0], (await silent.goodbye())[0], plain.closed?.code], [3000, 3000, 3000])
    assert.deepEqual(
      told.logs[0]?.closes.map(({ code }) => code),
      [3000]
    )
    assert.deepEqual([told.peers.length, server.peers.size], [1, 0])
  })

  it('is done once, however often it is asked', async () => {
    const { server } = host(use)
    let closes = 0
    server.on('close', () => closes++)
    const [first, second] = [server.close(), server.close({ timeout: 1 })]
    assert.equal(first, second)
    await first
    await server.close()
    assert.equal(closes, 1)
  })

  it('refuses those who come meanwhile, and later', async () => {
    const { server, dial, told, network } = host(use)
    const staying = await RawClient.dial(network, { say: [hello({ window: 1_024 })] })
    await staying.welcome()
    for (const value of UNREAD) told.peers[0]?.write(value)
    const closing = server.close({ timeout: 300 })
    await turns()
    const late = await RawClient.dial(network, { say: [hello()] })
    await until(() => late.closed !== undefined)
    assert.match(`${late.closed?.reason}`, /shuts down|/)
    const client = dial({ plugins: [] })
    const near = logOf(client)
    await until(() => client.state === 'closed')
    assert.deepEqual(near.story, ['close'])
    await closing
    const after = await RawClient.dial(network, { say: [hello()] })
    await until(() => after.closed !== undefined)
    assert.equal(told.peers.length, 1)
    assert.ok(told.refused.every(({ error }) => error.code === 'ERR_SHUTDOWN'))
  })

  it('does not wait for links whose wire has never opened, and cuts those that open later', async () => {
    const receivers: Receiver[] = []
    const slow: ServerTransformer = {
      ...memory(),
      name: 'slow',
      listen: (_host, accept) => {
        const receiver = accept({ url: '/anywire?anywire=1', headers: {}, address: '' })
        if (!(receiver instanceof AnywireError)) receivers.push(receiver)
        return { close() {} }
      }
    }
    const { server, told } = host(use, { server: { transformers: [slow] } })
    let closed = false
    void server.close({ timeout: 0 }).then(() => (closed = true))
    await turns(5)
    assert.equal(closed, true)
    assert.deepEqual(
      told.refused.map(({ error }) => error.code),
      ['ERR_SHUTDOWN']
    )
    let aborted = 0
    const [receiver] = receivers
    receiver?.open({ buffered: 0, send: () => true, close() {}, abort: () => void aborted++ })
    receiver?.close(1006, '')
    assert.equal(aborted, 1)
  })

  it('says so over WebSocket, before and after the upgrade', async () => {
    const { server, told, port, http } = await hostHttp(use)
    const staying = new RawSocket(port)
    const waiting = new RawSocket(port)
    use(() => staying.destroy())
    use(() => waiting.destroy())
    staying.write(upgradeRequest(), maskedFrame(hello({ window: 1_024 })))
    waiting.write(upgradeRequest())
    await until(() => told.peers.length === 1 && waiting.text.includes('101'))
    for (const value of UNREAD) told.peers[0]?.write(value)
    const clock = new Clock(use)
    const closing = server.close({ timeout: 300 })
    await until(() => waiting.closeCode === 3000)
    const late = new RawSocket(port)
    use(() => late.destroy())
    late.write(upgradeRequest())
    assert.equal(await late.status(), 503)
    await clock.pass(300, 100)
    await closing
    assert.equal(http.listening, true)
  })

  it('runs the ends of its plugins, the last one first', async () => {
    const ends: string[] = []
    const plugin = (name: string): ServerPlugin => ({
      name,
      version: 1,
      local: true,
      server: (_server, during) => during(() => () => ends.push(name)),
      peer: (_peer, _lane, _server, during) => during(() => () => ends.push(`peer ${name}`))
    })
    const { server, dial } = host(use, { server: { plugins: [plugin('a'), plugin('b')] } })
    const client = dial()
    await until(() => client.state === 'open')
    await server.close()
    assert.deepEqual(ends, ['peer b', 'peer a', 'b', 'a'])
  })

  describe('on an http.Server', () => {
    const shape = (http: HttpServer) => ({
      listeners: Object.fromEntries(http.eventNames().map(name => [String(name), http.listeners(name)])),
      own: Object.getOwnPropertyDescriptor(http, 'emit')
    })

    const serve = (http: HttpServer, path = '/anywire') =>
      createServer(http, { transformers: [ws()], parsers: [json()], path })

    it('leaves a shared one as it was', async () => {
      const http = createHttpServer((_request, response) => response.end('mine'))
      http.on('upgrade', (_request, socket) => socket.destroy())
      const before = shape(http)
      for (let round = 0; round < 3; round++) await serve(http).close()
      assert.deepEqual(shape(http), before)
      const own = http.emit.bind(http)
      http.emit = own
      const [first, second] = [serve(http), serve(http, '/other')]
      await first.close()
      await second.close()
      assert.equal(http.listeners('upgrade').length, 1)
      await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
      use(() => new Promise(resolve => http.close(resolve)))
      const { port } = http.address() as AddressInfo
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/anywire`)).text(), 'mine')
    })

    it('leaves a shared one that somebody else has wrapped meanwhile', async () => {
      const http = createHttpServer((_request, response) => response.end('mine'))
      const server = serve(http)
      const inner = http.emit.bind(http)
      let seen = 0
      http.emit = (event: string, ...args: unknown[]) => {
        seen++
        return inner(event, ...args)
      }
      await server.close()
      await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
      use(() => new Promise(resolve => http.close(resolve)))
      const { port } = http.address() as AddressInfo
      assert.equal(await (await fetch(`http://127.0.0.1:${port}/anywire/x`)).text(), 'mine')
      assert.ok(seen > 0)
    })

    it('lets a shared one close soon, with clients that do not read and do not answer', async () => {
      const { server, told, port, http } = await hostHttp(use)
      for (const read of [true, false]) {
        const socket = new RawSocket(port, read)
        use(() => socket.destroy())
        socket.write(upgradeRequest(), maskedFrame(hello()))
      }
      await until(() => told.peers.length === 2)
      while (told.peers[1]?.write('x'.repeat(50_000)) || told.peers[0]?.write('x'.repeat(50_000))) await turns(1)
      const clock = new Clock(use)
      const closing = server.close({ timeout: 200 })
      await clock.pass(200, 100)
      await closing
      await new Promise(resolve => http.close(resolve))
    })

    it('tells whoever reads, however short its time is', async () => {
      const { server, told, port } = await hostHttp(use)
      const socket = new RawSocket(port)
      use(() => socket.destroy())
      socket.write(upgradeRequest(), maskedFrame(hello()))
      await until(() => told.peers.length === 1)
      await server.close({ timeout: 0 })
      await until(() => socket.text.includes('!2[3000,'))
    })

    it('closes its own one, in time', async () => {
      const server = createServer(undefined, { transformers: [ws()], parsers: [json()], port: 0, host: '127.0.0.1' })
      const http = server.http as HttpServer
      await until(() => http.listening)
      const { port } = http.address() as AddressInfo
      const sockets = [new RawSocket(port), new RawSocket(port, false), new RawSocket(port), new RawSocket(port)]
      for (const socket of sockets) use(() => socket.destroy())
      // One that is open, one that does not read, one in its handshake, and a request that is not finished.
      sockets[0]?.write(upgradeRequest(), maskedFrame(hello()))
      sockets[1]?.write(upgradeRequest(), maskedFrame(hello()))
      sockets[2]?.write(upgradeRequest())
      sockets[3]?.write('GET / HTTP/1.1\r\nHost: x\r\n')
      await until(() => server.peers.size === 2 && sockets[2]?.text.includes('101') === true)
      const clock = new Clock(use)
      const closing = server.close({ timeout: 200 })
      await clock.pass(200, 100)
      await closing
      assert.equal(http.listening, false)
    })
  })
})
