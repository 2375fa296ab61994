import { isEnd } from './package.ts'
import type { Client, Lent, Pool, Query } from './package.ts'

/** The connections that read. */
export class Readers {
  readonly #pool: Pool
  /** Those that have answered, and were not heard to end since. */
  readonly #proven = new WeakSet<Client>()

  constructor(pool: Pool) {
    this.#pool = pool
    pool.on('connect', client => client.on('error', () => this.#proven.delete(client)))
    // One that waits in the pool was lost: the next read makes another one.
    pool.on('error', () => {})
  }

  /** Asks once more, over a new connection, where one was lost that had answered before. */
  async query(query: Query): Promise<unknown[][]> {
    const client = await this.#pool.connect()
    const isProven = this.#proven.has(client)
    try {
      return await this.#ask(client, query)
    } catch (error) {
      if (!isProven || (this.#proven.has(client) && !isEnd(error))) throw error
      return this.#ask(await this.#fresh(), query)
    }
  }

  async end(): Promise<void> {
    await this.#pool.end()
  }

  async #ask(client: Lent, query: Query): Promise<unknown[][]> {
    try {
      const { rows } = await client.query(query)
      this.#proven.add(client)
      client.release()
      return rows
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  /** Those that wait beside one that was lost may be lost as well. */
  async #fresh(): Promise<Lent> {
    for (;;) {
      const client = await this.#pool.connect()
      if (!this.#proven.has(client)) return client
      client.release(true)
    }
  }
}
