import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { json } from '../../parsers/json.ts'
import { BYTES, encode, GOODBYE, OPEN, TEXT } from '../../transformers/webtransport/frame.ts'
import { Stage } from '../contract/stage.ts'
import type { StageServerOptions } from '../contract/stage.ts'
import { next, turns } from '../contract/waiting.ts'
import { runs } from '../support/faults-seed.ts'
import { CAPSULE, capsule, destroyRawSessions, FIRST_STREAM, RawSession } from '../support/raw-session.ts'
import { overHttp2 } from '../support/webtransport.ts'
import { witness } from '../support/witness.ts'

/** Milliseconds to open in. Those who do nothing wrong must be quicker, on a busy machine too. */
const PATIENCE = 500

describe('webtransport: clients that break rules', () => {
  let stage: Stage
  let url: string

  const start = async (options?: StageServerOptions, timeout?: number) => {
    stage = await Stage.start(overHttp2({ ...(timeout && { timeout }) }), json(), options)
    url = stage.url.replace('http:', 'https:')
  }

  afterEach(async () => {
    destroyRawSessions()
    // Limits are told; nothing else is an error of the server's.
    stage.expected = stage.errors
      .map(({ code }) => code)
      .filter(code => ['ERR_TOO_LARGE', 'ERR_RATE', 'ERR_SLOW'].includes(code))
    await stage.close()
  })

  const openPlain = async (): Promise<RawSession> => RawSession.open(`${url}/anywire`)
  const text = (data: string): Uint8Array => encode(TEXT, data)

  it('serves a client without a library', async () => {
    await start()
    const accepted = next(stage.server, 'connection')
    const session = await openPlain()
    session.write(text('"one"'))
    const [peer] = await accepted
    assert.deepEqual(await next(peer, 'data'), ['one'])
    const ended = next(peer, 'close')
    session.write(encode(GOODBYE, '4001bye'))
    const [{ code, reason }] = await ended
    assert.deepEqual([code, reason], [4001, 'bye'])
    await session.closed
  })

  it('takes bytes one by one', async () => {
    await start()
    const accepted = next(stage.server, 'connection')
    const session = await openPlain()
    for (const byte of text('"slow"')) session.write(Uint8Array.of(byte))
    const [peer] = await accepted
    assert.deepEqual(await next(peer, 'data'), ['slow'])
  })

  describe('in frames', () => {
    const frames: readonly [title: string, bytes: Uint8Array, code: number][] = [
      ['of more than the limit', Uint8Array.of(255, 255, 255, 253), 1009],
      ['of text that is no UTF-8', Buffer.concat([Buffer.from([0, 0, 0, 8]), Buffer.from([0xc3, 0x28])]), 1007],
      ['of a goodbye that is none', encode(GOODBYE, 'bye'), 1002]
    ]
    for (const [title, bytes, code] of frames) {
      it(`ends a connection with frames ${title}, and says why`, async () => {
        await start()
        const unharmed = await witness(stage)
        const accepted = next(stage.server, 'connection')
        const session = await openPlain()
        session.write(encode(OPEN, ''))
        const [peer] = await accepted
        const closed = next(peer, 'close')
        session.write(bytes)
        session.write(new Uint8Array(8_000))
        while (!session.received.includes(`${code}`)) await once(session.stream, 'data')
        session.http2.destroy()
        assert.equal((await closed)[0].code, code)
        await unharmed()
      })
    }
  })

  describe('in streams', () => {
    const hostile: readonly [title: string, bytes: Uint8Array][] = [
      ['that are a second one', capsule(CAPSULE.stream, FIRST_STREAM + 4, text('"x"'))],
      ['in one direction', capsule(CAPSULE.stream, FIRST_STREAM + 2, text('"x"'))],
      ['that are the server’s', capsule(CAPSULE.stream, 0, text('"x"'))],
      ['that are the server’s, in one direction', capsule(CAPSULE.stream, 2, text('"x"'))],
      ['beyond all that are allowed', capsule(CAPSULE.stream, 4_001, text('"x"'))],
      ['of a great number', capsule(CAPSULE.stream, 2 ** 40 + 1, text('"x"'))],
      ['that end', capsule(CAPSULE.streamEnd, FIRST_STREAM, text('"x"'))],
      ['that are reset', capsule(CAPSULE.reset, FIRST_STREAM, 7)]
    ]
    for (const [title, bytes] of hostile) {
      it(`ends a connection with streams ${title}`, async () => {
        await start()
        const unharmed = await witness(stage)
        const accepted = next(stage.server, 'connection')
        const session = await openPlain()
        session.write(encode(OPEN, ''))
        const [peer] = await accepted
        const closed = next(peer, 'close')
        session.send(bytes)
        assert.equal((await closed)[0].code, 1006)
        await session.closed
        await unharmed()
      })
    }

    it('survives streams behind the end of a session, in the same segment', async () => {
      await start()
      const unharmed = await witness(stage)
      for (const late of [FIRST_STREAM + 4, 3, 0, 2]) {
        const session = await openPlain()
        session.send(
          capsule(CAPSULE.stream, FIRST_STREAM, encode(OPEN, '')),
          capsule(CAPSULE.close, Buffer.from([0, 0, 0, 0])),
          capsule(CAPSULE.stream, late, text('"x"')),
          capsule(CAPSULE.datagram, text('"x"'))
        )
        await session.closed
      }
      await unharmed()
    })
  })

  describe('in bytes', () => {
    it('survives any', async () => {
      await start()
      const unharmed = await witness(stage)
      let seed = 7
      const random = (): number => (seed = (seed * 48_271) % 2_147_483_647)
      const types = Object.values(CAPSULE)
      for (let round = 0; round < runs(60).numRuns; round++) {
        const session = await openPlain()
        const junk = Buffer.from(Array.from({ length: 1 + (random() % 300) }, () => random() & 255))
        const type = types[random() % types.length] ?? 0
        if (round % 3 === 0) session.send(junk)
        else if (round % 3 === 1) session.send(capsule(type, junk))
        else session.send(capsule(type, random() % 9, junk), capsule(types[random() % types.length] ?? 0, junk), junk)
        if (round % 2) session.stream.end()
        else await turns(3)
        session.http2.destroy()
      }
      await unharmed()
    })

    it('refuses what is another protocol', async () => {
      await start()
      const unharmed = await witness(stage)
      const { hostname, port } = new URL(url)
      const http1 = connectTls({
        host: hostname,
        port: Number(port),
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1']
      })
      http1.on('error', () => {})
      await once(http1, 'close')
      const http2 = connectHttp2(url, { rejectUnauthorized: false })
      http2.on('error', () => {})
      await once(http2, 'remoteSettings')
      const get = http2.request({ ':path': '/anywire' })
      // Since Node 24 the stream itself is refused.
      const refusal = await new Promise<unknown>(resolve => {
        get.once('response', ({ ':status': status }) => resolve(status))
        get.once('error', ({ message }) => resolve(message))
      })
      assert.match(String(refusal), /^406$|NGHTTP2_REFUSED_STREAM/)
      const socket = http2.request({
        ':method': 'CONNECT',
        ':protocol': 'websocket',
        ':scheme': 'https',
        ':path': '/anywire',
        'sec-websocket-protocol': 'webtransport_kDraft1'
      })
      socket.on('error', () => {})
      await new Promise(resolve => socket.once('close', resolve))
      http2.destroy()
      await unharmed()
    })
  })

  describe('in time', () => {
    it('ends a session without a stream, and counts it no more', async () => {
      await start({ limits: { connections: 1 } }, PATIENCE)
      const session = await openPlain()
      assert.equal(session.status, 200)
      await session.closed
      await turns(3)
      await stage.pair()
    })

    it('ends a connection without a session', async () => {
      await start({}, PATIENCE)
      const http2 = connectHttp2(url, { rejectUnauthorized: false })
      http2.on('error', () => {})
      await once(http2, 'close')
      await stage.pair()
    })

    it('ends a session whose client is gone before it is open', async () => {
      await start({ limits: { connections: 1 } })
      const session = await openPlain()
      session.http2.destroy()
      while ((await RawSession.open(`${url}/anywire`)).status !== 200) destroyRawSessions()
    })
  })

  describe('in numbers', () => {
    it('ends a connection with too many datagrams', async () => {
      await start({ limits: { rate: { second: 100, burst: 200 } } })
      const unharmed = await witness(stage)
      const accepted = next(stage.server, 'connection')
      const session = await openPlain()
      session.write(encode(OPEN, ''))
      const [peer] = await accepted
      const closed = next(peer, 'close')
      const datagram = capsule(CAPSULE.datagram, text('"x"').subarray(3))
      for (let index = 0; index < 300; index++) session.send(datagram)
      assert.equal((await closed)[0].code, 3004)
      await unharmed()
    })

    it('forgets datagrams that come before the stream', async () => {
      await start()
      const session = await openPlain()
      const datagram = capsule(CAPSULE.datagram, encode(BYTES, new Uint8Array(10_000)).subarray(3))
      for (let index = 0; index < 500; index++) session.send(datagram)
      const accepted = next(stage.server, 'connection')
      session.write(text('"first"'))
      const [peer] = await accepted
      assert.deepEqual(await next(peer, 'data'), ['first'])
    })

    it('ends a connection that does not read, and frees what waited for it', async () => {
      await start({ limits: { buffered: 200_000, window: 100_000 }, recovery: false })
      const accepted = next(stage.server, 'connection')
      const session = await openPlain()
      session.stream.pause()
      session.write(text('"first"'))
      const [peer] = await accepted
      const closed = next(peer, 'close')
      const piece = 'x'.repeat(10_000)
      while (peer.state === 'open') {
        peer.write(piece)
        await turns(1)
      }
      assert.equal((await closed)[0].code, 3003)
    })
  })
})
