import type { Connection, ConnectionEvents, End, Interceptors, State, WriteOptions } from './connection.ts'
import { Emitter } from './emitter.ts'
import { AnywireError } from './errors.ts'
import type { Failure } from './errors.ts'
import {
  ERR_CLOSED,
  ERR_HANDLER,
  ERR_INTERCEPTOR,
  ERR_OPTION,
  ERR_PROTOCOL,
  ERR_SLOW,
  ERR_TOO_LARGE,
  ERR_VALUE
} from './failures.ts'
import { ACK, CLOSE, frame, isMarked, parseMarked, PING, PONG } from './frames.ts'
import { isGoodbye, parseJson } from './handshake.ts'
import type { Goodbye, Progress } from './handshake.ts'
import type { LaneEnd } from './lane.ts'
import type { Limits } from './limits.ts'
import { sizeOf } from './outbox.ts'
import type { Outbox } from './outbox.ts'
import type { Parser } from './parser.ts'
import { Pipeline } from './pipeline.ts'
import { toReadable, toWritable } from './streams.ts'
import { atEndOfTurn } from './tick.ts'
import type { Data, Wire } from './transformer.ts'

/** An end acknowledges after so many messages, or so many bytes, whichever comes first; and with each ping and pong. */
const ACK_MESSAGES = 256
const ACK_BYTES = 65_536

/** How long the other end may take to close the wire after a goodbye, in milliseconds. */
const PATIENCE = 5_000

/** Takes the next value; undefined when there will be none. */
type Taker = (result: IteratorResult<unknown, undefined>) => void

/** What both ends of a connection have in common: values in and out, counted over one wire after the other. */
export abstract class Endpoint extends Emitter<ConnectionEvents> implements Connection {
  id = ''
  state: State = 'idle'
  transformer = ''
  readonly parser: Parser
  readonly limits: Limits
  /** The lanes that are connected, by number. The default lane, 0, is none of them. */
  lanes: readonly (LaneEnd | undefined)[] = []
  wire: Wire | undefined
  /** The largest message that the other end takes. */
  remoteLimit: number
  /** Something was heard, something was said, since the heartbeat last looked. */
  heard = false
  spoke = false
  /** The goodbye of this end, said already or still behind the last message. */
  ending: Goodbye | undefined
  /** The goodbye has left. */
  said = false
  abstract outbox: Outbox
  /** Clients without a library know no frames but values. */
  protected abstract readonly plain: boolean

  #incoming: Pipeline | undefined
  #outgoing: Pipeline | undefined
  #readable: ReadableStream<unknown> | undefined
  #writable: WritableStream<unknown> | undefined
  /** Iterators that wait for a value. */
  #takers: Taker[] = []
  #paused = false
  /** Nothing can be written, and nothing more will come. */
  #closed = false
  #ticking = false
  #wantsDrain = false
  /** Counted messages that came in; that were taken; that were acknowledged. And the bytes in between. */
  #received = 0
  #consumed = 0
  #acknowledged = 0
  #unread = 0
  #unacknowledged = 0
  /** Messages that a former wire has delivered already. */
  #skip = 0
  #patience: ReturnType<typeof setTimeout> | undefined
  #drained = false

  constructor(parser: Parser, limits: Limits) {
    super()
    this.parser = parser
    this.limits = limits
    this.remoteLimit = limits.message
  }

  /** Tells an error to whoever is there for errors. */
  abstract report(error: AnywireError, stage: string): void
  /** Says goodbye at once, and tells `close`. */
  abstract leave(goodbye: Goodbye): void
  /** Says goodbye behind everything that was written. */
  abstract finish(goodbye: Goodbye): void
  /** The other end said goodbye. */
  protected abstract left(goodbye: Goodbye): void
  /** The other end answered a ping. */
  protected abstract ponged(): void

  get bufferedBytes(): number {
    return this.outbox.bytes
  }

  get incoming(): Interceptors {
    return this.#inlet()
  }

  get outgoing(): Interceptors {
    return (this.#outgoing ??= new Pipeline(error => this.report(new AnywireError(ERR_INTERCEPTOR, '', error), 'outgoing')))
  }

  get readable(): ReadableStream<unknown> {
    return (this.#readable ??= toReadable(this))
  }

  get writable(): WritableStream<unknown> {
    return (this.#writable ??= toWritable(this))
  }

  /** How far this end has got, for the other end to go on from there. */
  get progress(): Progress {
    return [this.#received, this.#consumed]
  }

  /** Whether somebody sees values before they are encoded. */
  get intercepts(): boolean {
    return this.#outgoing !== undefined && !this.#outgoing.idle
  }

  protected get isClosed(): boolean {
    return this.#closed
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined> {
    const done = { done: true, value: undefined } as const
    let mine: Taker[] = []
    let over = false
    return {
      next: () =>
        new Promise(resolve => {
          if (over || this.#drained) return resolve(done)
          mine.push(resolve)
          this.#takers.push(resolve)
          this.#flow()
        }),
      return: () => {
        over = true
        this.#takers = this.#takers.filter(taker => !mine.includes(taker))
        for (const taker of mine) taker(done)
        mine = []
        return Promise.resolve(done)
      }
    }
  }

  write(value: unknown, options?: WriteOptions): boolean {
    if (this.#closed) {
      this.report(new AnywireError(ERR_CLOSED, 'the value was not sent'), 'write')
      return false
    }
    const outgoing = this.#outgoing
    if (!outgoing || outgoing.idle) return this.transmit(0, value, options)
    let room = true
    const transmit = (passed: unknown): void => {
      room = this.transmit(0, passed, options)
    }
    outgoing.run(value, transmit, undefined, options)
    if (outgoing.busy) outgoing.after(() => void this.emit('drain'))
    return room && !outgoing.busy
  }

  /** Encodes and sends a value over a lane. */
  transmit(lane: number, value: unknown, options?: WriteOptions): boolean {
    const reliable = options?.reliable !== false
    const encoded = this.parser.encode(value)
    const data = this.plain ? encoded : frame(lane, encoded, reliable)
    checkSize(data, this.remoteLimit)
    if (!reliable) return this.sendUnreliable(data)
    this.outbox.add(data)
    return this.written()
  }

  /**
   * Sends a framed message that may be lost, as a datagram where the wire has them; or with `send`, unless it would have
   * to wait there. Returns false when it was dropped.
   */
  sendUnreliable(data: Data, send?: () => void): boolean {
    const { wire, outbox } = this
    if (!wire || !outbox.writable || wire.buffered > ACK_BYTES) return false
    if (wire.datagram) wire.datagram(data)
    else if (send) send()
    else wire.send(data)
    return true
  }

  /** To be called after each addition to the outbox: has it sent, within the caps. Returns as `write` does. */
  written(): boolean {
    const { outbox, limits } = this
    this.#schedule()
    if (outbox.writable) return true
    this.#wantsDrain = true
    const cap = this.wire ? limits.buffered : limits.window
    // One message over is accepted, so that a message of the size of the cap can be sent at all.
    if (outbox.bytes - this.remoteLimit > cap) this.fail(ERR_SLOW, `${outbox.bytes} bytes, ${cap} are allowed`)
    return false
  }

  pause(): void {
    this.#paused = true
    this.#flow()
  }

  resume(): void {
    this.#paused = false
    this.#flow()
  }

  end(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    if (this.#closed) return
    this.#closed = true
    // What interceptors still work on was written before.
    if (this.#outgoing?.busy) this.#outgoing.after(() => this.finish(goodbye))
    else this.finish(goodbye)
  }

  destroy(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    this.#closed = true
    this.leave(goodbye)
  }

  /** The other end broke a rule or a limit: ends the connection, and says why. */
  fail(failure: Failure, hint?: string, cause?: unknown): void {
    if (this.state === 'closed') return
    const error = new AnywireError(failure, hint, cause)
    this.report(error, 'connection')
    this.leave([error.status, error.message, 0])
  }

  failed(error: unknown, event: string): void {
    this.report(new AnywireError(ERR_HANDLER, `a listener for '${event}'`, error), event)
  }

  override listening(event: string): void {
    if (event !== 'data') return
    // The listener that starts the flow may come with others: they are all there when the first value is delivered.
    if (this.listenerCount('data')) queueMicrotask(() => this.#flow())
    else this.#flow()
  }

  /** Goes on over a wire. `known`: the progress that the other end will send from, when that is not the present one. */
  attach(wire: Wire, known?: Progress): void {
    this.wire = wire
    this.outbox.full = false
    this.heard = true
    this.#skip = known ? this.#received - known[0] : 0
    this.#schedule()
  }

  /** Lets go of the wire, and keeps the rest. */
  detach(): void {
    clearTimeout(this.#patience)
    this.wire = undefined
  }

  /** Sends what there is to send. */
  tick(): void {
    this.#ticking = false
    const { wire, outbox, ending } = this
    if (!wire) return
    if (outbox.waiting) {
      this.spoke = true
      outbox.flush(wire)
    }
    if (this.#owesAck()) this.#count(ACK)
    if (ending && !outbox.waiting) this.#say(wire, ending)
    if (this.#wantsDrain && outbox.writable) {
      this.#wantsDrain = false
      this.emit('drain')
    }
  }

  /** The wire has room again. */
  drain(): void {
    this.outbox.full = false
    this.tick()
  }

  /** Handles a message from the wire. */
  receive(data: Data): void {
    this.heard = true
    if (this.plain || !isMarked(data)) return this.#receiveCounted(0, data)
    const { lane, reliable, type, payload } = parseMarked(data)
    if (lane >= 0) {
      if (reliable) this.#receiveCounted(lane, payload)
      else this.#receiveValue(lane, payload, 0)
    } else if (type === CLOSE) {
      const goodbye = parseJson(payload)
      if (!isGoodbye(goodbye)) return this.fail(ERR_PROTOCOL, 'unreadable goodbye')
      this.#count(ACK)
      this.left(goodbye)
    } else this.#receiveCount(type, payload)
  }

  /** Asks the other end for a sign of life, which carries acknowledgements both ways. */
  sendPing(): void {
    this.#count(PING)
  }

  /** Says goodbye behind the last message; the other end then closes the wire. */
  protected goodbye(goodbye: Goodbye): void {
    this.ending ??= goodbye
    this.#schedule()
  }

  /** Says goodbye before everything that waits, and lets go of the wire. */
  protected abandon(goodbye: Goodbye): void {
    const { wire } = this
    if (wire && !this.said && !this.plain) wire.send(CLOSE + JSON.stringify(goodbye))
    wire?.close(goodbye[0], shorten(goodbye[1]))
    this.detach()
  }

  /** A new session begins, on this end as on the other. */
  protected renew(): void {
    this.#received = this.#consumed = this.#acknowledged = this.#unread = this.#unacknowledged = 0
    this.said = false
  }

  /** The connection may be used again. */
  protected reopen(): void {
    this.#closed = this.#drained = false
    this.ending = undefined
  }

  /**
   * Tells `lost` and `close`, behind the values that interceptors still work on.
   * @param lost - messages that were sent and not acknowledged
   * @param last - whether this object will not open again by itself
   */
  protected closed(end: End, lost: readonly Data[], last: boolean): void {
    const incoming = this.#incoming
    this.#closed = last
    const tell = (): void => {
      const values = this.listenerCount('lost') ? lost.filter(isValue).map(data => this.#valueOf(data)) : []
      if (values.length) this.emit('lost', { values })
      this.emit('close', end)
    }
    const drained = (): void => {
      this.#drained = true
      for (const taker of this.#takers.splice(0)) taker({ done: true, value: undefined })
    }
    if (incoming?.busy) incoming.after(tell)
    else tell()
    if (!last) return
    if (incoming) incoming.after(drained)
    else drained()
  }

  #valueOf(data: Data): unknown {
    return this.parser.decode(isMarked(data) ? parseMarked(data).payload : data)
  }

  #inlet(): Pipeline {
    if (this.#incoming) return this.#incoming
    this.#incoming = new Pipeline(error => this.report(new AnywireError(ERR_INTERCEPTOR, '', error), 'incoming'))
    this.#flow()
    return this.#incoming
  }

  get #flowing(): boolean {
    return this.#takers.length > 0 || (!this.#paused && this.listenerCount('data') > 0)
  }

  #flow(): void {
    if (this.#incoming) this.#incoming.gate(this.#flowing)
    else if (this.#takers.length) this.#inlet()
  }

  #schedule(): void {
    if (this.#ticking || !this.wire) return
    this.#ticking = true
    atEndOfTurn(this)
  }

  /** Says goodbye, once over each wire. The other end answers by closing the wire; if it does not, this end does. */
  #say(wire: Wire, goodbye: Goodbye): void {
    if (this.said) return
    this.said = true
    if (!this.plain) wire.send(CLOSE + JSON.stringify(goodbye))
    this.#patience = setTimeout(() => wire.close(goodbye[0], shorten(goodbye[1])), this.plain ? 0 : PATIENCE)
  }

  #receiveCounted(lane: number, payload: Data): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    const { window, message } = this.limits
    const size = sizeOf(payload)
    this.#received++
    this.#unread += size
    if (this.#unread > 2 * (window + message)) this.fail(ERR_PROTOCOL, 'more was sent than the window allows')
    else this.#receiveValue(lane, payload, size)
  }

  /** `size` is 0 for what is not counted. */
  #receiveValue(lane: number, payload: Data, size: number): void {
    let value: unknown
    try {
      value = this.parser.decode(payload)
    } catch (error) {
      return this.fail(ERR_VALUE, '', error)
    }
    if (lane) {
      const end = this.lanes[lane]
      if (!end) return this.fail(ERR_PROTOCOL, `there is no lane ${lane}`)
      end.emit('data', value)
      this.#consume(size)
    } else if (this.#flowing && (!this.#incoming || this.#incoming.idle)) {
      this.#deliver(value)
      this.#consume(size)
    } else {
      const done = (passed: unknown): void => this.#deliver(passed)
      this.#inlet().run(value, done, () => this.#consume(size))
    }
  }

  #deliver(value: unknown): void {
    const taker = this.#takers.shift()
    if (!taker) this.emit('data', value)
    else {
      taker({ done: false, value })
      this.#flow()
    }
  }

  #consume(size: number): void {
    // What an old session left unread is none of the new one's.
    if (!size || this.#consumed === this.#received) return
    this.#consumed++
    this.#unread -= size
    this.#unacknowledged += size
    if (this.#owesAck()) this.#schedule()
  }

  #receiveCount(type: string, payload: Data): void {
    const count = Number(payload)
    if (![ACK, PING, PONG].includes(type) || !/^\d{1,15}$/.test(`${payload}`) || !this.outbox.acknowledge(count)) {
      return this.fail(ERR_PROTOCOL, `unexpected ${type}`)
    }
    if (type === PING) this.#count(PONG)
    if (type === PONG) this.ponged()
    if (this.outbox.waiting || this.#wantsDrain) this.#schedule()
  }

  #owesAck(): boolean {
    return this.#consumed - this.#acknowledged >= ACK_MESSAGES || this.#unacknowledged >= ACK_BYTES
  }

  #count(type: string): void {
    if (this.plain) return
    this.#acknowledged = this.#consumed
    this.#unacknowledged = 0
    this.spoke = true
    this.wire?.send(type + this.#consumed)
  }
}

/** Whether a framed message is a value of the default lane. */
export const isValue = (message: Data): boolean => !isMarked(message) || parseMarked(message).lane === 0

const checkEnd = (code: number, reason: string): Goodbye => {
  if ((code !== 1000 && !(code >= 4000 && code < 5000)) || byteLength(reason) > 123) {
    throw new AnywireError(ERR_OPTION, `code ${code} is not 1000 or 4000–4999, or the reason is longer than 123 bytes`)
  }
  return [code, reason, 0]
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length

/** A close frame has room for 123 bytes: 41 characters in any language. */
const shorten = (reason: string): string => (byteLength(reason) > 123 ? reason.slice(0, 41) : reason)

/** Refuses what the other end would refuse; only for text that may be too long its bytes are counted. */
export const checkSize = (data: Data, limit: number): void => {
  if (data.length * 3 <= limit) return
  const size = typeof data === 'string' ? byteLength(data) : data.length
  if (size > limit) throw new AnywireError(ERR_TOO_LARGE, `${size} bytes, the other end takes ${limit}`)
}
