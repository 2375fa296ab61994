import { ClientEndpoint } from './client-endpoint.ts'
import type { Connection, End } from './connection.ts'
import type { Undo } from './emitter.ts'
import type { Parser } from './parser.ts'
import type { Checked, ClientPlugin, Installed } from './plugin.ts'
import type { Limits } from './limits.ts'
import type { ClientTransformer } from './transformer.ts'

/** A value, or what makes it for each attempt to connect. */
export type Each<T> = T | (() => T | Promise<T>)

export interface ClientOptions<P extends readonly ClientPlugin[] = readonly []> {
  /** In order of preference; the first one that opens is used. */
  readonly transformers: readonly ClientTransformer[]
  readonly parser: Parser
  /** Installed in order. */
  readonly plugins?: P & Checked<P>
  /** Shown to the server's `authenticate`. JSON. */
  readonly auth?: Each<unknown>
  /** Added to the URL, and shown to the server as `peer.query`. */
  readonly query?: Readonly<Record<string, string>>
  /** The application's schema version; the server refuses another one. */
  readonly schema?: number | undefined
  /** Milliseconds for one attempt, from the first byte to the server's welcome. Default 10,000. */
  readonly timeout?: number
  /** False: wait for `client.open()`. Default true. */
  readonly open?: boolean
  /** In bytes: see `Limits`. */
  readonly limits?: Partial<Limits>
}

/** The client's end of a connection. */
export interface Client extends Connection {
  /** Connects: at first when `open: false` was asked for, and again after `close`. Otherwise it does nothing. */
  open(): void
  /**
   * Asks the server for a sign of life.
   * @returns the round-trip time in milliseconds
   * @throws ERR_CLOSED when there is no wire, or it is lost before the answer
   */
  ping(): Promise<number>
  /** Checks a wire that may be dead: without a sign of life within `timeout` (default 5,000 ms) it is given up. */
  probe(timeout?: number): void
  /**
   * For plugins that reconnect. `supervisor` is called whenever there is no wire, and nobody said that it should stay so;
   * it returns true when it will call `open()` later.
   */
  supervise(supervisor: (end: Omit<End, 'reconnect'>) => boolean): Undo
  /** For plugins that keep values: while `waits()` is true, `end` waits for a wire, and for the plugin to write them. */
  hold(waits: () => boolean): Undo
}

/**
 * Connects to a server.
 * @param url - http:, https:, ws: or wss:, with the path `/anywire` when it has none; in a browser also relative to the
 * page; or a function, also asynchronous, that is asked before each attempt
 * @throws ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS: the types find these before they happen
 */
export const connect = <const P extends readonly ClientPlugin[] = readonly []>(
  url: Each<string | URL>,
  options: ClientOptions<P>
): Client & Installed<P, 'client'> =>
  // The plugins add their properties: `install` does at run time what `Installed` says.
  new ClientEndpoint(url, options) as Client & Installed<P, 'client'>
