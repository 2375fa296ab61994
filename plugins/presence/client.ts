import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { makeRequests, packetsOf } from '../../lib/requests.ts'
import { makePlace } from './client-place.ts'
import type { ClientPlace, Place } from './client-place.ts'
import { isPlace, toRows } from './wire.ts'

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

/** Who is where: enters places, watches them, and is there again after a new session began. */
export const presence = () =>
  ({
    name: 'presence',
    version: 1,
    client(client, lane): Presence {
      const places = new Map<string, ClientPlace>()
      /** Those whose data changed in this turn, or while the lane was full. */
      const dirty = new Set<ClientPlace>()
      const requests = makeRequests(client, lane, ([name, rows]) => places.get(textOf(name))?.changed(toRows(rows)))
      const flush = (): void => {
        for (const place of dirty) {
          if (client.state !== 'open') return
          dirty.delete(place)
          if (!place.say()) return
        }
      }
      const desk = {
        lane,
        requests,
        soon: (place: ClientPlace) => dirty.add(place).size > 1 || queueMicrotask(flush),
        print: (value: unknown) => `${client.parser.encode(value)}`
      }
      lane.on('data', value => requests.heard(packetsOf(value)))
      client.on('open', flush)
      client.on('drain', flush)
      return <Data>(name: string): Place<Data> => {
        if (!isPlace(name)) throw new AnywireError(ERR_OPTION, `'${name}' names no place`)
        let place = places.get(name)
        if (!place) places.set(name, (place = makePlace(name, desk)))
        // What members say is the application's to know.
        return place as Place<unknown> as Place<Data>
      }
    }
  }) as const satisfies ClientPlugin

export type { Member, Place, PlaceEvents } from './client-place.ts'
