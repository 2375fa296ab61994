import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { createConnection } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { connect, createServer } from '../../index.ts'
import { http as api } from '../../plugins/http/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { next } from '../contract/waiting.ts'
import { Dice } from '../support/dice.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { runs } from '../support/faults-seed.ts'
import { turns, until } from '../support/faults-wait.ts'
import { upgradeHeaders, upgradeRequest, wsFrame } from '../support/raw-socket.ts'
import { certificate } from '../support/webtransport.ts'

/** How often clients ask: what is encrypted costs four times as much of the processor's time. */
const TIMES = { http: runs(400), https: runs(150) }

/** Bytes beyond what Node reads of a socket that nobody reads: it does not hear of a reset behind them. */
const MANY = 300_000

const BODIES = [
  '',
  'x',
  '4"a"\x1e4"b"',
  '[{"call":"next","args":[1]}]',
  '1',
  'x'.repeat(70_000),
  'x'.repeat(MANY)
] as const

const ENGINE = '/anywire?EIO=4&transport='

/** The headers of an upgrade that no part of the server knows: Node takes it for one all the same. */
const HTTP2 = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n'

const request = (line: string, headers = '', body = ''): string =>
  `${line} HTTP/1.1\r\nHost: a\r\n${headers}${body && `Content-Length: ${body.length}\r\n`}\r\n${body}`

/** One of what clients may ask for, whole. */
const ask = (dice: Dice, session: string): Buffer => {
  const body = dice.pick(BODIES)
  const app = dice.pick(['/now', '/later', '/long', '/cut'])
  const engine = `${ENGINE}${dice.pick(['polling', 'polling', 'websocket'])}${dice.chance(0.7) ? `&sid=${session}` : ''}`
  const path = dice.pick(['/anywire', '/anywire', '/anywire?anywire=1', '/nobody', engine])
  const type = 'Content-Type: application/json\r\n'
  const frames = [
    wsFrame('"a"'),
    wsFrame('2probe'),
    wsFrame('5'),
    wsFrame('x', { opcode: 9 }),
    wsFrame('x', { masked: false }),
    wsFrame('')
  ].filter(() => dice.chance(0.5))
  const kinds: [() => string | Buffer, ...(() => string | Buffer)[]] = [
    () => request(`GET ${app}`),
    () => request(`POST ${app}`, '', body),
    () => request(`GET ${app}`, HTTP2),
    () => request(`POST ${dice.pick([app, '/anywire', engine])}`, HTTP2, body),
    () => request(`GET ${engine}`),
    () => request(`POST ${engine}`, '', body),
    () => request(`GET /anywire/${dice.pick(['client.js', 'client.js.map', 'none'])}`),
    () => request('POST /anywire/api', type, body),
    () => request('POST /anywire/api', type + HTTP2, body),
    () => Buffer.concat([Buffer.from(upgradeRequest({}, `GET ${path} HTTP/1.1`)), ...frames]),
    () => upgradeRequest({ 'Sec-WebSocket-Key': 'x' }, `GET ${path} HTTP/1.1`),
    () => `POST ${path} HTTP/1.1\r\n${upgradeHeaders()}Content-Length: ${body.length}\r\n\r\n${body}`,
    () => request(`OPTIONS ${engine}`, 'Origin: http://b\r\n'),
    () => request('GET /now', 'Connection: close\r\n'),
    () => 'no HTTP\r\n\r\n'
  ]
  return Buffer.from(dice.pick(kinds)() as string, 'latin1')
}

/** An application that answers some requests at once, others when it is told to, in no order. */
const application = (dice: Dice) => {
  const waiting = new Set<ServerResponse>()
  const answer = (response: ServerResponse): void => {
    waiting.delete(response)
    const { url, socket } = response.req
    if (url === '/cut') socket.destroy(new Error('mine'))
    else if (url === '/long') {
      response.write('x'.repeat(MANY))
      response.end('x'.repeat(MANY))
    } else response.end('now')
  }
  return {
    listener: (_request: IncomingMessage, response: ServerResponse): void => {
      waiting.add(response)
      if (dice.chance(0.3)) answer(response)
    },
    /** Answers this share of those that wait. */
    answer: (share: number): void => {
      for (const response of waiting) if (dice.chance(share)) answer(response)
    }
  }
}

describe('an http.Server whose clients ask for many things at once, and are cut off', () => {
  guard()
  const use = undoing()

  for (const scheme of ['http', 'https'] as const) {
    it(`goes on for all others, over ${scheme}`, async () => {
      const { seed, numRuns } = TIMES[scheme]
      const dice = new Dice(seed)
      const app = application(dice)
      const { cert, key } = certificate
      const web = scheme === 'http' ? createHttp(app.listener) : createHttps({ cert, key }, app.listener)
      web.listen(0, '127.0.0.1')
      await once(web, 'listening')
      const { port } = web.address() as AddressInfo
      const server = createServer(web, {
        transformers: [ws(), engineio()],
        plugins: [rpc({ next: (value: number) => value + 1 }), api({ authenticate: () => ({}) })]
      })
      // Of what clients break it tells.
      server.on('error', () => {})
      use(async () => {
        await server.close({ timeout: 0, reconnect: false })
        web.closeAllConnections()
        await new Promise(resolve => web.close(resolve))
      })
      const client = connect(`${scheme}://127.0.0.1:${port}`, {
        reconnect: false,
        transformers: [ws({ client: { rejectUnauthorized: false } })],
        plugins: [rpc<typeof server>()]
      })
      use(() => client.destroy())
      await next(client, 'open')
      /** The server's ends of the connections that are there, but for the one that has to go on. */
      const far = new Set<Socket>()
      web.on(scheme === 'http' ? 'connection' : 'secureConnection', (socket: Socket) => {
        far.add(socket)
        socket.once('close', () => far.delete(socket))
      })
      /** A connection, and what it goes over. */
      const dial = async () => {
        const socket = createConnection({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
        const stream = scheme === 'http' ? socket : connectTls({ socket, rejectUnauthorized: false })
        for (const each of [socket, stream]) each.on('error', () => {})
        await once(stream, scheme === 'http' ? 'connect' : 'secureConnect')
        return { socket, stream }
      }
      const open = async (): Promise<string> => {
        const { stream } = await dial()
        stream.end(request(`GET ${ENGINE}polling`))
        return /"sid":"([^"]+)"/.exec(await text(stream))?.[1] ?? ''
      }
      let session = ''
      for (let round = 0; round < numRuns; round++) {
        if (round % 10 === 0) session = await open()
        const bytes = Buffer.concat(Array.from({ length: 1 + dice.below(6) }, () => ask(dice, session)))
        const stop = dice.chance(0.5) ? bytes.length : dice.below(bytes.length)
        const { socket, stream } = await dial()
        const closed = new Promise(resolve => socket.once('close', resolve))
        if (dice.chance(0.7)) stream.resume()
        for (let at = 0; at < stop && !socket.destroyed;) {
          const end = dice.chance(0.4) ? stop : Math.min(stop, at + 1 + dice.below(dice.pick([20, 2_000, 100_000])))
          stream.write(bytes.subarray(at, end))
          at = end
          await turns(dice.below(5))
          if (dice.chance(0.3)) app.answer(0.2)
        }
        await turns(dice.below(10))
        if (dice.chance(0.2)) app.answer(1)
        dice.pick([() => stream.destroySoon(), () => socket.destroy(), () => socket.resetAndDestroy()])()
        await turns(dice.below(10))
        // What the server does not read, as the client does not read either, would wait for ever.
        socket.destroy()
        await closed
        await turns(dice.below(5))
        app.answer(1)
        for (const own of far) if (dice.chance(0.1)) own.destroy()
        if (round % 20 === 0) assert.equal(await client.rpc.next(round), round + 1)
      }
      // What waited behind the last ones comes still.
      await until(() => {
        app.answer(1)
        return far.size === 0
      })
      assert.equal(client.state, 'open')
    }).timeout(120_000)
  }
})
