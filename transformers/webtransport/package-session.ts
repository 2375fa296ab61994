import type { ServerHttp2Stream } from 'node:http2'
import type { HttpHeaders } from '../../lib/server/http.ts'
import type { WebTransportDatagrams, WebTransportSession } from './session.ts'

/** A session of the package, on either end. */
export interface PackageSession extends WebTransportSession {
  readonly datagrams: WebTransportDatagrams & { createWritable(): WritableStream<Uint8Array> }
}

/**
 * A session that can be ended at once, and says whether it has datagrams: over HTTP/2 they would be bytes of its one stream.
 * @param cut - frees everything, whether or not the other end reads
 */
export const adaptSession = (session: PackageSession, isLossy: () => boolean, cut: () => void): WebTransportSession => {
  const { datagrams } = session
  return {
    ready: session.ready,
    closed: session.closed,
    datagrams: {
      readable: datagrams.readable,
      get maxDatagramSize() {
        return isLossy() ? datagrams.maxDatagramSize : 0
      },
      createWritable: () => datagrams.createWritable()
    },
    incomingBidirectionalStreams: session.incomingBidirectionalStreams,
    incomingUnidirectionalStreams: session.incomingUnidirectionalStreams,
    createBidirectionalStream: () => session.createBidirectionalStream(),
    close: cut
  }
}

export const isHttp2Stream = (value: unknown): value is ServerHttp2Stream =>
  typeof value === 'object' && value !== null && 'rstCode' in value

/**
 * Answers a request without a session. The package would close the stream in the same turn: from Node 22 on the reset
 * overtakes the answer, and the client never learns the status.
 */
export const refuse = (stream: ServerHttp2Stream, status: number): void => {
  if (stream.destroyed || stream.closed) return
  stream.respond({ ':status': status }, { endStream: true })
  setImmediate(() => stream.close())
}

/** The headers of HTTP/2 and HTTP/3 as those of HTTP/1. */
export const headersOf = (raw: object): HttpHeaders => {
  const headers: Record<string, string | string[] | undefined> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (!name.startsWith(':') && (typeof value === 'string' || Array.isArray(value))) headers[name] = value
  }
  headers['host'] = textOf(raw, ':authority') || headers['host']
  // The package's client says its host's name where browsers say an origin: a scheme first, or null.
  const { origin } = headers
  if (typeof origin === 'string' && origin !== 'null' && !origin.includes('://')) delete headers['origin']
  return headers
}

/** A pseudo header. */
export const textOf = (raw: object, name: string): string => {
  const value: unknown = Reflect.get(raw, name)
  return typeof value === 'string' ? value : ''
}

/** 127.0.0.1:1234, ::1:1234 and [::1]:1234 without the port. */
export const addressOf = (peer: string): string => peer.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
