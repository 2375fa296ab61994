import type { Lane } from '../../lib/lane.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Hall } from './hall.ts'
import { piecesOf, writeRows } from './pieces.ts'
import { Queue } from './queue.ts'
import type { Job } from './queue.ts'
import { report } from './report.ts'
import { weigh } from './weigh.ts'
import { CHANGES, DONE, EVICTED, LEAVE, parseRequest, REFUSED, STATE, UNWATCH, UPDATE, WATCH } from './wire.ts'
import type { Row, Verb } from './wire.ts'

/** Whether a peer may be in a place, or watch it. */
export type Allow = (peer: Peer, verb: Verb, place: string, data: unknown) => boolean | Promise<boolean>

/** What a connection may use. */
export interface VisitorLimits {
  /** Places that it may be in, and as many that it may watch. */
  readonly places: number
  /** What it says of itself in a place, as `weigh` counts. */
  readonly bytes: number
}

/** Requests that may wait at least: a new session asks for all its places at once. */
const WAITING = 100

/** One connection of a server, and the places that it is in and watches. */
export class Visitor {
  readonly peer: Peer
  readonly #lane: Lane
  readonly #hall: Hall
  #identity: string
  readonly #allow: Allow
  readonly #limits: VisitorLimits
  /** What it last said of itself, by place. */
  readonly #in = new Map<string, unknown>()
  readonly #watched = new Set<string>()
  readonly #queue: Queue
  #gone = false

  constructor(peer: Peer, lane: Lane, hall: Hall, identity: string, allow: Allow, limits: VisitorLimits) {
    this.peer = peer
    this.#lane = lane
    this.#hall = hall
    this.#identity = identity
    this.#allow = allow
    this.#limits = limits
    this.#queue = new Queue(Math.max(WAITING, 2 * limits.places), job => this.#judge(job))
  }

  heard(packet: unknown): void {
    const request = parseRequest(packet)
    if (!request || this.#gone) return
    const { ask, place } = request
    const verb = ask === WATCH || ask === UNWATCH ? 'watch' : 'enter'
    const number = ask === UPDATE ? undefined : request.number
    if (ask === LEAVE || ask === UNWATCH) {
      // What ends needs nobody's permission, and waits for nothing.
      this.#end(verb, place, '')
      return this.#answer(number, '')
    }
    // Nothing else of what was said may be kept.
    const data = verb === 'enter' ? request.data : undefined
    const { bytes } = this.#limits
    if (weigh(data, bytes) <= bytes && this.#queue.add({ verb, place, number, data })) return
    if (ask === UPDATE) return this.#write([EVICTED, place, 'update', 'ERR_LIMIT'])
    // Who is refused is not there, whatever was asked for before.
    this.#end(verb, place, 'ERR_LIMIT')
    this.#answer(number, 'ERR_LIMIT')
  }

  /** Is somebody else from here on. */
  identify(identity: string): void {
    if (identity === this.#identity || this.#gone) return
    for (const [place, data] of this.#in) {
      this.#hall.leave(place, this.#identity, this.peer)
      this.#hall.enter(place, identity, this.peer, data)
    }
    this.#identity = identity
  }

  /** The connection is over. */
  gone(): void {
    this.#gone = true
    this.#queue.clear()
    for (const place of this.#in.keys()) this.#hall.leave(place, this.#identity, this.peer)
    for (const place of this.#watched) this.#hall.unwatch(place, this.peer)
    this.#in.clear()
    this.#watched.clear()
  }

  /** Judges again what was allowed before. */
  async refresh(): Promise<void> {
    for (const [verb, places] of [
      ['enter', this.#in],
      ['watch', this.#watched]
    ] as const) {
      for (const place of Array.from(places.keys())) {
        const data = this.#in.get(place)
        const allowed = await this.#allow(this.peer, verb, place, data)
        // What is said meanwhile is judged by itself.
        const same = verb === 'watch' || data === this.#in.get(place)
        if (!allowed && places.has(place) && same) this.#evict(place, verb)
      }
    }
  }

  #judge(job: Job): Promise<void> | undefined {
    const { verb, place, data, number } = job
    if (number === undefined && !this.#in.has(place)) return undefined
    const allowed = this.#allow(this.peer, verb, place, data)
    if (typeof allowed !== 'boolean') {
      return allowed.then(
        decision => this.#decide(job, decision),
        () => this.#decide(job, false)
      )
    }
    this.#decide(job, allowed)
    return undefined
  }

  #decide(job: Job, allowed: boolean): void {
    const { verb, place, number, data, cut } = job
    if (this.#gone) return
    if (cut !== undefined) return this.#answer(number, cut)
    const places = verb === 'enter' ? this.#in : this.#watched
    const known = places.has(place)
    if (number === undefined) {
      // An update of who has left meanwhile is too late.
      if (known && allowed) this.#enter(place, data)
      else if (known) this.#evict(place, verb)
      return
    }
    const code = allowed ? (known || places.size < this.#limits.places ? '' : 'ERR_LIMIT') : 'ERR_DENIED'
    if (code) this.#leave(verb, place)
    else if (verb === 'enter') this.#enter(place, data)
    else this.#watch(place)
    this.#answer(number, code)
  }

  #enter(place: string, data: unknown): void {
    this.#in.set(place, data)
    this.#hall.enter(place, this.#identity, this.peer, data)
  }

  #watch(place: string): void {
    this.#watched.add(place)
    const rows = this.#hall.watch(place, this.peer)
    // Others were told first, and may have ended this.
    if (this.#gone) return this.#hall.unwatch(place, this.peer)
    const pieces = piecesOf(rows)
    const failed = (error: unknown): void => report(this.peer, error)
    if (pieces.length < 2 && this.#attempt([STATE, place, rows])) return
    this.#write([STATE, place, [], true])
    for (const piece of pieces) {
      writeRows(piece, (some: readonly Row[]) => this.#lane.write([CHANGES, place, some, true]), failed)
    }
    this.#write([CHANGES, place, []])
  }

  /** Has a place left, and what was asked of it before come to nothing. */
  #end(verb: Verb, place: string, code: string): void {
    for (const { number } of this.#queue.cut(verb, place, code)) this.#answer(number, code)
    this.#leave(verb, place)
  }

  /** What was allowed is not any more. */
  #evict(place: string, verb: Verb): void {
    this.#leave(verb, place)
    this.#write([EVICTED, place, verb, 'ERR_DENIED'])
  }

  #leave(verb: Verb, place: string): void {
    if (verb === 'watch') {
      if (this.#watched.delete(place)) this.#hall.unwatch(place, this.peer)
    } else if (this.#in.delete(place)) this.#hall.leave(place, this.#identity, this.peer)
  }

  #answer(number: number | undefined, code: string): void {
    if (number !== undefined) this.#write(code ? [REFUSED, number, code] : [DONE, number])
  }

  #attempt(packet: readonly unknown[]): boolean {
    try {
      this.#lane.write(packet)
      return true
    } catch {
      return false
    }
  }

  #write(packet: readonly unknown[]): void {
    try {
      this.#lane.write(packet)
    } catch (error) {
      report(this.peer, error)
    }
  }
}
