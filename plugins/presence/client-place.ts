import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { AnywireError } from '../../lib/errors.ts'
import { print } from '../../lib/print.ts'
import { ENTER, LEAVE, STATE, UNWATCH, WATCH } from './wire.ts'
import type { Ask, Row, Verb } from './wire.ts'

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
}

/** A place as a client sees it. It is watched while somebody listens to it, or after `watch()`. */
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
}

export class ClientPlace extends Emitter<PlaceEvents> implements Place {
  readonly name: string
  isIn = false
  isWatched = false
  data: unknown
  readonly #asking: Asking
  #members = new Map<string, Member>()

  constructor(name: string, asking: Asking) {
    super()
    this.name = name
    this.#asking = asking
  }

  enter(data: unknown): Promise<void> {
    this.isIn = true
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
    this.isIn = false
    return this.#asking.ask(LEAVE, this)
  }

  watch(): Promise<void> {
    this.isWatched = true
    return this.#begin(WATCH)
  }

  unwatch(): Promise<void> {
    this.isWatched = false
    this.#members.clear()
    return this.#asking.ask(UNWATCH, this)
  }

  members(): readonly Member[] {
    return [...this.#members.values()]
  }

  /** The server tells who is here, or what has changed. */
  changed({ type, rows }: { readonly type: number; readonly rows: readonly Row[] }): void {
    if (!this.isWatched) return
    const before = this.#members
    const told: (readonly ['join' | 'change' | 'leave', Member])[] = []
    const after = new Map(type === STATE ? [] : before)
    for (const [id, connections, data] of rows) {
      const known = before.get(id)
      if (connections > 0) {
        const member = { id, connections, data }
        after.set(id, member)
        told.push([known ? 'change' : 'join', member])
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

  evicted(verb: Verb, error: AnywireError): void {
    if (verb === 'enter') this.isIn = false
    else {
      this.isWatched = false
      this.#members.clear()
    }
    this.emit('evicted', verb, error)
  }

  override failed(error: unknown): void {
    print(error)
  }

  async #begin(what: typeof ENTER | typeof WATCH): Promise<void> {
    try {
      await this.#asking.ask(what, this)
    } catch (error) {
      if (what === ENTER) this.isIn = false
      else this.isWatched = false
      throw error
    }
  }
}
