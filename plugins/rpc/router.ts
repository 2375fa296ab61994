import type { Client } from '../../lib/client.ts'
import type { Connection } from '../../lib/connection.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { Peer } from '../../lib/server/peer.ts'

/** What a handler gets behind its arguments. */
export interface Call<P = Connection> {
  /** The other end: the peer on a server, the client itself on a client. */
  readonly peer: P
  /** Aborts when the caller cancels, when the time is over, and when the session ends before the answer. */
  readonly signal: AbortSignal
  /** As dotted path. */
  readonly name: string
  readonly args: readonly unknown[]
  /** The caller's idempotency key. */
  readonly key: string | undefined
  /** The key, or the session and the number of the call. An error on the caller's end has the same. */
  readonly id: string
  /** Of a service that was provided with `accept: 'manual'`: says that it is at it. */
  accept(): void
  /** Of a service: passes the call on to another provider. Throws, so that nothing comes after it. */
  reject(reason?: string): never
}

/** Any function, without a signature: what a handler may look like is told by the types around it. */
export interface AnyFunction {
  readonly apply: unknown
  readonly bind: unknown
}

/** Handlers by name, nested. */
export interface Router {
  readonly [name: string]: AnyFunction | Router
}

/** Gives the call of a handler its type where nobody wrote one, as `{ peer, signal }` behind the arguments. */
export interface Hints<P> {
  readonly [name: string]: ((...args: Call<P>[]) => unknown) | Hints<P>
}

/** Who calls, where the other end is `Theirs`: servers have peers. */
export type Other<Theirs> = Theirs extends { readonly peers: unknown } ? Client : Peer

export type Handler = (...args: unknown[]) => unknown

/** A handler, and what is known of it. */
export interface Route {
  readonly handler: Handler
  /** Its `this`. */
  readonly owner: unknown
  /** It accepts by itself. */
  readonly manual?: boolean
}

/** Gets its call alone, whatever the arguments are. */
export interface BareRoute<P> {
  readonly bare: (call: Call<P>) => unknown
  readonly manual: true
}

/** How many arguments a handler takes before its call, where that is known for sure: see method.ts. */
export const TAKES = Symbol('takes')

/** Names that are the plugin's own, and those that would make promises of what is none. */
const RESERVED = new Set(['with', 'provide', 'service', 'router'])

/** All handlers by their paths: nothing else is found there, whatever a caller asks for. */
export const flatten = (router: object, prefix = '', routes = new Map<string, Route>()): Map<string, Route> => {
  for (const [name, part] of Object.entries(router) as [string, unknown][]) {
    if (/\.|^$|^then$/.test(name) || (!prefix && RESERVED.has(name)))
      throw new AnywireError(ERR_OPTION, `the name '${prefix}${name}'`)
    // The types say that it takes what its callers send, which is looked at where it matters.
    if (typeof part === 'function') routes.set(prefix + name, { handler: part as Handler, owner: router })
    else if (typeof part === 'object' && part) flatten(part, `${prefix}${name}.`, routes)
    else throw new AnywireError(ERR_OPTION, `'${prefix}${name}' is no handler`)
  }
  return routes
}
