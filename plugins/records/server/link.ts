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
    const byPeer = new Map<Peer, FollowerLink>()
    for (const link of links) {
      if (link.peer) byPeer.set(link.peer, link)
      else if (!link.send(bytes)) full.push(link)
    }
    server.multicast(byPeer.keys(), bytes, {
      lane: LANE,
      full: peer => {
        const link = byPeer.get(peer)
        if (link) full.push(link)
      }
    })
    return full
  }
