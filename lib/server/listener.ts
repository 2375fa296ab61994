import type { IncomingHttpHeaders, IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Undo } from '../emitter.ts'
import type { AnywireError } from '../errors.ts'
import type { Receiver, Transformer } from '../transformer.ts'

/** What a client's request for a link says. */
export interface LinkRequest {
  /** Path and query, as in an HTTP request line. */
  readonly url: string
  readonly headers: IncomingHttpHeaders
  /** The address of the other end of the socket; '' where there is none. */
  readonly address: string
  /** The HTTP request, where there was one. */
  readonly request?: IncomingMessage
}

/**
 * Decides about a link before it opens.
 * @returns its receiver; or why it is refused, to be told by `httpStatus` where the technology has no better way
 */
export type Accept = (request: LinkRequest) => Receiver | AnywireError

/** Where a transformer listens: the server's path on an http.Server that others use too. */
export interface Host {
  readonly http: HttpServer | undefined
  /** The largest message that the server takes, in bytes. A wire need not take more than a few bytes beyond. */
  readonly limit: number
  /** Sees upgrade requests to the path; the first handler that returns true has the socket. */
  onUpgrade(handler: (request: IncomingMessage, socket: Duplex, head: Buffer) => boolean): Undo
  /** Sees requests to the path and below it; the first handler that returns true answers. */
  onRequest(handler: (request: IncomingMessage, response: ServerResponse) => boolean): Undo
}

export interface Listener {
  /** Ends what listens. Links that are open are the core's, which has ended them. */
  close(): void | Promise<void>
}

/** The server half of a transformer: waits for links. */
export interface ServerTransformer extends Transformer {
  listen(host: Host, accept: Accept): Listener
}
