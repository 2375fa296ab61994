import { AnywireError } from './errors.ts'
import { ACK, CLOSE, isMarked, parseCount, parseMarked, PING, PONG } from './frames.ts'
import { parseGoodbye } from './handshake.ts'
import type { Goodbye, Progress } from './handshake.ts'
import { Outbox } from './outbox.ts'
import { sizeOf } from './run.ts'
import { atEndOfTurn } from './tick.ts'
import type { Data, Wire } from './transformer.ts'

/** An end acknowledges after so many messages, or so many bytes, whichever comes first; and with each ping and pong. */
const ACK_MESSAGES = 256
const ACK_BYTES = 65_536

/** How long the other end may take to close the wire after a goodbye, in milliseconds. */
const PATIENCE = 5_000

/** Whom a session tells. */
export interface SessionOwner {
  /** A message of a lane came in; `size` is to be consumed. */
  received(lane: number, payload: Data, size: number): void
  /** There is room again after a write that said "full". */
  drained(): void
  /** The other end ended the session. */
  left(goodbye: Goodbye): void
  /** The other end broke a rule or a limit; the session is to end. */
  fail(error: AnywireError): void
  /** The other end answered a ping. */
  ponged(): void
}

/** What one end allows and keeps. All in bytes. */
export interface SessionLimits {
  /** Unread, unacknowledged bytes that this end takes, and that it keeps for the other end. Default 1 MiB. */
  readonly window: number
  /** Bytes that may wait for a slow reader. Default 16 MiB. */
  readonly buffered: number
  /** The largest message. Default 1 MiB. */
  readonly message: number
}

export const DEFAULT_LIMITS: SessionLimits = { window: 1_048_576, buffered: 16_777_216, message: 1_048_576 }

/**
 * The half of a connection that survives its wires: it counts messages, keeps what the other end has not acknowledged, and
 * goes on over the next wire where the last one broke off.
 */
export class Session {
  readonly outbox: Outbox
  readonly limits: SessionLimits
  wire: Wire | undefined
  /** Messages of this end may be as large as this. */
  remoteLimit: number
  /** Something was heard, something was said, since the heartbeat last looked. */
  heard = false
  spoke = false
  /** Unreliable messages that were dropped because the wire was full. */
  dropped = 0

  readonly #owner: SessionOwner
  /** A plain client knows no frames but values. */
  readonly #plain: boolean
  #received = 0
  #consumed = 0
  #acknowledged = 0
  /** Bytes received and not consumed; bytes consumed and not acknowledged. */
  #unread = 0
  #unacknowledged = 0
  /** Messages that a former wire has delivered already. */
  #skip = 0
  #ticking = false
  #wantsDrain = false
  #ending: Goodbye | undefined
  #said: Wire | undefined
  #patience: ReturnType<typeof setTimeout> | undefined

  constructor(owner: SessionOwner, limits: SessionLimits, keep: boolean, plain: boolean) {
    this.#owner = owner
    this.#plain = plain
    this.limits = limits
    this.remoteLimit = limits.message
    this.outbox = new Outbox(limits.window, keep)
  }

  /** How far this end has got, for the other end to go on from there. */
  get progress(): Progress {
    return [this.#received, this.#consumed]
  }

  /** The goodbye of this end, said already or still behind the last message. */
  get ending(): Goodbye | undefined {
    return this.#ending
  }

  /** Whether the goodbye has left. */
  get said(): boolean {
    return this.#said !== undefined
  }

  /** Goes on over a wire. `known`: the progress that the other end will send from, when that is not the present one. */
  attach(wire: Wire, known?: Progress): void {
    this.wire = wire
    this.outbox.full = false
    this.heard = true
    this.#skip = known ? this.#received - known[0] : 0
    this.schedule()
  }

  /** Lets go of the wire, and keeps the rest. */
  detach(): void {
    clearTimeout(this.#patience)
    this.wire = undefined
  }

  /**
   * Sends an encoded message, already framed.
   * @returns false when the writer should wait for `drained`; for an unreliable message, when it was dropped.
   */
  send(data: Data, reliable: boolean): boolean {
    if (!reliable) return this.sendUnreliable(data, () => this.outbox.add(data, false))
    this.outbox.add(data, true)
    return this.written()
  }

  /**
   * Sends a framed message that may be lost: as a datagram where the wire has them, else with `add` to the outbox, unless
   * it would have to wait there.
   * @returns false when it was dropped
   */
  sendUnreliable(data: Data, add: () => void): boolean {
    const { wire, outbox } = this
    if (!wire || !outbox.writable || wire.buffered > ACK_BYTES) {
      this.dropped++
      return false
    }
    if (wire.datagram) wire.datagram(data)
    else add()
    this.schedule()
    return true
  }

  /** To be called after each addition to the outbox: has it sent, within the caps. Returns as `send` does. */
  written(): boolean {
    this.schedule()
    if (this.outbox.writable) return true
    this.#wantsDrain = true
    const cap = this.wire ? this.limits.buffered : this.limits.window
    // One message over is accepted, so that a message of the size of the cap can be sent at all.
    if (this.outbox.bytes - this.remoteLimit > cap) {
      this.#owner.fail(new AnywireError('ERR_SLOW', `${this.outbox.bytes} bytes are waiting, ${cap} are allowed`))
    }
    return false
  }

  /** Asks for a `tick` at the end of this turn. */
  schedule(): void {
    if (this.#ticking || !this.wire) return
    this.#ticking = true
    atEndOfTurn(this)
  }

  /** Sends what there is to send. */
  tick(): void {
    this.#ticking = false
    const { wire, outbox } = this
    if (!wire) return
    if (outbox.waiting > 0) this.spoke = true
    outbox.flush(wire)
    if (this.#acknowledgementDue()) this.#count(ACK)
    if (this.#ending && outbox.waiting === 0) this.#leave(wire, this.#ending)
    if (this.#wantsDrain && outbox.writable) {
      this.#wantsDrain = false
      this.#owner.drained()
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
    if (!this.#plain && isMarked(data)) this.#receiveMarked(data)
    else this.#receiveCounted(0, data)
  }

  /** A message was taken by the application. The size of an unreliable one is 0. */
  consume(size: number): void {
    if (size === 0) return
    this.#consumed++
    this.#unread -= size
    this.#unacknowledged += size
    if (this.#acknowledgementDue()) this.schedule()
  }

  /** Asks the other end for a sign of life, which carries acknowledgements both ways. */
  ping(): void {
    this.#count(PING)
  }

  /** Says goodbye behind the last message; the other end then closes the wire. */
  end(goodbye: Goodbye): void {
    this.#ending ??= goodbye
    this.schedule()
  }

  /** Says goodbye before everything that waits, and lets go of the wire. */
  abandon(goodbye: Goodbye): void {
    this.#ending ??= goodbye
    const { wire } = this
    if (wire) this.#leave(wire, goodbye)
    wire?.close(goodbye[0], goodbye[1])
    this.detach()
  }

  /** Says goodbye, once over each wire. The other end answers by closing the wire; if it does not, this end does. */
  #leave(wire: Wire, goodbye: Goodbye): void {
    if (this.#said === wire) return
    this.#said = wire
    if (!this.#plain) wire.send(CLOSE + JSON.stringify(goodbye))
    this.#patience = setTimeout(() => wire.close(goodbye[0], goodbye[1]), this.#plain ? 0 : PATIENCE)
  }

  #receiveCounted(lane: number, payload: Data): void {
    if (this.#skip > 0) {
      this.#skip--
      return
    }
    const size = sizeOf(payload)
    this.#received++
    this.#unread += size
    if (this.#unread > 2 * (this.limits.window + this.limits.message)) {
      this.#owner.fail(new AnywireError('ERR_PROTOCOL', 'more was sent than the window allows'))
    } else this.#owner.received(lane, payload, size)
  }

  #receiveMarked(data: Data): void {
    const marked = parseMarked(data)
    if (!marked) return this.#broken('unknown frame')
    const { control, lane, payload, reliable } = marked
    if (control === '') {
      if (reliable) this.#receiveCounted(lane, payload)
      else this.#owner.received(lane, payload, 0)
    } else if (control === CLOSE) {
      const goodbye = parseGoodbye(payload)
      if (!goodbye) return this.#broken('unreadable goodbye')
      this.#count(ACK)
      this.#owner.left(goodbye)
    } else this.#receiveCount(control, parseCount(payload))
  }

  #receiveCount(control: string, count: number | undefined): void {
    if (count === undefined || !this.outbox.acknowledge(count)) return this.#broken('impossible count')
    if (control === PING) this.#count(PONG)
    else if (control === PONG) this.#owner.ponged()
    else if (control !== ACK) return this.#broken('unknown control frame')
    if (this.outbox.waiting > 0 || this.#wantsDrain) this.schedule()
  }

  #broken(hint: string): void {
    this.#owner.fail(new AnywireError('ERR_PROTOCOL', hint))
  }

  #acknowledgementDue(): boolean {
    return this.#consumed - this.#acknowledged >= ACK_MESSAGES || this.#unacknowledged >= ACK_BYTES
  }

  #count(control: string): void {
    if (this.#plain || !this.wire) return
    this.#acknowledged = this.#consumed
    this.#unacknowledged = 0
    this.spoke = true
    this.wire.send(control + this.#consumed)
  }
}
