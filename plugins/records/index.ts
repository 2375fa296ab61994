import { Emitter } from '../../lib/emitter.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION } from '../../lib/failures.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import type { Peer } from '../../lib/server/peer.ts'
import type { Server } from '../../lib/server/server.ts'
import type { Store } from '../../lib/store.ts'
import type { Permissions } from '../permissions/index.ts'
import { Authority } from './server/authority.ts'
import { VERSION } from './server/follower.ts'
import { linkOf, makeMulticast } from './server/link.ts'
import type { RecordsServerOptions } from './server/options.ts'

export interface RecordsOptions extends RecordsServerOptions {
  /** What keeps the records of a server. */
  readonly store?: Store
}

type Host = Server & { readonly permissions?: Permissions }

/**
 * Records: data that many clients read and write at the same time, on- and offline.
 * @example createServer(http, { plugins: [records({ store: sqlite('data.db') })] })
 */
export const records = (options: RecordsOptions = {}) => {
  const authorities = new WeakMap<Server, Authority>()
  return {
    name: 'records',
    version: VERSION,
    server(server: Host, during): void {
      if (!options.store) throw new AnywireError(ERR_OPTION, 'a server keeps records in a `store`')
      const failed = (error: unknown, stage: string, peer?: Peer): void => {
        const host = peer ?? server
        if (host instanceof Emitter) host.failed(error, stage)
      }
      const { permissions } = server
      const authority = new Authority(options.store, {
        ...options,
        now: () => Date.now(),
        permissions,
        multicast: makeMulticast(server),
        failed
      })
      authorities.set(server, authority)
      during(() => {
        authority.open().catch((error: unknown) => failed(error, 'records'))
        return () => authority.close()
      })
    },
    peer(peer, lane, server, during): void {
      const authority = authorities.get(server)
      if (!authority || !lane.connected) return
      const follower = authority.connect(linkOf(peer, lane))
      lane.on('data', bytes => follower.receive(bytes))
      peer.on('drain', () => follower.drained())
      during(() => () => follower.end())
    }
  } as const satisfies ServerPlugin
}

export type {
  Permit,
  PermitQuestion,
  RecordsLimits,
  RecordsServerOptions,
  ServerCollection,
  ServerSchema,
  Verb
} from './server/options.ts'
