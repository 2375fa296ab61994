import type { HttpHeaders } from '../../lib/server/http.ts'
import type { WebTransportSession } from './session.ts'

/** A client that asks for a session. Either `accept` or `reject` is called, once. */
export interface SessionRequest {
  /** Path and query. */
  readonly url: string
  /** Lower case. `host` and `origin` are what origin rules are about: without `origin` a client passes for no browser. */
  readonly headers: HttpHeaders
  /** The client's address, without a port; '' where it is not known. */
  readonly address: string
  /** Opens the session. Rejects when the client is gone. */
  accept(): Promise<WebTransportSession>
  /** Refuses with an HTTP status. */
  reject(status: number): void
}

/** Where sessions come from: a server of WebTransport, over whatever library. */
export interface SessionSource {
  /** Listens. Rejects where it cannot. */
  listen(arrived: (request: SessionRequest) => void): Promise<SessionListener>
}

export interface SessionListener {
  /** UDP for HTTP/3, TCP for HTTP/2. */
  readonly port: number
  /** Has new sessions open with what the source's certificate is now. */
  renew?(): Promise<void>
  /** Takes no new sessions, and leaves the open ones alone. */
  close(): void | Promise<void>
}
