import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { WebSocket } from 'ws'
import { json } from '../../parsers/json.ts'
import { engineio as browserEngineio } from '../../transformers/engine.io/client.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { CheckedReceiver } from '../contract/checked-receiver.ts'
import { pass } from '../contract/ends.ts'
import { closeHttp, overHttp } from '../contract/fixture.ts'
import { Stage } from '../contract/stage.ts'
import type { StageServerOptions } from '../contract/stage.ts'
import { next } from '../contract/waiting.ts'
import { Clock } from '../support/faults-clock.ts'
import { undoing } from '../support/faults-guard.ts'
import { isThorough } from '../support/faults-seed.ts'
import { destroyRawSockets, RawSocket, upgradeRequest } from '../support/raw-socket.ts'
import { standardFetch } from '../support/standard-fetch.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const OPEN = '/anywire?EIO=4&transport=polling'
const UPGRADE = '/anywire?EIO=4&transport=websocket'

describe('engine.io: clients that break rules', () => {
  const use = undoing()
  let stage: Stage
  const sockets: WebSocket[] = []

  /** A stage, and a connection that must not notice what others do. */
  const start = async (options?: StageServerOptions) => {
    stage = await Stage.start(overHttp(engineio(), engineio()), json(), options)
    const { client, peer } = await stage.pair()
    return async () => {
      await pass(client, peer, ['unharmed'])
      await pass(peer, client, ['unharmed'])
      await stage.pair()
    }
  }

  const ask = (path: string, init: RequestInit = {}) => standardFetch(stage.url + path, init)

  const post = (path: string, body: string) => ask(path, { method: 'POST', body })

  /** A plain client of polls. */
  const session = async () => {
    const accepted = next(stage.server, 'connection')
    const text = await (await ask(OPEN)).text()
    const [peer] = await accepted
    const sid = /"sid":"([^"]+)"/.exec(text)?.[1] ?? ''
    return { peer, closed: next(peer, 'close'), poll: `${OPEN}&sid=${sid}`, upgrade: `${UPGRADE}&sid=${sid}` }
  }

  const socket = async (path: string): Promise<WebSocket> => {
    const opening = new WebSocket(stage.url + path)
    sockets.push(opening)
    opening.on('error', () => {})
    await new Promise(resolve => opening.once('open', resolve).once('close', resolve))
    return opening
  }

  afterEach(async () => {
    for (const opened of sockets.splice(0)) opened.terminate()
    destroyRawSockets()
    // Sessions that nobody polls hear no goodbye.
    for (const peer of stage.server.peers) if (peer.plain) peer.disconnect()
    stage.expected = stage.errors
      .map(({ code }) => code)
      .filter(code => ['ERR_TOO_LARGE', 'ERR_VALUE', 'ERR_SLOW'].includes(code))
    await stage.close()
  })

  const bodies: readonly [title: string, body: string][] = [
    ['nothing', ''],
    ['no packet', 'x'],
    ['an unknown packet', '9'],
    ['a ping', '2'],
    ['a packet of errors', 'error'],
    ['separators', '\x1e'.repeat(5_000)],
    ['a separator at the end', '6\x1e'],
    ['the name of a prototype', '__proto__'],
    ['a goodbye, and more', '1\x1e4"more"\x1e1'],
    ['half a packet of bytes', '6\x1ex']
  ]
  for (const [title, body] of bodies) {
    it(`ends a session with ${title} in a body`, async () => {
      const unharmed = await start()
      const { poll, closed } = await session()
      await post(poll, body)
      await closed
      assert.equal((await ask(poll)).status, 400)
      await unharmed()
    })
  }

  it('keeps nothing of a session that ended so', async () => {
    const clock = new Clock(use)
    await start()
    const before = clock.waiting
    const { poll, closed } = await session()
    await post(poll, 'x')
    await closed
    await clock.pass(1)
    assert.equal(clock.waiting, before)
  })

  it('takes what means nothing, by the ten thousand', async () => {
    const count = isThorough ? 100_000 : 20_000
    const unharmed = await start()
    const { poll, peer } = await session()
    const heard = next(peer, 'data')
    for (const packet of ['6', '0{}', '5', '3probe']) {
      assert.equal((await post(poll, Array.from({ length: count }, () => packet).join('\x1e'))).status, 200)
    }
    assert.equal((await post(poll, '4"at last"')).status, 200)
    assert.deepEqual(await heard, ['at last'])
    await unharmed()
  })

  it('refuses what it does not know', async () => {
    const unharmed = await start()
    const { poll } = await session()
    for (const [path, init, status] of [
      [`${OPEN}&sid=none`, {}, 400],
      [`${OPEN}&sid=__proto__`, {}, 400],
      [`${OPEN}&sid=`, { method: 'POST', body: '6' }, 400],
      [OPEN, { method: 'POST', body: '6' }, 400],
      [OPEN, { method: 'PUT' }, 400],
      ['/anywire?EIO=4&transport=websocket', {}, 400],
      ['/anywire?EIO=4&transport=webtransport', {}, 400],
      ['/anywire?EIO=4&transport=__proto__', {}, 400],
      ['/anywire?EIO=4&transport=', {}, 400],
      [poll.replace('polling', 'websocket'), {}, 400],
      [poll, { method: 'DELETE' }, 500]
    ] as readonly [string, RequestInit, number][]) {
      assert.equal((await ask(path, init)).status, status, `${init.method} ${path}`)
    }
    assert.equal(stage.server.peers.size, 2)
    await unharmed()
  })

  it('answers a poll that waits, whatever else was asked meanwhile', async () => {
    const unharmed = await start()
    const { poll, peer } = await session()
    const polled = ask(poll)
    for (const path of [poll.replace('polling', 'websocket'), poll.replace('polling', 'none')])
      assert.equal((await ask(path)).status, 400)
    peer.write('here')
    assert.equal(await (await polled).text(), '4"here"')
    await unharmed()
  })

  it('takes odd queries', async () => {
    const unharmed = await start()
    for (const query of [
      '&',
      '&&=&',
      '&%ff%fe=%00&%',
      '&__proto__=x&constructor',
      '&EIO=3',
      `&${'a=b&'.repeat(2_000)}`
    ]) {
      const accepted = next(stage.server, 'connection')
      assert.equal((await ask(OPEN + query)).status, 200)
      assert.equal(typeof (await accepted)[0].query, 'object')
    }
    assert.equal(Reflect.get({}, 'x'), undefined)
    await unharmed()
  })

  it('ends a session that polls twice at a time', async () => {
    const unharmed = await start()
    const { poll, closed } = await session()
    const polls = await Promise.all([ask(poll), ask(poll)])
    assert.ok(polls.some(({ status }) => status === 400))
    await closed
    await unharmed()
  })

  it('ends a session that posts twice at a time', async () => {
    const unharmed = await start()
    const { poll, closed } = await session()
    const first = await RawSocket.open(stage.url)
    first.send(`POST ${poll} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n4"ha`)
    const stalled = next(stage.server, 'error').catch(() => {})
    let status = 200
    while (status === 200) ({ status } = await post(poll, '6'))
    assert.equal(status, 400)
    await closed
    await unharmed()
    void stalled
  })

  it('ends a session whose post or poll stops in the middle', async () => {
    const unharmed = await start()
    for (const request of ['POST', 'GET']) {
      const { poll, closed } = await session()
      const raw = await RawSocket.open(stage.url)
      raw.send(`${request} ${poll} HTTP/1.1\r\nHost: x\r\n${request === 'POST' ? 'Content-Length: 10\r\n' : ''}\r\n`)
      // Another request is answered when the first one is under way.
      await session()
      raw.destroy()
      await closed
    }
    await unharmed()
  })

  it('ends a session that sends too much', async () => {
    const unharmed = await start({ limits: { message: 10_000 } })
    const large = 'x'.repeat(50_000)
    const first = await session()
    assert.equal((await post(first.poll, `4${large}`)).status, 413)
    assert.equal((await first.closed)[0].code, 1009)
    const second = await session()
    const raw = await RawSocket.open(stage.url)
    const chunk = `${large.length.toString(16)}\r\n${large}\r\n`
    raw.send(`POST ${second.poll} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`)
    assert.equal((await second.closed)[0].code, 1009)
    const accepted = next(stage.server, 'connection')
    const opened = await socket(UPGRADE)
    const [peer] = await accepted
    const closed = next(peer, 'close')
    opened.send(`4${large}`)
    assert.equal((await closed)[0].code, 1009)
    await unharmed()
  })

  it('holds no more for a session that does not poll than for any other', async () => {
    const unharmed = await start({ limits: { buffered: 100_000 } })
    const { peer, closed, poll } = await session()
    while (peer.state === 'open') peer.write('x'.repeat(10_000))
    assert.equal((await closed)[0].code, 3003)
    await unharmed()
    // The server would wait for somebody to fetch the goodbye.
    await ask(poll)
  })

  describe('in upgrades', () => {
    const requests: readonly [title: string, request: string, status: RegExp][] = [
      ['without a key', upgradeRequest({ 'Sec-WebSocket-Key': undefined }, `GET ${UPGRADE} HTTP/1.1`), / 400 /],
      ['to polling', upgradeRequest({}, `GET ${OPEN} HTTP/1.1`), / 400 /],
      ['to nothing', upgradeRequest({}, 'GET /anywire?EIO=4&transport= HTTP/1.1'), / 400 /],
      ['to another protocol', upgradeRequest({ Upgrade: 'h2c' }, `GET ${UPGRADE} HTTP/1.1`), / 400 /],
      ['with another method', upgradeRequest({ 'Content-Length': '0' }, `POST ${UPGRADE} HTTP/1.1`), / 40[05] /],
      ['for an unknown session', upgradeRequest({}, `GET ${UPGRADE}&sid=none HTTP/1.1`), /^$| 400 /],
      ['of another origin', upgradeRequest({ Origin: 'https://evil.example' }, `GET ${UPGRADE} HTTP/1.1`), / 403 /]
    ]
    for (const [title, request, status] of requests) {
      it(`refuses one ${title}, and forgets it`, async () => {
        const unharmed = await start({ limits: { connections: 3 } })
        for (let index = 0; index < 5; index++) {
          const raw = await RawSocket.open(stage.url)
          raw.send(request)
          assert.match((await raw.closed()).toString('latin1'), status)
        }
        await unharmed()
      })
    }

    it('takes one for a session, and no second', async () => {
      const unharmed = await start()
      const { peer, upgrade, poll, closed } = await session()
      const first = await socket(upgrade)
      assert.equal((await socket(upgrade)).readyState, WebSocket.CLOSED)
      const probed = message(first)
      first.send('2probe')
      assert.equal(await probed, '3probe')
      first.send('5')
      const heard = next(peer, 'data')
      first.send('4"upgraded"')
      assert.deepEqual(await heard, ['upgraded'])
      assert.equal((await socket(upgrade)).readyState, WebSocket.CLOSED)
      assert.equal((await post(poll, '4"late"')).status, 400)
      first.close()
      await closed
      await unharmed()
    })

    it('goes on by polls where the WebSocket says nonsense', async () => {
      const unharmed = await start()
      for (const nonsense of ['', 'x', '4"early"', '1', '2', Uint8Array.of(1, 2)]) {
        const { peer, upgrade, poll } = await session()
        const probe = await socket(upgrade)
        const gone = new Promise(resolve => probe.once('close', resolve))
        probe.send(nonsense)
        await gone
        const heard = next(peer, 'data')
        assert.equal((await post(poll, '4"still"')).status, 200)
        assert.deepEqual(await heard, ['still'])
      }
      await unharmed()
    })

    it('ends a WebSocket that says nonsense', async () => {
      const unharmed = await start()
      for (const nonsense of ['', 'x', '1', '2']) {
        const accepted = next(stage.server, 'connection')
        const opened = await socket(UPGRADE)
        const [peer] = await accepted
        const closed = next(peer, 'close')
        opened.send(nonsense)
        if (nonsense === '1') opened.close()
        await closed
      }
      await unharmed()
    })
  })
})

/** The next message of a WebSocket. */
const message = (socket: WebSocket): Promise<string> =>
  new Promise(resolve => socket.once('message', (data: Buffer) => resolve(data.toString())))

const halves = [
  ['engine.io', engineio({ upgrade: false })],
  [
    'engine.io, the browser half',
    browserEngineio({ upgrade: false, fetch: standardFetch, WebSocket: StandardWebSocket })
  ]
] as const

for (const [name, half] of halves) {
  describe(`${name}: servers that break rules`, () => {
    const HELLO = '0{"sid":"x","upgrades":["websocket"],"pingInterval":1,"pingTimeout":1,"maxPayload":100}'
    let http: HttpServer
    const answers: string[] = []

    const dial = async (...all: string[]): Promise<CheckedReceiver> => {
      answers.splice(0, Infinity, ...all)
      http = createHttpServer((request, response) => {
        const answer = request.method === 'GET' ? answers.shift() : 'ok'
        if (answer === undefined) response.writeHead(500)
        response.end(answer)
      })
      await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
      const address = http.address()
      const receiver = new CheckedReceiver()
      const url = new URL(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/anywire`)
      half.dial(url, receiver, new AbortController().signal)
      return receiver
    }

    afterEach(() => closeHttp(http))

    for (const handshake of [
      '',
      '0',
      '0null',
      '0{}',
      '0{"sid":1}',
      '0{"sid":""}',
      '0[',
      '4early',
      '{"sid":"x"}',
      '<html>'
    ]) {
      it(`gives up a handshake that is ${handshake || 'nothing'}`, async () => {
        const receiver = await dial(handshake)
        const { code, error } = await receiver.closed()
        assert.deepEqual([code, error instanceof Error, receiver.isOpen], [1006, true, false])
      })
    }

    for (const answer of ['x', HELLO, 'b*', '', '4a\x1e9']) {
      it(`ends a link that is answered with ${answer.slice(0, 5) || 'nothing'}`, async () => {
        const receiver = await dial(HELLO, answer)
        await receiver.opened()
        assert.equal((await receiver.closed()).code, 1006)
        assert.deepEqual(receiver.violations, [])
      })
    }

    it('takes several messages, and a goodbye', async () => {
      const receiver = await dial(`${HELLO}\x1e4one`, '2\x1e4two\x1e6\x1ebAAE=', '4three\x1e1\x1e4four')
      assert.equal((await receiver.closed()).code, 1005)
      assert.deepEqual(receiver.messages, ['one', 'two', Uint8Array.of(0, 1), 'three'])
      assert.deepEqual(receiver.violations, [])
    })
  })
}
