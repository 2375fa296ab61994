import type { Failure } from '../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT } from '../../lib/failures.ts'
import { isCount } from '../../lib/handshake.ts'
import type { Lane } from '../../lib/lane.ts'
import { Answers } from '../../lib/asked-again.ts'
import type { Fate } from '../../lib/asked-again.ts'
import type { Peer } from '../../lib/server/peer.ts'
import { LONGEST } from '../../lib/timer.ts'
import type { Hall } from './hall.ts'
import { Queue } from './queue.ts'
import type { Job } from './queue.ts'
import { Views } from './views.ts'
import { weigh } from '../../lib/weigh.ts'
import { ENTER, isPlace, KEPT, WATCH } from './wire.ts'
import type { Row, Verb } from './wire.ts'

/** Whether a peer may be in a place, or watch it. */
export type Allow = (peer: Peer, verb: Verb, place: string, data: unknown) => boolean | Promise<boolean>

/** What a connection may use. */
export interface VisitorLimits {
  /** Places that it may be in, and as many that it may watch. */
  readonly places: number
  /** What it says of itself in a place, as `weigh` counts. */
  readonly bytes: number
  /** Milliseconds that it is still there without a wire. */
  readonly away: number
}

/** Something that a connection asked for, which waits or goes on. */
interface Stay {
  readonly number: number
  readonly verb: Verb
  readonly place: string
  data: unknown
  /** It was denied, and is asked again: until that is answered nobody sees it, or it sees nobody. */
  hidden: boolean
}

/** Requests that may wait at least: a new session asks for all its places at once. */
const WAITING = 100

/** Who is there cannot be told: a client that is sent so much at once is ended, comes back, and would ask again. */
const TOO_MUCH: Failure = [
  ERR_LIMIT[0],
  0,
  `${ERR_LIMIT[2]}: who is there is more to tell than 'limits.buffered' of the server`
]

/** One connection of a server, and the places that it is in and watches. */
export class Visitor {
  readonly peer: Peer
  readonly #lane: Lane
  readonly #hall: Hall
  #identity: string
  readonly #allow: Allow
  readonly #limits: VisitorLimits
  readonly #views: Views
  /** What was asked for, by number. */
  readonly #asked = new Map<number, Stay>()
  /** What goes on, by place. */
  readonly #stays = { [ENTER]: new Map<string, Stay>(), [WATCH]: new Map<string, Stay>() }
  readonly #queue: Queue<Stay>
  #gone = false
  /** How often what is allowed may have changed. */
  #changes = 0
  readonly #answers = new Answers()
  /** It has no wire, for so long that it is nowhere until it is back. */
  #absent = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param isFull - whether as much waits for the client as may */
  constructor(
    peer: Peer,
    lane: Lane,
    hall: Hall,
    identity: string,
    allow: Allow,
    limits: VisitorLimits,
    isFull: () => boolean
  ) {
    this.peer = peer
    this.#lane = lane
    this.#hall = hall
    this.#identity = identity
    this.#allow = allow
    this.#limits = limits
    this.#views = new Views(hall, peer, lane, isFull, () => this.#gone)
    this.#queue = new Queue(Math.max(WAITING, 2 * limits.places), job => this.#judge(job))
  }

  heard(packets: readonly (readonly unknown[])[]): void {
    for (const packet of packets) if (!this.#gone) this.#item(packet)
  }

  /** Is somebody else from here on. */
  identify(identity: string): void {
    if (identity === this.#identity || this.#gone) return
    const stays = this.#stays[ENTER]
    for (const { place } of stays.values()) this.#disappear(place)
    this.#identity = identity
    for (const stay of stays.values()) if (!stay.hidden) this.#appear(stay)
  }

  /** Its wire is lost: before long others see that. */
  away(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        for (const place of this.#stays[ENTER].keys()) this.#disappear(place)
        this.#absent = true
      },
      Math.min(this.#limits.away, LONGEST)
    )
    this.#timer.unref?.()
  }

  /** It has a wire again. */
  back(): void {
    clearTimeout(this.#timer)
    if (!this.#absent) return
    this.#absent = false
    for (const { place, data, hidden } of this.#stays[ENTER].values())
      if (!hidden) this.#hall.comeBack(place, this.#identity, this.peer, data)
  }

  /** The connection is over. */
  gone(): void {
    clearTimeout(this.#timer)
    this.#gone = true
    this.#queue.clear()
    for (const stays of Object.values(this.#stays)) for (const stay of stays.values()) this.#leave(stay)
    this.#asked.clear()
  }

  /** Judges again what was allowed before: each by itself, as a rule may take its time. */
  async refresh(): Promise<void> {
    const asked = this.#answers.ask()
    this.#changes++
    const all = Object.values(this.#stays).flatMap(stays => [...stays.values()])
    await Promise.all(
      all.map(async stay => {
        const { verb, place, data } = stay
        const allowed = await this.#allow(this.peer, verb, place, data)
        // What is said, or changes, meanwhile is judged by itself.
        if (this.#stays[verb].get(place) === stay && stay.data === data)
          this.#judged(stay, this.#answers.fate(stay, asked, allowed))
      })
    )
  }

  #judged(stay: Stay, fate: Fate | undefined): void {
    const { verb, place } = stay
    if (fate === 'ends') this.#refuse(stay, ERR_DENIED)
    else if (fate === 'waits') {
      stay.hidden = true
      if (verb === WATCH) this.#views.pause(place)
      else this.#disappear(place)
    } else if (fate && stay.hidden) {
      stay.hidden = false
      if (verb === ENTER) this.#appear(stay)
      else if (!this.#views.resume(place)) this.#refuse(stay, TOO_MUCH)
    }
  }

  #item([number, ...rest]: readonly unknown[]): void {
    if (!isCount(number) || !number) return
    const stay = this.#asked.get(number)
    if (!stay) this.#begin(number, rest)
    // What ends needs nobody's permission, and waits for nothing.
    else if (!rest.length) this.#end(stay)
    else if (stay.verb === ENTER) this.#update(stay, rest[0])
  }

  #begin(number: number, [verb, place, data]: readonly unknown[]): void {
    if ((verb !== ENTER && verb !== WATCH) || !isPlace(place)) return
    // Nothing else of what was said may be kept.
    const stay: Stay = { number, verb, place, data: verb === ENTER ? data : undefined, hidden: false }
    this.#asked.set(number, stay)
    if (this.#fits(data) && this.#queue.add({ stay, data: stay.data, update: false })) return
    // Who is refused is not there, whatever was asked for before.
    this.#cut(stay, ERR_LIMIT)
    this.#refuse(stay, ERR_LIMIT)
  }

  #update(stay: Stay, data: unknown): void {
    if (this.#fits(data) && this.#queue.add({ stay, data, update: true })) return
    this.#write([-stay.number, KEPT, ERR_LIMIT[0], `${ERR_LIMIT[2]}: an update of '${stay.place}'`])
  }

  #end(stay: Stay): void {
    this.#cut(stay, undefined)
    this.#leave(stay)
    this.#asked.delete(stay.number)
  }

  #judge(job: Job<Stay>): Promise<void> | undefined {
    const { stay, data, update } = job
    if (update && !this.#stays[stay.verb].has(stay.place)) return undefined
    const allowed = this.#allow(this.peer, stay.verb, stay.place, data)
    if (typeof allowed !== 'boolean') {
      const changes = this.#changes
      return allowed.then(
        decision => (changes === this.#changes ? this.#decide(job, decision) : this.#judge(job)),
        () => this.#decide(job, false)
      )
    }
    return this.#decide(job, allowed)
  }

  /** @returns when its client has room for more */
  #decide({ stay, data, update, cut }: Job<Stay>, allowed: boolean): Promise<void> | undefined {
    const { verb, place, number } = stay
    const stays = this.#stays[verb]
    const known = stays.get(place)
    if (this.#gone) return undefined
    if (update) {
      // An update of who has left meanwhile is too late.
      if (!known || cut) return undefined
      known.data = data
      if (allowed) this.#appear(known)
      else this.#refuse(known, ERR_DENIED)
    } else if (cut) this.#answer(stay, cut.why)
    else if (!allowed) this.#refuse(stay, ERR_DENIED)
    else if (!known && stays.size >= this.#limits.places) this.#refuse(stay, ERR_LIMIT)
    else {
      if (known) this.#asked.delete(known.number)
      this.#asked.set(number, stay)
      stays.set(place, stay)
      if (verb === ENTER) this.#appear(stay)
      else if (!this.#views.begin(place, number)) {
        this.#refuse(stay, TOO_MUCH)
        return undefined
      }
      const hasRoom = this.#write([-number, 0, ...this.#own(stay)])
      // What many places have to tell at once would end it.
      if (verb === WATCH && !hasRoom) return new Promise(resolve => this.peer.once('drain', resolve))
    }
    return undefined
  }

  /** Others see that it is there. */
  #appear(stay: Stay): void {
    const { place, data } = stay
    stay.hidden = false
    if (!this.#absent) this.#hall.enter(place, this.#identity, this.peer, data)
  }

  /** And that it is not. */
  #disappear(place: string): void {
    if (!this.#absent) this.#hall.leave(place, this.#identity, this.peer)
  }

  /** Who it is, for one who enters where it watches: others are told once in a while. For one who watches, for how long some may be missing. */
  #own({ verb, place }: Stay): readonly (Row | number)[] {
    const { grace } = this.#hall
    if (verb === WATCH) return grace ? [grace] : []
    const crowd = this.#stays[WATCH].get(place)?.hidden === false && this.#hall.get(place)
    return crowd ? [crowd.row(this.#identity)] : []
  }

  /** Has what was asked of a place before come to nothing. */
  #cut({ verb, place }: Stay, why: Failure | undefined): void {
    const isOfPlace = ({ stay }: Job<Stay>): boolean => stay.verb === verb && stay.place === place
    for (const { stay, update } of this.#queue.cut(isOfPlace, why)) if (!update) this.#answer(stay, why)
  }

  /** Who is refused is not there. */
  #refuse(stay: Stay, why: Failure): void {
    this.#leave(stay)
    this.#answer(stay, why)
  }

  #leave({ verb, place }: Pick<Stay, 'verb' | 'place'>): void {
    const stay = this.#stays[verb].get(place)
    if (!stay) return
    this.#stays[verb].delete(place)
    this.#asked.delete(stay.number)
    if (verb === WATCH) this.#views.end(place)
    else this.#disappear(place)
  }

  /** Tells what became of a request that does not go on. */
  #answer({ number, verb, place }: Stay, why: Failure | undefined): void {
    this.#asked.delete(number)
    this.#write(why ? [-number, why[0], `${why[2]}: ${verb} '${place}'`] : [-number, 0])
  }

  #fits(data: unknown): boolean {
    const { bytes } = this.#limits
    return weigh(data, bytes) <= bytes
  }

  #write(packet: readonly unknown[]): boolean {
    try {
      return this.#lane.write(packet)
    } catch (error) {
      this.#lane.failed(error, 'presence')
      return true
    }
  }
}
