import { randomBytes } from 'node:crypto'
import { AnywireError } from '../errors.ts'
import { ERR_OPTION } from '../failures.ts'

/**
 * The id of a new connection.
 * @param wanted - the application's
 * @throws ERR_OPTION when that is taken, or none
 */
export const makeId = (wanted: unknown, taken: (id: string) => boolean): string => {
  const id: unknown = wanted ?? randomBytes(16).toString('base64url')
  if (typeof id === 'string' && id !== '' && !taken(id)) return id
  // It is refused already, whatever becomes of it.
  if (id instanceof Promise) id.catch(() => {})
  throw new AnywireError(ERR_OPTION, `the id '${String(id)}' is taken, or no text`)
}
