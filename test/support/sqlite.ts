import { pathToFileURL } from 'node:url'
import { AnywireError } from '../../lib/errors.ts'
import { loadDriver } from '../../stores/sqlite/driver.ts'
import type { Driver } from '../../stores/sqlite/messages.ts'
import { sqlite as built } from '../../stores/sqlite/index.ts'
import type { SqliteOptions } from '../../stores/sqlite/index.ts'
import { bundled } from './bundled.ts'

/** Where the file of the store's threads is: made from the sources, unless these tests are compiled themselves. */
export const worker = import.meta.url.endsWith('.ts')
  ? pathToFileURL(bundled('stores/sqlite/worker.ts'))
  : new URL('../../stores/sqlite/worker.js', import.meta.url)

/** The store as it is in the sources. */
export const sqlite = (file: string, options: SqliteOptions = {}): ReturnType<typeof built> =>
  built(file, { worker, ...options })

/** Why this library cannot be used here, with what installs it: undefined if it can. */
export const missing = (driver: Driver): string | undefined => {
  try {
    loadDriver(driver)
    return undefined
  } catch (error) {
    if (error instanceof AnywireError) return error.message
    throw error
  }
}
