import type { Undo } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_NO_PROVIDER, ERR_NOT_ACCEPTED, ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { LATER } from '../../lib/requests.ts'
import { check, text } from '../../lib/option-rules.ts'
import { isPattern, isWild } from '../../lib/patterns.ts'
import type { During } from '../../lib/plugin.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Permissions } from '../permissions/index.ts'
import type { Answering } from './answering.ts'
import { call } from './call.ts'
import type { AskOptions } from './call.ts'
import { because } from './error.ts'
import { makeExchange } from './exchange.ts'
import type { Exchange } from './exchange.ts'
import { Keys } from './keys.ts'
import type { KeyOwner, KeysOptions } from './keys.ts'
import { callHere } from './loop.ts'
import { Offers } from './offers.ts'
import type { RpcOptions } from './options.ts'
import type { CallOptions } from './remote.ts'
import { around } from './router.ts'
import type { Call, Route } from './router.ts'
import { Run } from './run.ts'
import { Services } from './services.ts'
import type { Provider } from './services.ts'
import { extrasOf, PROVIDE } from './wire.ts'
import type { Asked } from './wire.ts'
import { Work } from './work.ts'
import type { Given } from '../../lib/given.ts'

/** Services that one client may provide. */
const PROVIDED = 100

export interface RpcServerOptions<P = Peer> extends RpcOptions<P> {
  /** Milliseconds that a handler has, unless its caller wants to wait less. Default 30,000. */
  readonly deadline?: number | undefined
  /** Handlers that one caller may have at work at the same time. Default 1,000. */
  readonly limit?: number | undefined
  /** Milliseconds within which a provider must accept a call of a service. Default 5,000. */
  readonly accept?: number | undefined
  /** Which services clients may provide, beside what the permissions plugin says; false: none. Default true. */
  readonly provide?: (boolean | ((peer: P, name: string) => boolean | Promise<boolean>)) | undefined
  /** Calls with idempotency keys. */
  readonly keys?: Given<KeysOptions> | undefined
}

type Guarded = Server & { readonly permissions?: Pick<Permissions, 'check' | 'on'> }

/** Whoever asks without types waits for an answer too. */
const nameless = (): never => {
  throw because(ERR_OPTION, 'a name is a text')
}

const toRun = (at: Answering<Peer>, packet: Asked): Run<Peer> => new Run(at, packet)

/** What the peers of one server have in common. */
export class ServerHalf {
  readonly #server: Guarded
  /** What is called by name, with what stands around it but permissions; and with permissions. */
  readonly #routes: ReadonlyMap<string, Route<Peer>>
  readonly #guarded: ReadonlyMap<string, Route<Peer>>
  readonly #relay: Route<Peer>
  readonly #guardedRelay: Route<Peer>
  readonly #options: RpcServerOptions
  readonly #services = new Services<Call<Peer> | undefined>()
  readonly #keys: Keys
  /** By peer: has its services and streams asked for again. */
  readonly #again = new WeakMap<Peer, () => Promise<void>>()
  /** How often the permissions of a peer have changed: what was allowed before is asked again. */
  readonly #changes = new WeakMap<Peer, number>()
  readonly #owners = new WeakMap<Peer, KeyOwner>()

  constructor(server: Server, routes: ReadonlyMap<string, Route<Peer>>, options: RpcServerOptions, keys: KeysOptions) {
    const { timeout = 1, deadline = 1, accept = 1, limit = 1_000 } = options
    for (const time of [timeout, deadline, accept, limit, keys.time, keys.count]) {
      if (!(time > 0)) throw new AnywireError(ERR_OPTION, `${time} is not more than 0`)
    }
    this.#server = server
    this.#options = options
    this.#keys = new Keys(keys, limit)
    const map = (change: (route: Route<Peer>) => Route<Peer>, from: ReadonlyMap<string, Route<Peer>>) =>
      new Map([...from].map(([name, route]) => [name, change(route)] as const))
    const wrap = (route: Route<Peer>): Route<Peer> => this.#once(around(options.use, route))
    const guard = (route: Route<Peer>): Route<Peer> => this.#admitted(route)
    this.#routes = map(wrap, routes)
    this.#guarded = map(guard, this.#routes)
    this.#relay = wrap(call => {
      const { name, args, signal, key } = call
      // Its time here is its time there.
      return this.ask(name, args, { signal, timeout: Infinity, ...(key !== undefined && { key }) }, call)
    })
    this.#guardedRelay = guard(this.#relay)
    this.#server.permissions?.on('refresh', peers => {
      for (const peer of peers) this.#changes.set(peer, (this.#changes.get(peer) ?? 0) + 1)
      return Promise.all(peers.map(async peer => this.#again.get(peer)?.()))
    })
  }

  /** @throws ERR_OPTION when a handler has the name, or it is none */
  provide(name: string, route: Route<Peer>): Undo {
    check('the name of a service', name, text)
    if (this.#routes.has(name)) throw new AnywireError(ERR_OPTION, `there is a '${name}'`)
    return this.#services.add(name, {
      away: false,
      load: 0,
      ask(_name, _args, { accepted }, call) {
        // The server itself may as well call its function.
        if (!call) throw because(ERR_NO_PROVIDER, name)
        accepted?.()
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
    const work = this.#work()
    const end = {
      connection: peer,
      timeout: this.#options.timeout,
      run: toRun,
      find: ([, name]: Asked) => this.#find(name, this.#routes, this.#relay),
      began: work.began.bind(work)
    }
    return callHere(end, [name, args, options], () => work.stop())
  }

  /**
   * Gives a peer its calls.
   * @param takes - whether its client may say so much in one message
   */
  join(peer: Peer, lane: Lane, during: During, takes: (packets: number) => boolean): Exchange {
    const { timeout, limit = 1_000 } = this.#options
    const offers = new Offers(name => this.#services.add(name, provider))
    const work = this.#work()
    const tooMany = (): never => {
      throw because(ERR_LIMIT, `${limit} calls at the same time`)
    }
    const exchange = makeExchange<Peer, Run<Peer>>({
      connection: peer,
      lane,
      sign: -1,
      timeout,
      leave: from => {
        try {
          lane.write([-from, LATER])
        } catch {
          // Where the parser carries no calls there are none.
        }
      },
      takes,
      run: toRun,
      find: packet => {
        // A service that nobody provides is another failure than a function that is not there.
        const [, , service] = extrasOf(packet)
        const route = this.#find(packet[1], this.#guarded, this.#guardedRelay, service === 1)
        return route && work.full ? tooMany : route
      },
      began: (run, later, packet) => work.began(run, later, packet),
      other: ([number, what, ...rest], answer) => {
        const [name] = rest
        if (what === undefined && !rest.length) offers.withdraw(number)
        else if (what === PROVIDE && typeof name === 'string') {
          if (work.full) return answer([number, name], tooMany)
          answer([number, name], async ({ signal }) => {
            if (!(await this.#mayProvide(peer, name))) throw because(ERR_DENIED, name)
            if (offers.size >= PROVIDED) throw because(ERR_LIMIT, `${PROVIDED} services of one client`)
            if (!signal.aborted) offers.begin(number, name)
          })
        } else if (rest.length) answer([number, ''], nameless)
      }
    })
    const [[, , , , , , waiting, sent]] = exchange
    const provider: Provider<unknown> = {
      get away() {
        return peer.state !== 'open'
      },
      get load() {
        return sent.size + waiting.size
      },
      ask: (name, args, options) => call(exchange, name, args, options)
    }
    const ended = (number: number, name: string): void => {
      const { code, message } = because(ERR_DENIED, name)
      lane.write([-number, code, message])
    }
    this.#again.set(peer, async () => {
      await Promise.all([
        work.judge(({ name, args }) => this.#checkCall(peer, name, args)),
        offers.judge(name => this.#checkProvide(peer, name), ended)
      ])
    })
    during(() => () => {
      work.stop()
      offers.stop()
    })
    return exchange
  }

  #work(): Work {
    const { limit = 1_000, deadline = 30_000 } = this.#options
    return new Work(limit, deadline)
  }

  #find(
    name: unknown,
    routes: ReadonlyMap<unknown, Route<Peer>>,
    relay: Route<Peer>,
    service = false
  ): Route<Peer> | undefined {
    return routes.get(name) ?? (service || this.#services.has(`${name}`) ? relay : undefined)
  }

  /** Of calls with a key, only the first one is made. */
  #once(route: Route<Peer>): Route<Peer> {
    return call => {
      const { peer, name, key } = call
      return key === undefined ? route(call) : this.#keys.once(this.#ownerOf(peer), name, key, () => route(call))
    }
  }

  /** Asks for permission before anything else. */
  #admitted(route: Route<Peer>): Route<Peer> {
    if (!this.#server.permissions) return route
    const admit = (call: Call<Peer>, allowed: boolean): unknown => {
      if (!allowed) throw because(ERR_DENIED, call.name)
      return route(call)
    }
    return call => {
      const { peer, name, args } = call
      const allowed = this.#mayCall(peer, name, args)
      if (typeof allowed === 'boolean') return admit(call, allowed)
      return allowed.then(allowed => {
        // Meanwhile its caller may have gone.
        call.signal.throwIfAborted()
        return admit(call, allowed)
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

  #mayCall(peer: Peer, name: string, args: readonly unknown[]): boolean | Promise<boolean> {
    const changes = this.#changes.get(peer)
    const allowed = this.#checkCall(peer, name, args)
    if (typeof allowed === 'boolean') return allowed
    return allowed.then(allowed => (changes === this.#changes.get(peer) ? allowed : this.#mayCall(peer, name, args)))
  }

  #checkCall(peer: Peer, name: string, args: readonly unknown[]): boolean | Promise<boolean> {
    return this.#server.permissions?.check({ peer, plugin: 'rpc', verb: 'call', name, value: args }) ?? true
  }

  async #mayProvide(peer: Peer, name: string): Promise<boolean> {
    for (;;) {
      const changes = this.#changes.get(peer)
      const allowed = await this.#checkProvide(peer, name)
      if (changes === this.#changes.get(peer)) return allowed
    }
  }

  async #checkProvide(peer: Peer, name: string): Promise<boolean> {
    const { provide = true } = this.#options
    if (!isPattern(name, 256) || isWild(name) || this.#routes.has(name)) return false
    if (!(typeof provide === 'function' ? await provide(peer, name) : provide)) return false
    return this.#server.permissions?.check({ peer, plugin: 'rpc', verb: 'provide', name }) ?? true
  }
}
