import type { Lane } from '../../lib/lane.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Hall } from './hall.ts'
import { DONE, ENTER, EVICTED, LEAVE, parseRequest, REFUSED, STATE, UNWATCH, UPDATE, WATCH } from './wire.ts'
import type { Request, Verb } from './wire.ts'

/** Whether a peer may be in a place, or watch it. */
export type Allow = (peer: Peer, verb: Verb, place: string, data: unknown) => boolean | Promise<boolean>

/** One connection of a server, and the places that it is in and watches. */
export class Visitor {
  readonly peer: Peer
  readonly #lane: Lane
  readonly #hall: Hall
  readonly #identity: string
  readonly #allow: Allow
  readonly #limit: number
  /** What it last said of itself, by place. */
  readonly #in = new Map<string, unknown>()
  readonly #watched = new Set<string>()
  /** Requests are answered in order, also where some are judged asynchronously. */
  #last: Promise<void> | undefined

  /** @param limit - places that it may be in, and as many that it may watch */
  constructor(peer: Peer, lane: Lane, hall: Hall, identity: string, allow: Allow, limit: number) {
    this.peer = peer
    this.#lane = lane
    this.#hall = hall
    this.#identity = identity
    this.#allow = allow
    this.#limit = limit
  }

  heard(packet: unknown): void {
    const request = parseRequest(packet)
    if (!request) return
    if (!this.#last) {
      const pending = this.#handle(request)
      if (pending) this.#wait(pending)
    } else this.#wait(this.#last.then(() => this.#handle(request)))
  }

  /** The connection is over. */
  gone(): void {
    for (const place of this.#in.keys()) this.#hall.leave(place, this.#identity, this.peer)
    for (const place of this.#watched) this.#hall.unwatch(place, this.peer)
    this.#in.clear()
    this.#watched.clear()
  }

  /** Judges again what was allowed before. */
  async refresh(): Promise<void> {
    for (const [verb, places] of [
      ['enter', this.#in.keys()],
      ['watch', this.#watched]
    ] as const) {
      for (const place of Array.from(places)) {
        if (!(await this.#allow(this.peer, verb, place, this.#in.get(place)))) this.#evict(place, verb)
      }
    }
  }

  #wait(pending: Promise<void>): void {
    const last = pending.finally(() => {
      if (this.#last === last) this.#last = undefined
    })
    this.#last = last
  }

  #handle(request: Request): Promise<void> | undefined {
    const { ask, place, data } = request
    if (ask === UPDATE) {
      if (!this.#in.has(place)) return undefined
      const allowed = this.#allow(this.peer, 'enter', place, data)
      if (typeof allowed === 'boolean') this.#update(place, data, allowed)
      else return allowed.then(decision => this.#update(place, data, decision))
      return undefined
    }
    const { number } = request
    if (ask === LEAVE) this.#leave(place)
    if (ask === UNWATCH) this.#unwatch(place)
    if (ask === LEAVE || ask === UNWATCH) return void this.#lane.write([DONE, number])
    const verb = ask === ENTER ? 'enter' : 'watch'
    const allowed = this.#allow(this.peer, verb, place, data)
    if (typeof allowed !== 'boolean') return allowed.then(decision => this.#decide(request, number, verb, decision))
    this.#decide(request, number, verb, allowed)
    return undefined
  }

  #update(place: string, data: unknown, allowed: boolean): void {
    if (!this.#in.has(place)) return
    if (allowed) this.#enter(place, data)
    else this.#evict(place, 'enter')
  }

  /** What was allowed is not any more. */
  #evict(place: string, verb: Verb): void {
    if (verb === 'enter') this.#leave(place)
    else this.#unwatch(place)
    this.#lane.write([EVICTED, place, verb, 'ERR_DENIED'])
  }

  #decide({ ask, place, data }: Request, number: number, verb: Verb, allowed: boolean): void {
    if (this.peer.state === 'closed') return
    const places = verb === 'enter' ? this.#in : this.#watched
    if (!allowed) return void this.#lane.write([REFUSED, number, 'ERR_DENIED'])
    if (places.size >= this.#limit && !places.has(place)) return void this.#lane.write([REFUSED, number, 'ERR_LIMIT'])
    if (ask === WATCH) {
      this.#watched.add(place)
      this.#lane.write([STATE, place, this.#hall.watch(place, this.peer)])
    } else this.#enter(place, data)
    this.#lane.write([DONE, number])
  }

  #enter(place: string, data: unknown): void {
    this.#in.set(place, data)
    this.#hall.enter(place, this.#identity, this.peer, data)
  }

  #leave(place: string): void {
    if (this.#in.delete(place)) this.#hall.leave(place, this.#identity, this.peer)
  }

  #unwatch(place: string): void {
    if (this.#watched.delete(place)) this.#hall.unwatch(place, this.peer)
  }
}
