import type { Undo } from '../emitter.ts'
import { AnywireError } from '../errors.ts'
import { ERR_SHUTDOWN } from '../failures.ts'
import type { Filled } from '../given.ts'
import type { Goodbye } from '../handshake.ts'
import { later } from './later.ts'
import type { ServerLink } from './link.ts'
import type { PeerEndpoint } from './peer-endpoint.ts'
import type { CloseOptions } from './server.ts'

/** How long wires may take to close once everything is over: so many milliseconds, or the last tenth of a shorter time. */
const PATIENCE = 1_000

/**
 * Has all clients of a server go: those that are not accepted yet are refused, those with a session hear a goodbye behind what was
 * written before. Whoever stays longer than they may is left, and what is there even then is cut.
 * @param waiting - links that carry no peer
 * @returns what ends that, as soon as nobody is there any more
 */
export const dismiss = (
  peers: Iterable<PeerEndpoint>,
  waiting: Set<ServerLink>,
  { timeout, reconnect }: Filled<CloseOptions>
): Undo => {
  const [, status, reason] = ERR_SHUTDOWN
  const code = reconnect === false ? 1000 : status
  const goodbye = (): Goodbye => [code, reason, Math.round(Math.random() * (reconnect || 0))]
  for (const link of waiting) {
    link.refuse(new AnywireError(ERR_SHUTDOWN))
    // One that has no wire yet can be told nothing; a wire that opens later is cut.
    if (!link.hasWire) waiting.delete(link)
  }
  for (const peer of peers) {
    // What the application said before, it said.
    if (peer.state === 'away') peer.abandon(goodbye())
    else peer.part(goodbye(), false)
  }
  const abandon = (): void => {
    for (const peer of peers) peer.abandon(goodbye())
  }
  const cut = (): void => waiting.forEach(link => link.abort())
  return later([Math.max(timeout - PATIENCE, timeout * 0.9), abandon], [timeout, cut])
}
