import { createRequire } from 'node:module'
import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_MISSING_PACKAGE, ERR_OPTION } from '../../lib/failures.ts'
import type { Driver } from './messages.ts'

type Parameter = string | number | null

/** What the libraries have in common. */
export interface Statement {
  run(...parameters: readonly Parameter[]): unknown
  all(...parameters: readonly Parameter[]): unknown[]
  get(...parameters: readonly Parameter[]): unknown
}

export interface Database {
  exec(sql: string): unknown
  prepare(sql: string): Statement
  close(): unknown
}

type Open = (file: string) => Database

type Require = (name: string) => unknown

const openerOf = (library: unknown): Open => {
  const Database = library as new (file: string) => Database
  return file => new Database(file)
}

const load: Record<Driver, (require: Require) => Open> = {
  'node:sqlite': require => {
    const { DatabaseSync } = require('node:sqlite') as { DatabaseSync: new (file: string) => Database }
    return file => new DatabaseSync(file)
  },
  'better-sqlite3': require => openerOf(require('better-sqlite3')),
  libsql: require => openerOf(require('libsql'))
}

const REMEDIES: Record<Driver, string> = {
  'node:sqlite': 'Node 22.13 or later has it',
  'better-sqlite3': 'npm install better-sqlite3@12',
  libsql: 'npm install libsql'
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'MODULE_NOT_FOUND' || error.code === 'ERR_UNKNOWN_BUILTIN_MODULE')

/** What a library fails with, in a line. */
const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : textOf(error)).split('\n')[0] ?? ''

/**
 * What opens databases: by the Node itself where it can, else by the first package that works. One may be there without its binary, which
 * an install script would have fetched: so each is tried with a database in memory.
 * @param require - another one in tests
 * @throws ERR_MISSING_PACKAGE
 */
export const loadDriver = (driver: Driver | undefined, require: Require = createRequire(import.meta.url)): Open => {
  if (driver && !(driver in load))
    throw new AnywireError(ERR_OPTION, `driver: one of ${Object.keys(load).join(', ')}, not '${driver as string}'`)
  const names: readonly Driver[] = driver ? [driver] : ['node:sqlite', 'better-sqlite3', 'libsql']
  const broken: string[] = []
  let cause: unknown
  for (const name of names) {
    try {
      const open = load[name](require)
      open(':memory:').close()
      return open
    } catch (error) {
      if (!isMissing(error)) broken.push(`${name} does not work: ${reasonOf(error)}`)
      cause = error
    }
  }
  const remedy = driver ? REMEDIES[driver] : `${REMEDIES.libsql}, or better-sqlite3@12`
  const more = broken.length && !driver ? ['the option `driver` says which one is taken'] : []
  throw new AnywireError(ERR_MISSING_PACKAGE, [...broken, remedy, ...more].join('\n'), cause)
}
