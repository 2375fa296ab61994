import type { Client } from '../../lib/client.ts'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_DENIED, ERR_ENCODE, ERR_LIMIT } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { ClientPlace } from './client-place.ts'
import { report } from './report.ts'
import { ENTER, LEAVE, parseAnswer, UPDATE, WATCH } from './wire.ts'
import type { Ask } from './wire.ts'

/** A question that is not answered yet, perhaps not even asked. */
interface Waiting {
  readonly what: Ask
  readonly place: ClientPlace
  readonly resolve: () => void
  readonly reject: (error: AnywireError) => void
}

const VERBS: Readonly<Record<number, string>> = { [WATCH]: 'watch', [UPDATE]: 'update' }

const errorOf = (code: string, { place, what }: { place: ClientPlace; what: number }): AnywireError =>
  new AnywireError(code === ERR_LIMIT[0] ? ERR_LIMIT : ERR_DENIED, `${VERBS[what] ?? 'enter'} '${place.name}'`)

/** A parser may throw anything. */
const encodingError = (error: unknown): AnywireError =>
  error instanceof AnywireError ? error : new AnywireError(ERR_ENCODE, textOf(error), error)

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
  #flushing = false

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
      // What begins waits for a session; what ends is over without one, and so is what it takes back.
      else if (what === ENTER || what === WATCH) this.#later.push(waiting)
      else {
        this.#dropLater(place, what === LEAVE ? ENTER : WATCH)
        resolve()
      }
    })
  }

  /** Has the latest data of a place sent at the end of this turn. */
  update(place: ClientPlace): void {
    this.#dirty.add(place)
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => {
      this.#flushing = false
      this.flush()
    })
  }

  flush(): void {
    for (const place of this.#dirty) {
      if (this.#client.state !== 'open') return
      this.#dirty.delete(place)
      if (!place.isIn) continue
      try {
        const room = this.#lane.write([UPDATE, place.name, place.data])
        place.said = place.data
        if (!room) return
      } catch (error) {
        place.data = place.said
        place.refused(encodingError(error))
      }
    }
  }

  /** The same text for the same value. */
  print(value: unknown): string {
    return `${this.#client.parser.encode(value)}`
  }

  failed(error: unknown, event: string): void {
    report(this.#client, error, event)
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
    const { verb, code } = answer
    const error = errorOf(code, { place, what: verb === 'watch' ? WATCH : verb === 'enter' ? ENTER : UPDATE })
    if (verb === 'update') place.refused(error)
    else place.evicted(verb, error)
  }

  /** A session began that knows nothing of this client. */
  began(): void {
    // The end of the session before may be told later than this.
    this.ended(false)
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

  #dropLater(place: ClientPlace, what: Ask): void {
    const dropped = this.#later.filter(waiting => waiting.what === what && waiting.place === place)
    this.#later = this.#later.filter(waiting => !dropped.includes(waiting))
    for (const { resolve } of dropped) resolve()
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
    try {
      this.#lane.write(
        what === ENTER && data !== undefined ? [what, number, place.name, data] : [what, number, place.name]
      )
      if (what === ENTER) place.said = data
    } catch (error) {
      // What cannot be encoded keeps nothing else from being asked.
      this.#waiting.delete(number)
      waiting.reject(encodingError(error))
    }
  }
}
