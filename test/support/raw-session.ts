import { connect, constants } from 'node:http2'
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2'
import { once } from 'node:events'

/** Capsules of WebTransport over HTTP/2: draft-ietf-webtrans-http2, section 6. */
export const CAPSULE = {
  datagram: 0x00,
  close: 0x2843,
  reset: 0x190b4d39,
  stream: 0x190b4d3b,
  streamEnd: 0x190b4d3c,
  maxData: 0x190b4d3d,
  maxStreamData: 0x190b4d3e
} as const

/** RFC 9000, section 16. */
const number = (value: number): Buffer => {
  if (value < 64) return Buffer.from([value])
  const bytes = Buffer.alloc(value < 16_384 ? 2 : value < 2 ** 30 ? 4 : 8)
  if (bytes.length === 8) bytes.writeBigUInt64BE(BigInt(value))
  else bytes.writeUIntBE(value, 0, bytes.length)
  bytes[0] = (bytes[0] ?? 0) | ({ 2: 0x40, 4: 0x80, 8: 0xc0 }[bytes.length] ?? 0)
  return bytes
}

export const capsule = (type: number, ...parts: readonly (number | Uint8Array)[]): Buffer => {
  const payload = Buffer.concat(parts.map(part => (typeof part === 'number' ? number(part) : part)))
  return Buffer.concat([number(type), number(payload.length), payload])
}

/** The number of the first stream of a client, in the package's way of counting. */
export const FIRST_STREAM = 1

const open = new Set<ClientHttp2Session>()

/** Cuts all that are open. */
export const destroyRawSessions = (): void => {
  for (const session of open) session.destroy()
  open.clear()
}

/** The client's end of a session over HTTP/2, for what no client does. */
export class RawSession {
  readonly http2: ClientHttp2Session
  readonly stream: ClientHttp2Stream
  readonly status: number
  /** Resolves when the server ended it. */
  readonly closed: Promise<void>
  received = Buffer.alloc(0)

  private constructor(http2: ClientHttp2Session, stream: ClientHttp2Stream, status: number) {
    this.http2 = http2
    this.stream = stream
    this.status = status
    this.closed = new Promise(resolve => stream.once('close', () => resolve()))
    stream.on('data', (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk])))
  }

  /** @param url - where the server listens: an https URL, with path and query */
  static async open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<RawSession> {
    const { origin, pathname, search } = new URL(url)
    const http2 = connect(origin, { rejectUnauthorized: false })
    open.add(http2)
    http2.on('error', () => {})
    await once(http2, 'remoteSettings')
    const stream = http2.request({
      ':method': 'CONNECT',
      ':protocol': 'webtransport',
      ':scheme': 'https',
      ':path': pathname + search,
      ...headers
    })
    stream.on('error', () => {})
    const [answer] = (await once(stream, 'response')) as [Record<string, unknown>]
    return new RawSession(http2, stream, Number(answer[constants.HTTP2_HEADER_STATUS]))
  }

  send(...bytes: readonly Uint8Array[]): void {
    this.stream.write(Buffer.concat(bytes))
  }

  /** Sends bytes on the first stream. */
  write(bytes: Uint8Array): void {
    this.send(capsule(CAPSULE.stream, FIRST_STREAM, bytes))
  }
}
