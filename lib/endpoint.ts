import type { Connection, ConnectionEvents, End, Interceptors, State, WriteOptions } from './connection.ts'
import { Emitter } from './emitter.ts'
import { AnywireError } from './errors.ts'
import { frame, isMarked, parseMarked } from './frames.ts'
import type { Goodbye } from './handshake.ts'
import { Inbox } from './inbox.ts'
import type { LaneEnd } from './lane.ts'
import type { Parser } from './parser.ts'
import { Pipeline } from './pipeline.ts'
import type { Session, SessionOwner } from './session.ts'
import { toReadable, toWritable } from './streams.ts'
import type { Data } from './transformer.ts'

/** What both ends of a connection have in common. */
export abstract class Endpoint extends Emitter<ConnectionEvents> implements Connection, SessionOwner {
  id = ''
  state: State = 'idle'
  transformer = ''
  abstract session: Session
  abstract readonly parser: Parser
  /** The lanes that are connected, by number; the default lane, 0, is none of them. */
  lanes: readonly (LaneEnd | undefined)[] = []
  readonly #inbox = new Inbox(value => this.emit('data', value))
  #incoming: Pipeline | undefined
  #outgoing: Pipeline | undefined
  #ended = false
  #readable: ReadableStream<unknown> | undefined
  #writable: WritableStream<unknown> | undefined

  /** Tells an error to whoever is there for errors. */
  abstract report(error: AnywireError, stage: string): void
  /** Ends the connection, on this end and the other, and tells `close`. */
  abstract leave(goodbye: Goodbye): void
  /** The other end said goodbye. */
  abstract left(goodbye: Goodbye): void
  /** Says goodbye behind everything that was written. */
  abstract finish(goodbye: Goodbye): void
  abstract ponged(): void

  get bufferedBytes(): number {
    return this.session.outbox.bytes
  }

  get incoming(): Interceptors {
    return (this.#incoming ??= new Pipeline(error => this.report(error, 'incoming')))
  }

  get outgoing(): Interceptors {
    return (this.#outgoing ??= new Pipeline(error => this.report(error, 'outgoing')))
  }

  get readable(): ReadableStream<unknown> {
    return (this.#readable ??= toReadable(this))
  }

  get writable(): WritableStream<unknown> {
    return (this.#writable ??= toWritable(this))
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined> {
    return this.#inbox.iterate()
  }

  write(value: unknown, options?: WriteOptions): boolean {
    if (this.#ended) {
      this.report(new AnywireError('ERR_CLOSED', 'the value was not sent'), 'write')
      return false
    }
    const outgoing = this.#outgoing
    if (!outgoing || outgoing.idle) return this.transmit(0, value, options)
    let room = true
    outgoing.run(value, passed => {
      room = this.transmit(0, passed, options)
    })
    if (outgoing.busy) outgoing.after(() => this.drained())
    return room && !outgoing.busy
  }

  /** Whether somebody sees values before they are encoded. */
  get intercepts(): boolean {
    return this.#outgoing !== undefined && !this.#outgoing.idle
  }

  /** Encodes and sends a value over a lane. */
  transmit(lane: number, value: unknown, options?: WriteOptions): boolean {
    const reliable = options?.reliable !== false
    return this.send(frame(lane, this.parser.encode(value), reliable), reliable)
  }

  /** Sends a message that is framed already. */
  send(data: Data, reliable: boolean): boolean {
    checkSize(data, this.session.remoteLimit)
    return this.session.send(data, reliable)
  }

  pause(): void {
    this.#inbox.flow(this.listenerCount('data') > 0, true)
  }

  resume(): void {
    this.#inbox.flow(this.listenerCount('data') > 0, false)
  }

  end(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    if (this.#ended) return
    this.#ended = true
    // A plain call, unless interceptors still work on what was written before.
    if (this.#outgoing?.busy) this.#outgoing.after(() => this.finish(goodbye))
    else this.finish(goodbye)
  }

  destroy(code = 1000, reason = ''): void {
    const goodbye = checkEnd(code, reason)
    this.#ended = true
    this.leave(goodbye)
  }

  fail(error: AnywireError): void {
    if (this.state === 'closed') return
    this.report(error, 'connection')
    this.leave([error.status, error.message, 0])
  }

  received(lane: number, payload: Data, size: number): void {
    const { session } = this
    let value: unknown
    try {
      value = this.parser.decode(payload)
    } catch (error) {
      return this.fail(error instanceof AnywireError ? error : new AnywireError('ERR_VALUE', undefined, error))
    }
    if (lane > 0) {
      const end = this.lanes[lane]
      if (!end) return this.fail(new AnywireError('ERR_PROTOCOL', `there is no lane ${lane}`))
      end.emit('data', value)
      session.consume(size)
    } else if (!this.#incoming || this.#incoming.idle) this.#inbox.push(value, size, session)
    else this.#intercept(this.#incoming, value, size, session)
  }

  drained(): void {
    this.emit('drain')
  }

  failed(error: unknown, event: string): void {
    this.report(new AnywireError('ERR_HANDLER', `a listener for '${event}'`, error), event)
  }

  override listening(event: string): void {
    if (event === 'data') this.#inbox.flow(this.listenerCount('data') > 0)
  }

  /** Whether the application ended the connection, or it ended by itself. */
  protected get ended(): boolean {
    return this.#ended
  }

  /** The connection can be written to, and ended, again. */
  protected reopened(): void {
    this.#ended = false
  }

  /**
   * Tells `lost` and `close`, behind the values that interceptors still work on.
   * @param lost - messages that were sent and not acknowledged
   * @param last - whether this object will never open again
   */
  protected closed(end: End, lost: Data[], last: boolean): void {
    this.#ended = last
    const tell = (): void => {
      if (last) this.#inbox.end()
      if (this.listenerCount('lost') > 0) this.#lose(lost)
      this.emit('close', end)
    }
    if (this.#incoming?.busy) this.#incoming.after(tell)
    else tell()
  }

  #lose(messages: Data[]): void {
    const values = messages.filter(isValue).map(message => valueOf(message, this.parser))
    if (values.length > 0) this.emit('lost', { values })
  }

  #intercept(incoming: Pipeline, value: unknown, size: number, session: Session): void {
    let passed = false
    incoming.run(value, result => {
      passed = true
      this.#inbox.push(result, size, session)
    })
    incoming.after(() => {
      if (!passed) session.consume(size)
    })
  }
}

/** Whether a framed message is a value of the default lane. */
export const isValue = (message: Data): boolean => !isMarked(message) || parseMarked(message)?.lane === 0

const valueOf = (message: Data, parser: Parser): unknown =>
  parser.decode((isMarked(message) ? parseMarked(message)?.payload : undefined) ?? message)

const checkEnd = (code: number, reason: string): Goodbye => {
  if (code !== 1000 && !(code >= 4000 && code < 5000)) {
    throw new AnywireError('ERR_OPTION', `a connection ends with code 1000 or 4000–4999, not ${code}`)
  }
  if (byteLength(reason) > 123) throw new AnywireError('ERR_OPTION', 'a reason has at most 123 bytes')
  return [code, reason, 0]
}

const byteLength = (text: string): number => new TextEncoder().encode(text).length

/** Refuses what the other end would refuse; only for text that may be too long its bytes are counted. */
export const checkSize = (data: Data, limit: number): void => {
  if (data.length * 3 <= limit) return
  const size = typeof data === 'string' ? byteLength(data) : data.length
  if (size > limit) throw new AnywireError('ERR_TOO_LARGE', `${size} bytes, the other end takes ${limit}`)
}
