import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { WebSocketServer } from 'ws'
import type { Accept, Host, UpgradeHandler } from '../../lib/server/listener.ts'
import type { Data, Receiver } from '../../lib/transformer.ts'
import { ws } from '../../transformers/ws/index.ts'
import { FrameReader } from '../../transformers/ws/reader.ts'
import { listen } from '../../transformers/ws/socket.ts'
import { runs } from '../support/faults-seed.ts'
import { wsFrame } from '../support/raw-socket.ts'

/** The largest message. */
const LIMIT = 5_000

/** The server's end of a socket whose other end is a list of chunks. */
class Line extends Duplex {
  readonly written: Buffer[] = []

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk)
    done()
  }
}

type Serve = (request: IncomingMessage, line: Line, head: Buffer, receiver: Receiver) => void

/** What is tested. */
const ours: Serve = (request, line, head, receiver) => {
  let upgrade: UpgradeHandler | undefined
  const host: Partial<Host> = {
    limit: LIMIT,
    onUpgrade(handler) {
      upgrade = handler
      return () => {}
    }
  }
  const accept: Accept = () => receiver
  ws().listen(host as Host, accept)
  assert.equal(upgrade?.(request, line, head), true)
}

/** What it has to be like: nothing but `ws`. */
const theirs: Serve = (request, line, head, receiver) => {
  const server = new WebSocketServer({ noServer: true, clientTracking: false, autoPong: false, maxPayload: LIMIT })
  server.handleUpgrade(request, line, head, socket => {
    listen(socket, receiver)
    socket.on('ping', (data: Buffer) => socket.pong(data))
  })
}

/** All that a receiver hears and the client is sent, of a client that says this and goes. */
const converse = async (serve: Serve, head: Buffer, chunks: readonly Buffer[]): Promise<unknown[]> => {
  const heard: unknown[] = []
  const line = new Line()
  const request = new IncomingMessage(new Socket())
  Object.assign(request, { method: 'GET', url: '/', httpVersion: '1.1' })
  request.headers = {
    upgrade: 'websocket',
    'sec-websocket-key': '0123456789012345678901==',
    'sec-websocket-version': '13'
  }
  await new Promise<void>(resolve => {
    serve(request, line, Buffer.from(head), {
      open() {},
      drain() {},
      message: (data: Data) => heard.push(typeof data === 'string' ? data : Buffer.from(data)),
      close(code) {
        heard.push(code)
        resolve()
      }
    })
    // Readers may write into what they are given.
    for (const chunk of chunks) line.push(Buffer.from(chunk))
    line.push(null)
  })
  return [...heard, Buffer.concat(line.written)]
}

const mask = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 })
const bytes = fc.uint8Array({ maxLength: 20 })
const text = fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('ä', '漢'.repeat(50), 'x'.repeat(126), '😀'))
const whole = fc.tuple(fc.oneof(text, bytes), mask).map(([payload, key]) => wsFrame(payload, { mask: key }))
const ofSize = fc
  .constantFrom(125, 126, 127, LIMIT, LIMIT + 1, 65_535, 65_536)
  .map(size => wsFrame('a'.repeat(size), size < 65_536 ? {} : { length: [127, 0, 0, 0, 0, 0, 1, 0, 0] }))
const control = fc
  .tuple(fc.constantFrom(9, 10), fc.uint8Array({ maxLength: 125 }), mask)
  .map(([opcode, payload, key]) => wsFrame(payload, { opcode, mask: key }))
const part = text.map(payload => wsFrame(payload, { opcode: 0, fin: false }))
const fragments = fc
  .tuple(text, fc.array(fc.oneof(part, control), { maxLength: 3 }), text)
  .map(([first, parts, last]) =>
    Buffer.concat([wsFrame(first, { fin: false }), ...parts, wsFrame(last, { opcode: 0 })])
  )
const farewell = fc.constantFrom(wsFrame('', { opcode: 8 }), wsFrame(Uint8Array.of(0x0f, 0xa0, 97), { opcode: 8 }))
/** Mostly wrong, and not by much: text that is no UTF-8, no mask, control that is too long … */
const wrong = fc
  .record({
    payload: fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 4 }),
      fc.constantFrom(124, 126).map(size => new Uint8Array(size))
    ),
    opcode: fc.constantFrom(1, 1, 1, 2, 9, 10, 0, 3, 8),
    reserved: fc.constantFrom(0, 0, 0, 0x10, 0x40),
    fin: fc.constantFrom(true, true, true, false),
    masked: fc.constantFrom(true, true, true, false),
    mask
  })
  .map(({ payload, ...options }) => wsFrame(payload, options))
const conversation = fc.array(
  fc.oneof({ weight: 8, arbitrary: whole }, { weight: 2, arbitrary: control }, ofSize, fragments, farewell, {
    weight: 3,
    arbitrary: wrong
  }),
  { maxLength: 12 }
)

describe('ws: the reader of frames', () => {
  it('hears what a client says', async () => {
    const said = Buffer.concat([wsFrame('one'), wsFrame('ä'), wsFrame(Uint8Array.of(1)), wsFrame('!', { opcode: 9 })])
    const [one, two, three, code, answer] = await converse(ours, said, [])
    assert.deepEqual([one, two, three, code], ['one', 'ä', Buffer.of(1), 1006])
    assert.match(`${answer as Buffer}`, /^HTTP\/1.1 101 /)
  })

  it('has the listener before it hear nothing of whole messages, and all from the first other frame on', () => {
    const line = new Line()
    const heard: unknown[] = []
    const others = (chunk: Buffer) => heard.push([...chunk])
    line.on('data', others)
    const receiver: Receiver = {
      open() {},
      drain() {},
      close() {},
      message: (data: Data) => heard.push(data)
    }
    new FrameReader(line, others, LIMIT, receiver, payload => heard.push(`ping ${payload}`)).start()
    const whole = Buffer.concat([wsFrame('one'), wsFrame('now', { opcode: 9 }), wsFrame('', { opcode: 10 })])
    const fragment = wsFrame('two', { fin: false })
    line.emit('data', whole.subarray(0, 7))
    line.emit('data', Buffer.concat([whole.subarray(7), fragment]))
    line.emit('data', wsFrame('three'))
    assert.deepEqual(heard, ['one', 'ping now', [...fragment], [...wsFrame('three')]])
    assert.deepEqual(line.listeners('data'), [others])
  })

  it('hears a long message that comes byte by byte', () => {
    const line = new Line()
    const heard: Data[] = []
    const receiver: Receiver = { open() {}, drain() {}, close() {}, message: data => heard.push(data) }
    new FrameReader(
      line,
      () => assert.fail('left'),
      65_535,
      receiver,
      () => {}
    ).start()
    const text = 'ä'.repeat(1_000)
    for (const byte of wsFrame(text)) line.emit('data', Buffer.of(byte))
    assert.deepEqual(heard, [text])
  })

  it('hears and answers what `ws` does, however the bytes come', async () => {
    await fc.assert(
      fc.asyncProperty(
        conversation,
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
        async (frames, sizes) => {
          const all = Buffer.concat(frames)
          const [head = Buffer.alloc(0), ...chunks] = [...cut(all, sizes)]
          assert.deepEqual(await converse(ours, head, chunks), await converse(theirs, head, chunks))
        }
      ),
      runs(300)
    )
  })
})

/** Cuts bytes into pieces of these sizes, over and over. */
function* cut(all: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, turn = 0; at < all.length; turn++) {
    const end = at + (sizes[turn % sizes.length] ?? 1)
    yield all.subarray(at, end)
    at = end
  }
}
