import type { Client } from '../../lib/client.ts'
import type { Connection } from '../../lib/connection.ts'
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

/** What answers a call. */
export type Route<P> = (call: Call<P>) => unknown

/** Stands between callers and handlers: may refuse by throwing, and see and change what comes back. */
export type Middleware<P> = (call: Call<P>, next: () => unknown) => unknown

/** A route with middleware around it, the first one outermost. */
export const around = <P>(use: readonly Middleware<P>[] = [], route: Route<P>): Route<P> =>
  use.reduceRight<Route<P>>((next, middleware) => call => middleware(call, () => next(call)), route)

/** Calls a handler, with its call behind its arguments, where it expects it. */
export const invoke = (handler: Handler, owner: unknown, call: Call<unknown>): unknown => {
  const args = [...call.args]
  // Missing arguments are undefined, and the call does not take their place.
  args[Math.max(args.length, handler.length - 1)] = call
  return Reflect.apply(handler, owner, args)
}

/** All handlers by their paths: nothing else is found there, whatever a caller asks for. */
export const flatten = <P>(
  router: object,
  toRoute: (handler: Handler, owner: object) => Route<P>,
  prefix = '',
  routes = new Map<string, Route<P>>()
): Map<string, Route<P>> => {
  for (const [name, part] of Object.entries(router) as [string, object][]) {
    // The types say that it takes what its callers send, which is looked at where it matters.
    if (typeof part === 'function') routes.set(prefix + name, toRoute(part as Handler, router))
    else flatten(part, toRoute, `${prefix}${name}.`, routes)
  }
  return routes
}
