import { useFakeTimers } from 'sinon'
import { keep } from '../../plugins/records/client/keep.ts'
import { Replica } from '../../plugins/records/client/replica.ts'
import type { ReplicaOptions } from '../../plugins/records/client/replica-options.ts'
import { Records } from '../../plugins/records/client/surface.ts'
import type { LiveRecord } from '../../plugins/records/client.ts'
import { decodeFrame } from './records-codec.ts'
import type { ClientFrame, ServerFrame } from '../../plugins/records/core/frame.ts'
import { sealOf } from '../../lib/server/seal.ts'
import { Authority } from '../../plugins/records/server/authority.ts'
import type { Follower } from '../../plugins/records/server/follower.ts'
import { memory } from '../../stores/memory.ts'
import type { MemoryDisk } from '../../stores/memory.ts'
import { turns } from './faults-wait.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

/** 2026-01-01, in milliseconds since 1970. */
const START = 1_767_225_600_000

const COLLECTIONS = { 'implicit/': { resurrect: 'implicit' } } as const

/** Records between an authority and clients whose links and clocks a test has in its hands. */
export class RecordsWorld {
  time = START
  readonly #timers = useFakeTimers({
    now: START,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
    shouldClearNativeTimers: true
  })
  readonly #clients: WorldClient[] = []
  readonly #authority = new Authority(memory(), {
    now: () => this.time,
    seal: sealOf,
    collections: COLLECTIONS,
    failed: error => {
      throw error
    }
  })

  start(): Promise<void> {
    return this.#authority.open()
  }

  /**
   * @param skew - how many milliseconds the client's clock is ahead
   * @param disk - where it keeps what it has
   */
  client({ skew = 0, disk }: { readonly skew?: number; readonly disk?: MemoryDisk } = {}): WorldClient {
    const client = new WorldClient(this.#authority, {
      now: () => this.time + skew,
      monotonic: () => this.time - START,
      persist: disk && keep(memory({ disk }))
    })
    this.#clients.push(client)
    return client
  }

  async join(...clients: readonly WorldClient[]): Promise<void> {
    for (const client of clients) client.join()
    await this.settle()
  }

  pass(milliseconds: number): void {
    this.time += milliseconds
  }

  /** Everything that is on its way arrives, is committed, and told. */
  async settle(): Promise<void> {
    for (let round = 0; round < 20; round++) {
      await turns(10)
      this.#timers.tick(5)
      this.time += 1
    }
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.leave()
    this.#timers.runAll()
    await this.#authority.close()
    this.#timers.restore()
  }
}

/** A client, as an application sees it, and its link. */
export class WorldClient {
  readonly records: Records
  readonly #replica: Replica
  readonly #authority: Authority
  #follower: Follower | undefined
  counted: { sent: ClientFrame[]; received: ServerFrame[] } = { sent: [], received: [] }

  constructor(authority: Authority, options: ReplicaOptions) {
    this.#authority = authority
    this.#replica = new Replica({ ...options, collections: COLLECTIONS })
    this.records = new Records(this.#replica, error => {
      throw error
    })
  }

  /** A record, which stays followed. */
  record<T extends object>(id: string): LiveRecord<T> {
    return this.records.get<T>(id)
  }

  collection(name: string): void {
    this.records.collection(name).query()
  }

  join(): void {
    const follower = this.#authority.connect({
      peer: undefined,
      send: bytes => {
        this.counted.received.push(decodeFrame(bytes) as ServerFrame)
        queueMicrotask(() => {
          if (this.#follower === follower) this.#replica.receive(bytes)
        })
        return true
      },
      fail: failure => {
        throw new Error(failure[0])
      }
    })
    this.#follower = follower
    this.#replica.connected(bytes => {
      this.counted.sent.push(decodeFrame(bytes) as ClientFrame)
      queueMicrotask(() => follower.receive(bytes))
      return true
    })
  }

  leave(): void {
    this.#follower?.end()
    this.#follower = undefined
    this.#replica.disconnected()
  }

  /** Forgets what was counted so far. */
  count(): void {
    this.counted = { sent: [], received: [] }
  }
}
