import { AnywireError } from '../lib/errors.ts'
import { ERR_MISSING_PACKAGE } from '../lib/failures.ts'
import type { Parser } from '../lib/parser.ts'
import { json } from '../parsers/json.ts'
import { raw } from '../parsers/raw.ts'

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'

/** What makes each parser. One that needs an optional package is loaded when it is asked for; ERR_MISSING_PACKAGE without. */
export const parsers: Readonly<Record<string, () => Parser | Promise<Parser>>> = {
  json,
  async msgpack() {
    try {
      return (await import('../parsers/msgpack.ts')).msgpack()
    } catch (error) {
      throw isMissing(error) ? new AnywireError(ERR_MISSING_PACKAGE, 'npm install @msgpack/msgpack', error) : error
    }
  },
  raw
}

/** All parsers whose packages are installed, json first. */
export const installedParsers = async (): Promise<Parser[]> => {
  const made = await Promise.allSettled(Object.values(parsers).map(async make => make()))
  return made.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
}
