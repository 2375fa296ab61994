import type { Client } from '../../lib/client.ts'
import type { Listenable } from '../../lib/connection.ts'
import { Emitter } from '../../lib/emitter.ts'
import type { AnywireError } from '../../lib/errors.ts'
import type { Lane } from '../../lib/lane.ts'
import { tellError } from '../../lib/report.ts'
import { errorOf } from '../../lib/requests.ts'
import type { Request, Requests } from '../../lib/requests.ts'
import { ENTER, ROWS, WATCH } from './wire.ts'
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
   * @throws ERR_DENIED and ERR_LIMIT when the server refuses, ERR_CLOSED when the client closes before it has answered. Where
   * nobody waits for it, a refusal is an `error` of the client
   */
  enter(data: Data): Promise<void>
  /** Says something else of itself. The latest goes; what is said more often than it can be sent is left out. */
  update(data: Data): void
  leave(): Promise<void>
  /** @returns when the members are known; @throws as `enter` does */
  watch(): Promise<void>
  unwatch(): Promise<void>
  /**
   * Those who are here, this client included, as far as is known: while it is watched. The same array, and the same members,
   * until something is told of them.
   */
  members(): readonly Member<Data>[]
}

/** A place, and what the plugin does with it. */
export type Seat = readonly [
  place: Place,
  /** Says the latest data. Returns whether there is room for more. */
  say: () => boolean,
  /** The server tells who has changed. With `grace`, who is here. */
  change: (rows: readonly Row[], grace?: number) => void
]

/** Milliseconds in which a new session has this client where it was. */
const OWN = 1_000

/** @param soon - has a place say its latest data at the end of this turn */
export const makePlace = (
  name: string,
  client: Client,
  lane: Pick<Lane, 'failed'>,
  [request, end, tell, , flush, fail]: Requests,
  soon: (seat: Seat) => void
): Seat => {
  const events = new Emitter<PlaceEvents>()
  /** What was asked for last. */
  const asked: { [V in Verb]?: Request | undefined } = {}
  /** What was asked for before that, and is not answered. */
  const former = new Set<Request>()
  let members = new Map<string, Member>()
  /** Who was here before this session, and may be on the way back: what the server says of them so far. */
  const absent = new Map<string, Row>()
  let timer: ReturnType<typeof setTimeout> | undefined
  /** Those, until something changes. */
  let list: readonly Member[] | undefined
  /** What was last on its way to the server. */
  let said: unknown
  /** Who this client is here, as far as it was told. */
  let self = ''

  events.failed = (error, event) => lane.failed(error, event)

  const refused = (error: AnywireError): void => {
    if (!events.emit('refused', error)) tellError(client, error)
  }

  const set = (verb: Verb, request?: Request): void => {
    asked[verb] = request
    place.isIn = !!asked.enter
    if (asked.watch) return
    clearTimeout(timer)
    absent.clear()
    members.clear()
    list = undefined
  }

  /** Whatever was asked for with a verb does not go on. */
  const drop = (verb: Verb, last?: Request): void => {
    for (const request of [...former, last]) {
      if (request?.packet[0] !== verb) continue
      request.resolve?.(undefined)
      end(request)
    }
  }

  const ask = (verb: Verb, ...data: readonly unknown[]): Promise<void> => {
    const before = asked[verb]
    let rows: Row[] = []
    const asking: Request<void> = {
      packet: [verb, name, ...data],
      again: true,
      stays: true,
      heard(type, first, text) {
        if (type === ROWS) for (const row of first as Row[]) rows.push(row)
        else refused(errorOf(first as string, text))
      },
      done(row) {
        former.delete(asking)
        if (verb === WATCH) {
          if (asked.watch === asking) change(rows, Number(row) || 0)
        } else if (row) {
          // What others are told in a moment is known.
          const own = row as Row
          const before = self
          self = own[0]
          change(self === before ? [own] : [[before, 0], own])
        }
        rows = []
      },
      untold: error => tellError(client, error as AnywireError),
      failed(error, told) {
        former.delete(asking)
        if (asked[verb] !== asking) return
        set(verb)
        drop(verb)
        if (told && asking.known) events.emit('evicted', verb, error as AnywireError)
      },
      lost() {
        if (verb === WATCH) clearTimeout(timer)
        rows = []
      }
    }
    set(verb, asking)
    // What was asked before is still answered, and that is all.
    if (before) {
      before.stays = false
      if (!before.known) former.add(before)
    }
    const answer = request(asking)
    if (before?.known) {
      // What goes on is what the server was asked for last. Where that cannot be sent, or not yet, so that it may be taken back, nothing does.
      flush()
      if (asked[verb]?.number) fail(before)
      else end(before)
    }
    return answer
  }

  const leave = async (verb: Verb): Promise<void> => {
    const before = asked[verb]
    set(verb)
    drop(verb, before)
  }

  const say = (): boolean => {
    const { enter } = asked
    if (!enter?.number) return true
    const [, , data] = enter.packet
    try {
      const room = tell(enter, data)
      said = data
      return room
    } catch (error) {
      // Others see what was said before, in sessions to come too.
      enter.packet = [ENTER, name, said]
      refused(error as AnywireError)
      return true
    }
  }

  /** Who is not back by now is gone. */
  const settle = (): void => {
    const rows = [...absent.values()]
    absent.clear()
    change(rows)
  }

  /** @param grace - all who are here are told; and milliseconds for which others may be on the way back */
  const change = (rows: readonly Row[], grace?: number): void => {
    if (!asked.watch) return
    const before = members
    const all = grace !== undefined
    const { parser } = client
    const told: (readonly ['join' | 'change' | 'leave', Member])[] = []
    members = new Map(all ? [] : before)
    if (all) {
      clearTimeout(timer)
      absent.clear()
      for (const [id, member] of before) {
        if (id === self ? !asked.enter : !grace) continue
        absent.set(id, [id, 0])
        members.set(id, member)
      }
      if (absent.size) timer = setTimeout(settle, grace || OWN)
    }
    for (const row of rows) {
      const [id, connections, data] = row
      const known = before.get(id)
      const member = { id, connections, data }
      const wasAbsent = absent.delete(id)
      if (connections > 0) {
        if (wasAbsent && known && connections < known.connections) {
          // So may their other connections be.
          absent.set(id, row)
          member.connections = known.connections
        }
        // What changed just before this client watched, or was said by itself, it knows already.
        const isSame = known && `${parser.encode(known)}` === `${parser.encode(member)}`
        members.set(id, isSame ? known : member)
        if (!isSame) told.push([known ? 'change' : 'join', member])
      } else if (members.delete(id) && known) told.push(['leave', known])
    }
    if (all) for (const [id, member] of before) if (!members.has(id)) told.push(['leave', member])
    if (told.length) list = undefined
    // Handlers come last: they may ask, enter and leave.
    for (const [event, member] of told) events.emit(event, member)
  }

  const place = Object.assign(events, {
    name,
    isIn: false,
    enter: (data: unknown) => ask(ENTER, (said = data)),
    update(data: unknown) {
      if (!asked.enter) return
      asked.enter.packet = [ENTER, name, data]
      soon(seat)
    },
    leave: () => leave(ENTER),
    watch: () => ask(WATCH),
    unwatch: () => leave(WATCH),
    members: () => (list ??= [...members.values()])
  })
  const seat: Seat = [place, say, change]
  return seat
}
