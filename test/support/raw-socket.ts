import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

const open = new Set<Socket>()

/** Ends what tests have left open. */
export const destroyRawSockets = (): void => {
  for (const socket of open) socket.destroy()
  open.clear()
}

/** A TCP socket for what no decent client sends. */
export class RawSocket {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  readonly #closed: Promise<void>

  private constructor(socket: Socket) {
    this.#socket = socket
    open.add(socket)
    socket.on('data', data => {
      this.#received = Buffer.concat([this.#received, data])
    })
    // Servers may cut such clients.
    socket.on('error', () => {})
    this.#closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  static async open(url: string): Promise<RawSocket> {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''))
    await once(socket, 'connect')
    return new RawSocket(socket)
  }

  send(...data: readonly (string | Uint8Array)[]): void {
    this.#socket.write(Buffer.concat(data.map(part => Buffer.from(part as Uint8Array))))
  }

  /** Waits for bytes that `find` finds something in. */
  async until<T>(find: (received: Buffer) => T | undefined): Promise<T> {
    for (;;) {
      const found = find(this.#received)
      if (found !== undefined) return found
      await Promise.race([
        once(this.#socket, 'data'),
        this.#closed.then(() => Promise.reject(new Error('closed before')))
      ])
    }
  }

  /** Everything that was received, once the other end closed. */
  async closed(): Promise<Buffer> {
    await this.#closed
    return this.#received
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** The headers of a WebSocket upgrade; undefined leaves one out. */
export const upgradeHeaders = (change: Readonly<Record<string, string | undefined>> = {}): string =>
  Object.entries({
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'MDEyMzQ1Njc4OWFiY2RlZg==',
    ...change
  })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')

/** A WebSocket upgrade request. */
export const upgradeRequest = (
  change?: Readonly<Record<string, string | undefined>>,
  line = 'GET /anywire HTTP/1.1'
): string => `${line}\r\n${upgradeHeaders(change)}\r\n`

export interface FrameOptions {
  readonly fin?: boolean
  /** The three reserved bits, as 0x40, 0x20, 0x10. */
  readonly reserved?: number
  readonly opcode?: number
  readonly masked?: boolean
  /** Four bytes; of zeros, which leave the payload as it is, where there are none. */
  readonly mask?: readonly number[]
  /** What the header says instead of the length: in this many bytes. */
  readonly length?: readonly number[]
}

/** A WebSocket frame of a client, right or wrong: RFC 6455, section 5.2. */
export const wsFrame = (payload: string | Uint8Array, options: FrameOptions = {}): Buffer => {
  const { fin = true, reserved = 0, opcode = typeof payload === 'string' ? 1 : 2, masked = true } = options
  const { mask = [0, 0, 0, 0] } = options
  const data = Buffer.from(payload as Uint8Array)
  const size = data.length < 126 ? [data.length] : [126, data.length >> 8, data.length & 255]
  const [first = 0, ...rest] = options.length ?? size
  const head = [(fin ? 0x80 : 0) | reserved | opcode, (masked ? 0x80 : 0) | first, ...rest]
  return Buffer.concat([
    Buffer.from([...head, ...(masked ? mask : [])]),
    masked ? data.map((byte, place) => byte ^ (mask[place & 3] ?? 0)) : data
  ])
}

export interface ServerFrame {
  readonly opcode: number
  readonly payload: Buffer
  readonly compressed: boolean
}

/** The whole frames of a server behind its answer to an upgrade. */
export const framesOf = (received: Buffer): ServerFrame[] => {
  const start = received.indexOf('\r\n\r\n')
  const frames: ServerFrame[] = []
  if (start < 0) return frames
  for (let offset = start + 4; offset + 2 <= received.length;) {
    const [first = 0, short = 0] = received.subarray(offset)
    let length = short
    let head = 2
    if (short === 126) {
      length = received.readUInt16BE(offset + 2)
      head = 4
    } else if (short === 127) {
      length = Number(received.readBigUInt64BE(offset + 2))
      head = 10
    }
    const end = offset + head + length
    if (end > received.length) break
    frames.push({ opcode: first & 15, compressed: (first & 0x40) > 0, payload: received.subarray(offset + head, end) })
    offset = end
  }
  return frames
}
