import type { Peer } from '../../../lib/server/peer.ts'
import { fromBase64 } from '../core/base64.ts'
import type { Settings } from './settings.ts'

/** Bytes of a hash that are told: enough for all who use one device, and a number everywhere. */
const BYTES = 6

/**
 * What stands for whose state a client has, so that it knows it again; undefined where the application does not say that. Who it is cannot be
 * read from it, but found out by who tries all names.
 * @param seal - a hash of text, in base64url
 */
export const identityOf = (
  { identity }: Pick<Settings, 'identity'>,
  peer: Peer | undefined,
  seal: (text: string) => string
): number | undefined => {
  if (!identity || !peer) return undefined
  const hash = fromBase64(seal(`identity ${identity({ peer, context: peer.context })}`))
  return hash.slice(0, BYTES).reduce((sum, byte) => sum * 256 + byte, 0)
}
