import type { Connection } from '../../lib/connection.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_LIMIT, ERR_NO_METHOD } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { MOST_PACKETS, Requests } from '../../lib/requests.ts'
import type { Request } from '../../lib/requests.ts'
import { pack, unpack } from './bytes.ts'
import { Deadlines } from './deadlines.ts'
import type { Timed } from './deadlines.ts'
import { because, RpcError } from './error.ts'
import type { Call, Handle, Middleware, Route } from './router.ts'
import { Run } from './run.ts'
import { isAsked, PROVIDE } from './wire.ts'
import type { Asked } from './wire.ts'

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

/** A call that was made and is not over. */
export interface Pending extends Request, Timed {
  deadline: number
  readonly key?: string | undefined
}

/** What there is to know of an end for the calls that it makes. */
export interface Calling {
  readonly requests: Requests<Pending>
  /** Milliseconds. */
  readonly timeout: number
  /** What the two ends know a call by. */
  idOf(pending: Pending): string
  /** Something has this deadline. */
  watch(deadline: number): void
}

/** One end of a connection, as the two halves of the plugin differ. */
export interface End<P> {
  readonly connection: P
  /** In whose sessions calls are made. Default: the connection. */
  readonly host?: Pick<Connection, 'id' | 'state' | 'on'>
  readonly lane: Lane
  /** Sets the calls of the two ends apart in their ids: 1 on a client, -1 on a server. */
  readonly sign: number
  /** @param service - whether something is called that others may provide */
  readonly find: (name: string, service: boolean) => Route<P> | undefined
  /** Stands around all handlers. */
  readonly handle: Handle<P>
  /** The other end provides a service by this number, or no longer. */
  readonly provide?: (call: Call<P>, number: number) => unknown
  readonly withdraw?: (number: number) => void
}

/** The calls between the two ends of a connection, both ways. */
export class Exchange<P extends Connection> implements Calling {
  readonly requests: Requests<Pending>
  readonly end: End<P>
  readonly timeout: number
  /** The calls of the other end whose handlers are at work, by number. */
  readonly runs = new Map<number, Run<P>>()
  readonly #deadline: number
  readonly #limit: number
  readonly #deadlines: Deadlines
  /** Handlers that are at work, also those whose callers went away. */
  #busy = 0
  #last = 0

  constructor(end: End<P>, { timeout = 30_000, deadline = 30_000, limit = 1_000 }: RpcOptions<P>) {
    const { connection, lane } = end
    this.end = end
    this.timeout = timeout
    this.#deadline = deadline
    this.#limit = limit
    this.requests = new Requests<Pending>(
      end.host ?? connection,
      { write: packets => this.send(packets) },
      {
        toError: (pending, code, text, data) => new RpcError(code, text, data, this.idOf(pending)),
        over: () => {
          for (const run of this.runs.values()) run.over()
          this.#last = 0
          this.rest()
        }
      }
    )
    this.#deadlines = new Deadlines(() => [
      ...this.requests.sent.values(),
      ...this.requests.waiting,
      ...this.runs.values()
    ])
    lane.on('data', value => this.#heard(value))
    connection.on('drain', () => {
      for (const run of this.runs.values()) run.drained()
    })
  }

  /** Returns and throws what `write` does. */
  send(packet: unknown): boolean {
    const { lane, connection } = this.end
    try {
      return lane.write(packet)
    } catch (error) {
      const packed = error instanceof AnywireError && error.code === 'ERR_ENCODE' && pack(connection.parser, packet)
      if (!packed) throw error
      return lane.write(packed)
    }
  }

  idOf({ key, number }: Pending): string {
    return key ?? (number ? `${this.requests.session}:${number * this.end.sign}` : '')
  }

  watch(deadline: number): void {
    this.#deadlines.watch(deadline)
  }

  /** Stops the timer where nothing waits. */
  rest(): void {
    this.#deadlines.look()
  }

  #heard(value: unknown): void {
    const { parser } = this.end.connection
    const packets = this.requests.heard(value instanceof Uint8Array ? unpack(parser, value) : value)
    const most = Math.min(packets.length, MOST_PACKETS)
    for (let index = 0; index < most; index++) {
      const packet = packets[index]
      if (isAsked(packet)) this.#asked(packet)
    }
  }

  #asked(packet: Asked): void {
    const [number, what, name] = packet
    const { find, provide, withdraw } = this.end
    if (typeof what === 'string') this.#called(packet, what, find(what, packet[5] === 1))
    else if (what !== PROVIDE) {
      const run = this.runs.get(number)
      if (what !== undefined) run?.more(what)
      else if (run) run.cancel()
      else withdraw?.(number)
    } else if (provide && typeof name === 'string') this.#called([number], name, run => provide(run, number))
  }

  #called([number, , values, timeout, key, , count]: Asked, name: string, route: Route<P> | undefined): void {
    // A number that comes again is none.
    if (number <= this.#last) return
    this.#last = number
    const time = typeof timeout === 'number' && timeout > 0 ? Math.min(timeout, this.#deadline) : this.#deadline
    const args: unknown[] = Array.isArray(values) ? values : []
    if (typeof count === 'number' && count > 0) args.push(...Array<undefined>(Math.min(count, MOST_PACKETS)))
    const run = new Run(this, number, name, args, key, performance.now() + time)
    if (!route) return run.threw(because(ERR_NO_METHOD, name))
    if (this.#busy >= this.#limit) return run.threw(because(ERR_LIMIT, `${this.#limit} calls at the same time`))
    const later = run.start(route)
    if (!later) return
    this.#busy++
    this.runs.set(number, run)
    this.watch(run.deadline)
    void later.then(() => this.#busy--)
  }
}
