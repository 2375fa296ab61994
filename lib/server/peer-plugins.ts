import { LaneEnd } from '../lane.ts'
import { install } from '../plugin.ts'
import type { During } from '../plugin.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'
import type { PeerHost } from './peer-host.ts'
import { reachOf } from './reach.ts'

/**
 * Installs the plugins' halves onto a peer.
 * @param remote - the plugins that the client has too
 */
export const installPeer = (
  peer: PeerEndpoint,
  { plugins, lanes, server }: PeerHost,
  remote: ReadonlySet<string>,
  during: During
): void => {
  const ends: (LaneEnd | undefined)[] = []
  install(peer, plugins, plugin => {
    const lane = new LaneEnd(peer)
    const number = remote.has(plugin.name) ? lanes.indexOf(plugin.name) + 1 : 0
    lane.number = number
    if (number > 0) ends[number] = lane
    return plugin.peer?.(peer, lane, server, during)
  })
  peer.lanes = ends
  peer.reach = reachOf(ends)
}
