import { connect } from 'node:net'
import type { Socket } from 'node:net'
import type { Data } from '../../lib/transformer.ts'
import { until } from './faults-wait.ts'

/** The one of the examples in RFC 6455: a new one for each frame would take longer than all else of it. */
const KEY = Buffer.of(0x37, 0xfa, 0x21, 0x3d)

/** A frame of a client: RFC 6455, section 5.2. */
export const maskedFrame = (
  data: Data,
  {
    opcode = typeof data === 'string' ? 1 : 2,
    fin = true,
    rsv = 0,
    masked = true,
    length = undefined as bigint | undefined
  } = {}
): Buffer => {
  const payload = Buffer.from(data)
  const size = length ?? BigInt(payload.length)
  const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode]
  const mask = masked ? 0x80 : 0
  if (size < 126n) head.push(mask | Number(size))
  else if (size < 65_536n) head.push(mask | 126, Number(size >> 8n), Number(size & 255n))
  else {
    const long = Buffer.alloc(8)
    long.writeBigUInt64BE(size)
    head.push(mask | 127, ...long)
  }
  if (!masked) return Buffer.concat([Buffer.from(head), payload])
  return Buffer.concat([Buffer.from(head), KEY, payload.map((byte, index) => byte ^ (KEY[index % 4] ?? 0))])
}

/** The text of an upgrade request. Headers that are undefined are left out. */
export const upgradeRequest = (
  target = '/anywire?anywire=1',
  headers: Record<string, string | undefined> = {},
  version = '1.1'
): string => {
  const all = {
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers
  }
  const lines = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}\r\n`]))
  return `GET ${target} HTTP/${version}\r\n${lines.join('')}\r\n`
}

/** A TCP connection that says what it is told to. It reads only when it is asked to. */
export class RawSocket {
  readonly socket: Socket
  /** What was read, as Latin-1. */
  text = ''
  /** The other end closed its direction; everything is over. */
  ended = false
  closed = false

  /** @param read - false: never reads */
  constructor(port: number, read = true) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.on('error', () => {})
    this.socket.on('end', () => (this.ended = true))
    this.socket.on('close', () => (this.closed = true))
    if (read) this.socket.on('data', data => (this.text += data.toString('latin1')))
  }

  write(...parts: readonly (string | Uint8Array)[]): void {
    for (const part of parts) this.socket.write(part)
  }

  destroy(): void {
    this.socket.destroy()
  }

  /** The status of the answer. */
  async status(): Promise<number> {
    await until(() => /^HTTP\/1\.1 \d+/.test(this.text) || this.closed, 'an answer')
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.text)?.[1] ?? 0)
  }

  /** The code of the close frame that came last. */
  get closeCode(): number | undefined {
    const at = this.text.lastIndexOf('\x88')
    return at < 0 ? undefined : this.text.charCodeAt(at + 2) * 256 + this.text.charCodeAt(at + 3)
  }
}
