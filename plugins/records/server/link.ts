import type { Lane } from '../../../lib/lane.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Server } from '../../../lib/server/server.ts'
import { Session } from '../../../lib/session.ts'
import type { Multicast } from './fan-out.ts'
import type { FollowerLink } from './feed.ts'

/** Over the plugin's own lane. */
const LANE = 'records'

/** The way to a client, over its lane. */
export const linkOf = (peer: Peer, lane: Lane): FollowerLink => ({
  peer,
  send: bytes => lane.write(bytes),
  fail: failure => {
    if (peer instanceof Session) peer.fail(failure)
  }
})

/** Sends the same bytes to many peers at once. */
export const makeMulticast =
  (server: Server): Multicast =>
  (peers, bytes) => {
    const full = new Set<Peer>()
    server.multicast(peers, bytes, { lane: LANE, full: peer => full.add(peer) })
    return full
  }
