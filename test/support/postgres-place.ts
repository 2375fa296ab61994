import type { Store } from '../../lib/store.ts'
import { postgres } from '../../stores/postgres/index.ts'
import type { PostgresOptions } from '../../stores/postgres/index.ts'
import { loadPackage } from '../../stores/postgres/package.ts'
import type { Client } from '../../stores/postgres/package.ts'
import { turns } from './faults-wait.ts'
import type { PrivatePostgres } from './postgres.ts'

/** What the server knows the store's connections by. */
const OURS = `FROM pg_stat_activity WHERE application_name = 'anywire'`

/** Those of them that wait for what somebody else has locked. */
export const WAITING = `${OURS} AND wait_event_type = 'Lock'`

export const ask = async (client: Client, text: string): Promise<unknown[][]> =>
  (await client.query({ text, rowMode: 'array' })).rows

/** @returns whether there is such a process yet: it may have been told to end before */
const signal = (pid: number, what: 'SIGTERM' | 0): boolean => {
  try {
    return process.kill(pid, what)
  } catch {
    return false
  }
}

/** A schema of the tests' PostgreSQL, the stores on it, and who else is connected. */
export class PostgresPlace {
  readonly server: PrivatePostgres
  readonly schema: string
  readonly #stores: Store[] = []
  readonly #clients: Client[] = []

  constructor(server: PrivatePostgres, schema: string) {
    this.server = server
    this.schema = schema
  }

  make(options: PostgresOptions = {}): Store {
    const store = postgres({ url: this.server.url, schema: this.schema, ...options })
    this.#stores.push(store)
    return store
  }

  async start(options?: PostgresOptions): Promise<Store> {
    const store = this.make(options)
    await store.open()
    return store
  }

  async connect(): Promise<Client> {
    const client = new (loadPackage().Client)({ connectionString: this.server.url })
    this.#clients.push(client)
    client.on('error', () => {})
    await client.connect()
    return client
  }

  /**
   * Waits until connections of stores wait for what somebody else has locked.
   * @returns the server's processes behind them
   */
  async waiting(isEnough = (pids: readonly number[]): boolean => pids.length > 0): Promise<number[]> {
    const client = await this.connect()
    for (;;) {
      const pids = (await ask(client, `SELECT pid ${WAITING}`)).flat().map(Number)
      if (isEnough(pids)) return pids
    }
  }

  /** Ends the connections of all stores, as a failing network or an administrator does. */
  async cut(): Promise<void> {
    const client = await this.connect()
    await ask(client, `SELECT pg_terminate_backend(pid) ${OURS}`)
    while ((await ask(client, `SELECT 1 ${OURS}`)).length > 0) await turns(1)
    await client.end()
  }

  /**
   * The same in one turn of the event loop: who goes on at once asks over connections of whose end this process knows nothing.
   * @param isOver - false: they are told to end, and nobody knows how far they are
   */
  async cutUnheard(isOver = true): Promise<void> {
    const client = await this.connect()
    const pids = (await ask(client, `SELECT pid ${OURS}`)).flat().map(Number)
    await client.end()
    for (const pid of pids) signal(pid, 'SIGTERM')
    while (isOver && pids.some(pid => signal(pid, 0)));
  }

  async close(): Promise<void> {
    for (const store of this.#stores) await store.close()
    for (const client of this.#clients) await client.end()
  }
}
