import { createRequire } from 'node:module'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_MISSING_PACKAGE, ERR_STORE } from '../../lib/failures.ts'

/** What is asked: rows come as arrays. A name has the server plan it once. */
export interface Query {
  readonly text: string
  readonly values?: readonly unknown[]
  readonly name?: string
  readonly rowMode: 'array'
}

export interface Asked {
  query(query: Query): Promise<{ readonly rows: unknown[][] }>
  end(): Promise<void>
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown
}

export interface Client extends Asked {
  connect(): Promise<unknown>
}

/** What the store needs of the package `pg`. */
export interface Pg {
  readonly Client: new (config: object) => Client
  readonly Pool: new (config: object) => Asked
}

/**
 * Loads the package when a store is opened.
 * @param name - the package's, but in tests
 * @throws ERR_MISSING_PACKAGE
 */
export const loadPackage = (name = 'pg'): Pg => {
  try {
    return createRequire(import.meta.url)(name) as Pg
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND'
    throw isMissing ? new AnywireError(ERR_MISSING_PACKAGE, `npm install ${name}`, error) : error
  }
}

/** Whether the server answered, and said no; else nobody knows whether it did what it was asked. */
export const isRefusal = (error: unknown): boolean =>
  error instanceof Error && 'severity' in error && error.severity === 'ERROR'

/** @returns an ERR_STORE that says why */
export const toError = (error: unknown): AnywireError => {
  if (error instanceof AnywireError) return error
  // What failed for each of several addresses has a code, and no message.
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message || code : textOf(error)
  return new AnywireError(ERR_STORE, message, error)
}
