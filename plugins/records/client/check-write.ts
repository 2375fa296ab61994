import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import { isCount } from '../../../lib/handshake.ts'
import type { WriteOptions } from './engine.ts'

/** @throws ERR_OPTION for a condition that is none */
export const checkWrite = ({ conditions }: WriteOptions): void => {
  if (conditions?.some(([, version]) => !isCount(version))) throw new AnywireError(ERR_OPTION, 'ifVersion')
}
