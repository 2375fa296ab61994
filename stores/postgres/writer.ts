import { randomUUID } from 'node:crypto'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import { Changes } from './commit.ts'
import { isEnd, isRefusal } from './package.ts'
import type { Client } from './package.ts'
import { migrate, prepare } from './tables.ts'

const query = async (client: Client, text: string, ...values: readonly unknown[]): Promise<unknown> => {
  const { rows } = await client.query({ text, values, rowMode: 'array' })
  return rows[0]?.[0]
}

/** @returns what the server refused each one with, or undefined */
const commitTo = async (client: Client, commits: readonly Changes[]): Promise<unknown[]> => {
  const attempt = async (changes: Changes): Promise<unknown> => {
    try {
      await client.query(changes.toQuery())
      return undefined
    } catch (error) {
      if (!isRefusal(error)) throw error
      return error
    }
  }
  const error = await attempt(Changes.together(commits))
  if (error === undefined || commits.length === 1) return commits.map(() => error)
  const errors: unknown[] = []
  for (const changes of commits) errors.push(await attempt(changes))
  return errors
}

/** The number of the lock of the schema `$1`. */
const LOCK = 'hashtextextended($1, 0)'

/** Ends the server's process `$2` where it has the lock, and takes it from there. */
const TAKE_BACK = `
  SELECT pg_terminate_backend(pid), pg_advisory_lock(${LOCK}) FROM pg_locks
  WHERE pid = $2 AND locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = ${LOCK}`

/**
 * The one connection that writes. It has a lock of the server's for as long as it lives, so that nobody else writes. When it is
 * lost the commit that finds out, or the next one, makes another one, unless somebody else wrote in the meantime: what this
 * process knows is old then.
 */
export class Writer {
  readonly #connect: () => Client
  readonly #schema: string
  /** What tells this opening of the store from all others. */
  readonly #owner = randomUUID()
  #client: Client | undefined
  /** The server's process behind the connection that had the lock last. It has it until it notices that the connection was lost. */
  #process: unknown

  constructor(connect: () => Client, schema: string) {
    this.#connect = connect
    this.#schema = schema
  }

  /** @throws ERR_STORE, also where another process has the tables */
  async open(): Promise<void> {
    const client = await this.#take()
    await query(client, 'UPDATE about SET owner = $1', this.#owner)
  }

  /**
   * Where a connection is lost that was there before, all of it is done once more: it comes to the same, as nobody else has written.
   * @returns what each one failed with: one that cannot be kept does not harm the others
   */
  async commit(commits: readonly Changes[]): Promise<unknown[]> {
    const wasOpen = this.#client !== undefined
    const client = await this.#current()
    try {
      return await commitTo(client, commits)
    } catch (error) {
      // One that gives no answer in time is not lost, and may be as late with the next one.
      const isLost = isEnd(error) || this.#client !== client
      await this.#drop(client)
      if (isLost && wasOpen) return this.commit(commits)
      throw error
    }
  }

  async end(): Promise<void> {
    if (this.#client) await this.#drop(this.#client)
  }

  async #current(): Promise<Client> {
    if (this.#client) return this.#client
    const client = await this.#take()
    if ((await query(client, 'SELECT owner FROM about')) === this.#owner) return client
    await this.#drop(client)
    throw new AnywireError(ERR_STORE, 'another process has written since the connection was lost: open the store again')
  }

  /** A connection that has the tables to itself. */
  async #take(): Promise<Client> {
    const client = this.#connect()
    const lost = (): void => {
      if (this.#client === client) this.#client = undefined
    }
    client.on('error', lost)
    client.on('end', lost)
    try {
      await client.connect()
      await prepare(client, this.#schema)
      const process = await query(client, 'SELECT pg_backend_pid()')
      if (!(await this.#lock(client))) {
        throw new AnywireError(ERR_STORE, `another process has the schema ${this.#schema} of this database`)
      }
      this.#process = process
      await migrate(client, this.#schema)
      // A commit that a crash of the server could undo is none.
      await query(
        client,
        `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`
      )
      this.#client = client
      return client
    } catch (error) {
      await this.#drop(client)
      throw error
    }
  }

  async #lock(client: Client): Promise<boolean> {
    const attempt = async (): Promise<boolean> =>
      (await query(client, `SELECT pg_try_advisory_lock(${LOCK})`, this.#schema)) === true
    if (await attempt()) return true
    // Where it is our own that has it, nobody else could write: what it is at is done over this connection again.
    if ((await query(client, TAKE_BACK, this.#schema, this.#process)) !== undefined) return true
    return attempt()
  }

  async #drop(client: Client): Promise<void> {
    if (this.#client === client) this.#client = undefined
    await client.end().catch(() => {})
  }
}
