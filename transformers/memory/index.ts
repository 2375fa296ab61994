import type { ServerTransformer } from '../../lib/server/listener.ts'
import { memory as network } from './client.ts'
import type { MemoryNetwork, MemoryOptions } from './client.ts'

/** Wires within one process: the same object is the server's transformer and its clients'. */
export const memory = (options?: MemoryOptions): MemoryNetwork & ServerTransformer => {
  const wires = network(options)
  return Object.assign(wires, {
    listen: (_host, accept) => ({ close: wires.serve(({ url }) => accept({ url, headers: {}, address: '' })) })
  } satisfies Pick<ServerTransformer, 'listen'>)
}

export type { MemoryNetwork, MemoryOptions }
export type * from '../../lib/server/types.ts'
