import type { Replica } from './replica.ts'
import type { Report } from './live.ts'
import { Records } from './surface.ts'
import type { Schema } from './types.ts'

/** `client.records` */
export class ClientRecords<S extends Schema = Schema> extends Records<S> {
  readonly #replica: Replica

  constructor(replica: Replica, report: Report) {
    super(replica, report)
    this.#replica = replica
  }

  /**
   * Resolves when what this device keeps is read, at once without `persist`: from then on `pending` has what waits. Rejects when the
   * first attempt failed, where it is tried again too.
   * @throws ERR_STORE, ERR_SCHEMA; ERR_CLOSED when the client was closed before
   * @example await client.records.ready
   */
  get ready(): Promise<void> {
    return this.#replica.read
  }

  /**
   * Forgets everything that this device keeps: what the server committed, what waits to be (`pending`), and by what the server
   * knows the device; in memory, in the store, and in all tabs, which are told by `cleared`. For who signs out on a computer
   * that others use. Nothing can be read or written after that, until the client is opened again.
   * @returns when all tabs have let go of it, and it is gone
   * @throws ERR_STORE
   */
  clear(): Promise<void> {
    return this.#replica.clear()
  }
}
