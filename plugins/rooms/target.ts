import { checkCall, WRITING } from '../../lib/call-rules.ts'
import type { WriteOptions } from '../../lib/connection.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Membership } from './membership.ts'

/**
 * Those who are in any of some rooms, each of them once. It never changes: `except` makes another one. Who is in the rooms
 * is looked up when something is done with it.
 */
export interface Target extends Iterable<Peer> {
  /** How many peers there are now. */
  readonly size: number
  has(peer: Peer): boolean
  /** The same without some peers, and without those who are in some other rooms. */
  except(...others: readonly (Peer | string)[]): Target
  /**
   * Writes a value to all of them. It is encoded once.
   * @returns how many peers it is sent to
   * @throws ERR_ENCODE
   */
  write(value: unknown, options?: WriteOptions): number
  /** @throws ERR_LIMIT, ERR_OPTION */
  join(...rooms: readonly string[]): void
  leave(...rooms: readonly string[]): void
  /** Cuts their wires; they may come back to their sessions. */
  disconnect(): void
  /** Ends their connections behind what was written. Takes and throws what `end` of a connection does. */
  end(code?: number, reason?: string): void
}

export class RoomTarget implements Target {
  readonly #server: Server
  readonly #membership: Membership
  readonly #rooms: readonly string[]
  readonly #except: readonly (Peer | string)[]

  constructor(
    server: Server,
    membership: Membership,
    rooms: readonly string[],
    except: readonly (Peer | string)[] = []
  ) {
    this.#server = server
    this.#membership = membership
    this.#rooms = rooms
    this.#except = except
  }

  get size(): number {
    return this.#peers().size
  }

  has(peer: Peer): boolean {
    const rooms = this.#membership.rooms(peer)
    return this.#rooms.some(room => rooms.has(room)) && !this.#excludes(peer)
  }

  except(...others: readonly (Peer | string)[]): Target {
    return new RoomTarget(this.#server, this.#membership, this.#rooms, [...this.#except, ...others])
  }

  write(value: unknown, options?: WriteOptions): number {
    if (options) checkCall('write', options, WRITING)
    return this.#server.multicast(this.#peers(), value, options)
  }

  join(...rooms: readonly string[]): void {
    for (const peer of this.#now()) this.#membership.join(peer, rooms)
  }

  leave(...rooms: readonly string[]): void {
    for (const peer of this.#now()) this.#membership.leave(peer, rooms)
  }

  disconnect(): void {
    for (const peer of this.#now()) peer.disconnect()
  }

  end(code?: number, reason?: string): void {
    for (const peer of this.#now()) peer.end(code, reason)
  }

  [Symbol.iterator](): Iterator<Peer> {
    return this.#now().values()
  }

  #excludes(peer: Peer): boolean {
    const rooms = this.#membership.rooms(peer)
    return this.#except.some(other => (typeof other === 'string' ? rooms.has(other) : other === peer))
  }

  /** For what changes who is there, or may. */
  #now(): Peer[] {
    return [...this.#peers()]
  }

  /** One room without exceptions needs no set of its own, however many are in it. */
  #peers(): ReadonlySet<Peer> {
    const [first = '', ...more] = this.#rooms
    const members = this.#membership.members(first)
    if (!more.length && !this.#except.length) return members
    const peers = new Set(members)
    for (const room of more) for (const peer of this.#membership.members(room)) peers.add(peer)
    for (const other of this.#except) {
      if (typeof other !== 'string') peers.delete(other)
      else for (const peer of this.#membership.members(other)) peers.delete(peer)
    }
    return peers
  }
}
