import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { AnywireError } from '../../lib/errors.ts'
import { ENTER, LEAVE, STATE, UNWATCH, WATCH } from './wire.ts'
import type { Ask, News, Verb } from './wire.ts'

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

interface Asking {
  ask(what: Ask, place: ClientPlace): Promise<void>
  update(place: ClientPlace): void
  print(value: unknown): string
  failed(error: unknown, event: string): void
}

export class ClientPlace extends Emitter<PlaceEvents> implements Place {
  readonly name: string
  isIn = false
  isWatched = false
  data: unknown
  /** What was last on its way to the server. */
  said: unknown
  readonly #asking: Asking
  #members = new Map<string, Member>()
  /** What has come of a list that takes more than one message. */
  #part: News | undefined
  /** Which answer counts: the one to what was asked last. */
  readonly #turns = [0, 0, 0]

  constructor(name: string, asking: Asking) {
    super()
    this.name = name
    this.#asking = asking
  }

  enter(data: unknown): Promise<void> {
    this.data = data
    return this.#begin(ENTER)
  }

  update(data: unknown): void {
    if (!this.isIn) return
    this.data = data
    this.#asking.update(this)
  }

  leave(): Promise<void> {
    if (!this.isIn) return Promise.resolve()
    this.#turn(ENTER, false)
    return this.#asking.ask(LEAVE, this)
  }

  watch(): Promise<void> {
    return this.#begin(WATCH)
  }

  unwatch(): Promise<void> {
    this.#turn(WATCH, false)
    return this.#asking.ask(UNWATCH, this)
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** The server tells who is here, or what has changed. */
  changed(news: News): void {
    if (!this.isWatched) return
    const part = news.type === STATE ? undefined : this.#part
    const all = part ? { ...part, rows: [...part.rows, ...news.rows] } : news
    this.#part = news.more ? all : undefined
    if (!news.more) this.#apply(all)
  }

  /** An update was not taken. */
  refused(error: AnywireError): void {
    if (!this.emit('refused', error)) this.failed(error, 'update')
  }

  evicted(verb: Verb, error: AnywireError): void {
    this.#is(verb === 'enter' ? ENTER : WATCH, false)
    this.emit('evicted', verb, error)
  }

  override failed(error: unknown, event: string): void {
    this.#asking.failed(error, event)
  }

  #apply({ type, rows }: News): void {
    const before = this.#members
    const told: (readonly ['join' | 'change' | 'leave', Member])[] = []
    const after = new Map(type === STATE ? [] : before)
    for (const [id, connections, data] of rows) {
      const known = before.get(id)
      if (connections > 0) {
        const member = { id, connections, data }
        after.set(id, member)
        if (!known) told.push(['join', member])
        // A list also tells what is known already.
        else if (type !== STATE || !this.#isSame(known, member)) told.push(['change', member])
      } else if (known) {
        after.delete(id)
        told.push(['leave', known])
      }
    }
    if (type === STATE) for (const [id, member] of before) if (!after.has(id)) told.push(['leave', member])
    this.#members = after
    // Handlers come last: they may ask, enter and leave.
    for (const [event, member] of told) this.emit(event, member)
  }

  #isSame(one: Member, other: Member): boolean {
    return this.#asking.print([one.connections, one.data]) === this.#asking.print([other.connections, other.data])
  }

  #is(what: typeof ENTER | typeof WATCH, is: boolean): void {
    if (what === ENTER) this.isIn = is
    else this.isWatched = is
    if (this.isWatched) return
    this.#members.clear()
    this.#part = undefined
  }

  #turn(what: typeof ENTER | typeof WATCH, is: boolean): number {
    this.#is(what, is)
    this.#turns[what] = (this.#turns[what] ?? 0) + 1
    return this.#turns[what]
  }

  async #begin(what: typeof ENTER | typeof WATCH): Promise<void> {
    const turn = this.#turn(what, true)
    try {
      await this.#asking.ask(what, this)
      // It may have been evicted of what it said before.
      if (turn === this.#turns[what]) this.#is(what, true)
    } catch (error) {
      if (turn === this.#turns[what]) this.#is(what, false)
      throw error
    }
  }
}
