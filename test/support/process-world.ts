import { AsyncLocalStorage } from 'node:async_hooks'
import type { AnywireError } from '../../lib/errors.ts'
import type { Store } from '../../lib/store.ts'
import type { WriteHandle } from '../../plugins/records/client/engine.ts'
import { Replica } from '../../plugins/records/client/replica.ts'
import { Records } from '../../plugins/records/client/surface.ts'
import type { AuthorityOptions } from '../../plugins/records/server/authority.ts'
import { ownReplica } from '../../plugins/records/server/own-replica.ts'
import { ServerRecords } from '../../plugins/records/server/server-records.ts'
import type { Turn } from '../../plugins/records/server/turns.ts'
import { Within } from '../../plugins/records/server/within.ts'
import { World } from './authority.ts'

/** What becomes of a write: '' when it is done, else why not. */
export const codeOf = ({ durable }: WriteHandle): Promise<string> =>
  durable.then(
    () => '',
    ({ code }: AnywireError) => code
  )

/** An authority in a time of its own, with the records of its process, and of clients. */
export class ProcessWorld extends World {
  readonly own: ServerRecords
  #end: () => unknown = () => {}

  constructor(options: Partial<AuthorityOptions> = {}, wrap?: (store: Store) => Store) {
    const within = new Within(new AsyncLocalStorage<Turn | undefined>())
    super({ within, ...options }, wrap)
    const now = (): number => Date.now()
    const replica = ownReplica(this.authority, { now, monotonic: now, within }, start => (this.#end = start()))
    this.own = new ServerRecords(this.authority, replica, error => this.failed.push(error))
    this.own.on('rejected', () => {})
  }

  /** The records of a client. */
  records(): Records {
    const now = (): number => Date.now()
    const replica = new Replica({ now, monotonic: now })
    const follower = this.authority.connect({
      peer: undefined,
      send: bytes => {
        queueMicrotask(() => replica.receive(bytes))
        return true
      },
      fail: ([code]) => this.failed.push(new Error(code))
    })
    replica.connected(bytes => {
      follower.receive(bytes)
      return true
    })
    replica.on('rejected', () => {})
    return new Records(replica, error => this.failed.push(error))
  }

  /** Opens the store. */
  async opened(): Promise<void> {
    const opening = this.authority.open()
    await this.pass(20)
    await opening
  }

  override async end(): Promise<void> {
    this.#end()
    await this.own.close()
    await super.end()
  }
}
