import { checkCall, WRITING } from '../call-rules.ts'
import type { Client } from '../client.ts'
import type { WriteOptions } from '../connection.ts'

/** A client that looks at what it is called with: in Node alone, as a page would pay for it with each visit. */
export const checkedClient = <C extends Client>(client: C): C => {
  const write = client.write.bind(client)
  return Object.assign(client, {
    write(value: unknown, options?: WriteOptions): boolean {
      if (options) checkCall('write', options, WRITING)
      return write(value, options)
    }
  })
}
