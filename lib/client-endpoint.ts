import type { Client, ClientOptions, Each, Keeper } from './client.ts'
import type { WriteOptions } from './connection.ts'
import { Dialler } from './dialler.ts'
import type { DiallerHost } from './dialler.ts'
import type { Undo } from './emitter.ts'
import { checkSize, Endpoint, isValue } from './endpoint.ts'
import { AnywireError, retryable } from './errors.ts'
import type { Failure } from './errors.ts'
import { ERR_CLOSED, ERR_HANDSHAKE_TIMEOUT, ERR_PROTOCOL, ERR_SESSION_LOST, ERR_SLOW, ERR_TIMEOUT } from './failures.ts'
import { PING } from './frames.ts'
import { isFinal, PROTOCOL } from './handshake.ts'
import type { Goodbye, Hello, Welcome } from './handshake.ts'
import { LaneEnd } from './lane.ts'
import { LIMITS } from './limits.ts'
import type { Link, LinkError } from './link.ts'
import { MessageOutbox, sizeOf } from './outbox.ts'
import { Pings } from './pings.ts'
import { install, undoAll } from './plugin.ts'
import type { ClientPlugin } from './plugin.ts'
import { print } from './print.ts'
import type { Strategy } from './strategy.ts'
import { LONGEST } from './timer.ts'
import type { Data, Wire } from './transformer.ts'

type Supervisor = Parameters<Client['supervise']>[0]

/** The options, whatever plugins they name. */
export type AnyClientOptions = Omit<ClientOptions, 'plugins'> & { readonly plugins?: readonly ClientPlugin[] }

/** Milliseconds for the answer to a ping, or to a goodbye. */
const PATIENCE = 5_000

/** The client's end of a connection: dials, resumes, and begins anew. */
export class ClientEndpoint extends Endpoint implements Client, DiallerHost {
  outbox: MessageOutbox
  readonly #options: AnyClientOptions
  readonly #dialler: Dialler
  /** The plugins' ends of their lanes, by plugin. */
  readonly #ends = new Map<string, LaneEnd>()
  /** What plugins do while the client is in use, and what ends it. */
  readonly #starts: (() => Undo)[] = []
  #undos: Undo[] = []
  #supervisor: Supervisor | undefined
  #keeper: Keeper | undefined
  /** Values of a session that was lost, which were never sent, for the next one. */
  #again: Data[] = []
  readonly #pings = new Pings()
  #token = ''
  offers: readonly string[] = []
  /** Gives up: a wire that is silent, then the answer to a goodbye. */
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(url: Each<string | URL>, options: AnyClientOptions) {
    super(options.parser, { ...LIMITS, ...options.limits })
    this.#options = options
    this.#dialler = new Dialler(url, options, this)
    this.outbox = new MessageOutbox(this.limits.window)
    install(this, options.plugins ?? [], plugin => {
      const lane = new LaneEnd(this)
      if (!plugin.local) this.#ends.set(plugin.name, lane)
      return plugin.client?.(this, lane, start => this.#starts.push(start))
    })
    if (options.open !== false) this.open()
  }

  override get bufferedBytes(): number {
    return this.#again.reduce((sum, data) => sum + sizeOf(data), this.outbox.bytes + (this.#keeper?.bytes ?? 0))
  }

  get link(): Link | undefined {
    return this.#dialler.link
  }

  open(): void {
    if (this.#dialler.busy) return
    if (this.state === 'idle' || this.state === 'closed') {
      this.state = 'connecting'
      this.reopen()
      this.#undos = this.#starts.map(start => start())
    }
    void this.#dialler.dial()
  }

  migrate(name: string): Promise<void> {
    return this.#dialler.migrate(name)
  }

  choose(strategy: Strategy): void {
    this.#dialler.strategy = strategy
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
    const answer = this.#pings.wait(timeout, () => {
      if (this.life === life) this.down(tell(ERR_TIMEOUT), false)
    })
    this.count(PING)
    return answer
  }

  finish(goodbye: Goodbye): void {
    // Without a wire, and with nothing to wait for, there is nobody to say goodbye to.
    if (this.wire || this.#dialler.moving || (this.bufferedBytes && this.state !== 'idle')) this.goodbye(goodbye)
    else this.leave(goodbye)
  }

  leave(goodbye: Goodbye): void {
    if (this.state === 'closed') return
    if (!this.said) this.bid(goodbye)
    this.left(goodbye)
  }

  report(error: AnywireError, stage: string): void {
    // What an 'error' listener throws is none of its own business.
    if (stage === 'error' || !this.emit('error', error)) print(error)
  }

  protected override add(data: Data, options?: WriteOptions): void {
    if (this.#keeper && this.state !== 'open' && isValue(data)) this.#keeper.put(data, options)
    else super.add(data)
  }

  /** Closes the wire as it should be, and is done with the session. */
  protected override left(goodbye: Goodbye): void {
    this.wire?.close(goodbye[0], '')
    this.down(goodbye, true, true)
  }

  protected override bid(goodbye: Goodbye): void {
    super.bid(goodbye)
    // The server answers by closing the wire. One that does not is left.
    this.#after(PATIENCE, () => this.down(goodbye, true))
  }

  protected override ponged(): void {
    this.#pings.answered()
  }

  tried(link: Link, error?: LinkError): void {
    const { transformer, since } = link
    const duration = performance.now() - since
    if (error) this.#dialler.failed(link)
    // The client is in the midst of it: handlers come when it is done.
    queueMicrotask(() => this.emit('attempt', { transformer, duration, error }))
  }

  lost(goodbye: Goodbye): void {
    if (!this.#dialler.moving || this.said) {
      return this.down((this.said && this.ending) || goodbye, this.said || isFinal(goodbye[0]))
    }
    // Perhaps because it moved: the answer will tell.
    this.#dialler.fallen = goodbye
    this.#dialler.link = undefined
    this.detach()
  }

  hello(auth: unknown): Hello {
    const { plugins = [], schema } = this.#options
    const { window, message } = this.limits
    return {
      v: PROTOCOL,
      parser: this.parser.name,
      plugins: plugins.filter(({ local }) => !local).map(({ name, version }) => [name, version] as const),
      limit: message,
      window,
      auth,
      schema,
      ...(this.#token && { session: this.#token, got: this.progress })
    }
  }

  welcomed(link: Link, wire: Wire, welcome: Welcome): boolean {
    const { id, token, recovered, got, from, lanes, transformers, window, limit, heartbeat } = welcome
    const { transformer: former, state } = this
    let lost: Data[] | undefined
    // A connection moves as it is, or not at all.
    if (this.link && !recovered) return false
    this.tried(link)
    if (recovered) {
      if (!this.outbox.rewind(...got)) {
        this.fail(ERR_PROTOCOL)
        return true
      }
    } else if (this.id) lost = this.#forget(true)
    this.#dialler.take(link)
    this.id = id
    this.#token = token
    this.transformer = link.transformer
    this.offers = transformers
    this.state = 'open'
    this.outbox.window = Math.min(this.limits.window, window)
    this.remoteLimit = limit
    this.lanes = [undefined, ...lanes.map(name => this.#ends.get(name))]
    for (const [number, lane] of this.lanes.entries()) if (lane) lane.number = number
    this.attach(wire, recovered ? from : undefined)
    // Their answers were lost with the wire before.
    for (let left = this.#pings.size; left > 0; left--) this.count(PING)
    this.#watch(heartbeat * 1.5)
    // From here on handlers may do anything.
    const [, code, reason] = ERR_SESSION_LOST
    if (lost) this.closed({ code, reason, after: 0, reconnect: true }, lost)
    if (this.wire === wire) {
      if (state === 'open' && recovered) this.emit('migrate', { from: former, to: this.transformer })
      else this.emit('open', { recovered })
    }
    if (this.wire !== wire) return true
    // What waits goes behind what the handlers sent.
    for (const data of [...this.#again.splice(0), ...(this.#keeper?.take() ?? [])]) this.#flush(data)
    this.written()
    return true
  }

  /** Sends what waited, unless this server does not take it. */
  #flush(data: Data): void {
    try {
      checkSize(data, this.remoteLimit)
      this.outbox.add(data)
    } catch (error) {
      if (error instanceof AnywireError) this.report(error, 'write')
    }
  }

  /** @param closes - whether the wire closes as it should, and need not be cut */
  down([code, reason, after]: Goodbye, over: boolean, closes?: boolean): void {
    const { state, id } = this
    if (state === 'closed') return
    clearTimeout(this.#timer)
    this.detach()
    this.#dialler.cut(code === ERR_HANDSHAKE_TIMEOUT[1] ? [code, reason, 0] : undefined, closes)
    const returns = over ? !this.isClosed && retryable(code) : !this.said
    const reconnect = (returns && this.#supervisor?.({ code, reason, after })) === true
    const end = { code, reason, after, reconnect }
    let lost: Data[] | undefined
    if (over || !reconnect) {
      // What was too much for the old session would be too much for the new one.
      lost = this.#forget(reconnect && code !== ERR_SLOW[1])
      this.state = reconnect ? 'connecting' : 'closed'
    } else if (id) this.state = 'away'
    // From here on handlers may do anything.
    this.#pings.fail()
    if (!reconnect) undoAll(this.#undos, (...failure) => this.failed(...failure))
    if (lost) {
      if (id || !reconnect) this.closed(end, lost)
    } else if (state === 'open') this.emit('disconnect', end)
  }

  /**
   * Is done with a session.
   * @param keep - whether the next one takes over what was never sent
   * @returns what else was not acknowledged
   */
  #forget(keep: boolean): Data[] {
    const { sent, unsent } = this.outbox.clear()
    this.id = this.#token = ''
    this.renew()
    this.outbox = new MessageOutbox(this.limits.window)
    for (const lane of this.#ends.values()) lane.number = 0
    this.#again.push(...unsent.filter(isValue))
    return keep ? sent : [...sent, ...this.#again.splice(0)]
  }

  /** Pings when nothing was heard for so many milliseconds; 0: never. */
  #watch(time: number): void {
    const { life } = this
    clearTimeout(this.#timer)
    if (!time) return
    this.#after(time, () => {
      // A wire that is given up tells that by itself.
      if (this.life === life) this.ping().catch(() => {})
      this.#watch(time)
    })
  }

  #after(time: number, run: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(run, Math.min(time, LONGEST))
  }
}

const tell = ([, code, message]: Failure): Goodbye => [code, message, 0]
