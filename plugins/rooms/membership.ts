import { CheckedEmitter } from '../../lib/checked-emitter.ts'
import type { EventNames } from '../../lib/checked-emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_LIMIT, ERR_OPTION } from '../../lib/failures.ts'
import type { Filled } from '../../lib/given.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { addTo, removeFrom } from '../../lib/sets.ts'

export interface RoomsOptions {
  /** Rooms that a peer may be in at the same time. Default 1,000. */
  readonly limit?: number | undefined
  /** Characters in a room's name. Default 256. */
  readonly length?: number | undefined
}

/** A peer in a room. */
export interface Member {
  readonly room: string
  readonly peer: Peer
}

export interface RoomsEvents {
  /** A room has its first member. */
  open: [room: string]
  /** A room has lost its last member. */
  close: [room: string]
  join: [member: Member]
  leave: [member: Member]
}

const isOver = ({ state }: Peer): boolean => state === 'closed'

const NOBODY: ReadonlySet<Peer> = new Set()
const NOWHERE: ReadonlySet<string> = new Set()

/** Who is in which room. Both ways are maps: no name means anything to them. */
const EVENTS: EventNames<RoomsEvents> = { open: true, close: true, join: true, leave: true }

export class Membership extends CheckedEmitter<RoomsEvents> {
  protected readonly eventNames = EVENTS
  readonly #options: Filled<RoomsOptions>
  readonly #report: (error: unknown, event: string) => void
  readonly #members = new Map<string, Set<Peer>>()
  readonly #rooms = new WeakMap<Peer, Set<string>>()

  constructor(options: Filled<RoomsOptions>, report: (error: unknown, event: string) => void) {
    super()
    this.#options = options
    this.#report = report
  }

  /** The rooms that have members. */
  get names(): string[] {
    return [...this.#members.keys()]
  }

  members(room: string): ReadonlySet<Peer> {
    return this.#members.get(room) ?? NOBODY
  }

  rooms(peer: Peer): ReadonlySet<string> {
    return this.#rooms.get(peer) ?? NOWHERE
  }

  /** The peer has ended: it leaves all rooms. */
  exit(peer: Peer): void {
    this.leave(peer, [...this.rooms(peer)])
  }

  join(peer: Peer, names: readonly string[]): void {
    const rooms = this.#rooms.get(peer) ?? new Set()
    const added = new Set(names.filter(name => this.#check(name) && !rooms.has(name)))
    // One that has ended stays outside, whoever has not heard of it yet.
    if (isOver(peer) || !added.size) return
    if (rooms.size + added.size > this.#options.limit)
      throw new AnywireError(ERR_LIMIT, `a peer is in at most ${this.#options.limit} rooms`)
    this.#rooms.set(peer, rooms)
    for (const room of added) {
      // Listeners may do anything in between.
      if (isOver(peer) || rooms.has(room)) continue
      rooms.add(room)
      if (addTo(this.#members, room, peer) === 1) this.emit('open', room)
      this.emit('join', { room, peer })
    }
  }

  leave(peer: Peer, names: readonly string[]): void {
    const rooms = this.#rooms.get(peer)
    for (const room of names) {
      if (!rooms?.delete(room)) continue
      removeFrom(this.#members, room, peer)
      const empty = !this.#members.has(room)
      this.emit('leave', { room, peer })
      // A listener may have brought somebody in again.
      if (empty && !this.#members.has(room)) this.emit('close', room)
    }
  }

  override failed(error: unknown, event: string): void {
    this.#report(error, event)
  }

  #check(name: unknown): boolean {
    const { length } = this.#options
    if (typeof name === 'string' && name !== '' && name.length <= length) return true
    throw new AnywireError(ERR_OPTION, `the name of a room is text of 1 to ${length} characters`)
  }
}
