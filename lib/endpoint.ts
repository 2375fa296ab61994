import type { Connection, End, Interceptors, WriteOptions } from './connection.ts'
import { AnywireError, asError, textOf } from './errors.ts'
import { ERR_CLOSED, ERR_HANDLER, ERR_INTERCEPTOR, ERR_PROTOCOL, ERR_VALUE } from './failures.ts'
import { checkCall, WRITING } from './call-rules.ts'
import { checkEnd, checkSize } from './checks.ts'
import { encode } from './encode.ts'
import { frame, isValue, payloadOf } from './frames.ts'
import type { Goodbye } from './handshake.ts'
import { INSPECT, show } from './inspect.ts'
import type { Inspect } from './inspect.ts'
import type { LaneEnd } from './lane.ts'
import type { Limits } from './limits.ts'
import { sizeOf, WAITING } from './outbox.ts'
import type { Parser } from './parser.ts'
import { makePipeline } from './pipeline.ts'
import type { Pipeline } from './pipeline.ts'
import { undoAll } from './plugin.ts'
import { Session } from './session.ts'
import { iterate, toReadable, toWritable } from './streams.ts'
import type { Data } from './transformer.ts'
import { weigh } from './weigh.ts'

/** A peer's values in and out. A client's are lib/traffic.ts: it pays for its code with bytes, a server with CPU. */
export abstract class Endpoint extends Session implements Connection {
  id = ''
  transformer = ''
  readonly parser: Parser
  /** The lanes that are connected, by number. The default lane, 0, is none of them. */
  lanes: readonly (LaneEnd | undefined)[] = []
  /** The first of them, as bits: lib/server/reach.ts. */
  reach = 1
  protected outlet: Pipeline | undefined
  /** The application ended the connection: nothing more can be written. */
  protected isClosed = false
  #inlet: Pipeline | undefined
  #readable: ReadableStream<unknown> | undefined
  #writable: WritableStream<unknown> | undefined
  #paused = false
  /** What interceptors still work on, in bytes: about what it will be when it is encoded. */
  #passing = 0
  /** What plugins do before the end; and the goodbye that is said behind that, once it is known. */
  #finishes: (() => Promise<void> | undefined)[] | undefined
  #parting: Goodbye | undefined
  /** The ends that are being told. */
  #ends: [lost: readonly unknown[], end: End][] = []

  constructor(parser: Parser, limits: Limits) {
    super(limits)
    this.parser = parser
  }

  /** Says goodbye behind everything that was written. */
  abstract finish(goodbye: Goodbye, reading?: boolean): void

  get bufferedBytes(): number {
    return this.outbox.bytes + this.#passing
  }

  get incoming(): Interceptors {
    return this.#open()
  }

  get outgoing(): Interceptors {
    return (this.outlet ??= this.#pipeline('outgoing'))
  }

  get readable(): ReadableStream<unknown> {
    return (this.#readable ??= toReadable(this, this.#open()))
  }

  get writable(): WritableStream<unknown> {
    return (this.#writable ??= toWritable(this))
  }

  [INSPECT](_depth: number, options: object, inspect: Inspect): string {
    const { id, state, transformer, bufferedBytes } = this
    return show('Peer', { id, state, transformer, bufferedBytes }, options, inspect)
  }

  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    return iterate(this.readable)
  }

  write(value: unknown, options?: WriteOptions): boolean {
    if (options) checkCall('write', options, WRITING)
    return this.put(value, options)
  }

  /** Writes a value, with options that were looked at. */
  put(value: unknown, options?: WriteOptions): boolean {
    const { outlet } = this
    if (this.isClosed || this.state === 'closed') {
      this.report(new AnywireError(ERR_CLOSED), 'write')
      return false
    }
    if (!outlet) return this.transmit(0, value, options)
    // What may be lost does not wait in any number.
    if (options?.reliable === false && this.#passing > Math.min(WAITING, this.limits.window)) return false
    const transmit = (passed: unknown): boolean => {
      if (this.state === 'closed') throw new AnywireError(ERR_CLOSED)
      return this.transmit(0, passed, options)
    }
    const room = outlet.write(value, transmit, options)
    const weight = room ? 0 : weigh(value, this.limits.message) + sizeOf('')
    this.#passing += weight
    this.wantsDrain ||= !room
    outlet.after(() => {
      this.#passing -= weight
      this.schedule()
    })
    if (!room) this.checkHeld()
    return room
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

  end(code?: number, reason?: string): void {
    const goodbye = checkEnd(code, reason)
    if (this.isClosed) return
    this.isClosed = true
    // A code of the application's is a verdict: nobody goes on until what is under way is done.
    this.part(goodbye, undefined, goodbye[0] !== 1000)
  }

  before(finish: () => Promise<void> | undefined): void {
    this.#finishes ??= []
    this.#finishes.push(finish)
  }

  /**
   * Has plugins finish what they are at, and then says goodbye, as `finish` does.
   * @param atOnce - does not wait for them
   */
  part(goodbye: Goodbye, reading?: boolean, atOnce?: boolean): void {
    if (this.#parting) return
    this.#parting = goodbye
    const say = (): void => this.finish(goodbye, reading)
    // What interceptors still work on was written before.
    const behind = (): void => (this.outlet ? this.outlet.after(say) : say())
    if (atOnce || !this.#finishes) return behind()
    void undoAll(this.#finishes, (error, event) => this.failed(error, event)).then(behind)
  }

  /** Ends at once, with the goodbye that plugins are waited for with, or else with this one. */
  abandon(goodbye: Goodbye): void {
    this.leave(this.#parting ?? goodbye)
  }

  destroy(code?: number, reason?: string): void {
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
    return frame(lane, encode(this.parser, value, lane), reliable)
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
    } else if (!this.#inlet?.length && !this.#paused && this.emit('data', value)) {
      this.consume(payload, number)
    } else if (number || this.unread < WAITING) {
      // What may be lost is not kept in any number.
      this.hold(payload, number)
      this.#open().run(
        value,
        passed => this.emit('data', passed),
        () => this.release(payload, number)
      )
    }
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
    if (this.#inlet) this.#inlet.rest(tell)
    else tell()
  }

  #pipeline(stage: string, isOpen?: () => boolean): Pipeline {
    const failed = (error: unknown): void => this.report(asError(error, ERR_INTERCEPTOR), stage)
    return makePipeline(failed, isOpen)
  }

  get #flowing(): boolean {
    return !this.#paused && this.listenerCount('data') > 0
  }

  /** The way in, made when somebody asks for it or a value has to wait. */
  #open(): Pipeline {
    return (this.#inlet ??= this.#pipeline('incoming', () => this.#flowing))
  }
}
