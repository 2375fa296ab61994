import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { connect as connectSocket } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket, WebSocketServer } from 'ws'
import type { ClientOptions as SocketOptions } from 'ws'
import { createServer, connect } from '../../core.ts'
import type { Peer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { ws } from '../../transformers/ws/index.ts'
import { pass } from '../contract/ends.ts'
import { closeHttp, overHttp } from '../contract/fixture.ts'
import { opened, Stage } from '../contract/stage.ts'
import type { StageServerOptions } from '../contract/stage.ts'
import { next, take } from '../contract/waiting.ts'
import { wireTests } from '../contract/wire.ts'
import { destroyRawSockets, framesOf, RawSocket, upgradeRequest } from '../support/raw-socket.ts'

type WsOptions = NonNullable<Parameters<typeof ws>[0]>

describe('ws', () => {
  let stage: Stage | undefined
  const sockets: WebSocket[] = []

  const start = async (server: WsOptions = {}, client: WsOptions = {}, options?: StageServerOptions) => {
    stage = await Stage.start(overHttp(ws(server), ws(client)), json(), options)
    return stage
  }

  /** A client without anywire, of the `ws` package. */
  const stock = async ({ url, server }: Stage, options: SocketOptions = {}, query = '') => {
    const accepted = next(server, 'connection')
    const socket = new WebSocket(`${url}/anywire${query}`, options)
    sockets.push(socket)
    await once(socket, 'open')
    const [peer] = await accepted
    return { socket, peer }
  }

  const received = async (socket: WebSocket, count: number): Promise<string[]> => {
    const messages: string[] = []
    return new Promise(resolve => {
      socket.on('message', (data: Buffer) => messages.push(`${data}`) === count && resolve(messages))
    })
  }

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    destroyRawSockets()
    await stage?.close()
    stage = undefined
  })

  describe('compression, for all there is', () => {
    const compression = { threshold: 1_000 }
    wireTests(() => overHttp(ws({ compression }), ws({ compression })))
  })

  describe('compression', () => {
    const small = 'small'
    const large = 'large é '.repeat(1_000)

    it('passes values both ways, whichever ends have it', async () => {
      for (const [server, client] of [
        [true, true],
        [true, false],
        [false, true]
      ] as const) {
        const pair = await (await start({ compression: server }, { compression: client })).pair()
        for (const [from, to] of [
          [pair.client, pair.peer],
          [pair.peer, pair.client]
        ] as const) {
          await pass(from, to, [small, large, '', small, new Uint8Array(5_000), large])
        }
        await stage?.close()
      }
    })

    it('compresses what is larger than the threshold, and nothing else', async () => {
      const { url, server } = await start({ compression: { threshold: 500 } })
      const accepted = next(server, 'connection')
      const socket = await RawSocket.open(url)
      socket.send(upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' }))
      const [peer] = await accepted
      for (const size of [10, 497, 498, 499, 5_000]) peer.write('x'.repeat(size))
      peer.write(large)
      const frames = await socket.until(bytes => {
        const found = framesOf(bytes)
        return found.length === 6 ? found : undefined
      })
      assert.deepEqual(
        frames.map(({ compressed }) => compressed),
        [false, false, true, true, true, true]
      )
      assert.ok(frames.slice(2).every(({ payload }) => payload.length < 100))
    })

    it('has clients compress what is larger than the threshold, and nothing else', async () => {
      const own = await start({ compression: true }, { compression: { threshold: 500 } })
      let read = 0
      own.fixture.http?.on('connection', (socket: Socket) => socket.on('data', data => (read += data.length)))
      const { client, peer } = await own.pair()
      for (const [size, isCompressed] of [
        [400, false],
        [600, true]
      ] as const) {
        read = 0
        await pass(
          client,
          peer,
          Array.from({ length: 20 }, () => 'x'.repeat(size))
        )
        assert.equal(read < 20 * size, isCompressed, `${read} bytes for 20 messages of ${size}`)
      }
    })

    it('sends a broadcast that each client can read, in any order with other values', async () => {
      const own = await start({ compression: { threshold: 100 } })
      const clients = [
        await stock(own),
        await stock(own, { perMessageDeflate: false }),
        await stock(own, { perMessageDeflate: { threshold: 0 } }),
        await stock(own, { perMessageDeflate: { serverNoContextTakeover: true, clientNoContextTakeover: true } }),
        await stock(own, { perMessageDeflate: { clientMaxWindowBits: 9 } })
      ]
      assert.deepEqual(
        clients.map(({ socket }) => socket.extensions !== ''),
        [true, false, true, true, true]
      )
      const { client } = await own.pair()
      const got = [...clients.map(({ socket }) => received(socket, 9)), take(client, 9)]
      for (let round = 0; round < 3; round++) {
        for (const [index, peer] of [...own.server.peers].entries()) if (index % 2) peer.write(`for one ${large}`)
        own.server.peers.broadcast({ round, large })
        own.server.peers.broadcast(small)
        for (const [index, peer] of [...own.server.peers].entries()) if (index % 2 === 0) peer.write(`for one ${large}`)
      }
      for (const [index, messages] of (await Promise.all(got)).entries()) {
        const expected = [0, 1, 2].flatMap(round => {
          const all = [{ round, large }, small]
          return index % 2 ? [`for one ${large}`, ...all] : [...all, `for one ${large}`]
        })
        assert.deepEqual(
          messages.map((message): unknown => (index < 5 ? JSON.parse(`${message}`) : message)),
          expected
        )
      }
    })

    it('reads what clients compress', async () => {
      const own = await start({ compression: true })
      for (const perMessageDeflate of [{ threshold: 0 }, { threshold: 0, clientNoContextTakeover: true }]) {
        const { socket, peer } = await stock(own, { perMessageDeflate })
        for (const text of [small, large, large]) socket.send(JSON.stringify(text))
        assert.deepEqual(await take(peer, 3), [small, large, large])
      }
    })

    it('is off unless it is asked for', async () => {
      const { socket } = await stock(await start())
      assert.equal(socket.extensions, '')
    })
  })

  describe('addresses', () => {
    it('connects through a unix socket, with a path and without', async () => {
      const path = join(tmpdir(), `anywire-${process.pid}-${Date.now()}.sock`)
      const server = createServer(undefined, { transformers: [ws()], parsers: [json()], socket: path })
      const accepted: Peer[] = []
      server.on('connection', peer => accepted.push(peer))
      await new Promise(resolve => server.on('listening', resolve))
      for (const [url, query] of [
        [`ws+unix:${path}`, {}],
        [`ws+unix:${path}:/anywire?a=b`, { a: 'b' }]
      ] as const) {
        const client = connect(url, { transformers: [ws()], parser: json() })
        await opened(client)
        const peer = server.peers.get(client.id)
        assert.deepEqual([{ ...peer?.query }, peer?.address], [query, ''])
        client.write('through a file')
        assert.deepEqual(await next(peer ?? assert.fail(), 'data'), ['through a file'])
        client.destroy()
      }
      await server.close()
      assert.equal(accepted.length, 2)
    })

    it('listens on a port of its own', async () => {
      const server = createServer(undefined, { transformers: [ws()], parsers: [json()], port: 0, host: '127.0.0.1' })
      const http = server.http as HttpServer
      await once(http, 'listening')
      const address = http.address()
      const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
      const client = connect(url, { transformers: [ws()], parser: json() })
      await opened(client)
      assert.equal((await fetch(url, { headers: { connection: 'close' } })).status, 404)
      client.destroy()
      await server.close()
      assert.equal(http.listening, false)
    })

    it('connects over IPv6', async function () {
      const probe = createHttpServer()
      const there = await new Promise<boolean>(resolve => {
        probe.once('error', () => resolve(false))
        probe.listen(0, '::1', () => resolve(true))
      })
      await closeHttp(probe)
      if (!there) this.skip()
      stage = await Stage.start(overHttp(ws(), ws(), '::1'), json())
      const { client, peer } = await stage.pair()
      assert.equal(peer.address, '::1')
      await pass(client, peer, ['six'])
    })

    it('takes ws:, http:, a path of its own and credentials', async () => {
      const own = await start({}, { headers: { 'X-Own': 'header' } }, { path: '/deep/path' })
      const { host } = new URL(own.url)
      const { peer } = await own.pair({}, `ws://ada:secret%20word@${host}/deep/path?a=b`)
      assert.equal(peer.headers.authorization, `Basic ${btoa('ada:secret word')}`)
      assert.equal(peer.headers['x-own'], 'header')
      assert.match(peer.url, /^\/deep\/path\?a=b&anywire=1$/)
      await own.pair({}, `http://${host}/deep/path`)
    })

    it('believes proxies that it is told to trust', async () => {
      const own = await start({}, { headers: { 'X-Forwarded-For': '6.6.6.6, 10.0.0.1' } }, { trustProxy: 1 })
      assert.equal((await own.pair()).peer.address, '10.0.0.1')
      await own.close()
      const doubting = await start({}, { headers: { 'X-Forwarded-For': '6.6.6.6' } })
      assert.equal((await doubting.pair()).peer.address, '127.0.0.1')
    })

    it('goes on when it was full, also over a socket that takes more at once than others', async () => {
      const createConnection = (options: NetConnectOpts): Socket => {
        const roomy = { ...options, writableHighWaterMark: 1_048_576 }
        return connectSocket(roomy)
      }
      const limits = { window: 33_554_432 }
      const staged = await start({}, { client: { createConnection } }, { limits })
      const { client, peer } = await staged.pair({ limits })
      // More than the system takes.
      const values = Array.from({ length: 7 }, (_, index) => `${index}`.padEnd(900_000, '.'))
      await pass(client, peer, values)
    })

    it('tells a dial that cannot even begin', async () => {
      const own = await start()
      for (const url of ['ws://localhost:1/#%', 'ws+unix:/nowhere/at-all.sock']) {
        const [{ code, reason }] = await next(own.connect({}, url), 'close')
        assert.equal(code, 1006)
        assert.notEqual(reason, '')
      }
    })
  })

  describe('on an http.Server with other users', () => {
    it('leaves other paths to another WebSocketServer', async () => {
      const own = await start()
      const { http } = own.fixture
      const other = new WebSocketServer({ noServer: true })
      other.on('connection', socket => socket.on('message', (data: Buffer) => socket.send(`other ${data.toString()}`)))
      http?.on('upgrade', (request, socket, head) => {
        if (request.url === '/other' || request.url === '/anywireFOO') {
          other.handleUpgrade(request, socket, head, opened => other.emit('connection', opened, request))
        }
      })
      for (const path of ['/other', '/anywireFOO']) {
        const socket = new WebSocket(own.url + path)
        sockets.push(socket)
        await once(socket, 'open')
        const answer = received(socket, 1)
        socket.send('hello')
        assert.deepEqual(await answer, ['other hello'])
      }
      const { client, peer } = await own.pair()
      await pass(client, peer, ['ours'])
      assert.equal(own.server.peers.size, 1)
      // Nobody answers elsewhere, because somebody else might.
      const socket = await RawSocket.open(own.url)
      socket.send(upgradeRequest({}, 'GET /nobody HTTP/1.1'))
      await own.server.close()
      const later = new WebSocket(`${own.url}/other`)
      sockets.push(later)
      await once(later, 'open')
      own.fixture.cut?.()
    })

    it('tells a plain client why it is refused, by status', async () => {
      const own = await start({}, {}, { limits: { connections: 1 } })
      await stock(own)
      const socket = new WebSocket(`${own.url}/anywire`)
      sockets.push(socket)
      const [error] = (await once(socket, 'error')) as [Error]
      assert.match(error.message, /503/)
    })

    it('tells a plain client the end, cut to what a close frame can carry', async () => {
      const own = await start()
      const { socket, peer } = await stock(own)
      const closed = once(socket, 'close')
      peer.end(4000, '漢'.repeat(100))
      const [code, reason] = (await closed) as [number, Buffer]
      assert.equal(code, 4000)
      assert.match(`${reason}`, /^漢{30,41}…?$/u)
    })
  })
})
