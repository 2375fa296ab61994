import type { Undo } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_DENIED, ERR_LIMIT, ERR_NO_METHOD, ERR_NO_PROVIDER, ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { isPattern, isWild } from '../../lib/patterns.ts'
import type { During } from '../../lib/plugin.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Permissions } from '../permissions/index.ts'
import { invoke } from './callee.ts'
import type { End } from './end.ts'
import { because } from './error.ts'
import { Exchange } from './exchange.ts'
import type { RpcOptions } from './exchange.ts'
import { Keys } from './keys.ts'
import type { KeyOwner, KeysOptions } from './keys.ts'
import { callHere } from './loop.ts'
import type { AskOptions } from './pending.ts'
import type { CallOptions } from './remote.ts'
import type { BareRoute, Call, Route } from './router.ts'
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
  readonly #routes: ReadonlyMap<string, Route>
  readonly #options: RpcServerOptions
  readonly #services = new Services<Call<Peer> | undefined>()
  readonly #keys: Keys

  constructor(server: Server, routes: ReadonlyMap<string, Route>, options: RpcServerOptions, keys: KeysOptions) {
    const { timeout = 1, deadline = 1, accept = 1, limit = 1_000 } = options
    for (const time of [timeout, deadline, accept, limit, keys.time, keys.count]) {
      if (!(time > 0)) throw new AnywireError(ERR_OPTION, `${time} is not more than 0`)
    }
    this.#server = server
    this.#routes = routes
    this.#options = options
    this.#keys = new Keys(keys, limit)
  }

  /** @throws ERR_OPTION when a handler has the name */
  provide(name: string, route: Route): Undo {
    if (this.#routes.has(name)) throw new AnywireError(ERR_OPTION, `there is a '${name}'`)
    return this.#services.add(name, {
      away: false,
      load: 0,
      ask(_name, args, _options, call) {
        // The server itself may as well call its function.
        if (!call) throw because(ERR_NO_PROVIDER, name)
        return invoke(route, args, call)
      }
    })
  }

  ask(name: string, args: readonly unknown[], options: AskOptions = {}, call?: Call<Peer>): Promise<unknown> {
    const { accept = 5_000 } = this.#options
    return this.#services.ask(name, args, { accept, ...options }, call)
  }

  /** Calls a handler or a service as the client of a peer would, but for permissions. */
  call(peer: Peer, name: string, args: readonly unknown[], options: CallOptions = {}): Promise<unknown> {
    return callHere(peer, this.#routing(peer), [name, args, options], this.#options)
  }

  /** Gives a peer its calls. */
  join(peer: Peer, lane: Lane, during: During): Exchange<Peer> {
    const { find, once } = this.#routing(peer)
    const provided = new Map<string, Undo>()
    const exchange = new Exchange<Peer>(
      {
        connection: peer,
        lane,
        sign: -1,
        id: peer.id,
        get ready() {
          return peer.state !== 'closed'
        },
        get refusal() {
          if (peer.state === 'closed') return ERR_CLOSED
          return lane.connected ? undefined : ERR_NO_METHOD
        },
        find,
        once,
        admit: ({ name, args }) => this.#admit(this.#allows(peer, 'call', name, args), name),
        provide: {
          manual: true,
          bare: async ({ name }) => {
            if (!(await this.#mayProvide(peer, name))) throw because(ERR_DENIED, name)
            if (provided.size >= PROVIDED) throw because(ERR_LIMIT, `${PROVIDED} services of one client`)
            if (peer.state !== 'closed' && !provided.has(name)) provided.set(name, this.#services.add(name, provider))
          }
        },
        withdraw(name) {
          provided.get(name)?.()
          provided.delete(name)
        }
      },
      this.#options
    )
    const { caller } = exchange
    const provider: Provider<unknown> = {
      get away() {
        return peer.state !== 'open'
      },
      get load() {
        return caller.sent.size
      },
      ask: (name, args, options) => caller.call(name, args, options)
    }
    during(() => () => {
      exchange.over(true)
      for (const undo of provided.values()) undo()
    })
    return exchange
  }

  /** What answers the calls of a peer. */
  #routing(peer: Peer): Required<Pick<End<Peer>, 'find' | 'once'>> {
    const owner: KeyOwner = {
      get context() {
        return peer.context
      },
      kept: 0
    }
    return {
      find: name => this.#routes.get(name) ?? (this.#services.has(name) ? this.#relay : undefined),
      once: ({ name }, key, work) => this.#keys.once(owner, name, key, work)
    }
  }

  /** Passes a call on to whoever provides the service; its time here is its time there. */
  readonly #relay: BareRoute<Peer> = {
    manual: true,
    bare: call => {
      const { name, args, signal, key } = call
      return this.ask(name, args, { signal, timeout: Infinity, ...(key !== undefined && { key }) }, call)
    }
  }

  #allows(peer: Peer, verb: 'call' | 'provide', name: string, value?: unknown): boolean | Promise<boolean> {
    return this.#server.permissions?.check({ peer, plugin: 'rpc', verb, name, value }) ?? true
  }

  #admit(allowed: boolean | Promise<boolean>, name: string): void | Promise<void> {
    if (typeof allowed !== 'boolean') return allowed.then(allowed => this.#admit(allowed, name))
    if (!allowed) throw because(ERR_DENIED, name)
  }

  async #mayProvide(peer: Peer, name: string): Promise<boolean> {
    const { provide = true } = this.#options
    if (!isPattern(name, 256) || isWild(name) || this.#routes.has(name)) return false
    const allowed = typeof provide === 'function' ? await provide(peer, name) : provide
    return allowed && this.#allows(peer, 'provide', name)
  }
}
