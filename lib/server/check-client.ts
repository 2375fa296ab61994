import { checkCall, WRITING } from '../call-rules.ts'
import { checkListener } from '../checked-emitter.ts'
import type { Client } from '../client.ts'
import type { ConnectionEvents, Listenable, WriteOptions } from '../connection.ts'
import type { Undo } from '../emitter.ts'

/** A client that looks at what it is called with: in Node alone, as a page would pay for it with each visit. */
export const checkedClient = <C extends Client>(client: C): C => {
  const write = client.write.bind(client)
  const plain: Pick<Listenable<ConnectionEvents>, 'on' | 'once'> = {
    on: client.on.bind(client),
    once: client.once.bind(client)
  }
  return Object.assign(client, {
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
