import type { Undo } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_NO_PROVIDER, ERR_NOT_ACCEPTED, ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { isPattern, isWild } from '../../lib/patterns.ts'
import type { During } from '../../lib/plugin.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Permissions } from '../permissions/index.ts'
import { call } from './call.ts'
import type { AskOptions } from './call.ts'
import { because } from './error.ts'
import { Exchange } from './exchange.ts'
import type { RpcOptions } from './exchange.ts'
import { Keys } from './keys.ts'
import type { KeyOwner, KeysOptions } from './keys.ts'
import { callHere } from './loop.ts'
import type { CallOptions } from './remote.ts'
import { around } from './router.ts'
import type { Call, Handle, Route } from './router.ts'
import { Services } from './services.ts'
import type { Provider } from './services.ts'

/** Services that one client may provide. */
const PROVIDED = 100

export interface RpcServerOptions<P = Peer> extends RpcOptions<P> {
  /** Milliseconds within which a provider must accept a call of a service. Default 5,000. */
  readonly accept?: number
  /** Which services clients may provide, beside what the permissions plugin says; false: none. Default true. */
  readonly provide?: boolean | ((peer: Peer, name: string) => boolean | Promise<boolean>)
  /** Calls with idempotency keys. */
  readonly keys?: Partial<KeysOptions>
}

type Guarded = Server & { readonly permissions?: Pick<Permissions, 'check'> }

/** What the peers of one server have in common. */
export class ServerHalf {
  readonly #server: Guarded
  readonly #routes: ReadonlyMap<string, Route<Peer>>
  readonly #options: RpcServerOptions
  readonly #services = new Services<Call<Peer> | undefined>()
  readonly #keys: Keys
  readonly #owners = new WeakMap<Peer, KeyOwner>()
  /** What stands around all handlers: permissions alone, and the rest. */
  readonly #handle: Handle<Peer>
  readonly #allowed: Handle<Peer>

  constructor(server: Server, routes: ReadonlyMap<string, Route<Peer>>, options: RpcServerOptions, keys: KeysOptions) {
    const { timeout = 1, deadline = 1, accept = 1, limit = 1_000, use } = options
    for (const time of [timeout, deadline, accept, limit, keys.time, keys.count]) {
      if (!(time > 0)) throw new AnywireError(ERR_OPTION, `${time} is not more than 0`)
    }
    this.#server = server
    this.#routes = routes
    this.#options = options
    this.#keys = new Keys(keys, limit)
    const handle = around(use)
    const once: Handle<Peer> = (call, route) =>
      call.key === undefined
        ? handle(call, route)
        : this.#keys.once(this.#ownerOf(call.peer), call.name, call.key, () => handle(call, route))
    const { permissions } = this.#server
    this.#allowed = once
    this.#handle = permissions ? this.#admitted(permissions, once) : once
  }

  /** @throws ERR_OPTION when a handler has the name */
  provide(name: string, route: Route<Peer>): Undo {
    if (this.#routes.has(name)) throw new AnywireError(ERR_OPTION, `there is a '${name}'`)
    return this.#services.add(name, {
      away: false,
      load: 0,
      ask(_name, _args, _options, call) {
        // The server itself may as well call its function.
        if (!call) throw because(ERR_NO_PROVIDER, name)
        return route(call)
      }
    })
  }

  ask(name: string, args: readonly unknown[], options: AskOptions = {}, call?: Call<Peer>): Promise<unknown> {
    const { accept = 5_000 } = this.#options
    return this.#services.ask(name, args, { accept, late: ERR_NOT_ACCEPTED, ...options }, call)
  }

  /** Calls a handler or a service as the client of a peer would, but for permissions. */
  call(peer: Peer, name: string, args: readonly unknown[], options: CallOptions = {}): Promise<unknown> {
    return callHere({ connection: peer, find: this.#find, handle: this.#allowed }, [name, args, options], this.#options)
  }

  /** Gives a peer its calls. */
  join(peer: Peer, lane: Lane, during: During): Exchange<Peer> {
    /** By the numbers of the requests for them. */
    const provided = new Map<number, Undo>()
    const exchange = new Exchange<Peer>(
      {
        connection: peer,
        lane,
        sign: -1,
        find: this.#find,
        handle: this.#handle,
        provide: async ({ name, signal }, number) => {
          if (!(await this.#mayProvide(peer, name))) throw because(ERR_DENIED, name)
          if (provided.size >= PROVIDED) throw because(ERR_LIMIT, `${PROVIDED} services of one client`)
          if (!signal.aborted) provided.set(number, this.#services.add(name, provider))
        },
        withdraw(number) {
          provided.get(number)?.()
          provided.delete(number)
        }
      },
      this.#options
    )
    const { requests } = exchange
    const provider: Provider<unknown> = {
      get away() {
        return peer.state !== 'open'
      },
      get load() {
        return requests.sent.size + requests.waiting.size
      },
      ask: (name, args, options) => call(exchange, name, args, options)
    }
    during(() => () => {
      for (const undo of provided.values()) undo()
    })
    return exchange
  }

  // A service that nobody provides is another failure than a function that is not there.
  readonly #find = (name: string, service: boolean): Route<Peer> | undefined =>
    this.#routes.get(name) ?? (service || this.#services.has(name) ? this.#relay : undefined)

  /** Passes a call on to whoever provides the service; its time here is its time there. */
  readonly #relay: Route<Peer> = call => {
    const { name, args, signal, key } = call
    return this.ask(name, args, { signal, timeout: Infinity, ...(key !== undefined && { key }) }, call)
  }

  /** Asks for permission before anything else. */
  #admitted(permissions: Pick<Permissions, 'check'>, handle: Handle<Peer>): Handle<Peer> {
    const admit = (call: Call<Peer>, route: Route<Peer>, allowed: boolean): unknown => {
      if (!allowed) throw because(ERR_DENIED, call.name)
      return handle(call, route)
    }
    return (call, route) => {
      const { peer, name, args } = call
      const allowed = permissions.check({ peer, plugin: 'rpc', verb: 'call', name, value: args })
      if (typeof allowed === 'boolean') return admit(call, route, allowed)
      return allowed.then(allowed => {
        // Meanwhile its caller may have gone.
        call.signal.throwIfAborted()
        return admit(call, route, allowed)
      })
    }
  }

  #ownerOf(peer: Peer): KeyOwner {
    let owner = this.#owners.get(peer)
    if (!owner) {
      owner = {
        get context() {
          return peer.context
        },
        kept: 0
      }
      this.#owners.set(peer, owner)
    }
    return owner
  }

  async #mayProvide(peer: Peer, name: string): Promise<boolean> {
    const { provide = true } = this.#options
    if (!isPattern(name, 256) || isWild(name) || this.#routes.has(name)) return false
    const allowed = typeof provide === 'function' ? await provide(peer, name) : provide
    return (
      allowed &&
      (this.#server.permissions?.check({ peer, plugin: 'rpc', verb: 'provide', name, value: undefined }) ?? true)
    )
  }
}
