import type { Listenable } from '../../lib/connection.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import { report } from '../../lib/report.ts'
import { amount, checkPartOptions } from '../../lib/option-rules.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import { Membership } from './membership.ts'
import type { RoomsEvents, RoomsOptions } from './membership.ts'
import { RoomTarget } from './target.ts'
import type { Target } from './target.ts'
import { fill } from '../../lib/given.ts'
import type { Filled } from '../../lib/given.ts'

/** `server.rooms` */
export interface Rooms extends Listenable<RoomsEvents> {
  /** Those who are in any of these rooms. */
  (...rooms: readonly string[]): Target
  /** The rooms that have members. */
  names(): readonly string[]
  /** Whether a room has members. */
  has(room: string): boolean
  members(room: string): ReadonlySet<Peer>
}

/** `peer.rooms`: the rooms that a peer is in. They are kept while its client is away, and left when it ends. */
export interface PeerRooms extends Iterable<string> {
  readonly size: number
  has(room: string): boolean
  /**
   * Joins all of them, or none.
   * @throws ERR_LIMIT for too many rooms; ERR_OPTION for what is no name
   */
  join(...rooms: readonly string[]): void
  leave(...rooms: readonly string[]): void
}

const DEFAULTS: Filled<RoomsOptions> = { limit: 1_000, length: 256 }

const serverRooms = (server: Server, membership: Membership): Rooms => {
  const methods: Pick<Rooms, keyof Rooms> = {
    names: () => membership.names,
    has: room => membership.members(room).size > 0,
    members: room => membership.members(room),
    on: (event, listener) => membership.on(event, listener),
    once: (event, listener) => membership.once(event, listener),
    listenerCount: event => membership.listenerCount(event)
  }
  return Object.assign((...names: readonly string[]) => new RoomTarget(server, membership, names), methods)
}

const peerRooms = (peer: Peer, membership: Membership): PeerRooms => ({
  get size() {
    return membership.rooms(peer).size
  },
  has: room => membership.rooms(peer).has(room),
  join: (...rooms) => membership.join(peer, rooms),
  leave: (...rooms) => membership.leave(peer, rooms),
  // Who leaves one of them and joins it again would see it again and again.
  [Symbol.iterator]: () => [...membership.rooms(peer)].values()
})

/** What `rooms` makes. */
export interface RoomsPlugin extends PluginInfo {
  readonly name: 'rooms'
  readonly version: 1
  readonly local: true
  server(server: Server): Rooms
  peer(peer: Peer, lane: Lane, server: Server, during: During): PeerRooms | undefined
}

/**
 * Names groups of peers, to write to.
 * @throws ERR_OPTION
 * @example
 * server.on('connection', peer => peer.rooms.join('lobby'))
 * server.rooms('lobby', 'staff').except(peer).write('hello')
 */
export const rooms = (options: RoomsOptions = {}): RoomsPlugin => {
  checkPartOptions('rooms', options, { limit: amount(0), length: amount(1) })
  /** Of each server that this is installed on. */
  const memberships = new WeakMap<Server, Membership>()
  return {
    name: 'rooms',
    version: 1,
    local: true,
    server(server): Rooms {
      const membership = new Membership(fill(DEFAULTS, options), (error, event) => report(server, error, event))
      memberships.set(server, membership)
      return serverRooms(server, membership)
    },
    peer(peer, _lane, server, during): PeerRooms | undefined {
      const membership = memberships.get(server)
      if (!membership) return undefined
      during(() => () => membership.exit(peer))
      return peerRooms(peer, membership)
    }
  }
}

export type { Member, RoomsEvents, RoomsOptions } from './membership.ts'
export type { Target } from './target.ts'
export type * from '../../lib/server/types.ts'
