import type { During } from '../../../lib/plugin.ts'
import type { Collections } from '../client/engine.ts'
import { Replica } from '../client/replica.ts'
import type { SchemaVersion } from '../core/frame.ts'
import type { Authority } from './authority.ts'

interface OwnOptions {
  readonly collections?: Collections
  readonly schema?: SchemaVersion
  readonly now?: () => number
  readonly monotonic?: () => number
}

/** A replica of the process itself: what a server has beside its authority, to read and write records as clients do. */
export const ownReplica = (
  authority: Authority,
  { collections = {}, schema, now = () => Date.now(), monotonic = () => performance.now() }: OwnOptions,
  during: During
): Replica => {
  const replica = new Replica({ now, monotonic, collections, ...(schema && { schema }) })
  const follower = authority.connect({
    peer: undefined,
    send: bytes => {
      queueMicrotask(() => replica.receive(bytes))
      return true
    },
    fail: () => {}
  })
  replica.connected(bytes => {
    follower.receive(bytes)
    return true
  })
  during(() => () => {
    follower.end()
    replica.disconnected()
  })
  return replica
}
