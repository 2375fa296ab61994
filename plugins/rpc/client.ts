import { call } from './call.ts'
import { install } from './client-half.ts'
import type { ClientRpc, RpcClientPlugin } from './client-half.ts'
import type { RpcOptions } from './options.ts'
import type { Hints, Other, Router } from './router.ts'
import type { Sound } from './sound.ts'

/**
 * Calls of functions on the other end, both ways: `client.rpc.add(1, 2)`.
 * @param router - what the server may call here
 */
export const rpc = <Theirs = unknown, R extends Router = Router>(
  router?: (R | Hints<Other<Theirs>>) & Sound<R>,
  options: RpcOptions = {}
): RpcClientPlugin<Theirs> => ({
  name: 'rpc',
  version: 1,
  // At run time the other end has what it has: the types are a promise of whoever named them.
  client: (client, lane) => install(router ?? {}, options, client, lane, call) as ClientRpc<Theirs>
})

export type { ClientCalls, ClientRpc, ProvideOptions, RpcClientPlugin } from './client-half.ts'
export { method } from './method.ts'
export type { Schemas } from './method.ts'
export type { StandardSchema } from '../../lib/standard-schema.ts'
export { RpcError } from './error.ts'
export type { RpcOptions } from './options.ts'
export type { CallOptions, Items, Loose, Method, Remote, RemoteOf } from './remote.ts'
export type { AnyFunction, Call, Handler, Hints, Middleware, Other, Router } from './router.ts'
export type { Sound, SoundHandler } from './sound.ts'
export type { Peer } from '../../lib/server/peer.ts'
export type * from '../../lib/types.ts'
