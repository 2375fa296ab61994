import type { Peer } from './peer.ts'
import { PeerEndpoint } from './peer-endpoint.ts'

/**
 * For plugins that answer with much at once: whether there is room for more. Who is told more than it may have waiting is ended,
 * comes back, and asks for the same again. So half of that is for answers, and half for what comes meanwhile.
 */
export const hasRoom = (peer: Peer): boolean => {
  if (!(peer instanceof PeerEndpoint)) return true
  const { buffered, window } = peer.limits
  return peer.bufferedBytes < (peer.state === 'open' ? buffered : window) / 2
}

/** Whether as much waits for a client as may: with a little more it is ended. One that is away comes back, and asks again. */
export const isFull = (peer: Peer): boolean =>
  peer instanceof PeerEndpoint && peer.state === 'open' && peer.bufferedBytes > peer.limits.buffered
