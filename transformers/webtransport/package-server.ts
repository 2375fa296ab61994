import type { ServerHttp2Stream } from 'node:http2'
import { call, dig, guardParser } from './http2-guard.ts'
import { adaptSession, addressOf, headersOf, isHttp2Stream, refuse, textOf } from './package-session.ts'
import type { PackageSession } from './package-session.ts'
import type { WebTransportPackage } from './package.ts'
import type { WebTransportSession } from './session.ts'
import type { SessionRequest } from './source.ts'

/** A server of the package, for HTTP/2 or HTTP/3. */
export type PackageServer = InstanceType<typeof WebTransportPackage.Http2Server>

/** What the package tells of a request for a session, */
interface Asked {
  readonly header: object
  readonly peerAddress: string
  readonly protocol: string
  /** Over HTTP/2 its stream. */
  readonly session: unknown
}

/** and of the session. */
interface Opened {
  readonly session: unknown
  readonly userData?: UserData
}

/** What the package hands from a request on to its session. */
interface UserData {
  readonly opened: (session: PackageSession, native: unknown) => void
}

interface Answer {
  readonly status: number
  readonly path: string
  readonly userData?: UserData
}

/** What is chosen of the package's many options. */
export interface PackageServerInit {
  readonly host: string
  readonly port: number
  readonly cert: string
  readonly privKey: string
  /** For the tokens of QUIC. */
  readonly secret: string
}

/**
 * Makes a server of the package; it does not listen yet.
 * @param taken - is told the stream of each session over HTTP/2
 */
export const makePackageServer = (
  Class: typeof WebTransportPackage.Http2Server,
  init: PackageServerInit,
  arrived: (request: SessionRequest) => void,
  taken: (stream: ServerHttp2Stream) => void
): PackageServer => {
  /** What the package's callback is not told. */
  const events = new WeakMap<object, Asked>()
  class SourceServer extends Class {
    override onSessionRequest(event: Asked): void {
      // The package's own WebSocket protocol is for its own browser half. Browsers have better: anywire's ws.
      if (event.protocol.startsWith('websocket')) return call(event.session, 'destroy')
      events.set(event.header, event)
      super.onSessionRequest(event)
    }

    override onHttpWTSessionVisitor(event: Opened): void {
      super.onHttpWTSessionVisitor(event)
      event.userData?.opened(dig(event.session, 'jsobj') as PackageSession, event.session)
    }
  }
  const server = new SourceServer({ defaultDatagramsReadableMode: undefined, ...init })
  server.setRequestCallback(({ header }: { readonly header: object }) => {
    const event = events.get(header)
    return new Promise<Answer>(answer => {
      if (event) arrived(requestOf(event, taken, answer))
    })
  })
  return server
}

const requestOf = (
  event: Asked,
  taken: (stream: ServerHttp2Stream) => void,
  answer: (answer: Answer) => void
): SessionRequest => {
  const { header, peerAddress } = event
  const stream: unknown = event.session
  return {
    url: textOf(header, ':path'),
    headers: headersOf(header),
    address: addressOf(peerAddress),
    reject: status => (isHttp2Stream(stream) ? refuse(stream, status) : answer({ status, path: '/' })),
    accept: () =>
      new Promise<WebTransportSession>((resolve, reject) => {
        const opened = (session: PackageSession, native: unknown): void => {
          const abort = (): void => (isHttp2Stream(stream) ? void stream.destroy() : session.close())
          // Whoever waits for neither shall not fail for it.
          session.ready.catch(() => {})
          session.closed.catch(() => {})
          guardParser(native, abort)
          resolve(adaptSession(session, () => !isHttp2Stream(stream), abort))
        }
        if (isHttp2Stream(stream)) {
          stream.once('close', () => reject(new Error('the client is gone')))
          if (stream.destroyed) return reject(new Error('the client is gone'))
          taken(stream)
        }
        answer({ status: 200, path: '/', userData: { opened } })
      })
  }
}
