import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { End } from '../connection.ts'
import type { Undo } from '../emitter.ts'
import { checkSize, Endpoint } from '../endpoint.ts'
import { AnywireError, retryable } from '../errors.ts'
import type { Failure } from '../errors.ts'
import { ERR_PROTOCOL, ERR_REPLACED, ERR_SESSION_LOST, ERR_SLOW, ERR_TIMEOUT, ERR_TOO_LARGE } from '../failures.ts'
import { PING, WELCOME } from '../frames.ts'
import { isFinal } from '../handshake.ts'
import type { Goodbye, Hello, Progress, Welcome } from '../handshake.ts'
import { LaneEnd } from '../lane.ts'
import type { Parser } from '../parser.ts'
import { install } from '../plugin.ts'
import { LONGEST } from '../timer.ts'
import type { Data, Wire } from '../transformer.ts'
import type { Frame } from './frame.ts'
import type { Beating } from './heartbeat.ts'
import type { HttpHeaders } from './http.ts'
import type { ServerLink } from './link.ts'
import type { Recovery, ServerLimits } from './options.ts'
import type { Handshake, Peer } from './peer.ts'
import type { ServerPlugin } from './plugin.ts'
import { RunOutbox } from './run-outbox.ts'
import type { Server } from './server.ts'

/** What a peer needs of its server. */
export interface PeerHost {
  readonly server: Server
  readonly limits: ServerLimits
  readonly plugins: readonly ServerPlugin[]
  /** The names of the plugins that have a lane, in order; the first one's lane is 1. */
  readonly lanes: readonly string[]
  readonly recovery: Recovery | undefined
  readonly heartbeat: number
  tell(error: AnywireError, stage: string, peer: PeerEndpoint): void
  /** The peer waits for its client to come back. */
  away(peer: PeerEndpoint): void
  closed(peer: PeerEndpoint): void
}

/** How long a client may take to close the wire after a goodbye, in milliseconds. */
const PATIENCE = 5_000

/** The server's end of a connection. */
export class PeerEndpoint extends Endpoint implements Peer, Beating {
  readonly outbox: RunOutbox
  readonly context: unknown
  readonly plain: boolean
  readonly #host: PeerHost
  readonly #handshake: Handshake
  #undos: Undo[] | undefined
  #link: ServerLink | undefined
  /** What resumes the session: the secret of the last welcome and, until the client has that one, the one before. */
  #secret = ''
  #former = ''
  /** Gives up: the client's return, or its answer to a goodbye. */
  #timer: ReturnType<typeof setTimeout> | undefined
  #pinged = false
  /** The signs of life when the heartbeat last looked. */
  #life = 0
  /** Something was said since the heartbeat last looked. */
  #spoke = false

  constructor(host: PeerHost, id: string, handshake: Handshake, context: unknown, parser: Parser, hello?: Hello) {
    super(parser, host.limits)
    this.id = id
    this.context = context
    this.plain = handshake.plain
    this.#host = host
    this.#handshake = handshake
    this.outbox = new RunOutbox(Math.min(host.limits.window, hello?.window ?? Infinity), this.#recovers)
    if (hello) this.remoteLimit = hello.limit
    this.#install(new Set(hello?.plugins.map(([name]) => name)))
  }

  get url(): string {
    return this.#handshake.url
  }

  get query(): Readonly<Record<string, string>> {
    return this.#handshake.query
  }

  get headers(): HttpHeaders {
    return this.#handshake.headers
  }

  get address(): string {
    return this.#handshake.address
  }

  /** Whether the token that a client shows is the one of this session. */
  matches(secret: string): boolean {
    return equal(secret, this.#secret) || equal(secret, this.#former)
  }

  /** The client has the token of the last welcome: the one before is worth nothing. */
  confirm(): void {
    this.#former = ''
  }

  /**
   * Goes on over a new wire from where the client says it is. False: that is not known any more.
   * @param secret - what the client has shown; it may not get the next one before this wire is lost too
   */
  recover(link: ServerLink, wire: Wire, secret: string, got: Progress): boolean {
    // What still comes over the old wire will come again: it must not be counted after the welcome has said how far we are.
    this.#link?.leave(tell(ERR_REPLACED))
    this.#link = undefined
    this.detach()
    if (!this.outbox.rewind(...got)) {
      this.#over(tell(ERR_SESSION_LOST))
      return false
    }
    this.#former = secret
    this.carry(link, wire, true)
    return true
  }

  /** Lets a link carry the session. */
  carry(link: ServerLink, wire: Wire, recovered: boolean): void {
    clearTimeout(this.#timer)
    this.#link = link
    this.#pinged = false
    this.state = 'open'
    this.transformer = link.handshake.transformer
    if (!this.plain) wire.send(this.#welcome(recovered))
    this.attach(wire)
    link.carry(this)
  }

  disconnect(): void {
    const link = this.#link
    if (!link) return
    link.abort()
    this.lost([1006, 'disconnected', 0])
  }

  /** The wire is gone. */
  lost(goodbye: Goodbye): void {
    const { recovery, limits } = this.#host
    this.#link = undefined
    this.detach()
    if (this.said && this.ending) return this.#over(this.ending)
    if (goodbye[0] === 1009) this.report(new AnywireError(ERR_TOO_LARGE), 'connection')
    // A page that goes away (1001) takes its client with it.
    if (!this.#recovers || !recovery || isFinal(goodbye[0]) || goodbye[0] === 1001) return this.#over(goodbye)
    this.state = 'away'
    this.#timer = setTimeout(() => this.#over(tell(ERR_SESSION_LOST)), Math.min(recovery.time, LONGEST))
    this.#timer.unref()
    this.#host.away(this)
    // Where no more sessions may wait, that was the end.
    if (this.state === 'away') this.emit('disconnect', end(goodbye))
    if (this.holdsMoreThan(limits.window)) this.leave(tell(ERR_SLOW))
  }

  finish(goodbye: Goodbye): void {
    this.goodbye(goodbye)
  }

  protected override left(goodbye: Goodbye): void {
    this.#link?.leave(goodbye)
    this.#over(goodbye)
  }

  protected override ponged(): void {}

  override tick(): void {
    if (this.outbox.waiting) this.#spoke = true
    super.tick()
  }

  override receive(data: Data): void {
    const { window, message } = this.limits
    if (this.unread > 2 * (window + message)) this.fail(ERR_PROTOCOL)
    else if (this.plain) this.receiveCounted(0, data)
    else super.receive(data)
  }

  protected override encode(lane: number, value: unknown, reliable: boolean): Data {
    return this.plain ? this.parser.encode(value) : super.encode(lane, value, reliable)
  }

  /** A client may say that it takes next to nothing. What the server itself would take is then no reason to throw. */
  protected override fits(data: Data): boolean {
    const { message } = this.limits
    if (this.remoteLimit >= message) return super.fits(data)
    checkSize(data, message)
    try {
      return super.fits(data)
    } catch (error) {
      if (!(error instanceof AnywireError)) throw error
      this.report(error, 'write')
      setImmediate(() => this.emit('drain'))
      return false
    }
  }

  protected override count(type: string): void {
    if (!this.plain) super.count(type)
  }

  protected override bid(goodbye: Goodbye): void {
    if (this.plain) this.said = true
    else super.bid(goodbye)
    clearTimeout(this.#timer)
    // A client answers by closing the wire. One that does not, and a plain one, which hears nothing else, is left.
    this.#timer = setTimeout(() => this.leave(goodbye), this.plain ? 0 : PATIENCE)
  }

  /** Says goodbye before everything that waits. */
  leave(goodbye: Goodbye): void {
    if (this.state === 'closed') return
    if (!this.said) this.bid(goodbye)
    this.#link?.leave(goodbye)
    this.#over(goodbye)
  }

  beat(): void {
    if (this.state !== 'open' || this.plain) return
    const { life } = this
    const silent = life === this.#life
    if (silent && this.#pinged) {
      this.#link?.abort()
      this.lost(tell(ERR_TIMEOUT))
      return
    }
    this.#life = life
    this.#pinged = silent || !this.#spoke
    if (this.#pinged) this.count(PING)
    this.#spoke = false
  }

  /** Whether somebody sees values before they are encoded. */
  get intercepts(): boolean {
    return this.outlet !== undefined && !this.outlet.idle
  }

  /** Sends a message that others are sent too. */
  share(shared: Frame): boolean {
    const { outbox } = this
    outbox.put(shared.after(outbox.queue))
    return this.written()
  }

  report(error: AnywireError, stage: string): void {
    this.#host.tell(error, stage, this)
  }

  get #recovers(): boolean {
    return this.#host.recovery !== undefined && !this.plain
  }

  #welcome(recovered: boolean): string {
    const { limits, lanes, heartbeat, recovery } = this.#host
    this.#secret = recovery ? randomBytes(16).toString('base64url') : ''
    const welcome: Welcome = {
      id: this.id,
      token: recovery ? `${this.id}.${this.#secret}` : '',
      recovered,
      got: this.progress,
      lanes,
      limit: limits.message,
      window: limits.window,
      heartbeat
    }
    return WELCOME + JSON.stringify(welcome)
  }

  #install(remote: ReadonlySet<string>): void {
    const { plugins, lanes, server } = this.#host
    if (plugins.length === 0) return
    const ends: (LaneEnd | undefined)[] = []
    install(this, plugins, plugin => {
      const lane = new LaneEnd(this)
      const number = remote.has(plugin.name) ? lanes.indexOf(plugin.name) + 1 : 0
      lane.number = number
      if (number > 0) ends[number] = lane
      return plugin.peer?.(this, lane, server, start => (this.#undos ??= []).push(start()))
    })
    this.lanes = ends
  }

  #over(goodbye: Goodbye): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    clearTimeout(this.#timer)
    this.#link = undefined
    this.detach()
    const { sent, unsent } = this.outbox.clear()
    this.#host.closed(this)
    this.closed(end(goodbye), [...sent, ...unsent])
    for (const undo of this.#undos?.reverse() ?? []) undo()
  }
}

const end = ([code, reason, after]: Goodbye): End => ({ code, reason, after, reconnect: retryable(code) })

const tell = ([, code, message]: Failure): Goodbye => [code, message, 0]

const equal = (a: string, b: string): boolean => {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length > 0 && left.length === right.length && timingSafeEqual(left, right)
}
