import { AnywireError } from '../../../lib/errors.ts'
import { ERR_DENIED, ERR_PATH } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Value } from '../../../lib/store.ts'
import { isId } from '../core/path.ts'
import { sayOf } from './permissions.ts'
import type { Gate } from './permissions.ts'
import type { Puller } from './puller.ts'
import type { Settings } from './settings.ts'

/** What reading a record once needs. */
export interface ReadingHost {
  readonly gate: Gate
  readonly puller: Puller
  readonly settings: Settings
}

/**
 * A record as it is committed, for a peer that would be told it if it followed it; undefined where there is none.
 * @throws ERR_PATH for what is no id; ERR_DENIED; ERR_CLOSED when the authority is closed
 */
export const readAs = async (host: ReadingHost, peer: Peer, id: string): Promise<Value | undefined> => {
  const { gate, puller, settings } = host
  if (!isId(id)) throw new AnywireError(ERR_PATH, `the id '${id}'`)
  if (!(await gate.allowsFollowing(peer, id))) throw denied(id)
  let value: Value | undefined
  for await (const [entry] of puller.views(id, settings)) value = entry?.value
  if (!(await gate.allowsReading(peer, id, value))) throw denied(id)
  return value
}

const denied = (id: string): AnywireError => new AnywireError(ERR_DENIED, sayOf('read', id))
