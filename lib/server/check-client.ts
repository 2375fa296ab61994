import { checkCall, WRITING } from '../call-rules.ts'
import { checkEvents } from '../check-events.ts'
import type { Client } from '../client.ts'
import { CONNECTION_EVENTS } from '../connection-events.ts'
import type { WriteOptions } from '../connection.ts'
import { INSPECT, show } from '../inspect.ts'
import type { Inspect } from '../inspect.ts'

/** A client that looks at what it is called with, and is shown in few words: in Node alone, as a page would pay for it with each visit. */
export const checkedClient = <C extends Client>(client: C): C => {
  const write = client.write.bind(client)
  const checking = {
    [INSPECT](_depth: number, options: object, inspect: Inspect): string {
      const { id, state, transformer, offers, bufferedBytes } = client
      return show('Client', { id, state, transformer, offers, bufferedBytes }, options, inspect)
    },
    write(value: unknown, options?: WriteOptions): boolean {
      if (options) checkCall('write', options, WRITING)
      return write(value, options)
    }
  }
  return checkEvents(Object.assign(client, checking), CONNECTION_EVENTS)
}
