import { AnywireError, tell } from '../errors.ts'
import { ERR_CLOSED, ERR_OPTION } from '../failures.ts'
import type { Parser } from '../parser.ts'
import { makeId } from './make-id.ts'
import type { Handshake, Peer } from './peer.ts'
import { PeerEndpoint } from './peer-endpoint.ts'
import type { PeerHost } from './peer-host.ts'

/**
 * Somebody who asks for something and has no connection: a peer that has ended. Whatever works for clients has to bear that
 * one has just gone, so it needs no rules of its own for who never was there.
 */
export const makeGuest = (host: PeerHost, parsers: readonly Parser[], handshake: Handshake, context: unknown): Peer => {
  const [parser] = parsers
  if (!parser) throw new AnywireError(ERR_OPTION, 'parsers')
  const id = makeId(undefined, () => false)
  const peer = new PeerEndpoint(host, id, handshake, context, parser)
  peer.leave(tell(ERR_CLOSED))
  return peer
}
