import { createRequire } from 'node:module'
import type * as EngineIo from 'engine.io'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_MISSING_PACKAGE } from '../../lib/failures.ts'

/**
 * Loads engine.io when a server needs it, at once: clients do without.
 * @param name - the package's, but in tests
 * @throws ERR_MISSING_PACKAGE
 */
export const loadPackage = (name = 'engine.io'): typeof EngineIo => {
  try {
    return createRequire(import.meta.url)(name) as typeof EngineIo
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND'
    throw isMissing ? new AnywireError(ERR_MISSING_PACKAGE, `npm install ${name}`, error) : error
  }
}
