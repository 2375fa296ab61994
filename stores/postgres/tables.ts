import { AnywireError } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import type { Client } from './package.ts'

/**
 * What makes each version of the tables out of the one before. Never change one that was released: add another one.
 * Names are texts as lib/store-text.ts makes them, values are JSON as lib/store-value.ts does. What is too long for an index is
 * cut in it, and stands beside it as a whole.
 */
const VERSIONS: readonly string[] = [
  `CREATE TABLE fields (
     record text COLLATE "C" NOT NULL,
     path text COLLATE "C" NOT NULL,
     whole_path text COLLATE "C",
     kind integer NOT NULL,
     value text,
     t bigint NOT NULL,
     node text COLLATE "C" NOT NULL,
     seq bigint NOT NULL,
     PRIMARY KEY (record, path)
   );
   CREATE INDEX fields_seq ON fields (seq);
   CREATE TABLE entries (
     key text COLLATE "C" NOT NULL PRIMARY KEY,
     whole_key text COLLATE "C",
     value text NOT NULL
   );
   CREATE TABLE about (version integer NOT NULL, owner text NOT NULL);
   INSERT INTO about VALUES (1, '')`
]

/** A name as a part of SQL. */
export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`

const ask = async (client: Client, text: string, values: readonly unknown[] = []): Promise<unknown[][]> =>
  (await client.query({ text, values, rowMode: 'array' })).rows

/** The version that is there; 0 for none. */
const versionOf = async (client: Client, schema: string): Promise<number> => {
  // It reads the catalog: to_regclass goes by a cache, which may not know what another one made meanwhile.
  const tables = await ask(client, `SELECT 1 FROM pg_tables WHERE schemaname = $1 AND tablename = 'about'`, [schema])
  if (tables.length === 0) return 0
  const [about] = await ask(client, `SELECT version FROM ${quote(schema)}.about`)
  return Number(about?.[0])
}

/** Has the session find the tables by their names alone, and refuses databases that would not keep what is given. */
export const prepare = async (client: Client, schema: string): Promise<void> => {
  const [encoding] = await ask(client, 'SHOW server_encoding')
  if (encoding?.[0] !== 'UTF8') {
    throw new AnywireError(ERR_STORE, `the encoding of the database has to be UTF8, and is ${String(encoding?.[0])}`)
  }
  await ask(client, `SET search_path TO ${quote(schema)}`)
}

/**
 * Makes the tables, or brings them up to date. Where they are it needs no right to make any.
 * @returns the version that was there, 0 for none, and the one that is there
 * @throws ERR_STORE for tables of a later version, or whatever the server says
 */
export const migrate = async (client: Client, schema: string): Promise<readonly [from: number, to: number]> => {
  const latest = VERSIONS.length
  const known = await versionOf(client, schema)
  if (known > latest) throw new AnywireError(ERR_STORE, `the tables were made by a later version of anywire: ${known}`)
  if (known === latest) return [known, latest]
  await ask(client, 'BEGIN')
  try {
    // Two that come at the same time do it one after the other.
    await ask(client, 'SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [schema])
    const from = await versionOf(client, schema)
    if (from === 0) await ask(client, `CREATE SCHEMA IF NOT EXISTS ${quote(schema)}`)
    for (const text of VERSIONS.slice(from)) for (const statement of text.split(';')) await ask(client, statement)
    await ask(client, 'UPDATE about SET version = $1', [latest])
    await ask(client, 'COMMIT')
    return [from, latest]
  } catch (error) {
    await ask(client, 'ROLLBACK')
    throw error
  }
}
