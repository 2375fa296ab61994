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
import { isCode } from './handshake.ts'
import type { Goodbye } from './handshake.ts'
import type { LaneEnd } from './lane.ts'
import type { Limits } from './limits.ts'
import { WAITING } from './outbox.ts'
import type { Parser } from './parser.ts'
import { Pipeline } from './pipeline.ts'
import { Session } from './session.ts'
import { toReadable, toWritable } from './streams.ts'
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
  /** How often the connection was begun by `open`. */
  protected uses = 0
  #inlet: Pipeline | undefined
  #readable: ReadableStream<unknown> | undefined
  #writable: WritableStream<unknown> | undefined
  /** Ends `readable`. */
  #end: (() => void) | undefined
  #paused = false
  /** The ends that are being told. */
  #ends: [lost: readonly unknown[], end: End][] = []

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
    return (this.#readable ??= toReadable(this, end => {
      this.#end = end
      this.#finish()
    }))
  }

  get writable(): WritableStream<unknown> {
    return (this.#writable ??= toWritable(this))
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    const reader = this.readable.getReader()
    try {
      for (let result; !(result = await reader.read()).done;) yield result.value
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
    if (!outlet) return this.transmit(0, value, options)
    // What waits for a wire, or an interceptor, is accepted, but there is no point in writing on.
    let room = false
    let writing = true
    let refused: Error | undefined
    const { uses } = this
    const transmit = (passed: unknown): void => {
      try {
        // What was written before the end is none of what may follow it.
        if (uses !== this.uses || this.state === 'closed') throw new AnywireError(ERR_CLOSED)
        room = this.transmit(0, passed, options)
      } catch (error) {
        // Who writes it is told, if they are still there.
        if (!writing) throw error
        refused = error as Error
      }
    }
    outlet.run(value, transmit, undefined, options)
    writing = false
    if (refused) throw refused
    this.wantsDrain ||= !room
    outlet.after(() => this.schedule())
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
  }

  resume(): void {
    this.#paused = false
    this.#inlet?.work()
  }

  end(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    if (this.isClosed) return
    this.isClosed = true
    // What interceptors still work on was written before.
    const { uses } = this
    const finish = (): void => {
      if (uses === this.uses) this.finish(goodbye)
    }
    if (this.outlet) this.outlet.after(finish)
    else finish()
  }

  destroy(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    this.isClosed = true
    this.leave(goodbye)
  }

  override failed(error: unknown, event: string): void {
    this.report(new AnywireError(ERR_HANDLER, `'${event}': ${textOf(error)}`, error), event)
  }

  override listening(event: string): void {
    // The listener that starts the flow may come with others: they are all there when the first value is delivered.
    if (event === 'data') queueMicrotask(() => this.#inlet?.work())
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
    const end = lane ? this.lanes[lane] : undefined
    if (lane && !end) return this.fail(ERR_PROTOCOL)
    let value: unknown
    try {
      value = this.parser.decode(payload)
    } catch (error) {
      return this.fail(ERR_VALUE, error)
    }
    if (end) {
      end.emit('data', value)
      this.consume(payload, number)
    } else if (this.#inlet ? this.#inlet.idle : this.#flowing) {
      this.emit('data', value)
      this.consume(payload, number)
    } else if (number || this.unread < WAITING) {
      // What may be lost is not kept in any number.
      this.hold(payload, number)
      const { id } = this
      this.#open().run(
        value,
        passed => this.emit('data', passed),
        () => {
          // What an old session left unread is none of the new one's.
          if (id === this.id) this.release(payload, number)
        }
      )
    }
  }

  /** The connection may be used again. */
  protected reopen(): void {
    this.uses++
    this.isClosed = false
    this.ending = this.#readable = this.#writable = this.#end = undefined
  }

  /**
   * Tells `lost` and `close`, behind the values that interceptors still work on. To be called last: handlers may do anything.
   * @param lost - messages that were sent and not acknowledged
   */
  protected closed(end: End, lost: readonly Data[]): void {
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
    this.#finish()
    // Where nobody reads, nothing is worked on, and the rest may be read later. A session that follows does not wait.
    if (this.#inlet?.busy && this.#flowing && this.state === 'closed') this.#inlet.after(tell)
    else tell()
  }

  /** Ends `readable` behind everything that can be read, once nothing more will come. */
  #finish(): void {
    if (this.#end && this.state === 'closed') this.#open().after(this.#end)
  }

  #pipeline(stage: string, isOpen?: () => boolean): Pipeline {
    const failed = (error: unknown): void =>
      this.report(
        error instanceof AnywireError ? error : new AnywireError(ERR_INTERCEPTOR, textOf(error), error),
        stage
      )
    return new Pipeline(failed, isOpen)
  }

  get #flowing(): boolean {
    return !this.#paused && this.listenerCount('data') > 0
  }

  /** The way in, made when somebody asks for it or a value has to wait. */
  #open(): Pipeline {
    return (this.#inlet ??= this.#pipeline('incoming', () => this.#flowing))
  }
}

/** Whether a framed message is a value of the default lane. */
export const isValue = (message: Data): boolean => !isMarked(message) || parseMarked(message).lane === 0

const checkEnd = (code: number, reason: string): Goodbye => {
  if (isCode(code, 4000)) return [code, reason, 0]
  throw new AnywireError(ERR_OPTION, `the code ${code}`)
}

/** Refuses what the other end would refuse; only for text that may be too long its bytes are counted. */
export const checkSize = (data: Data, limit: number): void => {
  if (data.length * 3 <= limit) return
  const size = typeof data === 'string' ? new TextEncoder().encode(data).length : data.length
  if (size > limit) throw new AnywireError(ERR_TOO_LARGE, `${size} of ${limit} bytes`)
}
