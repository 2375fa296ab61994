import type { Undo } from '../emitter.ts'
import type { AnywireError } from '../errors.ts'
import type { Receiver, Transformer } from '../transformer.ts'
import type { Handshake } from './peer.ts'
import type { HttpHeaders, HttpRequest, HttpServer } from './http.ts'

/** What a client's request for a link says. */
export interface LinkRequest {
  /** Path and query, as in an HTTP request line. */
  readonly url: string
  readonly headers: HttpHeaders
  /** The address of the other end of the socket; '' where there is none. */
  readonly address: string
  /** The HTTP request, where there was one. */
  readonly request?: HttpRequest
  /** The transformer listens on a port of its own, which no page comes from: origins are compared with the host alone. */
  readonly ownPort?: boolean
}

/**
 * Decides about a link before it opens.
 * @returns its receiver; or why it is refused, as an HTTP status by `httpStatus`, or in a better way that the technology has
 */
export type Accept = (request: LinkRequest) => Receiver | AnywireError

/** A handler of Node's `upgrade` event; `socket` is a `stream.Duplex`, `head` a Buffer. */
export type UpgradeHandler = (request: HttpRequest, socket: unknown, head: Uint8Array) => boolean

/** A handler of Node's `request` event; `response` is an `http.ServerResponse`. */
export type RequestHandler = (request: HttpRequest, response: unknown) => boolean

/** Where a transformer listens, or a plugin that answers requests: the server's path on an http.Server that others use too. */
export interface Host {
  readonly http: HttpServer | undefined
  /** Of the server's URL, for transformers that do not listen on `http`. */
  readonly path: string
  /** The largest message that the server takes, in bytes. A wire need not take more. */
  readonly limit: number
  /**
   * Sees upgrade requests to the path: Node's request, socket and head. The first handler that returns true has the socket.
   * @throws ERR_OPTION where there is no http.Server
   */
  onUpgrade(handler: UpgradeHandler): Undo
  /** Sees requests to the path and below it, with Node's response. The first handler that returns true answers. */
  onRequest(handler: RequestHandler): Undo
  /** Whether a request's origin is allowed, for a transformer whose answers a page of another site may read or not. */
  allows(request: LinkRequest): boolean
  /** What a request says, for whoever judges it; the address is that of the client, behind proxies that are trusted. */
  handshake(transformer: string, request: LinkRequest): Handshake
  /** Tells the server's listeners for errors that a transformer cannot listen, or not as it should. */
  report(error: AnywireError): void
}

export interface Listener {
  /** Ends what listens. Links that are open go on: the core ends each of them. */
  close(): void | Promise<void>
}

/** The server half of a transformer: waits for links. */
export interface ServerTransformer extends Transformer {
  listen(host: Host, accept: Accept): Listener
}
