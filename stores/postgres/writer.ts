import { randomUUID } from 'node:crypto'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import { Changes } from './commit.ts'
import { isRefusal } from './package.ts'
import type { Client } from './package.ts'
import { migrate, prepare } from './tables.ts'

const query = async (client: Client, text: string, ...values: readonly unknown[]): Promise<unknown> => {
  const { rows } = await client.query({ text, values, rowMode: 'array' })
  return rows[0]?.[0]
}

/**
 * The one connection that writes. It has a lock of the server's for as long as it lives, so that nobody else writes. When it is
 * lost the next commit makes another one, unless somebody else wrote in the meantime: what this process knows is old then.
 */
export class Writer {
  readonly #connect: () => Client
  readonly #schema: string
  /** What tells this opening of the store from all others. */
  readonly #owner = randomUUID()
  #client: Client | undefined

  constructor(connect: () => Client, schema: string) {
    this.#connect = connect
    this.#schema = schema
  }

  /** @throws ERR_STORE, also where another process has the tables */
  async open(): Promise<void> {
    const client = await this.#take()
    await query(client, 'UPDATE about SET owner = $1', this.#owner)
  }

  /** @returns what each one failed with: one that cannot be kept does not harm the others */
  async commit(commits: readonly Changes[]): Promise<unknown[]> {
    const client = await this.#current()
    const attempt = async (changes: Changes): Promise<unknown> => {
      try {
        await client.query(changes.toQuery())
        return undefined
      } catch (error) {
        if (!isRefusal(error)) await this.#drop(client)
        return error
      }
    }
    const error = await attempt(Changes.together(commits))
    if (error === undefined || commits.length === 1 || !isRefusal(error)) return commits.map(() => error)
    const errors: unknown[] = []
    for (const changes of commits) errors.push(await attempt(changes))
    return errors
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
      const taken = await query(client, 'SELECT pg_try_advisory_lock(hashtextextended($1, 0))', this.#schema)
      if (taken !== true) {
        throw new AnywireError(ERR_STORE, `another process has the schema ${this.#schema} of this database`)
      }
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

  async #drop(client: Client): Promise<void> {
    if (this.#client === client) this.#client = undefined
    await client.end().catch(() => {})
  }
}
