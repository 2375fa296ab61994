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

/** Sends the same bytes to many peers at once; to the process itself one by one. */
export const makeMulticast =
  (server: Server): Multicast =>
  (links, bytes) => {
    const full: FollowerLink[] = []
    const peers: Peer[] = []
    for (const link of links) {
      if (link.peer) peers.push(link.peer)
      else if (!link.send(bytes)) full.push(link)
    }
    const slow = new Set<Peer>()
    server.multicast(peers, bytes, { lane: LANE, full: peer => slow.add(peer) })
    if (slow.size) full.push(...links.filter(({ peer }) => peer && slow.has(peer)))
    return full
  }
