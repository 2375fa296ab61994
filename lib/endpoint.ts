import type { Connection, End, Interceptors, WriteOptions } from './connection.ts'
import { AnywireError, textOf } from './errors.ts'
import {
  ERR_CLOSED,
  ERR_HANDLER,
  ERR_INTERCEPTOR,
  ERR_OPTION,
  ERR_PROTOCOL,
  ERR_TOO_LARGE,
  ERR_VALUE
} from './failures.ts'
import { frame, isMarked, parseMarked, payloadOf } from './frames.ts'
import type { Goodbye } from './handshake.ts'
import type { LaneEnd } from './lane.ts'
import type { Limits } from './limits.ts'
import { WAITING } from './outbox.ts'
import type { Parser } from './parser.ts'
import { Pipeline } from './pipeline.ts'
import { Session } from './session.ts'
import { toReadable, toWritable } from './streams.ts'
import type { Taker } from './streams.ts'
import type { Data } from './transformer.ts'

/** What both ends of a connection have in common: values in and out. */
export abstract class Endpoint extends Session implements Connection {
  id = ''
  transformer = ''
  readonly parser: Parser
  /** The lanes that are connected, by number. The default lane, 0, is none of them. */
  lanes: readonly (LaneEnd | undefined)[] = []
  protected outlet: Pipeline | undefined
  /** The application ended the connection: nothing more can be written. */
  protected isClosed = false
  #inlet: Pipeline | undefined
  #readable: ReadableStream<unknown> | undefined
  #writable: WritableStream<unknown> | undefined
  /** Who waits for the next value. */
  #taker: Taker | undefined
  #paused = false
  /** A write is under way, and why its value was refused. */
  #writing = false
  #refused: AnywireError | undefined
  /** The ends that are being told. */
  #ends: [lost: readonly unknown[], end: End][] = []
  /** Nothing more will come, and everything was read. */
  #drained = false

  constructor(parser: Parser, limits: Limits) {
    super(limits)
    this.parser = parser
  }

  /** Says goodbye behind everything that was written. */
  abstract finish(goodbye: Goodbye): void

  get bufferedBytes(): number {
    return this.outbox.bytes
  }

  get incoming(): Interceptors {
    return this.#open()
  }

  get outgoing(): Interceptors {
    return (this.outlet ??= this.#pipeline('outgoing'))
  }

  get readable(): ReadableStream<unknown> {
    return (this.#readable ??= toReadable(taker => {
      this.#taker = taker
      if (this.#drained) taker?.({ done: true, value: undefined })
      else this.#open().gate(this.#flowing)
    }))
  }

  get writable(): WritableStream<unknown> {
    return (this.#writable ??= toWritable(this))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    const reader = this.readable.getReader()
    try {
      for (let result = await reader.read(); !result.done; result = await reader.read()) yield result.value
    } finally {
      reader.releaseLock()
    }
  }

  write(value: unknown, options?: WriteOptions): boolean {
    const { outlet } = this
    if (this.isClosed || this.state === 'closed') {
      this.report(new AnywireError(ERR_CLOSED), 'write')
      return false
    }
    if (!outlet || outlet.idle) return this.transmit(0, value, options)
    // What waits for a wire, or an interceptor, is accepted, but there is no point in writing on.
    let room = false
    const transmit = (passed: unknown): void => {
      room = this.transmit(0, passed, options)
    }
    this.#writing = true
    outlet.run(value, transmit, undefined, options)
    this.#writing = false
    const refused = this.#refused
    this.#refused = undefined
    if (refused) throw refused
    if (!room && options?.reliable !== false) this.wantDrain()
    if (outlet.busy) outlet.after(() => this.schedule())
    return room && !outlet.busy
  }

  /** Encodes and sends a value over a lane. */
  transmit(lane: number, value: unknown, options?: WriteOptions): boolean {
    const reliable = options?.reliable !== false
    const data = this.encode(lane, value, reliable)
    if (!this.fits(data)) return false
    if (!reliable) return this.sendUnreliable(data)
    this.add(data, options)
    return this.written()
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
    if (this.isClosed) return
    this.isClosed = true
    // What interceptors still work on was written before.
    if (this.outlet?.busy) this.outlet.after(() => this.finish(goodbye))
    else this.finish(goodbye)
  }

  destroy(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    this.isClosed = true
    this.leave(goodbye)
  }

  failed(error: unknown, event: string): void {
    this.report(new AnywireError(ERR_HANDLER, `'${event}': ${textOf(error)}`, error), event)
  }

  override listening(event: string): void {
    if (event !== 'data') return
    // The listener that starts the flow may come with others: they are all there when the first value is delivered.
    if (this.listenerCount(event)) queueMicrotask(() => this.#flow())
    else this.#flow()
  }

  protected encode(lane: number, value: unknown, reliable: boolean): Data {
    return frame(lane, this.parser.encode(value), reliable)
  }

  /** @throws ERR_TOO_LARGE; returns false where that was told already, and whoever writes is not to blame */
  protected fits(data: Data): boolean {
    checkSize(data, this.remoteLimit)
    return true
  }

  /** Puts a message where it waits to be sent. */
  protected add(data: Data, _options?: WriteOptions): void {
    this.outbox.add(data)
  }

  protected override get hasRoom(): boolean {
    return super.hasRoom && !this.outlet?.busy
  }

  protected override arrived(lane: number, payload: Data, number: number): void {
    let value: unknown
    try {
      value = this.parser.decode(payload)
    } catch (error) {
      return this.fail(ERR_VALUE, error)
    }
    if (lane) {
      const end = this.lanes[lane]
      if (!end) return this.fail(ERR_PROTOCOL)
      end.emit('data', value)
      this.consume(payload, number)
    } else if (this.#flowing && (!this.#inlet || this.#inlet.idle)) {
      this.#deliver(value)
      this.consume(payload, number)
    } else if (number || this.unread < WAITING) {
      // What may be lost is not kept in any number.
      this.hold(payload, number)
      const { id } = this
      this.#open().run(
        value,
        passed => this.#deliver(passed),
        () => {
          // What an old session left unread is none of the new one's.
          if (id === this.id) this.release(payload, number)
        }
      )
    }
  }

  /** The connection may be used again. */
  protected reopen(): void {
    this.isClosed = this.#drained = false
    this.ending = this.#readable = this.#writable = undefined
  }

  /**
   * Tells `lost` and `close`, behind the values that interceptors still work on. To be called last: handlers may do anything.
   * @param lost - messages that were sent and not acknowledged
   */
  protected closed(end: End, lost: readonly Data[]): void {
    const inlet = this.#inlet
    const values = this.listenerCount('lost')
      ? lost.filter(isValue).map(data => this.parser.decode(payloadOf(data)))
      : []
    const tell = (): void => {
      // A handler that ends the next session has that told behind the end of this one.
      if (this.#ends.push([values, end]) > 1) return
      for (const [values, end] of this.#ends) {
        if (values.length) this.emit('lost', { values })
        this.emit('close', end)
      }
      this.#ends = []
    }
    const drained = (): void => {
      if (this.state !== 'closed') return
      const taker = this.#taker
      this.#drained = true
      this.#taker = undefined
      taker?.({ done: true, value: undefined })
    }
    if (inlet) inlet.after(drained)
    else drained()
    // Where nobody reads, nothing is worked on, and the rest may be read later.
    if (inlet?.busy && this.#flowing) inlet.after(tell)
    else tell()
  }

  #pipeline(stage: string): Pipeline {
    return new Pipeline(error => {
      const known = error instanceof AnywireError
      // What cannot be sent is told to whoever writes it, if they are still there.
      if (known && this.#writing) this.#refused = error
      else this.report(known ? error : new AnywireError(ERR_INTERCEPTOR, textOf(error), error), stage)
    })
  }

  get #flowing(): boolean {
    return !!this.#taker || (!this.#paused && this.listenerCount('data') > 0)
  }

  /** The way in, made when somebody asks for it or a value has to wait. */
  #open(): Pipeline {
    if (!this.#inlet) {
      this.#inlet = this.#pipeline('incoming')
      this.#flow()
    }
    return this.#inlet
  }

  #flow(): void {
    this.#inlet?.gate(this.#flowing)
  }

  #deliver(value: unknown): void {
    const taker = this.#taker
    if (!taker) return void this.emit('data', value)
    this.#taker = undefined
    this.#flow()
    taker({ done: false, value })
  }
}

/** Whether a framed message is a value of the default lane. */
export const isValue = (message: Data): boolean => !isMarked(message) || parseMarked(message).lane === 0

const checkEnd = (code: number, reason: string): Goodbye => {
  if (code === 1000 || (Number.isInteger(code) && code >= 4000 && code < 5000)) return [code, reason, 0]
  throw new AnywireError(ERR_OPTION, `code ${code} is not 1000 or 4000–4999`)
}

/** Refuses what the other end would refuse; only for text that may be too long its bytes are counted. */
export const checkSize = (data: Data, limit: number): void => {
  if (data.length * 3 <= limit) return
  const size = typeof data === 'string' ? new TextEncoder().encode(data).length : data.length
  if (size > limit) throw new AnywireError(ERR_TOO_LARGE, `${size} of ${limit} bytes`)
}
