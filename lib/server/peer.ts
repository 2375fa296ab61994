import type { Connection } from '../connection.ts'
import type { HttpHeaders } from './http.ts'

/** What a client said when it asked to connect, on the first of its wires. */
export interface Handshake {
  /** The name of the transformer. */
  readonly transformer: string
  /** Path and query of the request. */
  readonly url: string
  /** The query, without what anywire adds to it. */
  readonly query: Readonly<Record<string, string>>
  readonly headers: HttpHeaders
  /** Of the client, or of the last proxy that is not trusted. '' where the technology knows none. */
  readonly address: string
  /** Whether the client speaks plain messages, without sessions and lanes. */
  readonly plain: boolean
}

/** A handshake with what `authenticate` needs, and nobody keeps. */
export interface AuthRequest extends Handshake {
  /** The client's `auth` option. Undefined: it has none, or is a plain one. */
  readonly auth: unknown
}

/** The server's end of one client. */
export interface Peer<Context = unknown> extends Connection, Handshake {
  /** What `authenticate` returned last: when the client connected, came back, or was judged anew. */
  readonly context: Context
  /**
   * Judges the client anew by the server's `authenticate`, as a new client that shows this. What it returns takes the place
   * of `context`, and the server's event `context` tells. A refusal changes nothing.
   * @param accepts - may still refuse, with what comes and what is there; only true accepts
   * @throws the AnywireError of the refusal; ERR_CLOSED when the connection is over
   */
  reauthenticate(auth: unknown, accepts?: (now: unknown, before: unknown) => unknown): Promise<void>
  /** Ends the connection at once with ERR_EXPIRED: the client connects again, and asks its `auth` function anew. */
  expire(): void
  /** Cuts the wire, as a network does: the client may come back to the session. For tests, and to move clients elsewhere. */
  disconnect(): void
}
