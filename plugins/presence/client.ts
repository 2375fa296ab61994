import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { ClientPlace } from './client-place.ts'
import type { Place } from './client-place.ts'
import { PresenceError } from './error.ts'
import { DONE, ENTER, parseAnswer, UPDATE, WATCH } from './wire.ts'
import type { Ask } from './wire.ts'

/** `client.presence` */
export interface Presence {
  /**
   * A place that people are in: a room, a document, a topic. The same name is the same place.
   * @example
   * const room = client.presence('room/1')
   * room.on('join', ({ id, data }) => console.log(id, 'is here', data))
   * await room.enter({ name: 'Ada' })
   */
  <Data = unknown>(place: string): Place<Data>
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: PresenceError) => void
}

/** Asks the server, and asks again what a new session knows nothing of. */
class Asker {
  readonly places = new Map<string, ClientPlace>()
  readonly #client: Client
  readonly #lane: Lane
  readonly #waiting = new Map<number, Waiting>()
  #number = 0
  /** Places whose data changed while the lane was full, or in this turn. */
  readonly #dirty = new Set<ClientPlace>()

  constructor(client: Client, lane: Lane) {
    this.#client = client
    this.#lane = lane
  }

  ask(what: Ask, place: string, data?: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      // A session that begins asks for all that is wanted by then.
      if (this.#client.state !== 'open' && this.#client.state !== 'away') return resolve()
      const number = this.#number++
      this.#waiting.set(number, { resolve, reject })
      this.#lane.write(data === undefined ? [what, number, place] : [what, number, place, data])
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
      if (answer.type === DONE) waiting?.resolve()
      else waiting?.reject(new PresenceError(answer.code))
      return
    }
    const place = this.places.get(answer.place)
    if ('verb' in answer) place?.evicted(answer.verb, new PresenceError(answer.code))
    else place?.changed(answer)
  }

  /** A session began that knows nothing of this client. */
  began(): void {
    this.#dirty.clear()
    for (const place of this.places.values()) {
      const { name, data } = place
      if (place.isWatched) this.ask(WATCH, name).catch((error: PresenceError) => place.evicted('watch', error))
      if (place.isIn) this.ask(ENTER, name, data).catch((error: PresenceError) => place.evicted('enter', error))
    }
  }

  /** The session is over: what was asked will not be answered. */
  ended(): void {
    for (const { resolve } of this.#waiting.values()) resolve()
    this.#waiting.clear()
    for (const place of this.places.values()) place.ended()
  }
}

/** Who is where: enters places, watches them, and is there again after a new session began. */
export const presence = () =>
  ({
    name: 'presence',
    version: 1,
    client(client, lane): Presence {
      const asker = new Asker(client, lane)
      lane.on('data', packet => asker.heard(packet))
      client.on('open', ({ recovered }) => (recovered ? asker.flush() : asker.began()))
      client.on('drain', () => asker.flush())
      client.on('close', () => asker.ended())
      return <Data>(name: string): Place<Data> => {
        let place = asker.places.get(name)
        if (!place) asker.places.set(name, (place = new ClientPlace(name, asker)))
        // What members are is the application's to say.
        return place as Place<unknown> as Place<Data>
      }
    }
  }) as const satisfies ClientPlugin

export type { Member, Place, PlaceEvents } from './client-place.ts'
