import { AnywireError } from '../errors.ts'
import { ERR_CLOSED, ERR_UNAUTHORIZED } from '../failures.ts'
import type { Admission } from './admission.ts'
import type { Handshake, Peer } from './peer.ts'

/**
 * Judges somebody who is here already by what they show now.
 * @param asked - what the wire that is in use asked with
 * @returns the new context
 * @throws the AnywireError of the refusal
 */
export const rejudge = async (
  peer: Peer,
  admission: Pick<Admission, 'authenticate'>,
  asked: Handshake,
  auth: unknown,
  accepts: (now: unknown, before: unknown) => unknown = () => true
): Promise<unknown> => {
  const context = await admission.authenticate(asked, auth)
  if (context instanceof AnywireError) throw context
  if (peer.state === 'closed') throw new AnywireError(ERR_CLOSED)
  if (accepts(context, peer.context) !== true) throw new AnywireError(ERR_UNAUTHORIZED)
  return context
}
