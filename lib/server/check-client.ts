import { checkCall, WRITING } from '../call-rules.ts'
import { checkListener } from '../checked-emitter.ts'
import type { Client } from '../client.ts'
import type { ConnectionEvents, Listenable, WriteOptions } from '../connection.ts'
import type { Undo } from '../emitter.ts'
import { INSPECT, show } from '../inspect.ts'
import type { Inspect } from '../inspect.ts'

/** A client that looks at what it is called with, and is shown in few words: in Node alone, as a page would pay for it with each visit. */
export const checkedClient = <C extends Client>(client: C): C => {
  const write = client.write.bind(client)
  const plain: Pick<Listenable<ConnectionEvents>, 'on' | 'once'> = {
    on: client.on.bind(client),
    once: client.once.bind(client)
  }
  return Object.assign(client, {
    [INSPECT](_depth: number, options: object, inspect: Inspect): string {
      const { id, state, transformer, offers, bufferedBytes } = client
      return show('Client', { id, state, transformer, offers, bufferedBytes }, options, inspect)
    },
    write(value: unknown, options?: WriteOptions): boolean {
      if (options) checkCall('write', options, WRITING)
      return write(value, options)
    },
    on<K extends keyof ConnectionEvents>(event: K, listener: (...args: ConnectionEvents[K]) => unknown): Undo {
      checkListener(event, listener)
      return plain.on(event, listener)
    },
    once<K extends keyof ConnectionEvents>(event: K, listener: (...args: ConnectionEvents[K]) => unknown): Undo {
      checkListener(event, listener)
      return plain.once(event, listener)
    }
  })
}
