import { checkValue } from '../../lib/call-rules.ts'
import { checkEvents } from '../../lib/check-events.ts'
import { checkListener } from '../../lib/checked-emitter.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import type { Listenable } from '../../lib/connection.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During } from '../../lib/plugin.ts'
import { packetsOf } from '../../lib/requests.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { amount, callable, checkPartOptions } from '../../lib/option-rules.ts'
import { isFull } from '../../lib/server/room.ts'
import type { Server } from '../../lib/server/server.ts'
import { takes } from '../../lib/server/takes.ts'
import type { Permissions } from '../permissions/index.ts'
import { presence as clientHalf } from './client.ts'
import type { Member, Place, PlaceEvents, Presence, PresenceClientPlugin } from './client.ts'
import { Hall } from './hall.ts'
import { Visitor } from './visitor.ts'
import { ENTER, isPlace, WATCH } from './wire.ts'
import type { Row } from './wire.ts'

export interface PresenceOptions<Context = unknown> {
  /** Who a peer is: those of the same identity are one member. Default: each connection is its own. */
  readonly identity?: ((peer: Peer<Context>) => string) | undefined
  /** Milliseconds between two tellings of a place: what changes in between is told together. Default 50. */
  readonly interval?: number | undefined
  /**
   * Milliseconds that a connection is still there when its wire was lost, until it is back; and, where there is an `identity`, when
   * the server began anew. Default 20,000.
   */
  readonly away?: number | undefined
  /** Places that a peer may be in, and as many that it may watch. Default 100. */
  readonly places?: number | undefined
  /** What a connection may say of itself in a place: about as many bytes as it has as JSON text. Default 4,096. */
  readonly bytes?: number | undefined
}

export interface ServerPresenceEvents {
  /** Who has changed in a place; those who have left have no connections any more. */
  changes: [place: string, members: readonly Member[]]
}

/** `server.presence` */
export interface ServerPresence extends Listenable<ServerPresenceEvents> {
  /** Who is in a place. @throws ERR_OPTION for what names none */
  members(place: string): readonly Member[]
}

const EVENTS: EventNames<ServerPresenceEvents> = { changes: true }

const PLACE_EVENTS: EventNames<PlaceEvents> = { join: true, change: true, leave: true, evicted: true, refused: true }

const memberOf = ([id, connections, data]: Row): Member => ({ id, connections, data })

class Desk implements ServerPresence {
  readonly #hall: Hall

  constructor(hall: Hall) {
    this.#hall = hall
  }

  members(place: string): readonly Member[] {
    if (!isPlace(place)) throw new AnywireError(ERR_OPTION, `'${place}' names no place`)
    return (this.#hall.get(place)?.rows() ?? []).map(memberOf)
  }

  on(event: 'changes', listener: (place: string, members: readonly Member[]) => unknown) {
    checkListener(event, listener, EVENTS)
    return this.#hall.on(event, (place, rows) => listener(place, rows.map(memberOf)))
  }

  once(event: 'changes', listener: (place: string, members: readonly Member[]) => unknown) {
    checkListener(event, listener, EVENTS)
    return this.#hall.once(event, (place, rows) => listener(place, rows.map(memberOf)))
  }

  listenerCount(event: 'changes'): number {
    return this.#hall.listenerCount(event)
  }
}

/** The permissions plugin of a server, where it is installed. */
const permissionsOf = (server: object): Permissions | undefined =>
  // A plugin adds what its type says, under its name.
  (server as { readonly permissions?: Permissions }).permissions

/** The client's half, looking at listeners, and at what is said in places: what no parser carries would be null for others. */
const checked = (presence: Presence): Presence => {
  const seen = new WeakSet<Place>()
  return <Data>(name: string): Place<Data> => {
    const place = presence<Data>(name)
    if (seen.has(place)) return place
    seen.add(place)
    const plain = { ...place }
    const checking = {
      async enter(data: Data) {
        checkValue(data)
        return plain.enter(data)
      },
      update(data: Data) {
        checkValue(data)
        plain.update(data)
      }
    }
    return checkEvents(Object.assign(place, checking), PLACE_EVENTS)
  }
}

/** What `presence` makes, both halves. */
export interface PresencePlugin<Context = unknown> extends PresenceClientPlugin {
  readonly verbs: readonly ['enter', 'watch']
  server(server: Server, during: During): ServerPresence
  peer(peer: Peer<Context>, lane: Lane, server: Server, during: During): void
}

/**
 * Who is where, told to those who watch. Both halves.
 * @throws ERR_OPTION
 */
export const presence = <Context = unknown>(options: PresenceOptions<Context> = {}): PresencePlugin<Context> => {
  checkPartOptions('presence', options, {
    identity: callable,
    interval: amount(0),
    away: amount(0),
    places: amount(0),
    bytes: amount(0)
  })
  const { identity = ({ id }) => id, interval = 50, away = 20_000, places = 100, bytes = 4_096 } = options
  const half = clientHalf()
  const halls = new WeakMap<Server, Hall>()
  const visitors = new WeakMap<Peer, Visitor>()
  return {
    ...half,
    client: (client, lane, during) => checked(half.client(client, lane, during)),
    verbs: [ENTER, WATCH],
    server(server: Server, during: During): ServerPresence {
      const hall = new Hall(server, interval, options.identity ? away : 0)
      halls.set(server, hall)
      // Contexts are what the server's `authenticate` returns.
      server.on('context', peer => visitors.get(peer)?.identify(identity(peer as Peer<Context>)))
      during(() => () => hall.stop())
      during(
        () =>
          permissionsOf(server)?.on('refresh', peers => {
            for (const peer of peers) void visitors.get(peer)?.refresh()
          }) ?? (() => {})
      )
      return new Desk(hall)
    },
    peer(peer: Peer<Context>, lane: Lane, server: Server, during: During): void {
      const hall = halls.get(server)
      if (!hall) return
      const permissions = permissionsOf(server)
      const visitor = new Visitor(
        peer,
        lane,
        hall,
        identity(peer),
        (peer, verb, name, value) => permissions?.check({ peer, plugin: 'presence', verb, name, value }) ?? true,
        { places, bytes, away },
        () => isFull(peer)
      )
      visitors.set(peer, visitor)
      lane.on('data', value => {
        const packets = packetsOf(value)
        if (takes(peer, packets.length)) visitor.heard(packets)
      })
      peer.on('disconnect', () => visitor.away())
      peer.on('open', () => visitor.back())
      during(() => () => visitor.gone())
    }
  }
}

export type { Member, Place, PlaceEvents, Presence, PresenceClientPlugin } from './client.ts'
export type { Verb } from './wire.ts'
export type * from '../../lib/server/types.ts'
