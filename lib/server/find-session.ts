import type { Hello } from '../handshake.ts'
import type { Admission, Admitted } from './admission.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'
import type { PeerSet } from './peers.ts'
import type { Recovery } from './options.ts'
import { parseToken } from './ticket.ts'

/** Where sessions are. */
interface Place {
  readonly peers: PeerSet
  readonly admission: Admission
  /** Undefined: none goes on. */
  readonly recovery: Recovery | undefined
}

/** The session that a client may go on with, as whoever it is now. */
export const findSession = async (
  { peers, admission, recovery }: Place,
  { session, got }: Hello,
  { context, parser }: Admitted
): Promise<PeerEndpoint | undefined> => {
  if (!recovery || session === undefined || !got) return undefined
  const [id, secret] = parseToken(session)
  const peer = peers.get(id)
  if (peer?.parser !== parser || !peer.ticket.matches(secret)) return undefined
  if (!(await admission.isSame(peer.context, context, recovery.same))) return undefined
  // Meanwhile it may have ended, or gone on over another wire.
  return peer.state !== 'closed' && peer.ticket.matches(secret) ? peer : undefined
}
