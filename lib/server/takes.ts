import { ERR_RATE } from '../failures.ts'
import type { Peer } from './peer.ts'
import { PeerEndpoint } from './peer-endpoint.ts'

/**
 * For plugins whose clients put several things into one message: whether the rate of messages lets a client bring so many.
 * One that brings more than that has its connection end.
 * @param count - the message itself is one of them, and counted already
 */
export const takes = (peer: Peer, count: number): boolean => {
  if (count < 2 || !(peer instanceof PeerEndpoint) || peer.rate.take(count - 1)) return true
  peer.fail(ERR_RATE)
  return false
}
