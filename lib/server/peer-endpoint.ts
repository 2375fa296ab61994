import { isDeepStrictEqual } from 'node:util'
import { encode } from '../encode.ts'
import { Endpoint } from '../endpoint.ts'
import { AnywireError, endOf, retryable, tell } from '../errors.ts'
import { ERR_EXPIRED, ERR_PROTOCOL, ERR_SESSION_LOST, ERR_SLOW, ERR_TIMEOUT, ERR_TOO_LARGE } from '../failures.ts'
import { PING, WELCOME } from '../frames.ts'
import { isFinal } from '../handshake.ts'
import type { Goodbye, Hello, Welcome } from '../handshake.ts'
import { WAITING } from '../outbox.ts'
import type { Parser } from '../parser.ts'
import { undoAll } from '../plugin.ts'
import type { End } from '../plugin.ts'
import { LONGEST } from '../timer.ts'
import type { Data, Wire } from '../transformer.ts'
import type { Absent } from './away.ts'
import { byteLength } from './frame.ts'
import type { Frame } from './frame.ts'
import type { Beating } from './heartbeat.ts'
import type { HttpHeaders } from './http.ts'
import type { ServerLink } from './link.ts'
import type { Handshake, Peer } from './peer.ts'
import type { PeerHost } from './peer-host.ts'
import { installPeer } from './peer-plugins.ts'
import { rejudge } from './rejudge.ts'
import { RunOutbox } from './run-outbox.ts'
import { makeToken, parseToken, Ticket } from './ticket.ts'
import { TokenBucket } from './token-bucket.ts'

/** How many acknowledgements and pongs may wait for a wire that is full. */
const ANSWERS = 10_000

/** How long a client may take to close the wire after a goodbye, in milliseconds. */
const PATIENCE = 5_000

/** How long a client may acknowledge nothing of what stands before a goodbye, in milliseconds. */
const READING = 30_000

/** The server's end of a connection. */
export class PeerEndpoint extends Endpoint implements Peer, Beating, Absent {
  readonly outbox: RunOutbox
  context: unknown
  readonly plain: boolean
  /** What the client shows to go on with the session. */
  readonly ticket = new Ticket()
  /** Of the messages that it brings, over whatever wires. */
  readonly rate: TokenBucket
  /** Which hello brought the wire that is in use, or was last. */
  order = 0
  readonly #host: PeerHost
  readonly #handshake: Handshake
  #undos: End[] | undefined
  #link: ServerLink | undefined
  /** Gives up: the client's return, what it has to read before a goodbye, or its answer to one. */
  #timer: ReturnType<typeof setTimeout> | undefined
  /** How often it was answered since the wire had room. */
  #answers = 0
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
    this.rate = new TokenBucket(host.limits.rate)
    this.outbox = new RunOutbox(Math.min(host.limits.window, hello?.window ?? Infinity), !this.plain)
    if (hello) this.remoteLimit = hello.limit
    if (host.plugins.length) this.#install(new Set(hello?.plugins.map(([name]) => name)))
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

  /** Bytes that are kept for the client and of it. */
  get held(): number {
    return this.bufferedBytes + this.unread
  }

  /** Goes on over a new wire from where the client says it is. False: it cannot be there, and nothing has changed. */
  recover(link: ServerLink, wire: Wire, { session = '', got = [0, 0] }: Hello): boolean {
    if (!this.outbox.rewind(...got)) return false
    // What still comes over the old wire will come again: it must not be counted after the welcome has said how far we are.
    this.#link?.replaced()
    this.#link = undefined
    this.detach()
    this.#host.back(this)
    this.carry(link, wire, parseToken(session)[1])
    return true
  }

  /**
   * Lets a link carry the session.
   * @param shown - the secret by which the client came back to it; undefined: it is a new one
   */
  carry(link: ServerLink, wire: Wire, shown?: string): void {
    clearTimeout(this.#timer)
    this.#link = link
    this.order = link.order
    this.#pinged = false
    this.state = 'open'
    this.transformer = link.handshake.transformer
    link.carry(this)
    if (!this.plain) wire.send(this.#welcome(shown))
    // Where the wire died of it, that was told already.
    if (this.#link !== link) return
    this.attach(wire)
    if (this.ending) this.#limitReading()
  }

  async reauthenticate(auth: unknown, accepts?: (now: unknown, before: unknown) => unknown): Promise<void> {
    const asked = this.#link?.handshake ?? this.#handshake
    this.take(await rejudge(this, this.#host.admission, asked, auth, accepts))
  }

  /** Has another context from here on, unless it is the same. */
  take(context: unknown): void {
    const { context: before } = this
    if (isDeepStrictEqual(before, context)) return
    this.context = context
    this.#host.renewed(this, before)
  }

  expire(): void {
    this.leave(tell(ERR_EXPIRED))
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
    clearTimeout(this.#timer)
    this.#link = undefined
    this.detach()
    // Who heard a goodbye closes with its code.
    if (this.said && this.ending) return this.#over(this.ending, goodbye[0] === this.ending[0])
    if (goodbye[0] === 1009) this.report(new AnywireError(ERR_TOO_LARGE), 'connection')
    // A page that goes away (1001) takes its client with it.
    if (!this.#recovers || !recovery || isFinal(goodbye[0]) || goodbye[0] === 1001) return this.#over(goodbye)
    this.state = 'away'
    this.#timer = setTimeout(() => this.#over(tell(ERR_SESSION_LOST)), Math.min(recovery.time, LONGEST))
    this.#timer.unref()
    this.#host.away(this)
    // Where no more sessions may wait, that was the end.
    if (this.state === 'away') this.emit('disconnect', endOf(goodbye, retryable(goodbye[0])))
    if (this.holdsMoreThan(limits.window)) this.leave(tell(ERR_SLOW))
  }

  /** @param reading - false: who says goodbye has a time of its own for what stands before */
  finish(goodbye: Goodbye, reading = true): void {
    this.goodbye(goodbye)
    if (reading && this.wire) this.#limitReading()
  }

  override written(): boolean {
    const room = super.written()
    if (!this.wire) this.#host.kept(this)
    return room
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
    return this.plain ? encode(this.parser, value, lane) : super.encode(lane, value, reliable)
  }

  protected override fits(data: Data): boolean {
    // Bytes are never more than three times the characters.
    return data.length * 3 <= this.remoteLimit || this.takes(byteLength(data))
  }

  /**
   * Whether the client takes a message of so many bytes. One that takes less than the server itself would may say so, but
   * the writer is not to blame for it: the connection ends.
   * @throws ERR_TOO_LARGE for what no client of this server has to take
   */
  takes(bytes: number): boolean {
    if (bytes <= this.remoteLimit) return true
    if (bytes > this.limits.message) throw new AnywireError(ERR_TOO_LARGE, `${bytes} of ${this.remoteLimit} bytes`)
    this.fail(ERR_TOO_LARGE)
    return false
  }

  protected override count(type: string): void {
    const { wire } = this
    if (!wire || this.plain) return
    // Whoever asks and asks, and reads no answer, would fill the memory.
    this.#answers = wire.buffered > WAITING ? this.#answers + 1 : 0
    if (this.#answers > ANSWERS && !this.said) this.fail(ERR_SLOW)
    else super.count(type)
  }

  protected override bid(goodbye: Goodbye): void {
    if (this.plain) this.said = true
    else super.bid(goodbye)
    clearTimeout(this.#timer)
    // A client answers by closing the wire. One that does not, and a plain one, which hears nothing else, is left.
    this.#timer = setTimeout(() => this.leave(goodbye), this.plain ? 0 : PATIENCE)
  }

  beat(): void {
    // Where the technology cannot ask, a plain client cannot be asked.
    if (this.state !== 'open' || (this.plain && !this.wire?.ping)) return
    const { life } = this
    const silent = life === this.#life
    if (silent && this.#pinged) {
      this.#link?.abort()
      this.lost(tell(ERR_TIMEOUT))
      return
    }
    this.#life = life
    this.#pinged = silent || !this.#spoke
    if (this.#pinged && this.plain) this.wire?.ping?.()
    else if (this.#pinged) this.count(PING)
    this.#spoke = false
  }

  /** Whether somebody sees values before they are encoded. */
  get intercepts(): boolean {
    return !!this.outlet?.length
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

  #welcome(shown: string | undefined): string {
    const { limits, lanes, transformers, heartbeat, recovery } = this.#host
    const welcome: Welcome = [
      this.id,
      recovery ? makeToken(this.id, this.ticket.renew(shown)) : '',
      shown !== undefined,
      lanes,
      transformers,
      ...this.progress,
      this.outbox.sent,
      limits.message,
      limits.window,
      heartbeat
    ]
    return WELCOME + JSON.stringify(welcome)
  }

  #install(remote: ReadonlySet<string>): void {
    try {
      installPeer(this, this.#host, remote, start => {
        if (this.state !== 'closed') (this.#undos ??= []).push(start())
      })
    } catch (error) {
      this.#undo()
      throw error
    }
  }

  #undo(): void {
    if (this.#undos) void undoAll(this.#undos.splice(0), (error, event) => this.failed(error, event))
  }

  /** Ends with what was said before, once the client acknowledges nothing any more. */
  #limitReading(): void {
    const { bytes } = this.outbox
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      if (this.outbox.bytes < bytes) this.#limitReading()
      else if (this.ending) this.leave(this.ending)
    }, READING)
  }

  /** @param heard - the client knows how it ended */
  #over(goodbye: Goodbye, heard = false): void {
    if (this.state === 'closed') return
    this.state = 'closed'
    clearTimeout(this.#timer)
    this.#link = undefined
    this.detach()
    const { sent, unsent } = this.outbox.clear()
    this.#host.closed(this, goodbye[0], this.isClosed && !heard ? (this.ending ?? goodbye) : undefined)
    this.closed(endOf(goodbye, retryable(goodbye[0])), [...sent, ...unsent])
    this.#undo()
  }
}
