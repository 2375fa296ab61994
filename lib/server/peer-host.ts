import type { AnywireError } from '../errors.ts'
import type { Goodbye } from '../handshake.ts'
import type { Admission } from './admission.ts'
import type { Recovery, ServerLimits } from './options.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'
import type { ServerPlugin } from './plugin.ts'
import type { Server } from './server.ts'

/** What a peer needs of its server. */
export interface PeerHost {
  readonly server: Server
  readonly admission: Pick<Admission, 'authenticate'>
  readonly limits: ServerLimits
  readonly plugins: readonly ServerPlugin[]
  /** The names of the plugins that have a lane, in order; the first one's lane is 1. */
  readonly lanes: readonly string[]
  /** The names of the transformers that it listens with. */
  readonly transformers: readonly string[]
  readonly recovery: Recovery | undefined
  readonly heartbeat: number
  /** The context of a peer is another one. */
  renewed(peer: PeerEndpoint, before: unknown): void
  tell(error: AnywireError, stage: string, peer: PeerEndpoint): void
  /** The peer waits for its client to come back. */
  away(peer: PeerEndpoint): void
  /** More is kept for a peer without a wire. */
  kept(peer: PeerEndpoint): void
  /** The client came back. */
  back(peer: PeerEndpoint): void
  /** @param verdict - how the application ended it, where its client may not have heard */
  closed(peer: PeerEndpoint, code: number, verdict: Goodbye | undefined): void
}
