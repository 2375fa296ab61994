import { isDeepStrictEqual } from 'node:util'
import type { AnywireError } from '../errors.ts'
import type { Parser } from '../parser.ts'
import type { Checked } from '../plugin.ts'
import { limitsOf } from '../limits.ts'
import type { Limits } from '../limits.ts'
import type { TrustProxy } from './address.ts'
import type { ServerTransformer } from './listener.ts'
import type { Fitting } from './contexts.ts'
import type { Origins } from './origin.ts'
import type { AuthRequest, Handshake } from './peer.ts'
import type { ServerPlugin } from './plugin.ts'
import { fill } from '../given.ts'
import type { Given } from '../given.ts'

/** A client for browsers, which a server hands out beside its connections. */
export interface ClientBundle {
  /** A file whose name ends with .js or .mjs, or a folder that has `client.js` and `client.global.js`; source maps beside them. */
  readonly location: string | URL
  /** A name of this version: `client.js?v=<version>` is cached for ever. So is `?v=` with the file's hash, its ETag. */
  readonly version?: string | undefined
}

export interface ServerLimits extends Limits {
  /** Milliseconds from an open wire to the end of `authenticate`. Default 10,000. */
  readonly handshake: number
  /** Connections of one address, and sessions; an IPv6 address counts by its first 64 bits. Default 1,000. */
  readonly connections: number
  /** Messages of one connection: so many a second, and so many at once. False for no limit. Default 50,000 and 500,000. */
  readonly rate: { readonly second: number; readonly burst: number } | false
}

export interface Recovery<Context = unknown> {
  /** Milliseconds that a session waits for its client to come back. Default 120,000. */
  readonly time: number
  /** Sessions that wait at the same time; past it the oldest one is given up. Default 100,000. */
  readonly sessions: number
  /** Bytes that all of them hold together; past it the oldest one is given up. Default 268,435,456 (256 MiB). */
  readonly bytes: number
  /**
   * Whether the client that comes back is the one that left, judged by what `authenticate` returned then and now. Only
   * true says that it is. Default: deep equality.
   */
  same(this: void, before: Context, now: Context): boolean | Promise<boolean>
}

/** A context, or a refusal. */
type Refusable<Context> = Context | AnywireError | false | null | undefined

export interface ServerOptions<P extends readonly ServerPlugin[] = readonly [], Context = unknown> {
  /** All are accepted at once, on one path. */
  readonly transformers: readonly ServerTransformer[]
  /** The client's handshake chooses one; plain clients get the first. */
  readonly parsers: readonly Parser[]
  /** Installed in order. */
  readonly plugins?: (P & Checked<P> & Fitting<P, NoInfer<Context>>) | undefined
  /**
   * Judges each client, and each return to a session. What it returns is `peer.context`; false, null, undefined, or an error
   * refuses.
   * The message of an `AnywireError` is told to the client, any other error only to the server's `error`.
   */
  readonly authenticate?: ((request: AuthRequest) => Refusable<Context> | Promise<Refusable<Context>>) | undefined
  /** Default: pages of the server's own host and port; of its host for transformers that have a port of their own. */
  readonly origins?: Origins | undefined
  readonly trustProxy?: TrustProxy | undefined
  /** Default '/anywire'. */
  readonly path?: string | undefined
  /** Served to browsers as `<path>/client.js`: a .js or .mjs file, or a folder that has `client.js` and `client.global.js`. Default: none. */
  readonly client?: ClientBundle | string | URL | false | undefined
  /** Makes the id of a connection. Default: 128 random bits. */
  readonly id?: ((handshake: Handshake) => string) | undefined
  /** The application's schema version; clients with another one are refused. Default: any. */
  readonly schema?: number | undefined
  /** Milliseconds within which each end hears from the other, a whole number; 0 for never. Default 25,000. */
  readonly heartbeat?: number | undefined
  /** What it takes to resume a session after its wire was lost; false: sessions end with their wires. */
  readonly recovery?: Given<Recovery<NoInfer<Context>>> | false | undefined
  /** Whether clients without a library may connect. Default true. */
  readonly plain?: boolean | undefined
  readonly limits?: Given<ServerLimits> | undefined
  /** Without an http.Server: where the server's own one listens. */
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** A unix socket, instead of port and host. */
  readonly socket?: string | undefined
}

export type AnyServerOptions = Omit<ServerOptions, 'plugins'> & {
  readonly plugins?: readonly ServerPlugin[] | undefined
}

const RECOVERY: Recovery = {
  time: 120_000,
  sessions: 100_000,
  bytes: 268_435_456,
  same: isDeepStrictEqual
}

const SERVER_LIMITS: ServerLimits = {
  ...limitsOf(),
  handshake: 10_000,
  connections: 1_000,
  rate: { second: 50_000, burst: 500_000 }
}

export const serverLimitsOf = ({ limits }: AnyServerOptions): ServerLimits => fill(SERVER_LIMITS, limits)

export const recoveryOf = ({ recovery }: AnyServerOptions): Recovery | undefined =>
  recovery === false ? undefined : fill(RECOVERY, recovery)
