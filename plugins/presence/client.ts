import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { ClientPlugin } from '../../lib/plugin.ts'
import { Asker } from './asker.ts'
import type { Place } from './client-place.ts'
import { isPlace } from './wire.ts'

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
      const asker = new Asker(client, lane)
      lane.on('data', packet => asker.heard(packet))
      client.on('open', ({ recovered }) => (recovered ? asker.flush() : asker.began()))
      client.on('drain', () => asker.flush())
      // The end of a session may be told when the next one goes on already.
      client.on('close', () => lane.connected || asker.ended(client.state === 'closed'))
      return <Data>(name: string): Place<Data> => {
        if (!isPlace(name)) throw new AnywireError(ERR_OPTION, `'${name}' names no place`)
        // What members say is the application's to know.
        return asker.place(name) as Place<unknown> as Place<Data>
      }
    }
  }) as const satisfies ClientPlugin

export type { Member, Place, PlaceEvents } from './client-place.ts'
