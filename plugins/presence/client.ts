import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { Client } from '../../lib/client.ts'
import type { Lane } from '../../lib/lane.ts'
import type { During, PluginInfo } from '../../lib/plugin.ts'
import { makeRequests, packetsOf } from '../../lib/requests.ts'
import { makePlace } from './client-place.ts'
import type { Place, Seat } from './client-place.ts'
import { isPlace } from './wire.ts'
import type { Row } from './wire.ts'

/** `client.presence` */
export interface Presence {
  /**
   * A place that people are in: a room, a document, a topic. The same name is the same place.
   * @throws ERR_OPTION for a name that is empty, or longer than 256 UTF-16 units
   * @example
   * const room = client.presence('room.1')
   * room.on('join', ({ id, data }) => console.log(id, 'is here', data))
   * await room.enter({ name: 'Ada' })
   */
  <Data = unknown>(place: string): Place<Data>
}

/** Some who are in a place have changed. */
type Told = readonly [place: string, rows: readonly Row[]]

/** The client half. */
export interface PresenceClientPlugin extends PluginInfo {
  readonly name: 'presence'
  readonly version: 1
  client(client: Client, lane: Lane, during: During): Presence
}

/** Who is where: enters places, watches them, and is there again after a new session began. */
export const presence = (): PresenceClientPlugin => ({
  name: 'presence',
  version: 1,
  client(client, lane): Presence {
    const places = new Map<string, Seat>()
    /** Those whose data changed in this turn, or while the lane was full. */
    const dirty = new Set<Seat>()
    // It is the server's own half that speaks.
    const requests = makeRequests(client, lane, packet => {
      const [name, rows] = packet as Told
      places.get(name)?.[2](rows)
    })
    let full = false
    const flush = (): void => {
      full = false
      for (const seat of dirty) {
        if (client.state !== 'open') return
        dirty.delete(seat)
        if (!seat[1]()) {
          full = true
          return
        }
      }
    }
    const soon = (seat: Seat): void => {
      if (dirty.add(seat).size < 2 && !full) queueMicrotask(flush)
    }
    lane.on('data', value => requests[3](packetsOf(value)))
    client.on('open', flush)
    client.on('drain', flush)
    return <Data>(name: string): Place<Data> => {
      if (!isPlace(name)) throw new AnywireError(ERR_OPTION, `'${name}' names no place`)
      let seat = places.get(name)
      if (!seat) places.set(name, (seat = makePlace(name, client, lane, requests, soon)))
      // What members say is the application's to know.
      return seat[0] as Place<Data>
    }
  }
})

export type { Member, Place, PlaceEvents } from './client-place.ts'
export type { Verb } from './wire.ts'
export type * from '../../lib/types.ts'
