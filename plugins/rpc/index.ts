import { isDeepStrictEqual } from 'node:util'
import { answer } from '../../lib/answer.ts'
import type { Undo } from '../../lib/emitter.ts'
import { ERR_NO_METHOD } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During } from '../../lib/plugin.ts'
import { amount, callable, callables, checkPartOptions, either } from '../../lib/option-rules.ts'
import type { OptionRules } from '../../lib/option-rules.ts'
import { report } from '../../lib/report.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import type { Server } from '../../lib/server/server.ts'
import { takes } from '../../lib/server/takes.ts'
import { stageOf } from './answering.ts'
import { toAnswer } from './call.ts'
import { checkedCall, checkedResult, checkOptions } from './checked-call.ts'
import { install } from './client-half.ts'
import type { ClientRpc, RpcClientPlugin } from './client-half.ts'
import { because } from './error.ts'
import type { RpcOptions } from './options.ts'
import { remote } from './remote.ts'
import type { CallOptions, Method, RemoteOf } from './remote.ts'
import { flatten } from './router.ts'
import type { AnyFunction, Call, Handler, Hints, Other, Router } from './router.ts'
import { checkRouter, toRoute } from './routes.ts'
import { ServerHalf } from './server.ts'
import type { RpcServerOptions } from './server.ts'
import type { Sound, SoundHandler } from './sound.ts'
import type { Wanted } from './wanted.ts'

/** `server.rpc` */
export interface ServerRpc<R> {
  /** What was passed in: the types of clients come from it. */
  readonly router: R
  /**
   * Answers calls of a service, among its other providers. What it returns withdraws it.
   * @throws ERR_OPTION when a handler has this name
   */
  provide<F extends AnyFunction>(
    name: string,
    handler: (F | ((...args: Call<Peer>[]) => unknown)) & SoundHandler<F>
  ): Undo
  /**
   * Calls a handler or a service, by its dotted name, as the client of a peer would; permissions are not asked. For somebody
   * without a connection: `server.guest`. What is a stream there is a stream here.
   */
  call(peer: Peer, name: string, args: readonly unknown[], options?: CallOptions): Promise<unknown>
  /** A service that clients provide. */
  service<F extends AnyFunction = Handler>(name: string, options?: CallOptions): Method<F>
}

/** `peer.rpc`: the handlers of this one client. */
export type PeerRpc<Theirs> = { with(options: CallOptions): RemoteOf<Theirs> } & RemoteOf<Theirs>

/** Both halves. */
export interface RpcPlugin<Theirs, Mine, Context = unknown> extends RpcClientPlugin<Theirs>, ServerPlugin {
  readonly name: 'rpc'
  readonly version: 1
  readonly verbs: readonly ['call', 'provide']
  server(server: Server): ServerRpc<Mine>
  peer(peer: Peer<Wanted<Mine> & Context>, lane: Lane, server: Server, during: During): PeerRpc<Theirs>
}

const RULES: OptionRules<RpcServerOptions<never>> = {
  timeout: amount(0),
  use: callables,
  deadline: amount(0),
  limit: amount(0),
  accept: amount(0),
  provide: either(true, either(false, callable)),
  keys: { time: amount(0), count: amount(0), same: callable }
}

/**
 * Calls of functions on the other end, both ways: `client.rpc.add(1, 2)`, `peer.rpc.notify('hello')`.
 * @param router - what the other end may call here
 * @throws ERR_OPTION
 * @example
 * const server = createServer(http, { plugins: [rpc({ add: (a: number, b: number) => a + b })] })
 * export type Api = typeof server
 *
 * const client = connect(url, { plugins: [rpc<Api>()] })
 * await client.rpc.add(1, 2)
 */
export const rpc = <Theirs = unknown, R extends Router = Router, Context = unknown>(
  router?: (R | Hints<Other<Theirs>>) & Sound<R>,
  options: RpcServerOptions<Peer<Context>> = {}
): RpcPlugin<Theirs, R, Context> => {
  const halves = new WeakMap<Server, ServerHalf>()
  if (router) checkRouter(router)
  checkPartOptions<RpcServerOptions<never>>('rpc', options, RULES)
  // Where this becomes a client, its middleware gets the client: the types are those of servers.
  const { timeout, use = [] } = options as RpcOptions
  return {
    name: 'rpc',
    version: 1,
    client: (client, lane) =>
      install(router ?? {}, { timeout, use: [checkedResult, ...use] }, client, lane, checkedCall) as ClientRpc<Theirs>,
    verbs: ['call', 'provide'],
    server(server) {
      const { time = 300_000, count = 10_000, same = isDeepStrictEqual } = options.keys ?? {}
      const half = new ServerHalf(server, flatten(router ?? {}, toRoute), options as RpcServerOptions, {
        time,
        count,
        same
      })
      halves.set(server, half)
      return {
        router: router as R,
        provide: (name, handler) => half.provide(name, toRoute(handler as Handler, undefined)),
        async call(peer, name, args, options) {
          checkOptions(options)
          return half.call(peer, name, args, options)
        },
        service: (name, options) =>
          ((...args: unknown[]) =>
            toAnswer(
              answer(
                resolve => {
                  checkOptions(options)
                  resolve(half.ask(name, args, options))
                },
                error => report(server, error, stageOf(name))
              )
            )) as never
      }
    },
    peer(peer, lane, server, during) {
      const exchange = halves.get(server)?.join(peer, lane, during, packets => takes(peer, packets))
      const callWith = (options?: CallOptions) => (name: string, args: unknown[]) => {
        if (!exchange || !lane.connected) {
          const failed = (error: Error): void => lane.failed(error, stageOf(name))
          return toAnswer(answer((_resolve, reject) => reject(because(ERR_NO_METHOD, name)), failed))
        }
        return checkedCall(exchange, name, args, options)
      }
      // At run time the other end has what it has: the types are a promise of whoever named them.
      return remote(callWith(), '', { with: (options: CallOptions) => remote(callWith(options)) }) as PeerRpc<Theirs>
    }
  }
}

export type { ClientCalls, ClientRpc, ProvideOptions, RpcClientPlugin } from './client-half.ts'
export type { KeysOptions } from './keys.ts'
export type { Wanted } from './wanted.ts'
export { RpcError } from './error.ts'
export type { RpcOptions } from './options.ts'
export { method } from './method.ts'
export type { Schemas } from './method.ts'
export type { StandardSchema } from '../../lib/standard-schema.ts'
export type { CallOptions, Items, Loose, Method, Remote, RemoteOf } from './remote.ts'
export type { AnyFunction, Call, Handler, Hints, Middleware, Other, Router } from './router.ts'
export type { Sound, SoundHandler } from './sound.ts'
export type { RpcServerOptions } from './server.ts'
export type * from '../../lib/server/types.ts'
