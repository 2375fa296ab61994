import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Batches } from '../../lib/batches.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_OPTION, ERR_STORE } from '../../lib/failures.ts'
import { among, checkPartOptions, isText } from '../../lib/option-rules.ts'
import type { OptionRules } from '../../lib/option-rules.ts'
import { spansOf } from '../../lib/store-ranges.ts'
import { fromText, toText } from '../../lib/store-text.ts'
import { packValue, unpackValue } from '../../lib/store-value.ts'
import { Opening } from '../../lib/opening.ts'
import type { Commit, Range, Row, Store } from '../../lib/store.ts'
import { LastingThread } from './lasting-thread.ts'
import type { Driver, PackedCommit, ReadRequest, Reply, ThreadData } from './messages.ts'
import { Thread, toError } from './thread.ts'

export interface SqliteOptions {
  /**
   * What a commit waits for. 'full': the disk, so that it survives a loss of power too. 'normal': the operating system, so that
   * it survives the death of the process alone, and is faster. Default 'full'.
   */
  readonly synchronous?: 'full' | 'normal' | undefined
  /** The library: Node's own, or a package. Default: Node's own where it has one, else the package that is installed. */
  readonly driver?: Driver | undefined
  /** Where its thread's file is, `stores/sqlite/worker.js` of the package. Default: beside this one, which a bundler may change. */
  readonly worker?: URL | undefined
}

const RULES: OptionRules<SqliteOptions> = {
  synchronous: among('full', 'normal'),
  driver: among('node:sqlite', 'better-sqlite3', 'libsql'),
  worker: ['a URL', value => value instanceof URL]
}

/** The pages of a reply: what was read, one at a time. */
type Item = readonly unknown[]

/**
 * Keeps records in a file, for servers (`store`) and for clients in Node (`keep`). One process has the file at a time.
 * @param file - its path; made where it is new. Beside it there are `-wal`, `-shm` and `-lock`
 * @example createServer(http, { plugins: [records({ store: sqlite('data.db') })] })
 * @throws ERR_OPTION, also without a file
 */
export const sqlite = (file: string, options: SqliteOptions = {}): Store => {
  // Names that SQLite takes for a database without a file, which two threads cannot share.
  if (!isText(file) || file.startsWith(':') || file.startsWith('file:')) {
    throw new AnywireError(ERR_OPTION, 'sqlite needs the path of a file; without one there is anywire/stores/memory')
  }
  checkPartOptions('sqlite', options, RULES)
  return new SqliteStore(file, options)
}

/** One file has one name, whatever links lead to it: the lock goes by the name. */
const nameOf = async (file: string): Promise<string> => {
  try {
    return await realpath(file).catch(async () => join(await realpath(dirname(file)), basename(file)))
  } catch (error) {
    throw new AnywireError(ERR_STORE, `there is no folder for ${file}`, error)
  }
}

const packCommit = ({ rows, removed, entries }: Commit): PackedCommit => ({
  rows: rows.map(({ record, path, kind, value, t, node, seq }) => [
    toText(record),
    toText(path),
    kind,
    value === undefined ? null : packValue(value),
    t,
    toText(node),
    seq
  ]),
  removed: removed.map(([record, path]) => [toText(record), toText(path)]),
  entries: entries.map(([key, value]) => [toText(key), value === undefined ? null : packValue(value)])
})

const toRow = ([record, path, kind, t, node, seq, ...values]: Item): Row => ({
  record: fromText(record as string),
  path: fromText(path as string),
  kind: kind as number,
  value: values.length > 0 ? unpackValue(values[0]) : undefined,
  t: t as number,
  node: fromText(node as string),
  seq: seq as number
})

/** The store while it is open. */
class Session {
  readonly #writer: LastingThread
  readonly #reader: LastingThread
  readonly #commits: Batches<PackedCommit>

  constructor(writer: LastingThread, reader: LastingThread) {
    this.#writer = writer
    this.#reader = reader
    this.#commits = new Batches(async commits => {
      const thread = await writer.alive()
      const { failures = [] } = await thread.ask({ type: 'commit', commits })
      return failures.map(failure => failure && toError(failure))
    })
  }

  commit(commit: PackedCommit): Promise<void> {
    return this.#commits.add(commit)
  }

  /** What was read, made by `map`; others have their turn while there is much of it. */
  async read<T>(request: ReadRequest, map: (item: unknown) => T): Promise<T[]> {
    const reader = await this.#reader.alive()
    const { pages = [] } = await reader.ask(request)
    const found: T[] = []
    for (const [index, page] of pages.entries()) {
      if (index > 0) await turn()
      for (const item of JSON.parse(page) as unknown[]) found.push(map(item))
    }
    return found
  }

  async end(): Promise<void> {
    await this.#commits.idle()
    await this.#reader.end()
    await this.#writer.end()
  }
}

/** @throws what keeps it from the file */
const startThread = async (data: ThreadData, worker: URL | undefined): Promise<readonly [Thread, Reply]> => {
  const thread = new Thread(data, worker)
  try {
    return [thread, await thread.ask({ type: 'open' })]
  } catch (error) {
    await thread.end()
    throw error
  }
}

const start = async (file: string, { synchronous = 'full', driver, worker }: SqliteOptions): Promise<Session> => {
  const data = { file: await nameOf(file), synchronous, driver }
  /** Which opening of the file this is. */
  let opening: number | undefined
  const writer = new LastingThread(async () => {
    const [thread, reply] = await startThread({ ...data, role: 'writer', opening }, worker)
    opening = reply.opening
    return thread
  })
  await writer.ready
  const reader = new LastingThread(async () => (await startThread({ ...data, role: 'reader' }, worker))[0])
  try {
    await reader.ready
    return new Session(writer, reader)
  } catch (error) {
    await writer.end()
    throw error
  }
}

class SqliteStore implements Store {
  readonly name = 'sqlite'
  readonly #session: Opening<Session>

  constructor(file: string, options: SqliteOptions) {
    this.#session = new Opening(
      () => start(file, options),
      session => session.end()
    )
  }

  open(): Promise<void> {
    return this.#session.open()
  }

  async rows(ranges: readonly Range[], since?: number): Promise<Row[]> {
    return this.#session.value.read({ type: 'rows', spans: spansOf(ranges), since }, item => toRow(item as Item))
  }

  async records(prefix: string, after?: string, limit?: number): Promise<string[]> {
    const request = {
      type: 'records',
      prefix: toText(prefix),
      after: after === undefined ? undefined : toText(after),
      // SQLite's way to say that there is none.
      limit: limit === undefined || limit === Infinity ? -1 : limit
    } as const
    return this.#session.value.read(request, id => fromText(id as string))
  }

  async entry(key: string): Promise<unknown> {
    const [value] = await this.#session.value.read({ type: 'entry', key: toText(key) }, unpackValue)
    return value
  }

  async entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]> {
    return this.#session.value.read({ type: 'entries', prefix: toText(prefix) }, item => {
      const [key, value] = item as Item
      return [fromText(key as string), unpackValue(value)] as const
    })
  }

  async commit(commit: Commit): Promise<void> {
    const session = this.#session.value
    await session.commit(packCommit(commit))
  }

  close(): Promise<void> {
    return this.#session.close()
  }
}
export type { Driver } from './messages.ts'
export type * from '../../lib/types.ts'
