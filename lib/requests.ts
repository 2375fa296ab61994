import type { Connection } from './connection.ts'
import { AnywireError, textOf } from './errors.ts'
import type { ErrorCode } from './errors.ts'
import { ERR_CLOSED, ERR_OUTCOME_UNKNOWN } from './failures.ts'
import type { Lane } from './lane.ts'
import { atEndOfTurn } from './tick.ts'

/*
 * Asking the other end of a lane for something, and being answered by number. To the other end go lists of packets:
 *
 *     [number, ...packet]      what is asked for: numbers are above 0, and grow; 0 where no answer is wanted
 *     [number, ...word]        something more about what was asked for
 *     [number]                 it is not wanted any more
 *
 * and back come packets, one by one:
 *
 *     [-number, 0, ...values]  it is done
 *     [-number, code, text, …] it is not done, or not any more
 *     [-number, …]             anything else, before it is done or behind that
 */

/** How many packets a list may have. */
export const MOST_PACKETS = 1_000

/** Something that is asked for. */
export interface Request {
  /** It goes behind the number, as it is when it is sent. */
  packet: readonly unknown[]
  /** Whether it is asked again in a new session; otherwise it fails with ERR_OUTCOME_UNKNOWN. */
  readonly again?: boolean
  /** Whether it goes on when it is done, and in later sessions too, until it is ended. */
  stays?: boolean
  /** It is done; once in each session, where it stays. A request without this wants no answer. */
  done?(values: readonly unknown[]): void
  /** Anything else that the other end says of it. */
  heard?(...values: readonly unknown[]): void
  /**
   * It is over without having been done, or it does not go on.
   * @param told - whether the other end said so
   */
  failed?(error: Error, told: boolean): void
  /** The session that it was asked for in is over, or it is over itself. */
  lost?(): void
  /** By which it is known in this session; 0 or undefined: it was not sent. */
  number?: number
  /** Whether it is done in this session; and whether it ever was. */
  live?: boolean
  known?: boolean
}

/** What the other end refuses with, as an error. */
export const errorOf = (code: string, text: unknown): AnywireError =>
  // Another version of it may have codes of its own.
  new AnywireError([code as ErrorCode, 0, textOf(text)])

type Host = Pick<Connection, 'id' | 'state' | 'on'>

export interface RequestsOptions<R extends Request> {
  /** Makes the error with which a request fails. Default: an AnywireError. */
  readonly toError?: (request: R, code: string, text: string, data: unknown) => Error
  /** Called when a session is over, behind what becomes of the requests. */
  readonly over?: () => void
}

/** What one end asks for: those together that are asked for in one turn, and again in the next session. */
export class Requests<R extends Request = Request> {
  /** Those that were sent in this session and are not over, by number. */
  readonly sent = new Map<number | undefined, R>()
  /** Those that were not. */
  waiting = new Set<R>()
  /** The id of the session in which they are sent. */
  session: string
  readonly #host: Host
  readonly #write: (packets: readonly unknown[]) => boolean
  readonly #toError: (request: R, code: string, text: string, data: unknown) => Error
  readonly #told: (() => void) | undefined
  #last = 0
  #ticking = false

  /** @param lane - or what writes to one */
  constructor(
    host: Host,
    lane: Pick<Lane, 'write'>,
    { toError = (_request, code, text) => errorOf(code, text), over }: RequestsOptions<R> = {}
  ) {
    this.session = host.id
    this.#host = host
    this.#write = packets => lane.write(packets)
    this.#toError = toError
    this.#told = over
    host.on('open', () => {
      if (host.id !== this.session) this.#over()
      // What handlers of `open` ask for at once goes first.
      queueMicrotask(() => this.tick())
    })
    host.on('close', () => {
      // It may be told when the next session goes on already.
      if (host.state === 'closed' || host.id !== this.session) this.#over()
    })
  }

  /**
   * Asks, together with what else is asked for in this turn. On a connection that has ended it fails.
   * @param now - asks at once, before what waits
   */
  ask(request: R, now = false): void {
    this.waiting.add(request)
    if (this.#host.state === 'closed')
      this.fail(request, this.#toError(request, ERR_CLOSED[0], ERR_CLOSED[2], undefined))
    else if (now && this.#ready) this.#send([request])
    else if (!this.#ticking) {
      this.#ticking = true
      atEndOfTurn(this)
    }
  }

  /** Sends what waits. */
  tick(): void {
    this.#ticking = false
    const waiting = [...this.waiting]
    while (this.#ready && waiting.length) this.#send(waiting.splice(0, MOST_PACKETS))
  }

  /** Says something more of a request that was sent. Returns and throws what `write` does. */
  tell({ number = 0 }: R, ...word: readonly unknown[]): boolean {
    return this.#write([[number, ...word]])
  }

  /** Ends a request. Returns whether it was not over yet. */
  end(request: R, error?: Error): boolean {
    if (this.sent.has(request.number) && this.#host.state !== 'closed') this.tell(request)
    return this.fail(request, error)
  }

  /** A request is over. Returns whether it was not before. */
  fail(request: R, error: Error = new AnywireError(ERR_CLOSED), told = false): boolean {
    const found = this.sent.delete(request.number) || this.waiting.delete(request)
    if (found) {
      request.live = false
      request.lost?.()
      request.failed?.(error, told)
    }
    return found
  }

  /** To be called with what arrives. Returns it where it is no answer, and otherwise an empty packet. */
  heard(value: unknown): readonly unknown[] {
    const packet: readonly unknown[] = Array.isArray(value) ? value : []
    const [number, type] = packet
    if (typeof number !== 'number' || number >= 0) return packet
    const values = packet.slice(2)
    const request = this.sent.get(-number)
    if (!request) return []
    if (typeof type === 'string') this.fail(request, this.#toError(request, type, textOf(values[0]), values[1]), true)
    else if (type === 0) {
      request.live = request.known = true
      if (!request.stays) this.sent.delete(-number)
      request.done?.(values)
    } else request.heard?.(type, ...values)
    return []
  }

  get #ready(): boolean {
    return this.#host.state === 'open' && this.#host.id === this.session
  }

  #send(asked: readonly R[]): void {
    // What one of them came to may have ended others.
    const requests = asked.filter(request => this.waiting.has(request))
    const [first] = requests
    if (!first) return
    const packets = requests.map(request => {
      this.waiting.delete(request)
      request.number = request.done ? ++this.#last : 0
      if (request.number) this.sent.set(request.number, request)
      return [request.number, ...request.packet]
    })
    try {
      this.#write(packets)
    } catch (error) {
      for (const request of requests) {
        this.sent.delete(request.number)
        this.waiting.add(request)
      }
      const half = requests.length >> 1
      // Perhaps it is too much for one message, or one of them cannot be encoded.
      if (half) {
        this.#send(requests.slice(0, half))
        this.#send(requests.slice(half))
      } else this.fail(first, error as Error)
    }
  }

  /** The session is over. */
  #over(): void {
    const { id, state } = this.#host
    const all = [...this.sent.values(), ...this.waiting]
    this.waiting = new Set(all)
    this.sent.clear()
    for (const request of all) {
      const failure = request.number && !request.again ? ERR_OUTCOME_UNKNOWN : ERR_CLOSED
      if (failure === ERR_OUTCOME_UNKNOWN || (state === 'closed' && !request.known))
        this.fail(request, this.#toError(request, failure[0], failure[2], undefined))
      else request.lost?.()
      request.number = 0
      request.live = false
    }
    this.session = id
    this.#told?.()
  }
}
