import type { Client } from '../../lib/client.ts'
import type { Undo } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import type { ClientPlugin, During } from '../../lib/plugin.ts'
import { Exchange } from './exchange.ts'
import type { RpcOptions } from './exchange.ts'
import { remote } from './remote.ts'
import type { CallOptions, Method, RemoteOf } from './remote.ts'
import { flatten } from './router.ts'
import type { AnyFunction, Call, Handler, Hints, Other, Router } from './router.ts'
import { PROVIDE, WITHDRAW } from './wire.ts'

export interface ProvideOptions {
  /** `manual`: the handler says `call.accept()` itself. Default: a handler that was called has accepted. */
  readonly accept?: 'auto' | 'manual'
}

/** `client.rpc`, beside the names of the server's handlers. */
export interface ClientCalls<Theirs> {
  /** The server's handlers, called with these options. */
  with(options: CallOptions): RemoteOf<Theirs>
  /** A service that others provide under a name. */
  service<F extends AnyFunction = Handler>(name: string, options?: CallOptions): Method<F>
  /**
   * Offers a service under a name, now and in later sessions. What it returns withdraws it.
   * @throws ERR_OPTION when this client has something of that name; rejects with ERR_DENIED when the server does not want it
   */
  provide<F extends AnyFunction>(
    name: string,
    handler: F | ((...args: Call<Client>[]) => unknown),
    options?: ProvideOptions
  ): Promise<Undo>
}

export type ClientRpc<Theirs> = ClientCalls<Theirs> & RemoteOf<Theirs>

/** The client half. */
export interface RpcClientPlugin<Theirs> extends ClientPlugin {
  readonly name: 'rpc'
  readonly version: 1
  client(client: Client, lane: Lane, during: During): ClientRpc<Theirs>
}

const install = (
  router: object,
  options: RpcOptions,
  [client, lane, during]: readonly [client: Client, lane: Lane, during: During]
): object => {
  const routes = flatten(router)
  const provided = new Set<string>()
  let id = ''
  const exchange = new Exchange(
    {
      connection: client,
      lane,
      sign: 1,
      get id() {
        return id
      },
      get ready() {
        return client.state === 'open' && id === client.id
      },
      get refusal() {
        return client.state === 'closed' ? ERR_CLOSED : undefined
      },
      find: name => routes.get(name)
    },
    options
  )
  const { caller } = exchange
  const announce = async (name: string): Promise<void> => {
    try {
      await caller.call(name, [], {}, PROVIDE)
      provided.add(name)
    } catch (error) {
      provided.delete(name)
      routes.delete(name)
      throw error
    }
  }
  client.on('open', () => {
    // What handlers of `open` call goes first.
    queueMicrotask(() => caller.flush())
    if (id === client.id) return
    exchange.over()
    id = client.id
    // What the server does not want any more is told as an error of the client.
    return Promise.all([...provided].map(announce))
  })
  client.on('close', () => id === client.id || exchange.over())
  during(() => () => exchange.over(true))

  const callWith =
    (options?: CallOptions) =>
    (name: string, args: unknown[]): unknown =>
      caller.call(name, args, options)
  return remote(callWith(), '', {
    with: (options: CallOptions) => remote(callWith(options)),
    service:
      (name: string, options?: CallOptions) =>
      (...args: unknown[]) =>
        caller.call(name, args, { accept: Infinity, ...options }),
    async provide(name: string, handler: Handler, { accept }: ProvideOptions = {}): Promise<Undo> {
      if (routes.has(name)) throw new AnywireError(ERR_OPTION, `there is a '${name}'`)
      routes.set(name, { handler, owner: undefined, manual: accept === 'manual' })
      await announce(name)
      return () => {
        if (!provided.delete(name)) return
        routes.delete(name)
        caller.tell(WITHDRAW, name)
      }
    }
  })
}

/**
 * Calls of functions on the other end, both ways: `client.rpc.add(1, 2)`.
 * @param router - what the server may call here
 */
export const rpc = <Theirs = unknown, R extends Router = Router>(
  router: R | Hints<Other<Theirs>> = {},
  options: RpcOptions = {}
): RpcClientPlugin<Theirs> => ({
  name: 'rpc',
  version: 1,
  // At run time the other end has what it has: the types are a promise of whoever named them.
  client: (...host) => install(router, options, host) as ClientRpc<Theirs>
})

export { method } from './method.ts'
export type { StandardSchema } from './method.ts'
export type { Middleware } from './callee.ts'
export { RpcError } from './error.ts'
export type { RpcOptions } from './exchange.ts'
export type { CallOptions, Method, Remote } from './remote.ts'
export type { Call, Router } from './router.ts'
