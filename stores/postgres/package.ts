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

export interface Client {
  connect(): Promise<unknown>
  query(query: Query): Promise<{ readonly rows: unknown[][] }>
  end(): Promise<void>
  on(event: 'error' | 'end', listener: () => void): unknown
}

/** A client that a pool lends. */
export interface Lent extends Client {
  /** @param destroy - whether nobody shall have it again */
  release(destroy?: boolean): void
}

export interface Pool {
  connect(): Promise<Lent>
  end(): Promise<void>
  on(event: 'error' | 'connect', listener: (client: Client) => void): unknown
}

/** What the store needs of the package `pg`. */
export interface Pg {
  readonly Client: new (config: object) => Client
  readonly Pool: new (config: object) => Pool
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

/** Whether the server said why it ends the connection. Codes are the same in every language, severities are not. */
export const isEnd = (error: unknown): boolean =>
  isAnswer(error) && (/^(FATAL|PANIC)$/.test(error.severity) || /^(08|57P)/.test(error.code))

/** Whether the server answered, and said no; else nobody knows whether it did what it was asked. */
export const isRefusal = (error: unknown): boolean => isAnswer(error) && !isEnd(error)

const isAnswer = (error: unknown): error is Error & { readonly severity: string; readonly code: string } =>
  error instanceof Error && 'severity' in error && 'code' in error

/** @returns an ERR_STORE that says why */
export const toError = (error: unknown): AnywireError => {
  if (error instanceof AnywireError) return error
  // What failed for each of several addresses has a code, and no message.
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const message = error instanceof Error ? error.message || code : textOf(error)
  return new AnywireError(ERR_STORE, message, error)
}
