import type { ConnectionEvents, State } from './connection.ts'
import { CheckedEmitter } from './checked-emitter.ts'
import type { EventNames } from './checked-emitter.ts'
import { CONNECTION_EVENTS } from './connection-events.ts'
import { AnywireError, tell } from './errors.ts'
import type { Failure } from './errors.ts'
import { ERR_PROTOCOL, ERR_SLOW } from './failures.ts'
import { ACK, CLOSE, COUNT, headOf, LANE, LOOSE, payloadOf, PING, PONG } from './frames.ts'
import { isGoodbye, readControl } from './handshake.ts'
import type { Goodbye, Progress } from './handshake.ts'
import type { Limits } from './limits.ts'
import { sizeOf, WAITING } from './outbox.ts'
import type { Outbox } from './server/outbox.ts'
import { atEndOfTurn } from './tick.ts'
import type { Data, Wire } from './transformer.ts'

/** An end acknowledges when it took so many bytes, as `sizeOf` counts them; and with each ping and pong. */
const ACK_BYTES = 65_536

/** And so many milliseconds after the first message that was taken, so that little of what arrived counts as lost. */
const ACK_DELAY = 1_000

/** A peer's messages in and out, counted over one wire after the other: the half that knows nothing of values. */
export abstract class Session extends CheckedEmitter<ConnectionEvents> {
  state: State = 'idle'
  wire: Wire | undefined
  abstract outbox: Outbox
  readonly limits: Limits
  /** The largest message that the other end takes. */
  remoteLimit: number
  /** The goodbye of this end, said already or still behind the last message. */
  ending: Goodbye | undefined
  /** The goodbye has left. */
  said = false
  /** Bytes that wait to be taken. */
  protected unread = 0
  /** How often something was heard. */
  #heard = 0
  /** A writer was told to wait: `drain` follows as soon as there is a wire with room. */
  protected wantsDrain = false
  #ticking = false
  /** Counted messages that came in; and how many of the first of them were taken. */
  #received = 0
  #consumed = 0
  /** Counted messages that wait to be taken. */
  #held = 0
  /** Bytes that were taken and not acknowledged. */
  #owed = 0
  /** Messages that a former wire has delivered already. */
  #skip = 0
  #ackTimer: ReturnType<typeof setTimeout> | undefined

  constructor(limits: Limits) {
    super()
    this.limits = limits
    this.remoteLimit = limits.message
  }

  /** Bytes that wait for the other end, or to be acknowledged. */
  abstract readonly bufferedBytes: number
  /** Tells an error to whoever is there for errors. */
  abstract report(error: AnywireError, stage: string): void
  /** A goodbye was said, by either end: closes the wire, and is done with the session. */
  protected abstract left(goodbye: Goodbye): void
  /** The other end answered a ping. */
  protected abstract ponged(): void
  /** A message came in. `number`: which one of the counted; 0 for what is not counted, and not acknowledged. */
  protected abstract arrived(lane: number, payload: Data, number: number): void

  protected override get eventNames(): EventNames<ConnectionEvents> {
    return CONNECTION_EVENTS
  }

  /** How far this end has got, for the other end to go on from there. */
  get progress(): Progress {
    return [this.#received, this.#consumed]
  }

  /** Changes with each sign of life of the other end. */
  get life(): number {
    return this.#heard + (this.wire?.received ?? 0)
  }

  /** Goes on over a wire. `from`: how many messages come before the first one that the other end sends. */
  attach(wire: Wire, from = this.#received): void {
    this.wire = wire
    this.outbox.full = false
    this.#heard++
    // What was said over the wire before may not have arrived.
    this.said = false
    this.#skip = this.#received - from
    this.schedule()
  }

  /** Lets go of the wire, and keeps the rest. */
  detach(): void {
    this.#stopAckTimer()
    this.wire = undefined
  }

  /**
   * Sends a message that may be lost, as a datagram where the wire has them; or with `send`, unless it would have to wait.
   * @returns false when it was dropped
   */
  sendUnreliable(data: Data, send = (wire: Wire): unknown => wire.send(data)): boolean {
    const { wire, outbox } = this
    if (!wire || !outbox.writable || wire.buffered > WAITING) return false
    if (wire.datagram) wire.datagram(data)
    else send(wire)
    return true
  }

  /**
   * To be called after each addition to the outbox: has it sent, within the caps.
   * @returns false when the writer should wait for `drain`
   */
  written(): boolean {
    this.schedule()
    if (this.outbox.writable) return true
    this.wantsDrain = true
    this.checkHeld()
    return false
  }

  /** Ends a session that holds more than it may. */
  protected checkHeld(): void {
    const { limits } = this
    if (!this.holdsMoreThan(this.wire ? limits.buffered : limits.window)) return
    // One that is away is nobody's fault, and told as every end is.
    if (this.wire) this.fail(ERR_SLOW)
    else this.leave(tell(ERR_SLOW))
  }

  /** One message over is accepted, so that a message of the size of the cap can be sent at all. */
  protected holdsMoreThan(cap: number): boolean {
    return this.bufferedBytes > cap + Math.min(cap, this.limits.message)
  }

  /** Sends what there is to send. */
  tick(): void {
    this.#ticking = false
    const { wire, outbox, ending } = this
    if (!wire) return
    if (outbox.waiting) outbox.flush(wire)
    if (this.#owesAck()) this.count(ACK)
    if (ending && !outbox.waiting && !this.said) this.bid(ending)
    if (this.wantsDrain && this.hasRoom) {
      this.wantsDrain = false
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
    this.#heard++
    const head = headOf(data)
    if (!(head >= LANE)) this.#receiveControl(data)
    else if (head < LOOSE) this.receiveCounted(head - LANE, payloadOf(data))
    else this.arrived(head - LOOSE, payloadOf(data), 0)
  }

  /** Whether a writer may go on. */
  protected get hasRoom(): boolean {
    return this.outbox.writable
  }

  /** Says goodbye behind the last message; the other end then closes the wire. */
  protected goodbye(goodbye: Goodbye): void {
    this.ending = goodbye
    this.schedule()
  }

  /** Says goodbye now. */
  protected bid(goodbye: Goodbye): void {
    this.said = true
    this.count(ACK)
    this.wire?.send(CLOSE + JSON.stringify(goodbye))
  }

  /** Says goodbye before everything that waits, and ends. */
  leave(goodbye: Goodbye): void {
    if (this.state === 'closed') return
    if (!this.said) this.bid(goodbye)
    this.left(goodbye)
  }

  /** The other end broke a rule or a limit: ends the connection, and says why. */
  fail(failure: Failure, cause?: unknown): void {
    if (this.state === 'closed') return
    this.report(new AnywireError(failure, '', cause), 'connection')
    this.leave(tell(failure))
  }

  protected receiveCounted(lane: number, payload: Data): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    this.arrived(lane, payload, ++this.#received)
  }

  /** A message has to wait until it is taken. */
  protected hold(payload: Data, number: number): void {
    this.unread += sizeOf(payload)
    if (number) this.#held++
  }

  /** A message that waited was taken. */
  protected release(payload: Data, number: number): void {
    this.unread -= sizeOf(payload)
    if (!number) return
    this.#held--
    this.#consumed = number
    this.consume(payload, number)
  }

  /** A message was taken by the application. What is acknowledged has no gaps: nothing behind a message that waits. */
  protected consume(payload: Data, number: number): void {
    if (!number) return
    if (!this.#held) this.#consumed = this.#received
    this.#owed += sizeOf(payload)
    if (this.#owesAck()) this.schedule()
    else this.#ackTimer ??= setTimeout(() => this.count(ACK), ACK_DELAY)
  }

  /** Tells how many messages were taken. */
  protected count(type: string): void {
    this.#stopAckTimer()
    if (!this.wire) return
    this.#owed = 0
    this.wire.send(type + this.#consumed)
  }

  /** Has `tick` called at the end of this turn. */
  protected schedule(): void {
    if (this.#ticking) return
    this.#ticking = true
    atEndOfTurn(this)
  }

  #stopAckTimer(): void {
    clearTimeout(this.#ackTimer)
    this.#ackTimer = undefined
  }

  #receiveControl(data: Data): void {
    const goodbye = readControl(CLOSE, data)
    if (isGoodbye(goodbye)) {
      // What was written until now may still arrive, and what arrived will be read, however long the reader takes.
      const { wire } = this
      this.tick()
      // A handler of `drain` may have ended it all.
      if (this.wire !== wire) return
      this.#consumed = this.#received
      this.count(ACK)
      return this.left(goodbye)
    }
    const [, type, count] = COUNT.exec(`${data}`) ?? []
    if (!count || !this.outbox.acknowledge(+count)) return this.fail(ERR_PROTOCOL)
    if (type === PING) this.count(PONG)
    if (type === PONG) this.ponged()
    this.schedule()
  }

  #owesAck(): boolean {
    // The other end's window is this end's, the smaller of both: it must not stand still before it is told.
    return this.#owed >= Math.min(ACK_BYTES, this.outbox.window / 8)
  }
}
