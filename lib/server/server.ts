import type { Listenable, WriteOptions } from '../connection.ts'
import type { AnywireError } from '../errors.ts'
import type { Installed } from '../plugin.ts'
import type { Judging } from './contexts.ts'
import type { Counters } from './counters.ts'
import type { HttpServer } from './http.ts'
import type { Host } from './listener.ts'
import type { ServerOptions } from './options.ts'
import type { Handshake, Peer } from './peer.ts'
import type { Peers } from './peers.ts'
import type { ServerPlugin } from './plugin.ts'
import { ServerCore } from './server-core.ts'

/** Where an error came from. */
export interface ErrorInfo<P = Peer> {
  /** The event whose listener failed, or the step: 'authenticate', 'incoming', 'outgoing', 'write', 'connection' … */
  readonly stage: string
  readonly peer?: P
}

export interface ServerEvents<P = Peer> {
  /** A client was accepted. */
  connection: [peer: P]
  /** The server's own http.Server listens; where a `port` or `socket` option asked for one. */
  listening: [address: ReturnType<HttpServer['address']>]
  /** A client was judged anew, and has another context. */
  context: [peer: P, before: unknown]
  /** A client was not accepted. */
  refused: [error: AnywireError, handshake: Handshake]
  /** Something failed, in a handler or on a connection; nothing else was harmed. Without a listener it is printed. */
  error: [error: AnywireError, info: ErrorInfo<P>]
  /** After `close`: everything is over. */
  close: []
}

export interface CloseOptions {
  /**
   * Milliseconds for what was asked before to be answered, for clients to read what is on its way to them, and, at their end, for wires to
   * close; then these are cut. Default 10,000.
   */
  readonly timeout?: number | undefined
  /** Tells clients to come back, spread over so many milliseconds; false: not to come back. Default 5,000. */
  readonly reconnect?: number | false | undefined
}

export interface MulticastOptions extends WriteOptions {
  /** The name of a plugin. Default: none, it is the application's own. */
  readonly lane?: string | undefined
  /** Called for each peer that is full: it took the value, and `drain` tells when there is room for more. */
  readonly full?: ((peer: Peer) => void) | undefined
}

/** Accepts clients. */
export interface Server<P = Peer> extends Listenable<ServerEvents<P>> {
  readonly peers: Peers<P>
  /** For metrics. */
  readonly counters: Counters
  /** Those that are installed, in their order. */
  readonly plugins: readonly ServerPlugin[]
  /** The http.Server that it listens on: yours, or its own. */
  readonly http: HttpServer | undefined
  /** Where clients find it, as a path. */
  readonly path: string
  /** Whether it has an `authenticate`, which clients are judged by. */
  readonly judges: boolean
  /** For a plugin that answers requests below the path. */
  readonly host: Host
  /**
   * For a plugin that does something for who has no connection: a peer with this context that has ended. Plugins know it,
   * and permissions judge it.
   */
  guest(handshake: Handshake, context: unknown): P
  /** Writes a value to some of the peers as `peers.broadcast` does to all; over a plugin's lane when one is named. */
  multicast(peers: Iterable<Peer>, value: unknown, options?: MulticastOptions): number
  /**
   * Shuts down: takes no more clients, has plugins answer what they were asked for, sends what was written, tells clients when to come back, and leaves an http.Server
   * that was passed in as it was. Its own one it closes.
   * @throws ERR_OPTION
   */
  close(options?: CloseOptions): Promise<void>
}

/**
 * Accepts clients on an http.Server, beside whatever else it does; or with a `port` or `socket` option on its own.
 * @param http - undefined for a server of its own, or for none at all where no transformer needs one
 * @throws ERR_OPTION, ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS
 */
export const createServer = <const P extends readonly ServerPlugin[] = readonly [], Context = undefined>(
  http: HttpServer | undefined,
  options: ServerOptions<P, Context> & Judging<P>
): Server<Peer<Context> & Installed<P, 'peer'>> & Installed<P, 'server'> => {
  // The plugins add their properties: `install` does at run time what `Installed` says.
  const server: unknown = new ServerCore(http, options)
  return server as Server<Peer<Context> & Installed<P, 'peer'>> & Installed<P, 'server'>
}
