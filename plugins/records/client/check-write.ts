import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import { isCount } from '../../../lib/handshake.ts'
import type { Registers } from '../core/frame.ts'
import { keysOf } from '../core/path.ts'
import type { Write } from '../core/register.ts'
import type { WriteOptions } from './engine.ts'

/** @throws ERR_PATH; ERR_OPTION for a condition that is none */
export const checkWrite = (records: readonly Registers<Write>[], { conditions }: WriteOptions): void => {
  for (const { registers } of records) for (const { path } of registers) keysOf(path)
  if (!conditions) return
  for (const [, version] of conditions) if (!isCount(version)) throw new AnywireError(ERR_OPTION, 'ifVersion')
}
