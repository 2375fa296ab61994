import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import { loadDriver } from './driver.ts'
import type { Database } from './driver.ts'
import type { ThreadData } from './messages.ts'

/** "anyw", by which a file is known to be one of ours. */
const APPLICATION = 0x616e7977

/**
 * What makes each version of the tables out of the one before. Never change one that was released: add another one.
 * The names of records, paths and keys are texts as lib/store-text.ts makes them, values are JSON as lib/store-value.ts does.
 */
const VERSIONS: readonly string[] = [
  `CREATE TABLE fields (
     record TEXT NOT NULL,
     path TEXT NOT NULL,
     kind INTEGER NOT NULL,
     value TEXT,
     t INTEGER NOT NULL,
     node TEXT NOT NULL,
     seq INTEGER NOT NULL,
     PRIMARY KEY (record, path)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX fields_seq ON fields (seq);
   CREATE TABLE entries (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE about (opening INTEGER NOT NULL) STRICT;
   INSERT INTO about VALUES (0);`
]

/** How long somebody else, such as a backup, may keep the file from us, in milliseconds. */
const PATIENCE = 5_000

const pragma = (database: Database, name: string): unknown =>
  Object.values(database.prepare(`PRAGMA ${name}`).get() as Record<string, unknown>)[0]

const isEmpty = (database: Database): boolean =>
  (database.prepare('SELECT count(*) AS tables FROM sqlite_master').get() as { tables: number }).tables === 0

/**
 * Takes the file for this process, until the database that is returned is closed or the process is gone, however it goes:
 * a lock of SQLite's on a file beside it, as the one on the file itself would also keep our own reader out.
 */
const lock = (file: string, open: (file: string) => Database): Database => {
  const database = open(`${file}-lock`)
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    database.close()
    throw textOf(error).includes('locked')
      ? new AnywireError(ERR_STORE, `${file} is open in another process, or twice in this one`, error)
      : error
  }
}

/**
 * Counts who has opened the file to write, or looks whether nobody else has since.
 * @param before - which opening goes on
 */
const begin = (database: Database, file: string, before: number | undefined): number => {
  if (before === undefined) database.exec('UPDATE about SET opening = opening + 1')
  const { opening } = database.prepare('SELECT opening FROM about').get() as { opening: number }
  if (before !== undefined && opening !== before)
    throw new AnywireError(ERR_STORE, `another process has opened ${file} meanwhile: open the store again`)
  return opening
}

/** @returns which opening of the file this is */
const migrate = (database: Database, file: string, before: number | undefined): number => {
  database.exec('BEGIN IMMEDIATE')
  const application = pragma(database, 'application_id')
  const version = Number(pragma(database, 'user_version'))
  if (application !== APPLICATION && (application !== 0 || version !== 0 || !isEmpty(database))) {
    throw new AnywireError(ERR_STORE, `${file} is a database of another application`)
  }
  if (version > VERSIONS.length) throw new AnywireError(ERR_STORE, `${file} was made by a later version of anywire`)
  for (const sql of VERSIONS.slice(version)) database.exec(sql)
  const opening = begin(database, file, before)
  database.exec(`PRAGMA application_id = ${APPLICATION}; PRAGMA user_version = ${VERSIONS.length}; COMMIT`)
  return opening
}

/** The database of a thread, and what lets go of it. */
export interface OpenDatabase {
  readonly database: Database
  /** Of the thread that writes. */
  readonly opening: number | undefined
  close(): void
}

/** @throws ERR_STORE where the file is somebody else's, ERR_MISSING_PACKAGE, or what the library throws */
export const openDatabase = ({ file, role, synchronous, driver, opening: before }: ThreadData): OpenDatabase => {
  const open = loadDriver(driver)
  const opened: Database[] = []
  const close = (): void => {
    for (const database of opened.splice(0).reverse()) database.close()
  }
  try {
    if (role === 'writer') opened.push(lock(file, open))
    const database = open(file)
    opened.push(database)
    database.exec(`PRAGMA busy_timeout = ${PATIENCE}`)
    let opening: number | undefined
    if (role === 'reader') database.exec('PRAGMA query_only = 1')
    else {
      opening = migrate(database, file, before)
      // A commit appends to a log, and whoever reads is not held up by it.
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${synchronous}`)
    }
    return { database, opening, close }
  } catch (error) {
    close()
    throw error
  }
}
