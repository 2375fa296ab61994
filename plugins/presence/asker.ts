import type { Client } from '../../lib/client.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_DENIED, ERR_LIMIT } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { ClientPlace } from './client-place.ts'
import { ENTER, parseAnswer, UPDATE, WATCH } from './wire.ts'
import type { Ask } from './wire.ts'

/** A question that is not answered yet, perhaps not even asked. */
interface Waiting {
  readonly what: Ask
  readonly place: ClientPlace
  readonly resolve: () => void
  readonly reject: (error: AnywireError) => void
}

const errorOf = (code: string, { place, what }: Pick<Waiting, 'place' | 'what'>): AnywireError =>
  new AnywireError(
    code === ERR_LIMIT[0] ? ERR_LIMIT : ERR_DENIED,
    `${what === WATCH ? 'watch' : 'enter'} '${place.name}'`
  )

/** Asks the server, and asks again what a new session knows nothing of. */
export class Asker {
  readonly #client: Client
  readonly #lane: Lane
  readonly #places = new Map<string, ClientPlace>()
  readonly #waiting = new Map<number, Waiting>()
  /** What waits for a session. */
  #later: Waiting[] = []
  #number = 0
  /** Places whose data changed in this turn, or while the lane was full. */
  readonly #dirty = new Set<ClientPlace>()

  constructor(client: Client, lane: Lane) {
    this.#client = client
    this.#lane = lane
  }

  place(name: string): ClientPlace {
    let place = this.#places.get(name)
    if (!place) this.#places.set(name, (place = new ClientPlace(name, this)))
    return place
  }

  ask(what: Ask, place: ClientPlace): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = { what, place, resolve, reject }
      if (this.#lane.connected) this.#send(waiting)
      // What begins waits for a session; what ends is over without one.
      else if (what === ENTER || what === WATCH) this.#later.push(waiting)
      else resolve()
    })
  }

  /** Has the latest data of a place sent at the end of this turn. */
  update(place: ClientPlace): void {
    if (this.#dirty.size === 0) queueMicrotask(() => this.flush())
    this.#dirty.add(place)
  }

  flush(): void {
    for (const place of this.#dirty) {
      if (this.#client.state !== 'open') return
      this.#dirty.delete(place)
      if (place.isIn && !this.#lane.write([UPDATE, place.name, place.data])) return
    }
  }

  heard(packet: unknown): void {
    const answer = parseAnswer(packet)
    if (!answer) return
    if ('number' in answer) {
      const waiting = this.#waiting.get(answer.number)
      this.#waiting.delete(answer.number)
      if (!waiting) return
      if (answer.code === '') waiting.resolve()
      else waiting.reject(errorOf(answer.code, waiting))
      return
    }
    const place = this.#places.get(answer.place)
    if (!place) return
    if (!('verb' in answer)) return place.changed(answer)
    place.evicted(answer.verb, errorOf(answer.code, { place, what: answer.verb === 'watch' ? WATCH : ENTER }))
  }

  /** A session began that knows nothing of this client. */
  began(): void {
    const later = this.#later
    this.#later = []
    this.#dirty.clear()
    for (const place of this.#places.values()) {
      if (place.isWatched) this.#begin(WATCH, place, later)
      if (place.isIn) this.#begin(ENTER, place, later)
    }
    // What was taken back meanwhile.
    for (const { what, place, resolve } of later) if (!(what === WATCH ? place.isWatched : place.isIn)) resolve()
  }

  /** @param last - whether no other session will follow */
  ended(last: boolean): void {
    const all = [...this.#later, ...this.#waiting.values()]
    this.#waiting.clear()
    this.#later = []
    for (const waiting of all) {
      const begins = waiting.what === ENTER || waiting.what === WATCH
      if (!begins) waiting.resolve()
      else if (last) waiting.reject(new AnywireError(ERR_CLOSED))
      else this.#later.push(waiting)
    }
  }

  #begin(what: Ask, place: ClientPlace, later: readonly Waiting[]): void {
    const asked = later.filter(waiting => waiting.what === what && waiting.place === place)
    this.#send({
      what,
      place,
      resolve: () => asked.forEach(({ resolve }) => resolve()),
      reject(error) {
        for (const { reject } of asked) reject(error)
        place.evicted(what === WATCH ? 'watch' : 'enter', error)
      }
    })
  }

  #send(waiting: Waiting): void {
    const { what, place } = waiting
    const number = this.#number++
    this.#waiting.set(number, waiting)
    const { data } = place
    this.#lane.write(
      what === ENTER && data !== undefined ? [what, number, place.name, data] : [what, number, place.name]
    )
  }
}
