import assert from 'node:assert/strict'
import { Socket as StockSocket } from 'engine.io-client'
import type { SocketOptions } from 'engine.io-client'
import { connect, createServer } from '../../core.ts'
import type { ServerTransformer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { raw } from '../../parsers/raw.ts'
import { loadPackage } from '../../transformers/engine.io/package.ts'
import { engineio as browserEngineio } from '../../transformers/engine.io/client.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { pass } from '../contract/ends.ts'
import { overHttp } from '../contract/fixture.ts'
import { opened, Stage } from '../contract/stage.ts'
import type { StageServerOptions } from '../contract/stage.ts'
import { next, take } from '../contract/waiting.ts'
import { standardFetch } from '../support/standard-fetch.ts'

type EngineOptions = NonNullable<Parameters<typeof engineio>[0]>

const OPEN = '?EIO=4&transport=polling'
const PAGE = 'https://page.example'

describe('engine.io', () => {
  let stage: Stage | undefined

  const start = async (client: EngineOptions = {}, options: StageServerOptions = {}, parser = json()) => {
    stage = await Stage.start(overHttp(engineio(), engineio(client)), parser, options)
    return stage
  }

  const ask = ({ url }: Stage, query: string, headers: Record<string, string> = {}, init: RequestInit = {}) =>
    fetch(`${url}/anywire${query}`, { ...init, headers: { connection: 'close', ...headers } })

  const sidOf = async (response: Response): Promise<string> => /"sid":"([^"]+)"/.exec(await response.text())?.[1] ?? ''

  /** A session that was opened with these headers; what asks for it. */
  const session = async (own: Stage, headers: Record<string, string> = {}) => {
    const sid = await sidOf(await ask(own, OPEN, headers))
    assert.notEqual(sid, '')
    return `${OPEN}&sid=${sid}`
  }

  afterEach(async () => {
    // Sessions that nobody polls hear no goodbye.
    for (const peer of stage?.server.peers ?? []) if (peer.plain) peer.disconnect()
    await stage?.close()
    stage = undefined
  })

  describe('beside ws', () => {
    for (const [title, transformers] of [
      ['before', [engineio(), ws()]],
      ['behind', [ws(), engineio()]]
    ] as readonly [string, readonly ServerTransformer[]][]) {
      it(`serves its own requests, ${title} it in the list`, async () => {
        const own = await start({}, { transformers })
        for (const [name, client] of [
          ['ws', ws()],
          ['engine.io', engineio({ transports: ['websocket'] })],
          ['engine.io', engineio({ transports: ['polling'] })],
          ['engine.io', engineio()]
        ] as const) {
          const pair = await own.pair({ transformers: [client] })
          assert.equal(pair.peer.transformer, name)
          await pass(pair.client, pair.peer, ['up', { more: true }])
          await pass(pair.peer, pair.client, ['down', { more: true }])
        }
      })
    }

    it('leaves everything else to others', async () => {
      const own = await start()
      for (const query of [
        '',
        '?EIO=3&transport=polling',
        '?transport=polling',
        '?EIO=4',
        '?XEIO=4&transport=polling'
      ]) {
        assert.equal((await ask(own, query)).status, 404, query)
      }
      assert.equal((await ask(own, `/../other${OPEN}`)).status, 404)
    })
  })

  describe('stock clients', () => {
    const stock = async (own: Stage, options: Partial<SocketOptions>) => {
      const accepted = next(own.server, 'connection')
      const socket = new StockSocket(own.url, { path: '/anywire', ...options })
      const messages: unknown[] = []
      const received = new Promise<unknown[]>(resolve => {
        socket.on('message', (data: unknown) => messages.push(data) === 3 && resolve(messages))
      })
      const [peer] = await accepted
      return { socket, peer, received }
    }

    for (const [title, options] of [
      ['by polling', { transports: ['polling'] }],
      ['by WebSocket', { transports: ['websocket'] }],
      ['that upgrade', {}]
    ] satisfies [string, Partial<SocketOptions>][]) {
      it(`are plain clients, ${title}`, async () => {
        const own = await start({}, {}, raw())
        const { socket, peer, received } = await stock(own, options)
        assert.equal(peer.plain, true)
        if (title === 'that upgrade') await new Promise(resolve => socket.once('upgrade', () => resolve(undefined)))
        const values = ['text', Uint8Array.of(0, 30, 255), '']
        for (const value of values) {
          socket.send(value)
          peer.write(value)
        }
        assert.deepEqual(await take(peer, 3), values)
        const [text, bytes, empty] = await received
        assert.deepEqual([text, bytes, empty ?? ''], ['text', Buffer.from([0, 30, 255]), ''])
        const closed = next(peer, 'close')
        socket.close()
        await closed
      })
    }
  })

  it('carries what stands between its packets', async () => {
    for (const options of [{ upgrade: false }, {}, { transports: ['websocket'] }] satisfies EngineOptions[]) {
      const { client, peer } = await (await start(options, {}, raw())).pair()
      const texts = ['\x1e', 'a\x1e1', '\x1d', '\x1d1\x1d0', '\x1e\x1d\x1e', `${'\x1e'.repeat(10_000)}1`]
      await pass(client, peer, texts)
      await pass(peer, client, texts)
      await stage?.close()
    }
  })

  it('upgrades, unless it is told not to', async () => {
    const own = await start()
    let upgrades = 0
    own.fixture.http?.on('upgrade', () => upgrades++)
    await own.pair({ transformers: [engineio({ upgrade: false })] })
    await own.pair({ transformers: [engineio({ transports: ['polling'] })] })
    assert.equal(upgrades, 0)
    const { client, peer } = await own.pair()
    while (upgrades === 0) await pass(client, peer, ['meanwhile'])
    for (let index = 0; index < 50; index++) await pass(peer, client, [index])
  })

  it('sends headers and credentials, and tells the query without its own part', async () => {
    for (const transports of [['polling'], ['websocket']] as const) {
      const own = await start({ transports, headers: { 'X-Own': 'header' } })
      const { host } = new URL(own.url)
      const { peer } = await own.pair({}, `http://ada:secret%20word@${host}/?t=1&EIOU=2`)
      assert.equal(peer.headers['x-own'], 'header')
      assert.equal(peer.headers.authorization, `Basic ${btoa('ada:secret word')}`)
      assert.deepEqual([{ ...peer.query }, peer.address], [{ t: '1', EIOU: '2' }, '127.0.0.1'])
      await stage?.close()
    }
  })

  it("leaves the application's query alone, whatever its names are", async () => {
    const query = { sid: 'shop-7', EIO: '3', transport: 'tram', j: '1', b64: '1', t: '2' }
    for (const options of [{}, { transports: ['polling'] }, { transports: ['websocket'] }] satisfies EngineOptions[]) {
      const own = await start(options)
      let upgrades = 0
      own.fixture.http?.on('upgrade', () => upgrades++)
      const { client, peer } = await own.pair({ query })
      assert.deepEqual({ ...peer.query }, query)
      const bytes = Uint8Array.of(0, 1, 255)
      while (!options.transports && upgrades === 0) await pass(client, peer, ['meanwhile'])
      await pass(client, peer, ['up', { bytes: [...bytes] }])
      await pass(peer, client, ['down', { bytes: [...bytes] }])
      await stage?.close()
    }
  })

  it('takes the queries of other clients in any order', async () => {
    const own = await start({}, {}, raw())
    const opening = '?room=1&transport=polling&EIO=4&t=x'
    const accepted = next(own.server, 'connection')
    const sid = await sidOf(await ask(own, opening))
    const [peer] = await accepted
    assert.deepEqual({ ...peer.query }, { room: '1', t: 'x' })
    const got = take(peer, 1)
    for (const query of [`sid=${sid}&transport=polling&EIO=4`, `transport=polling&EIO=4&sid=${sid}`]) {
      const sent = await ask(own, `?${query}`, {}, { method: 'POST', body: '4hello' })
      assert.deepEqual([sent.status, await sent.text()], [200, 'ok'])
    }
    assert.deepEqual(await got, ['hello'])
  })

  describe('a page', () => {
    const none: unknown = null
    const forbidden: unknown = function () {
      throw new DOMException('not here', 'SecurityError')
    }

    for (const [title, Socket] of [
      ['without a class for WebSockets', none as typeof WebSocket],
      ['whose policy forbids WebSockets', forbidden as typeof WebSocket]
    ] as const) {
      it(`goes on by polls ${title}`, async () => {
        const own = await start()
        const half = (options: Parameters<typeof browserEngineio>[0] = {}) =>
          browserEngineio({ fetch: standardFetch, WebSocket: Socket, ...options })
        const { client, peer } = await own.pair({ transformers: [half()] })
        for (let index = 0; index < 5; index++) {
          await pass(client, peer, [index])
          await pass(peer, client, [index])
        }
        const [end] = await next(own.connect({ transformers: [half({ transports: ['websocket'] })] }), 'close')
        assert.equal(end.code, 1006)
      })
    }
  })

  it('tells the package to install', () => {
    assert.throws(() => loadPackage('@anywire/not-there'), {
      code: 'ERR_MISSING_PACKAGE',
      message: /npm install @anywire\/not-there$/
    })
  })

  it('tells a plain client why it is refused, by status', async () => {
    const own = await start({}, { limits: { connections: 1 } })
    await session(own)
    const refused = await ask(own, OPEN)
    assert.equal(refused.status, 503)
    const socket = new StockSocket(own.url, { path: '/anywire', transports: ['websocket'] })
    await new Promise(resolve => socket.on('error', () => resolve(undefined)))
  })

  it('takes polls of open sessions when it is closed, and nothing new', async () => {
    const http = overHttp(engineio(), engineio())
    stage = await Stage.start(http, json())
    const { client, peer } = await stage.pair({ transformers: [engineio({ upgrade: false })] })
    await pass(client, peer, ['open'])
    await stage.server.close({ reconnect: false })
    assert.equal((await ask(stage, OPEN)).status, 404)
  })

  it('ends a link whose message is too large, and does not try again', async () => {
    for (const transports of [['polling'], ['websocket']] as const) {
      const own = await start({ transports }, { limits: { message: 10_000 } })
      const link = own.dial()
      await link.opened()
      link.wire.send('x'.repeat(50_000))
      assert.equal((await link.closed()).code, 1009)
      await own.close()
    }
  })

  describe('pages of other sites', () => {
    const CORS = ['access-control-allow-origin', 'access-control-allow-credentials', 'vary']
    const cors = ({ headers }: Response): unknown[] => CORS.map(name => headers.get(name))
    const allowed = [PAGE, 'true', 'Origin']
    const denied = [null, null, 'Origin']

    it('may poll where their origin is allowed', async () => {
      const own = await start({}, { origins: [PAGE] })
      const response = await ask(own, OPEN, { origin: PAGE })
      assert.deepEqual(cors(response), allowed)
      const accepted = [...own.server.peers]
      const query = `${OPEN}&sid=${await sidOf(response)}`
      const [data] = accepted.map(peer => next(peer, 'data'))
      const posted = await ask(own, query, { origin: PAGE }, { method: 'POST', body: '4"hello"' })
      assert.deepEqual([posted.status, cors(posted)], [200, allowed])
      assert.deepEqual(await data, ['hello'])
      accepted[0]?.write('answer')
      const polled = await ask(own, query, { origin: PAGE })
      assert.deepEqual([await polled.text(), cors(polled)], ['4"answer"', allowed])
      // An error can be read, too.
      assert.deepEqual(cors(await ask(own, `${OPEN}&sid=none`, { origin: PAGE })), allowed)
    })

    it('may not where it is not, and are told nothing', async () => {
      const own = await start({}, { origins: [PAGE] })
      for (const origin of ['https://evil.example', 'null', 'http://localhost']) {
        const response = await ask(own, OPEN, { origin })
        assert.deepEqual([response.status, cors(response)], [403, denied])
        assert.equal(own.server.peers.size, 0)
      }
    })

    it('may not use the session of another one', async () => {
      const own = await start({}, { origins: [PAGE, 'https://other.example'] })
      for (const [first, later, status] of [
        [{ origin: PAGE }, { origin: PAGE }, 200],
        [{ origin: PAGE }, { origin: 'https://other.example' }, 403],
        [{ origin: PAGE }, { origin: 'https://evil.example' }, 403],
        [{ origin: PAGE }, {}, 403],
        [{}, {}, 200],
        [{}, { origin: PAGE }, 200],
        [{}, { origin: 'https://evil.example' }, 403]
      ] as readonly [Record<string, string>, Record<string, string>, number][]) {
        const query = await session(own, first)
        const response = await ask(own, query, later, { method: 'POST', body: '3' })
        assert.equal(response.status, status, JSON.stringify([first, later]))
      }
    })

    it('are seen where they hide their origin', async () => {
      const own = await start({}, { origins: '*' })
      for (const [site, status] of [
        ['cross-site', 403],
        ['same-site', 403],
        ['same-origin', 200],
        ['none', 200]
      ] as const) {
        assert.equal((await ask(own, OPEN, { 'sec-fetch-site': site })).status, status, site)
      }
      // The answer is no script, whatever is asked.
      const script = await ask(own, `${OPEN}&j=0`)
      assert.match(await script.text(), /^0\{/)
      assert.match(script.headers.get('content-type') ?? '', /^text\/plain/)
    })

    it('are told before they ask', async () => {
      const own = await start({}, { origins: [PAGE] })
      const wanted = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-own' }
      const response = await ask(own, OPEN, { ...wanted, origin: PAGE }, { method: 'OPTIONS' })
      assert.deepEqual([response.status, cors(response)], [204, allowed])
      assert.equal(response.headers.get('access-control-allow-headers'), 'x-own')
      assert.equal(response.headers.get('access-control-allow-methods'), 'GET, POST')
      const other = await ask(own, OPEN, { ...wanted, origin: 'https://evil.example' }, { method: 'OPTIONS' })
      assert.deepEqual([cors(other), other.headers.get('access-control-allow-headers')], [denied, null])
      assert.equal(own.server.peers.size, 0)
    })
  })

  it('listens on a port of its own', async () => {
    const server = createServer(undefined, {
      transformers: [engineio()],
      parsers: [json()],
      port: 0,
      host: '127.0.0.1'
    })
    const [address] = await new Promise<unknown[]>(resolve => server.on('listening', (...args) => resolve(args)))
    const port = typeof address === 'object' && address && 'port' in address ? String(address.port) : ''
    const client = connect(`http://127.0.0.1:${port}`, { transformers: [engineio()], parser: json() })
    await opened(client)
    assert.equal(server.peers.size, 1)
    client.destroy()
    await server.close()
  })
})
