import type * as FastCheck from 'fast-check'
import { createRequire } from 'node:module'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_MISSING_PACKAGE } from '../../lib/failures.ts'

/**
 * What makes random values, for the suites that have some; the others do without, and so need not have it installed.
 * @throws ERR_MISSING_PACKAGE
 */
export const fastCheck = (): typeof FastCheck => {
  try {
    return createRequire(import.meta.url)('fast-check') as typeof FastCheck
  } catch (error) {
    throw new AnywireError(ERR_MISSING_PACKAGE, 'npm install --save-dev fast-check', error)
  }
}
