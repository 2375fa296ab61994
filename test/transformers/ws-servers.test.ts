import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createServer as createTcpServer } from 'node:net'
import type { Server as TcpServer, Socket } from 'node:net'
import { connect } from '../../core.ts'
import type { Client, ClientTransformer, End } from '../../core.ts'
import type { Welcome } from '../../lib/handshake.ts'
import { json } from '../../parsers/json.ts'
import { ws as browserWs } from '../../transformers/ws/client.ts'
import { ws } from '../../transformers/ws/index.ts'
import { next } from '../contract/waiting.ts'
import { wsFrame } from '../support/raw-socket.ts'
import { StandardWebSocket } from '../support/standard-websocket.ts'

const WELCOME: Welcome = ['x', '', false, [], [], 0, 0, 0, 100, 100, 0]

/** A frame of a server, which masks none. */
const frame = (payload: string | Uint8Array, options: Parameters<typeof wsFrame>[1] = {}): Buffer =>
  wsFrame(payload, { masked: false, ...options })

const welcome = frame(`!1${JSON.stringify(WELCOME)}`)

/** The answer that accepts an upgrade. */
const accepted = (request: string, change: (answer: string) => string = answer => answer): string => {
  const key = /sec-websocket-key: (.*)\r\n/i.exec(request)?.[1] ?? ''
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return change(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
  )
}

const halves: readonly [name: string, half: ClientTransformer][] = [
  ['ws', ws({ compression: true })],
  ['ws, the browser half', browserWs({ WebSocket: StandardWebSocket })]
]

for (const [name, half] of halves) {
  describe(`${name}: servers that break rules`, () => {
    let tcp: TcpServer
    let client: Client
    const sockets = new Set<Socket>()

    afterEach(async () => {
      client.destroy()
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => tcp.close(resolve))
    })

    /** A client of a server that does with the upgrade request whatever `act` does. */
    const dial = async (act: (socket: Socket, request: string) => void): Promise<Client> => {
      tcp = createTcpServer(socket => {
        let request = ''
        sockets.add(socket)
        socket.on('error', () => {})
        socket.on('data', function hear(data) {
          request += String(data)
          if (!request.includes('\r\n\r\n')) return
          socket.off('data', hear)
          socket.resume()
          act(socket, request)
        })
      })
      await new Promise<void>(resolve => tcp.listen(0, '127.0.0.1', resolve))
      const address = tcp.address()
      const port = typeof address === 'object' ? address?.port : 0
      client = connect(`http://127.0.0.1:${port}`, { transformers: [half], parser: json() })
      client.on('error', () => {})
      return client
    }

    const ended = async (act: (socket: Socket, request: string) => void): Promise<End> =>
      (await next(await dial(act), 'close'))[0]

    const answers: readonly [title: string, answer: (request: string) => string][] = [
      ['another status', () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'],
      ['a redirection', () => 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'],
      ['no HTTP', () => 'SSH-2.0-OpenSSH_9.2\r\n'],
      ['nothing', () => ''],
      ['the wrong key', request => accepted(request, answer => answer.replace(/Accept: .*/, 'Accept: c2hvcnQ='))],
      ['another protocol', request => accepted(request, answer => answer.replace('websocket', 'h2c'))],
      [
        'extensions that nobody offered',
        request =>
          accepted(request, answer => answer.replace('\r\n\r\n', '\r\nSec-WebSocket-Extensions: x-own; a=b\r\n\r\n'))
      ],
      [
        'headers without end',
        request => accepted(request, answer => answer.replace('\r\n\r\n', `\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`))
      ]
    ]
    for (const [title, answer] of answers) {
      it(`ends an attempt that is answered with ${title}`, async () => {
        const { code, reason } = await ended((socket, request) => socket.end(answer(request)))
        assert.equal(code, 1006)
        assert.notEqual(reason, '')
      })
    }

    const frames: readonly [title: string, bytes: Uint8Array][] = [
      ['that are masked', frame('x', { masked: true })],
      ['of an unknown kind', frame('x', { opcode: 3 })],
      ['with a reserved bit', frame('x', { reserved: 0x10 })],
      ['of control in fragments', frame('', { opcode: 9, fin: false })],
      ['of 2^63 bytes', frame('x', { length: [127, 0x80, 0, 0, 0, 0, 0, 0, 0] })],
      ['of text that is no UTF-8', frame(Uint8Array.of(0xc3, 0x28), { opcode: 1 })],
      ['that go on where nothing began', frame('x', { opcode: 0 })],
      ['that stop in the middle', frame('half of it').subarray(0, 5)]
    ]
    for (const [title, bytes] of frames) {
      it(`ends a connection with frames ${title}, before and after the welcome`, async () => {
        for (const first of [Buffer.alloc(0), welcome]) {
          const end = await ended((socket, request) =>
            socket.end(Buffer.concat([Buffer.from(accepted(request)), first, bytes]))
          )
          assert.ok(end.code >= 1002 && end.code < 1012, `${end.code}`)
          assert.equal(client.state, 'closed')
          tcp.close()
        }
      })
    }

    it('opens with a welcome in the same segment as the answer, and closes as it is told', async () => {
      const values: unknown[] = []
      const opening = dial((socket, request) => {
        const close = frame(Uint8Array.of(0x0f, 0xa1, ...Buffer.from('bye')), { opcode: 8 })
        socket.write(Buffer.concat([Buffer.from(accepted(request)), welcome, frame('"one"'), frame('"two"'), close]))
      })
      const opened = await opening
      opened.on('data', value => values.push(value))
      const [{ code, reason }] = await next(opened, 'close')
      assert.deepEqual([code, reason], [4001, 'bye'])
      assert.deepEqual(values, ['one', 'two'])
    })
  })
}
