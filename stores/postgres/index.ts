import { setImmediate as turn } from 'node:timers/promises'
import { Batches } from '../../lib/batches.ts'
import { Opening } from '../../lib/opening.ts'
import { checkPartOptions, isText, object, text, whole } from '../../lib/option-rules.ts'
import type { OptionRules } from '../../lib/option-rules.ts'
import { spansOf } from '../../lib/store-ranges.ts'
import { endOfPrefix, fromText, toText } from '../../lib/store-text.ts'
import { unpackValue } from '../../lib/store-value.ts'
import type { Commit, Range, Row, Store } from '../../lib/store.ts'
import { LONGEST } from '../../lib/timer.ts'
import { Changes, cut, KEY } from './commit.ts'
import { loadPackage, toError } from './package.ts'
import { Readers } from './readers.ts'
import { migrate, prepare, quote } from './tables.ts'
import { Writer } from './writer.ts'

export interface PostgresOptions {
  /** Where the database is: `postgres://user:password@host:5432/name`. Default: as the variables PGHOST, PGDATABASE … say. */
  readonly url?: string | undefined
  /** The schema that the tables are in; it is made where it is new. Default 'anywire'. */
  readonly schema?: string | undefined
  /** How many connections read. One more writes. Default 4. */
  readonly readers?: number | undefined
  /** How long to wait for a connection or an answer, in milliseconds. Default 30,000. */
  readonly timeout?: number | undefined
  /** What else the clients of the package `pg` take: `ssl`, `user`, `password` … */
  readonly client?: Readonly<Record<string, unknown>> | undefined
}

const RULES: OptionRules<PostgresOptions> = {
  url: text,
  schema: ['the name of a schema', value => isText(value) && !String(value).includes('\0')],
  readers: whole(1),
  timeout: whole(0, LONGEST),
  client: object
}

/**
 * Keeps records in a PostgreSQL, 12 or later. One server has a schema at a time.
 * @param given - options, or a URL alone
 * @example createServer(http, { plugins: [records({ store: postgres('postgres://localhost/app') })] })
 * @throws ERR_OPTION
 */
export const postgres = (given: PostgresOptions | string = {}): Store => new PostgresStore(optionsOf(given))

/**
 * Makes the tables, or brings them up to date, as opening the store does too: for where the server itself may not.
 * @returns the version that was there, 0 for none, and the one that is there now
 * @throws ERR_OPTION, ERR_STORE, ERR_MISSING_PACKAGE
 */
export const migratePostgres = async (given: PostgresOptions | string = {}): Promise<{ from: number; to: number }> => {
  const { config, schema } = settle(optionsOf(given))
  const client = new (loadPackage().Client)(config)
  client.on('error', () => {})
  try {
    await client.connect()
    await prepare(client, schema)
    const [from, to] = await migrate(client, schema)
    return { from, to }
  } catch (error) {
    throw toError(error)
  } finally {
    await client.end().catch(() => {})
  }
}

/** @throws ERR_OPTION */
const optionsOf = (given: PostgresOptions | string): PostgresOptions => {
  const options = typeof given === 'string' ? { url: given } : given
  checkPartOptions('postgres', options, RULES)
  return options
}

const settle = ({ url, schema = 'anywire', readers = 4, timeout = 30_000, client }: PostgresOptions) => ({
  schema,
  readers,
  config: {
    application_name: 'anywire',
    ...client,
    ...(url !== undefined && { connectionString: url }),
    connectionTimeoutMillis: timeout,
    query_timeout: timeout,
    keepAlive: true
  }
})

/** How many items are made before others have their turn. */
const PAGE = 500

const mapInTurns = async <T>(items: readonly unknown[][], map: (item: readonly unknown[]) => T): Promise<T[]> => {
  const found: T[] = []
  for (const [index, item] of items.entries()) {
    if (index % PAGE === PAGE - 1) await turn()
    found.push(map(item))
  }
  return found
}

const toRow = ([record, path, kind, value, t, node, seq]: readonly unknown[]): Row => ({
  record: fromText(record as string),
  path: fromText(path as string),
  kind: kind as number,
  value: value === null ? undefined : unpackValue(JSON.parse(value as string)),
  // The package gives bigints as text, as they may be larger than these are.
  t: Number(t),
  node: fromText(node as string),
  seq: Number(seq)
})

const COLUMNS = 'SELECT fields.record, coalesce(whole_path, path) AS path, kind, value, t, node, seq'

/** What is asked, of the tables of a schema. */
const queriesOf = (schema: string) => {
  const [fields, entries] = [`${quote(schema)}.fields`, `${quote(schema)}.entries`]
  return {
    rows: `
      ${COLUMNS} FROM unnest($1::text[]) AS asked (record) JOIN ${fields} ON fields.record = asked.record WHERE seq > $4
      UNION ALL
      ${COLUMNS} FROM unnest($2::text[], $3::text[]) AS asked (start, stop)
      JOIN ${fields} ON fields.record >= asked.start AND fields.record < asked.stop WHERE seq > $4
      ORDER BY record, path`,
    records: `
      SELECT DISTINCT record FROM ${fields} WHERE record >= $1 AND record < $2 AND record > $3 ORDER BY record LIMIT $4`,
    entry: `SELECT value FROM ${entries} WHERE key = $1`,
    entries: `SELECT coalesce(whole_key, key) AS key, value FROM ${entries} WHERE key >= $1 AND key < $2 ORDER BY 1`
  }
}

/** The store while it is open. */
class Session {
  readonly #readers: Readers
  readonly #writer: Writer
  readonly #commits: Batches<Changes>

  constructor(readers: Readers, writer: Writer) {
    this.#readers = readers
    this.#writer = writer
    this.#commits = new Batches(commits => writer.commit(commits))
  }

  async commit(changes: Changes): Promise<void> {
    try {
      await this.#commits.add(changes)
    } catch (error) {
      throw toError(error)
    }
  }

  async read<T>(text: string, values: readonly unknown[], map: (row: readonly unknown[]) => T): Promise<T[]> {
    try {
      return await mapInTurns(await this.#readers.query({ text, values, rowMode: 'array' }), map)
    } catch (error) {
      throw toError(error)
    }
  }

  async end(): Promise<void> {
    await this.#commits.idle()
    await this.#readers.end()
    await this.#writer.end()
  }
}

const start = async (options: PostgresOptions): Promise<Session> => {
  const { config, schema, readers } = settle(options)
  const { Client, Pool } = loadPackage()
  const writer = new Writer(() => new Client(config), schema)
  await writer.open()
  return new Session(new Readers(new Pool({ ...config, max: readers })), writer)
}

class PostgresStore implements Store {
  readonly name = 'postgres'
  readonly #session: Opening<Session>
  readonly #queries: ReturnType<typeof queriesOf>

  constructor(options: PostgresOptions) {
    this.#queries = queriesOf(settle(options).schema)
    this.#session = new Opening(
      () => start(options),
      session => session.end()
    )
  }

  async open(): Promise<void> {
    try {
      await this.#session.open()
    } catch (error) {
      throw toError(error)
    }
  }

  async rows(ranges: readonly Range[], since = -1): Promise<Row[]> {
    const spans = spansOf(ranges)
    const prefixes = spans.filter(({ to }) => to !== undefined)
    const asked = [
      spans.filter(({ to }) => to === undefined).map(({ from }) => from),
      prefixes.map(({ from }) => from),
      prefixes.map(({ to }) => to),
      since
    ]
    return this.#session.value.read(this.#queries.rows, asked, toRow)
  }

  async records(prefix: string, after = '', limit?: number): Promise<string[]> {
    const from = toText(prefix)
    const asked = [from, endOfPrefix(from), toText(after), limit === Infinity ? null : limit]
    return this.#session.value.read(this.#queries.records, asked, ([id]) => fromText(id as string))
  }

  async entry(key: string): Promise<unknown> {
    const [value] = await this.#session.value.read(this.#queries.entry, [cut(toText(key), KEY)], ([value]) =>
      unpackValue(JSON.parse(value as string))
    )
    return value
  }

  async entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]> {
    const from = toText(prefix)
    return this.#session.value.read(
      this.#queries.entries,
      [from, endOfPrefix(from)],
      ([key, value]) => [fromText(key as string), unpackValue(JSON.parse(value as string))] as const
    )
  }

  async commit(commit: Commit): Promise<void> {
    const session = this.#session.value
    await session.commit(Changes.of(commit))
  }

  close(): Promise<void> {
    return this.#session.close()
  }
}
export type * from '../../lib/types.ts'
