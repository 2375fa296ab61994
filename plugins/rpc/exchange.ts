import type { Connection } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { print } from '../../lib/print.ts'
import { Callee } from './callee.ts'
import type { Middleware } from './callee.ts'
import { Caller } from './caller.ts'
import { Deadlines } from './deadlines.ts'
import type { End, Shared } from './end.ts'
import { CALL, pack, packetOf, PROVIDE, RESULT, WITHDRAW } from './wire.ts'
import type { Packet } from './wire.ts'

export interface RpcOptions<P = Connection> {
  /** Milliseconds until a call that this end makes must be answered; for a stream, begin. Infinity: no end. Default 30,000. */
  readonly timeout?: number
  /** Milliseconds that a handler of this end has, unless its caller wants to wait less. Default 30,000. */
  readonly deadline?: number
  /** Handlers of this end that one caller may have at work at the same time. Default 1,000. */
  readonly limit?: number
  /** Around all handlers of this end, the first one outermost. */
  readonly use?: readonly Middleware<P>[]
}

/** The calls between the two ends of a connection, both ways. */
export class Exchange<P extends Connection> implements Shared<P> {
  readonly caller: Caller
  readonly callee: Callee<P>
  readonly end: End<P>
  readonly #deadlines: Deadlines

  constructor(end: End<P>, { timeout = 30_000, deadline = 30_000, limit = 1_000, use = [] }: RpcOptions<P>) {
    this.end = end
    this.caller = new Caller(this, timeout)
    this.callee = new Callee<P>(this, { deadline, limit, use })
    this.#deadlines = new Deadlines(this.caller.waiting, this.caller.sent, this.callee.running)
    end.lane.on('data', value => this.#heard(value))
    end.connection.on('drain', () => this.callee.drained())
  }

  /** The session is over; `final`: no other one follows by itself. */
  over(final?: boolean): void {
    this.caller.over(final)
    this.callee.over()
    if (final) this.#deadlines.stop()
  }

  send(packet: Packet): boolean {
    const { lane, connection } = this.end
    try {
      return lane.write(packet)
    } catch (error) {
      const packed = error instanceof AnywireError && error.code === 'ERR_ENCODE' && pack(connection.parser, packet)
      if (!packed) throw error
      return lane.write(packed)
    }
  }

  watch(deadline: number): void {
    this.#deadlines.watch(deadline)
  }

  report(error: unknown): void {
    const { connection } = this.end
    if (connection instanceof Emitter) connection.failed(error, 'rpc')
    else print(error)
  }

  #heard(value: unknown): void {
    const packet = packetOf(this.end.connection.parser, value)
    if (!packet) return
    const [type, number, , name] = packet
    const { provide, withdraw } = this.end
    if (type === CALL) this.callee.called(packet)
    else if (type >= RESULT) this.caller.heard(packet)
    else if (type < PROVIDE) this.callee.heard(packet)
    else if (type === PROVIDE && provide) this.callee.called(packet, provide)
    else if (type === WITHDRAW && typeof name === 'string' && this.callee.takes(number)) withdraw?.(name)
  }
}
