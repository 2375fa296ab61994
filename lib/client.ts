import { makeClient } from './client-endpoint.ts'
import type { Connection, End, WriteOptions } from './connection.ts'
import type { AnywireError } from './errors.ts'
import type { Parser } from './parser.ts'
import type { Checked, ClientPlugin, ForClients, Installed } from './plugin.ts'
import type { Given } from './given.ts'
import type { Limits } from './limits.ts'
import type { Strategy } from './strategy.ts'
import type { ClientTransformer, Data } from './transformer.ts'

/** The options, whatever plugins they name. */
export type AnyClientOptions = Omit<ClientOptions, 'plugins'> & {
  readonly plugins?: readonly ClientPlugin[] | undefined
}

/** A value, or what makes it for each attempt to connect. */
export type Each<T> = T | (() => T | Promise<T>)

export interface ClientOptions<P extends readonly ClientPlugin[] = readonly []> {
  /** In order of preference; the first one that opens is used. */
  readonly transformers: readonly ClientTransformer[]
  readonly parser: Parser
  /** Installed in order. */
  readonly plugins?: (P & Checked<P> & ForClients<P>) | undefined
  /** Shown to the server's `authenticate`. JSON. */
  readonly auth?: Each<unknown>
  /** Added to the URL, and shown to the server as `peer.query`. */
  readonly query?: Readonly<Record<string, string>> | undefined
  /** The application's schema version; the server refuses another one. */
  readonly schema?: number | undefined
  /** Milliseconds for one attempt, from the first byte to the server's welcome. Default 10,000. */
  readonly timeout?: number | undefined
  /** False: wait for `client.open()`. Default true. */
  readonly open?: boolean | undefined
  /** In bytes: see `Limits`. */
  readonly limits?: Given<Limits> | undefined
}

/** The client's end of a connection. */
export interface Client extends Connection {
  /**
   * Connects: at first when `open: false` was asked for, and again after `close`. Behind `end()`, while the connection is open, it is
   * done when `close` has been told. While it is not, the end comes all the same, behind what waits to be sent: call it when `close`
   * has been told. Where there is no wire, the next attempt starts at once. Otherwise it does nothing.
   */
  open(): void
  /**
   * What is shown to the server's `authenticate`, asked for before each attempt: at first the option of that name. A function,
   * also asynchronous, so that whoever prints a client prints no secret.
   */
  auth: () => unknown
  /**
   * Asks the server for a sign of life. Without one within `timeout` (milliseconds, default 5,000) the wire is given up.
   * @returns the round-trip time in milliseconds
   * @throws ERR_CLOSED when there is no wire, or it is lost before the answer
   */
  ping(timeout?: number): Promise<number>
  /** The names of the transformers that the server listens with; empty before the first welcome. */
  readonly offers: readonly string[]
  /**
   * Moves the connection to a wire of another transformer, or a new one of the same; values go on as if nothing happened.
   * @throws ERR_CLOSED when there is no wire to move from, or it moves already; ERR_OPTION for a transformer that is none of
   * the options; ERR_LINK when the new wire failed, and the connection stays where it is
   */
  migrate(transformer: string): Promise<void>
  /** For a plugin that chooses among transformers; the last one is used. */
  choose(strategy: Strategy): void
  /**
   * For a plugin that reconnects; the last one is asked. `supervisor` is called whenever there is no wire, and nobody said
   * that it should stay so; it returns true when it will call `open()` later. It is asked in the midst of things: what it
   * tells others it tells them later.
   */
  supervise(supervisor: (end: Omit<End, 'reconnect'>) => boolean): void
  /** For a plugin that keeps what is written while there is no wire; the last one is used. */
  keep(keeper: Keeper): void
}

/** Keeps encoded values for a client that has no wire. */
export interface Keeper {
  /** What is kept, in bytes. */
  readonly bytes: number
  /**
   * Keeps a value, or tells somebody that it does not: where nobody listens, with `report`.
   * @returns false where the writer should wait for `drain`, which comes when there is a wire
   */
  put(data: Data, options: WriteOptions | undefined, report: (error: AnywireError) => void): boolean
  /**
   * Hands over what is kept, in order, and keeps it no more. Called once there is a wire, after the handlers of `open`.
   * `over`: there will be none, and it is told in `lost`.
   */
  take(over?: boolean): readonly Data[]
}

/**
 * Connects to a server.
 * @param url - http:, https:, ws: or wss:, with the path `/anywire` when it has none; in a browser also relative to the
 * page; or a function, also asynchronous, that is asked before each attempt
 * @throws ERR_PLUGIN_NAME, ERR_PLUGIN_NEEDS: the types find these before they happen
 */
// The plugins add their properties: `install` does at run time what `Installed` says.
export const connect = makeClient as <const P extends readonly ClientPlugin[] = readonly []>(
  url: Each<string | URL>,
  options: ClientOptions<P>
) => Client & Installed<P, 'client'>
