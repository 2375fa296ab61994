import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import { textOf } from '../../lib/errors.ts'
import type { AnywireError } from '../../lib/errors.ts'
import { errorOf } from '../../lib/requests.ts'
import type { Request, Requests } from '../../lib/requests.ts'
import { ENTER, ROWS, toRows, WATCH } from './wire.ts'
import type { Row, Verb } from './wire.ts'

/** Someone in a place. */
export interface Member<Data = unknown> {
  /** As the server's `identity` says: by default of the connection. */
  readonly id: string
  /** How many connections of theirs are here. */
  readonly connections: number
  /** What they last said of themselves. */
  readonly data: Data
}

export interface PlaceEvents<Data = unknown> {
  join: [member: Member<Data>]
  /** Their data, or how many connections they have. */
  change: [member: Member<Data>]
  leave: [member: Member<Data>]
  /** The server does not allow any more, or again, that this client is here, or watches. */
  evicted: [verb: Verb, error: AnywireError]
  /**
   * An update was not taken: others see what was said before. ERR_LIMIT: it is too large, or too many wait; ERR_ENCODE: the
   * parser does not carry it. Without a listener it is an `error` of the client.
   */
  refused: [error: AnywireError]
}

/** A place as a client sees it. What is told of its members is told from `watch()` until `unwatch()`. */
export interface Place<Data = unknown> extends Listenable<PlaceEvents<Data>> {
  readonly name: string
  /** Whether this client is here. */
  readonly isIn: boolean
  /**
   * Is here, with what it says of itself; also in sessions to come, until `leave`.
   * @returns when the server has it
   * @throws ERR_DENIED and ERR_LIMIT when the server refuses, ERR_CLOSED when the client closes before it has answered
   */
  enter(data: Data): Promise<void>
  /** Says something else of itself. The latest goes; what is said more often than it can be sent is left out. */
  update(data: Data): void
  leave(): Promise<void>
  /** @returns when the members are known; @throws as `enter` does */
  watch(): Promise<void>
  unwatch(): Promise<void>
  /** Those who are here, this client included, as far as is known: while it is watched. */
  members(): readonly Member<Data>[]
}

/** What the places of a client share. */
interface Desk {
  readonly requests: Requests
  /** Has a place say its latest data at the end of this turn. */
  soon(place: ClientPlace): void
  /** The same text for the same value. */
  print(value: unknown): string
  failed(error: unknown, event: string): void
}

export class ClientPlace extends Emitter<PlaceEvents> implements Place {
  readonly name: string
  readonly #desk: Desk
  /** What was asked for last. */
  readonly #asked: { [V in Verb]?: Request } = {}
  #members = new Map<string, Member>()
  /** What was last on its way to the server. */
  #said: unknown

  constructor(name: string, desk: Desk) {
    super()
    this.name = name
    this.#desk = desk
  }

  get isIn(): boolean {
    return !!this.#asked.enter
  }

  enter(data: unknown): Promise<void> {
    this.#said = data
    return this.#ask(ENTER, data)
  }

  update(data: unknown): void {
    const { enter } = this.#asked
    if (!enter) return
    enter.packet = [ENTER, this.name, data]
    this.#desk.soon(this)
  }

  leave(): Promise<void> {
    return this.#end(ENTER)
  }

  watch(): Promise<void> {
    return this.#ask(WATCH)
  }

  unwatch(): Promise<void> {
    return this.#end(WATCH)
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /**
   * Says the latest data.
   * @returns whether there is room for more
   */
  say(): boolean {
    const { enter } = this.#asked
    if (!enter?.number) return true
    const [, , data] = enter.packet
    try {
      const room = this.#desk.requests.tell(enter, data)
      this.#said = data
      return room
    } catch (error) {
      // Others see what was said before, in sessions to come too.
      enter.packet = [ENTER, this.name, this.#said]
      this.#refused(error as AnywireError)
      return true
    }
  }

  /** The server tells who has changed; `all`: or who is here. */
  changed(rows: readonly Row[], all = false): void {
    if (!this.#asked.watch) return
    const before = this.#members
    const told: (readonly ['join' | 'change' | 'leave', Member])[] = []
    const after = new Map(all ? [] : before)
    for (const [id, connections, data] of rows) {
      const known = before.get(id)
      const member = { id, connections, data }
      if (connections > 0) {
        after.set(id, member)
        if (!known) told.push(['join', member])
        // A list also tells what is known already.
        else if (!all || !this.#isSame(known, member)) told.push(['change', member])
      } else if (known) {
        after.delete(id)
        told.push(['leave', known])
      }
    }
    for (const [id, member] of before) if (all && !after.has(id)) told.push(['leave', member])
    this.#members = after
    // Handlers come last: they may ask, enter and leave.
    for (const [event, member] of told) this.emit(event, member)
  }

  override failed(error: unknown, event: string): void {
    this.#desk.failed(error, event)
  }

  #refused(error: AnywireError): void {
    if (!this.emit('refused', error)) this.failed(error, 'update')
  }

  #isSame(one: Member, other: Member): boolean {
    return this.#desk.print([one.connections, one.data]) === this.#desk.print([other.connections, other.data])
  }

  #ask(verb: Verb, ...data: readonly unknown[]): Promise<void> {
    const { requests } = this.#desk
    const before = this.#asked[verb]
    let rows: Row[] = []
    const request: Request<void> = {
      packet: [verb, this.name, ...data],
      again: true,
      stays: true,
      heard: (type, ...values) => {
        if (type === ROWS) rows.push(...toRows(values[0]))
        else this.#refused(errorOf(textOf(values[0]), values[1]))
      },
      done: () => {
        if (verb === WATCH && this.#asked.watch === request) this.changed(rows, true)
        rows = []
      },
      failed: (error, told) => {
        if (this.#asked[verb] !== request) return
        this.#forget(verb)
        if (told && request.known) this.emit('evicted', verb, error as AnywireError)
      },
      lost: () => void (rows = [])
    }
    this.#asked[verb] = request
    // What was asked before is still answered, and that is all.
    if (before) before.stays = false
    const answer = requests.ask(request, true)
    // What goes on is what the server was asked for last. Where that could not be sent, nothing does.
    if (before?.known && this.#asked[verb]) requests.fail(before)
    else if (before?.known) requests.end(before)
    return answer
  }

  async #end(verb: Verb): Promise<void> {
    const request = this.#asked[verb]
    if (!request) return
    this.#forget(verb)
    request.resolve?.(undefined)
    this.#desk.requests.end(request)
  }

  #forget(verb: Verb): void {
    delete this.#asked[verb]
    if (verb === WATCH) this.#members.clear()
  }
}
