import type { Client, ClientOptions, Each, Keeper } from './client.ts'
import type { WriteOptions } from './connection.ts'
import { each } from './each.ts'
import type { Undo } from './emitter.ts'
import { Endpoint, isValue } from './endpoint.ts'
import { AnywireError, endOf, retryable, tell } from './errors.ts'
import {
  ERR_CLOSED,
  ERR_HANDSHAKE_TIMEOUT,
  ERR_OPTION,
  ERR_PROTOCOL,
  ERR_SESSION_LOST,
  ERR_SLOW,
  ERR_TIMEOUT
} from './failures.ts'
import { PING } from './frames.ts'
import { isFinal } from './handshake.ts'
import type { Goodbye, Welcome } from './handshake.ts'
import { writeHello } from './hello.ts'
import { connectLanes, LaneEnd } from './lane.ts'
import { LIMITS } from './limits.ts'
import { GIVEN_UP, linkError, linkErrorOf, openLink } from './link.ts'
import type { Link, LinkError, LinkHost } from './link.ts'
import { MessageOutbox } from './outbox.ts'
import { Pings } from './pings.ts'
import { install, undoAll } from './plugin.ts'
import type { End } from './plugin.ts'
import type { ClientPlugin } from './plugin.ts'
import { print } from './print.ts'
import { inOrder } from './strategy.ts'
import type { Open, Strategy } from './strategy.ts'
import { LONGEST } from './timer.ts'
import type { Data, Wire } from './transformer.ts'
import { attemptUrl } from './url.ts'

type Supervisor = Parameters<Client['supervise']>[0]

/** The options, whatever plugins they name. */
export type AnyClientOptions = Omit<ClientOptions, 'plugins'> & { readonly plugins?: readonly ClientPlugin[] }

/** Milliseconds for an attempt to connect, or to move; and for the answer to a ping, or to a goodbye. */
const TIMEOUT = 10_000
const PATIENCE = 5_000

/** The client's end of a connection: dials, resumes, and begins anew. */
export class ClientEndpoint extends Endpoint implements Client, LinkHost {
  readonly outbox: MessageOutbox
  link: Link | undefined
  offers: readonly string[] = []
  auth: () => unknown
  readonly #url: Each<string | URL>
  readonly #options: AnyClientOptions
  /** The plugins' ends of their lanes, by plugin. */
  readonly #ends = new Map<string, LaneEnd>()
  /** What plugins do while the client is in use, and what ends it. */
  readonly #starts: (() => Undo)[] = []
  #undos: End[] = []
  #strategy = inOrder
  #supervisor: Supervisor | undefined
  #keeper: Keeper | undefined
  readonly #pings = new Pings()
  /** What goes on to get a wire, or another one; and the links that carry the connection, or may. */
  #attempt: { resolve(): void; reject(error: LinkError): void; timer: ReturnType<typeof setTimeout> } | undefined
  readonly #links = new Set<Link | undefined>()
  /** The server was asked to go on over another wire. */
  #moving = false
  #token = ''
  /** Looks for signs of life, then waits for the answer to a goodbye. */
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(url: Each<string | URL>, options: AnyClientOptions) {
    super(options.parser, { ...LIMITS, ...options.limits })
    if (!options.transformers.every(({ supports }) => supports)) throw new AnywireError(ERR_OPTION, 'transformers')
    // A URL that is none now will be none at each attempt.
    if (typeof url !== 'function') attemptUrl(url)
    this.#url = url
    this.auth = () => each(options.auth)
    this.#options = options
    this.outbox = new MessageOutbox(this.limits.window)
    install(this, options.plugins ?? [], plugin => {
      const lane = new LaneEnd(this)
      if (!plugin.local) this.#ends.set(plugin.name, lane)
      return plugin.client?.(this, lane, start => this.#starts.push(start))
    })
    if (options.open !== false) this.open()
  }

  override get bufferedBytes(): number {
    return this.outbox.bytes + (this.#keeper?.bytes ?? 0)
  }

  open(): void {
    if (this.#attempt || this.link) return
    if (this.state === 'idle' || this.state === 'closed') {
      this.state = 'connecting'
      this.reopen()
      this.#undos = this.#starts.map(start => start())
    }
    // How it went is told by events.
    this.#dial(this.#strategy).catch(() => {})
  }

  async migrate(name: string): Promise<void> {
    const transformer = this.#options.transformers.find(other => other.name === name)
    if (!transformer) throw new AnywireError(ERR_OPTION, `no transformer '${name}'`)
    if (!this.wire || this.#attempt) throw new AnywireError(ERR_CLOSED)
    return this.#dial((_all, open) => open(transformer).settled)
  }

  choose(strategy: Strategy): void {
    this.#strategy = strategy
  }

  supervise(supervisor: Supervisor): void {
    this.#supervisor = supervisor
  }

  keep(keeper: Keeper): void {
    this.#keeper = keeper
  }

  async ping(timeout = PATIENCE): Promise<number> {
    if (!this.wire) throw new AnywireError(ERR_CLOSED)
    const { life } = this
    const answer = this.#pings.ask(timeout, () => this.life === life && this.lost(tell(ERR_TIMEOUT)))
    this.count(PING)
    return answer
  }

  finish(goodbye: Goodbye): void {
    // Without a wire, and with nothing to wait for, there is nobody to say goodbye to.
    if (this.state === 'open' || (this.bufferedBytes && this.state !== 'idle')) this.goodbye(goodbye)
    else this.leave(goodbye)
  }

  report(error: AnywireError, stage: string): void {
    // What an 'error' listener throws is none of its own business.
    if (stage === 'error' || !this.emit('error', error)) print(error)
  }

  lost(goodbye: Goodbye): void {
    this.link = undefined
    this.detach()
    if (this.said) this.#down(this.ending ?? goodbye, true)
    // Perhaps because the connection moved: the attempt will tell.
    else if (!this.#moving) this.#down(goodbye, isFinal(goodbye[0]))
  }

  welcomed(link: Link, wire: Wire, welcome: Welcome): void {
    const { id, token, recovered, got, from, lanes, transformers, window, limit, heartbeat } = welcome
    const { transformer: former, state } = this
    let lost: Data[] | undefined
    let waiting: Data[] = []
    if (!recovered) {
      const known = this.id
      const { sent, unsent } = this.#forget()
      if (known) lost = sent
      waiting = unsent.filter(isValue)
    } else if (!this.outbox.rewind(...got)) return this.fail(ERR_PROTOCOL)
    this.link = link
    this.#attempt?.resolve()
    this.#cut()
    this.id = id
    this.#token = token
    this.transformer = link.transformer
    this.offers = transformers
    this.state = 'open'
    this.outbox.window = Math.min(this.limits.window, window)
    this.remoteLimit = limit
    this.lanes = connectLanes(this.#ends, lanes)
    this.attach(wire, from)
    // Their answers were lost with the wire before.
    for (let left = this.#pings.size; left > 0; left--) this.count(PING)
    this.#watch(heartbeat * 1.5)
    // From here on handlers may do anything.
    if (lost) this.closed(endOf(tell(ERR_SESSION_LOST), true), lost)
    if (this.wire === wire) {
      if (state === 'open' && recovered) this.emit('migrate', { from: former, to: this.transformer })
      else this.emit('open', { recovered })
    }
    if (this.wire !== wire) return
    // What waits goes behind what the handlers sent.
    for (const data of [...waiting, ...(this.#keeper?.take() ?? [])]) {
      try {
        if (this.fits(data)) this.outbox.add(data)
      } catch (error) {
        this.report(error as AnywireError, 'write')
      }
    }
    this.written()
  }

  protected override add(data: Data, options?: WriteOptions): void {
    if (this.#keeper && this.state !== 'open' && isValue(data)) this.#keeper.put(data, options)
    else super.add(data)
  }

  /** Closes the wire as it should be, and is done with the session. */
  protected override left(goodbye: Goodbye): void {
    this.wire?.close(goodbye[0], '')
    this.#links.delete(this.link)
    this.#down(goodbye, true)
  }

  protected override bid(goodbye: Goodbye): void {
    super.bid(goodbye)
    // The server answers by closing the wire. One that does not is left.
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#down(goodbye, true), PATIENCE)
  }

  protected override ponged(): void {
    this.#pings.answered()
  }

  /** Gets a wire by a strategy. Without one it tells, unless there still is the wire of before. */
  #dial(strategy: Strategy): Promise<void> {
    const { transformers, query, timeout = TIMEOUT } = this.#options
    return new Promise((resolve, reject) => {
      const failed = (error: LinkError): void => {
        if (this.#attempt !== attempt) return
        this.#cut(error)
        if (!this.link) this.#down(error.goodbye, error.refused)
      }
      const timer = setTimeout(() => failed(linkError(tell(ERR_HANDSHAKE_TIMEOUT))), Math.min(timeout, LONGEST))
      const attempt = (this.#attempt = { resolve, reject, timer })
      let tried = false
      const start = async (): Promise<void> => {
        const [base, credentials] = await Promise.all([each(this.#url), this.auth()])
        const url = attemptUrl(base, query)
        const open: Open = (transformer, turn) => {
          if (this.#attempt !== attempt) throw linkError([1006, GIVEN_UP, 0])
          tried = true
          const link = openLink(this, transformer, url, () => this.#hello(credentials), turn)
          this.#links.add(link)
          return link
        }
        await strategy(transformers, open, url)
      }
      start().catch((thrown: unknown) => {
        const error = linkErrorOf(thrown)
        failed(error)
        // Nothing else would tell: what the application was asked for failed.
        if (!tried) this.emit('attempt', { transformer: '', duration: 0, error })
      })
    })
  }

  #hello(auth: unknown): string {
    this.#moving = true
    return writeHello(this.#options, this.limits, auth, this.#token, this.progress, !!this.link)
  }

  /** Ends the attempt, and all links but the one in use. */
  #cut(error?: LinkError): void {
    clearTimeout(this.#attempt?.timer)
    this.#attempt?.reject(error ?? linkError([1006, GIVEN_UP, 0]))
    this.#attempt = undefined
    this.#moving = false
    for (const link of this.#links) {
      if (link === this.link) continue
      this.#links.delete(link)
      link?.abort(error)
    }
  }

  /** There is no wire, and none will come by itself. `over`: the session cannot go on either. */
  #down(goodbye: Goodbye, over: boolean): void {
    const { state, id } = this
    if (state === 'closed') return
    clearTimeout(this.#timer)
    this.detach()
    this.link = undefined
    this.#cut()
    const [code] = goodbye
    const returns = !over || (!this.isClosed && retryable(code))
    const reconnect = returns && !!this.#supervisor?.(endOf(goodbye, true))
    const end = endOf(goodbye, reconnect)
    let lost: Data[] | undefined
    if (over || !reconnect) {
      const { sent, unsent } = this.#forget()
      // What was too much for the old session would be too much for the new one.
      if (!reconnect || code === ERR_SLOW[1]) sent.push(...unsent)
      else for (const data of unsent.filter(isValue)) this.outbox.add(data)
      lost = sent
      this.state = reconnect ? 'connecting' : 'closed'
    } else if (id) this.state = 'away'
    // From here on handlers may do anything.
    this.#pings.fail()
    if (!reconnect) void undoAll(this.#undos, (...failure) => this.failed(...failure))
    if (lost) {
      // Otherwise nobody would learn why there never was a connection.
      if (!id && !reconnect && !this.isClosed && !this.listenerCount('close')) print(`anywire: ${code} ${end.reason}`)
      if (id || !reconnect) this.closed(end, lost)
    } else if (state === 'open') this.emit('disconnect', end)
  }

  /** Is done with a session. Returns what was sent and not acknowledged, and what was never sent. */
  #forget(): { sent: Data[]; unsent: Data[] } {
    this.id = this.#token = ''
    this.renew()
    this.lanes = connectLanes(this.#ends, [])
    return this.outbox.clear()
  }

  /** Pings when nothing was heard for so many milliseconds; 0: never. */
  #watch(time: number): void {
    let { life } = this
    clearTimeout(this.#timer)
    if (!time) return
    this.#timer = setInterval(
      () => {
        // A wire that is given up tells that by itself.
        if (this.life === life) this.ping().catch(() => {})
        life = this.life
      },
      Math.min(time, LONGEST)
    )
  }
}
