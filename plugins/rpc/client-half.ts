import type { Client } from '../../lib/client.ts'
import type { Undo } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { tellError } from '../../lib/report.ts'
import { errorOf } from '../../lib/requests.ts'
import type { Request } from '../../lib/requests.ts'
import type { call } from './call.ts'
import { runAtClient } from './client-run.ts'
import type { RpcError } from './error.ts'
import { makeExchange } from './exchange.ts'
import { remote } from './remote.ts'
import type { RpcOptions } from './options.ts'
import type { CallOptions, Method, RemoteOf } from './remote.ts'
import { around, flatten, invoke } from './router.ts'
import type { AnyFunction, Call, Handler, Route } from './router.ts'
import type { SoundHandler } from './sound.ts'
import { PROVIDE } from './wire.ts'

export interface ProvideOptions {
  /** `manual`: the handler says `call.accept()` itself. Default: a handler that was called has accepted. */
  readonly accept?: 'auto' | 'manual' | undefined
}

/** `client.rpc`, beside the names of the server's handlers. */
export interface ClientCalls<Theirs> {
  /** The server's handlers, called with these options. */
  with(options: CallOptions): RemoteOf<Theirs>
  /** A service that others provide under a name. */
  service<F extends AnyFunction = Handler>(name: string, options?: CallOptions): Method<F>
  /**
   * Offers a service under a name, now and in later sessions. What it returns withdraws it.
   * @throws ERR_OPTION when this client has something of that name; ERR_DENIED when the server does not want it, which is an
   * `error` of the client where nobody waits for it. Both reject
   */
  provide<F extends AnyFunction>(
    name: string,
    handler: (F | ((...args: Call<Client>[]) => unknown)) & SoundHandler<F>,
    options?: ProvideOptions
  ): Promise<Undo>
}

export type ClientRpc<Theirs> = ClientCalls<Theirs> & RemoteOf<Theirs>

/** The client half. */
export interface RpcClientPlugin<Theirs> extends ClientPlugin {
  readonly name: 'rpc'
  readonly version: 1
  client(client: Client, lane: Lane): ClientRpc<Theirs>
}

/** @param ask - makes the calls: pages have none that looks at them first */
export const install = (
  router: object,
  { timeout, use }: RpcOptions,
  client: Client,
  lane: Lane,
  ask: typeof call
): object => {
  const toRoute = (handler: Handler, owner: unknown): Route<Client> =>
    around<Client>(use, call => invoke(handler, owner, call))
  const routes = flatten(router, toRoute)
  const exchange = makeExchange({
    connection: client,
    lane,
    sign: 1,
    timeout,
    run: runAtClient,
    find: ([, name]) => routes.get(`${name}`)
  })
  const [[request, end]] = exchange
  const callWith = (options?: CallOptions) => (name: string, args: unknown[]) => ask(exchange, name, args, options)
  return remote(callWith(), '', {
    with: (options: CallOptions) => remote(callWith(options)),
    service:
      (name: string, options?: CallOptions) =>
      (...args: unknown[]) =>
        ask(exchange, name, args, options, 1),
    provide(name: string, handler: Handler, { accept }: ProvideOptions = {}): Promise<Undo> {
      if (routes.has(name)) return Promise.reject(new AnywireError(ERR_OPTION, `there is a '${name}'`))
      const route = toRoute(handler, undefined)
      routes.set(name, call => {
        if (accept !== 'manual') call.accept()
        return route(call)
      })
      const provided: Request<Undo> = {
        packet: [PROVIDE, name],
        again: true,
        stays: true,
        done: () => () => void end(provided),
        untold: error => tellError(client, errorOf((error as RpcError).code, error.message)),
        failed(error, told) {
          routes.delete(name)
          // What the server does not want any more.
          if (told && provided.known) provided.untold?.(error)
        }
      }
      return request(provided)
    }
  })
}
