import assert from 'node:assert/strict'
import { json } from '../../parsers/json.ts'
import { ws } from '../../transformers/ws/index.ts'
import { overHttp } from '../contract/fixture.ts'
import { Stage } from '../contract/stage.ts'
import type { StageServerOptions } from '../contract/stage.ts'
import { next } from '../contract/waiting.ts'
import { destroyRawSockets, framesOf, RawSocket, upgradeRequest, wsFrame } from '../support/raw-socket.ts'
import { witness } from '../support/witness.ts'

describe('ws: clients that break rules', () => {
  let stage: Stage

  const start = async (options?: StageServerOptions, compression = false) => {
    stage = await Stage.start(overHttp(ws({ compression }), ws()), json(), options)
  }

  afterEach(async () => {
    destroyRawSockets()
    // Limits are told, once each; nothing else is an error of the server's.
    stage.expected = stage.errors.map(({ code }) => code).filter(code => code === 'ERR_TOO_LARGE')
    await stage.close()
  })

  describe('in the upgrade', () => {
    const requests: readonly [title: string, request: string, status: RegExp][] = [
      ['without a key', upgradeRequest({ 'Sec-WebSocket-Key': undefined }), /^HTTP\/1.1 400 /],
      ['with a short key', upgradeRequest({ 'Sec-WebSocket-Key': 'c2hvcnQ=' }), /^HTTP\/1.1 400 /],
      ['with a key that is none', upgradeRequest({ 'Sec-WebSocket-Key': '\u0001'.repeat(24) }), /^HTTP\/1.1 400 /],
      [
        'without a version',
        upgradeRequest({ 'Sec-WebSocket-Version': undefined }),
        /^HTTP\/1.1 400 [^]*Sec-WebSocket-Version: 13/
      ],
      [
        'with another version',
        upgradeRequest({ 'Sec-WebSocket-Version': '99' }),
        /^HTTP\/1.1 400 [^]*Sec-WebSocket-Version: 13/
      ],
      ['with another method', upgradeRequest({ 'Content-Length': '0' }, 'POST /anywire HTTP/1.1'), /^HTTP\/1.1 405 /],
      ['to another protocol', upgradeRequest({ Upgrade: 'h2c' }), /^HTTP\/1.1 400 /],
      ['to a protocol with a name of objects', upgradeRequest({ Upgrade: '__proto__' }), /^HTTP\/1.1 400 /],
      [
        'with headers without end',
        `${upgradeRequest().slice(0, -2)}X: ${'x'.repeat(100_000)}\r\n\r\n`,
        /^HTTP\/1.1 431 /
      ],
      [
        'with thousands of headers',
        `${upgradeRequest().slice(0, -2)}${'X: y\r\n'.repeat(20_000)}\r\n`,
        /^HTTP\/1.1 431 /
      ],
      ['that is no HTTP', 'hello\r\n\r\n', /^HTTP\/1.1 400 /],
      ['to //', upgradeRequest({}, 'GET // HTTP/1.1'), /^HTTP\/1.1 404 /],
      ['to a URL that is none', upgradeRequest({}, 'GET /\\\\%%%?%%% HTTP/1.1'), /^HTTP\/1.1 404 /],
      ['to a whole URL', upgradeRequest({}, 'GET http://[::bad/anywire HTTP/1.1'), /^HTTP\/1.1 404 /],
      ['to a longer name', upgradeRequest({}, 'GET /anywireFOO HTTP/1.1'), /^HTTP\/1.1 404 /],
      ['to what is below', upgradeRequest({}, 'GET /anywire/below HTTP/1.1'), /^HTTP\/1.1 404 /]
    ]
    for (const [title, request, status] of requests) {
      it(`refuses one ${title}`, async () => {
        await start()
        const unharmed = await witness(stage)
        const socket = await RawSocket.open(stage.url)
        socket.send(request)
        assert.match((await socket.closed()).toString('latin1'), status)
        await unharmed()
      })
    }

    it('refuses one over HTTP/1.0', async () => {
      await start()
      const socket = await RawSocket.open(stage.url)
      socket.send(upgradeRequest({}, 'GET /anywire HTTP/1.0'))
      assert.match((await socket.closed()).toString('latin1'), /^HTTP\/1.1 (400|426|505) /)
      assert.equal(stage.server.peers.size, 0)
    })

    it('does not count those that fail', async () => {
      await start({ limits: { connections: 2 } })
      for (let index = 0; index < 5; index++) {
        const socket = await RawSocket.open(stage.url)
        socket.send(upgradeRequest({ 'Sec-WebSocket-Key': undefined }))
        await socket.closed()
      }
      await stage.pair()
      await stage.pair()
      const refused = next(stage.server, 'refused')
      await next(stage.connect(), 'close')
      assert.equal((await refused)[0].code, 'ERR_BUSY')
    })

    it('survives one whose client is gone', async () => {
      await start()
      const unharmed = await witness(stage)
      for (let length = 1; length < 160; length += 13) {
        const socket = await RawSocket.open(stage.url)
        socket.send(upgradeRequest().slice(0, length))
        socket.destroy()
      }
      for (let index = 0; index < 10; index++) {
        const socket = await RawSocket.open(stage.url)
        socket.send(upgradeRequest())
        socket.destroy()
      }
      await unharmed()
    })

    it('takes odd queries, and objects keep their prototypes', async () => {
      await start()
      const queries = [
        '?',
        '?&&=&',
        '?__proto__=x&constructor=y&toString',
        `?${'a=b&'.repeat(2_000)}`,
        '?%ff%fe=%00&%',
        '?a=1?b=2'
      ]
      for (const query of queries) {
        const accepted = next(stage.server, 'connection')
        const socket = await RawSocket.open(stage.url)
        socket.send(upgradeRequest({}, `GET /anywire${query} HTTP/1.1`))
        const [peer] = await accepted
        assert.equal(typeof peer.query, 'object')
        assert.equal(Reflect.get({}, 'x'), undefined)
        socket.destroy()
      }
    })

    it('refuses other origins, and those that lie about theirs', async () => {
      await start()
      for (const origin of [
        'https://evil.example',
        'null',
        'http://localhost.evil.example',
        'http://localhost:1',
        'nonsense'
      ]) {
        const socket = await RawSocket.open(stage.url)
        socket.send(upgradeRequest({ Origin: origin }))
        assert.match((await socket.closed()).toString('latin1'), /^HTTP\/1.1 403 /, origin)
      }
      const accepted = next(stage.server, 'connection')
      const socket = await RawSocket.open(stage.url)
      socket.send(upgradeRequest({ Origin: 'http://localhost' }))
      await accepted
      socket.destroy()
    })
  })

  describe('in frames', () => {
    const text = (payload: string) => wsFrame(payload)
    const frames: readonly [title: string, bytes: Uint8Array, code: number][] = [
      ['with the first reserved bit', wsFrame('x', { reserved: 0x40 }), 1002],
      ['with the second reserved bit', wsFrame('x', { reserved: 0x20 }), 1002],
      ['with the third reserved bit', wsFrame('x', { reserved: 0x10 }), 1002],
      ['that are not masked', wsFrame('x', { masked: false }), 1002],
      ['of an unknown kind', wsFrame('x', { opcode: 3 }), 1002],
      ['of an unknown kind of control', wsFrame('x', { opcode: 11 }), 1002],
      ['that go on where nothing began', wsFrame('x', { opcode: 0 }), 1002],
      ['that begin in the middle of others', Buffer.concat([wsFrame('a', { fin: false }), text('b')]), 1002],
      ['of control in fragments', wsFrame('x', { opcode: 9, fin: false }), 1002],
      ['of control that are too long', wsFrame('x'.repeat(126), { opcode: 9 }), 1002],
      ['of 2^63 bytes', wsFrame('x', { length: [127, 0x80, 0, 0, 0, 0, 0, 0, 0] }), 1009],
      ['of 2^53 bytes', wsFrame('x', { length: [127, 0, 0x20, 0, 0, 0, 0, 0, 0] }), 1009],
      ['of more than the limit', wsFrame('x', { length: [127, 0, 0, 0, 0, 0, 0x20, 0, 0] }), 1009],
      ['with a length below zero', wsFrame('x', { length: [127, 255, 255, 255, 255, 255, 255, 255, 255] }), 1009],
      ['of text that is no UTF-8', wsFrame(Uint8Array.of(0xc3, 0x28), { opcode: 1 }), 1007],
      ['of text with a surrogate', wsFrame(Uint8Array.of(0xed, 0xa0, 0x80), { opcode: 1 }), 1007],
      ['of a close without a whole code', wsFrame(Uint8Array.of(3), { opcode: 8 }), 1002],
      ['of a close with a code that nobody may send', wsFrame(Uint8Array.of(0x03, 0xee), { opcode: 8 }), 1002],
      ['of a close with a reason that is no UTF-8', wsFrame(Uint8Array.of(0x0f, 0xa0, 0xff), { opcode: 8 }), 1007]
    ]
    for (const [title, bytes, code] of frames) {
      it(`ends a connection with frames ${title}`, async () => {
        await start()
        const unharmed = await witness(stage)
        // Once behind the upgrade, once in the same segment.
        for (const together of [false, true]) {
          const accepted = next(stage.server, 'connection')
          const socket = await RawSocket.open(stage.url)
          if (together) socket.send(upgradeRequest(), bytes)
          else {
            socket.send(upgradeRequest())
            await socket.until(received => (received.includes('\r\n\r\n') ? true : undefined))
            socket.send(bytes)
          }
          const [peer] = await accepted
          const closed = peer.state === 'closed' ? undefined : next(peer, 'close')
          const close = framesOf(await socket.closed()).at(-1)
          assert.deepEqual([close?.opcode, close?.payload.readUInt16BE(0)], [8, code])
          await closed
        }
        await unharmed()
        if (code === 1009) stage.expected = ['ERR_TOO_LARGE', 'ERR_TOO_LARGE']
        assert.equal(stage.server.peers.size, 2)
      })
    }

    it('takes messages in the same segment as the upgrade', async () => {
      await start()
      const accepted = next(stage.server, 'connection')
      const socket = await RawSocket.open(stage.url)
      socket.send(upgradeRequest(), text('"one"'), text('"two"'))
      const [peer] = await accepted
      const values: unknown[] = []
      const both = new Promise<void>(resolve => peer.on('data', value => values.push(value) === 2 && resolve()))
      await both
      assert.deepEqual(values, ['one', 'two'])
      socket.destroy()
    })

    it('takes bytes one by one', async () => {
      await start()
      const accepted = next(stage.server, 'connection')
      const socket = await RawSocket.open(stage.url)
      for (const byte of Buffer.concat([Buffer.from(upgradeRequest()), text('"slow"')]))
        socket.send(Uint8Array.of(byte))
      const [peer] = await accepted
      assert.deepEqual(await next(peer, 'data'), ['slow'])
      socket.destroy()
    })

    it('takes fragments with control in between, and ends a connection with thousands of them', async () => {
      await start()
      const unharmed = await witness(stage)
      const accepted = next(stage.server, 'connection')
      const socket = await RawSocket.open(stage.url)
      socket.send(upgradeRequest())
      const [peer] = await accepted
      const parts = ['"fr', 'agm', 'ents"'].map((part, index) =>
        wsFrame(part, { fin: index === 2, opcode: index ? 0 : 1 })
      )
      socket.send(
        parts[0] ?? '',
        wsFrame('ping', { opcode: 9 }),
        parts[1] ?? '',
        wsFrame('', { opcode: 10 }),
        parts[2] ?? ''
      )
      assert.deepEqual(await next(peer, 'data'), ['fragments'])
      const pong = await socket.until(received => framesOf(received).find(({ opcode }) => opcode === 10))
      assert.equal(`${pong.payload}`, 'ping')
      const closed = next(peer, 'close')
      const empty = wsFrame('', { opcode: 0, fin: false })
      const many = Buffer.concat(Array.from({ length: 20_000 }, () => empty))
      socket.send(wsFrame('', { fin: false }))
      for (let index = 0; index < 10; index++) socket.send(many)
      assert.match((await closed)[0].reason, /fragments/)
      assert.equal(
        framesOf(await socket.closed())
          .at(-1)
          ?.payload.readUInt16BE(0),
        1008
      )
      await unharmed()
    })

    it('ends a connection whose fragments are more than the limit together', async () => {
      await start({ limits: { message: 10_000 } })
      const unharmed = await witness(stage)
      const socket = await RawSocket.open(stage.url)
      socket.send(
        upgradeRequest(),
        wsFrame('x'.repeat(6_000), { fin: false }),
        wsFrame('x'.repeat(6_000), { opcode: 0 })
      )
      assert.equal(
        framesOf(await socket.closed())
          .at(-1)
          ?.payload.readUInt16BE(0),
        1009
      )
      await unharmed()
      stage.expected = ['ERR_TOO_LARGE']
    })

    it('answers pings, and ends when a client says so', async () => {
      await start()
      const socket = await RawSocket.open(stage.url)
      const accepted = next(stage.server, 'connection')
      socket.send(upgradeRequest(), wsFrame('', { opcode: 9 }))
      const [peer] = await accepted
      const closed = next(peer, 'close')
      await socket.until(received => framesOf(received).find(({ opcode }) => opcode === 10))
      socket.send(wsFrame(Uint8Array.of(0x0f, 0xa1, ...Buffer.from('bye')), { opcode: 8 }))
      assert.deepEqual((await closed)[0], { code: 4001, reason: 'bye', reconnect: true, after: 0 })
      await socket.closed()
    })

    it('counts the bytes of text, not its characters, and of a message, not of what it was compressed to', async () => {
      await start({ limits: { message: 10_000 } }, true)
      const unharmed = await witness(stage)
      const wide = await RawSocket.open(stage.url)
      wide.send(upgradeRequest(), wsFrame(`"${'漢'.repeat(4_000)}"`))
      assert.equal(
        framesOf(await wide.closed())
          .at(-1)
          ?.payload.readUInt16BE(0),
        1009
      )
      const { deflateRawSync } = await import('node:zlib')
      const bomb = await RawSocket.open(stage.url)
      const small = deflateRawSync(Buffer.alloc(5_000_000))
      assert.ok(small.length < 6_000)
      bomb.send(
        upgradeRequest({ 'Sec-WebSocket-Extensions': 'permessage-deflate' }),
        wsFrame(small, { reserved: 0x40 })
      )
      assert.equal(
        framesOf(await bomb.closed())
          .at(-1)
          ?.payload.readUInt16BE(0),
        1009
      )
      await unharmed()
      stage.expected = ['ERR_TOO_LARGE', 'ERR_TOO_LARGE']
    })
  })
})
