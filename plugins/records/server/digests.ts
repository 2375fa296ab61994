import { add, digestOf } from '../core/digest.ts'
import { RecordState } from '../core/record-state.ts'
import type { Change } from './change.ts'
import { sizeOf } from './check-writes.ts'
import type { Committer } from './committer.ts'
import type { Feed } from './feed.ts'
import type { Patience } from './patience.ts'
import type { Puller } from './puller.ts'
import type { RecordCache } from './record-cache.ts'
import type { Scope } from './scope.ts'
import type { Settings } from './settings.ts'

export interface DigestsHost {
  readonly settings: Settings
  readonly committer: Committer
  readonly cache: RecordCache
  readonly puller: Puller
  readonly patience: Patience
  failed(error: unknown, stage: string): void
}

/** Of this part of the time something is summed up, at most: whoever asks for much waits longer, and nobody else does. */
const SHARE = 10

/** The longest break, in milliseconds. */
const LONGEST = 60_000

/** Records of a name of which the digests are made, as larger collections are not compared; and records of queries in one step. */
const MOST = 100_000

/** Bytes of records that are summed up in one step, about. */
const STEP = 65_536

/** A name that is being summed up. */
interface Summing {
  readonly name: string
  /** The digest of each record. */
  readonly digests: Map<string, number>
  /** Records that were committed meanwhile, so that what is read of them may be old. */
  readonly committed: Set<string>
}

/**
 * Tells clients the digests of what they follow, so that they notice when they have something else. It is never urgent: one name
 * at a time is read, for all who ask for it, with longer breaks than readings between; and nothing of it is kept.
 */
export class Digests {
  readonly #host: DigestsHost
  readonly #questions = new Map<string, Map<Scope, Feed>>()
  #summing: Summing | undefined
  #isRunning = false

  constructor(host: DigestsHost) {
    this.#host = host
  }

  /** Has a follower be told the digest of a scope that it was told all of. */
  ask(scope: Scope, feed: Feed): void {
    const same = this.#questions.get(scope.name)
    if (same) same.set(scope, feed)
    else this.#questions.set(scope.name, new Map([[scope, feed]]))
    if (this.#isRunning) return
    this.#isRunning = true
    void this.#run()
  }

  /** The scope is not followed any more. */
  drop(scope: Scope): void {
    const same = this.#questions.get(scope.name)
    if (same?.delete(scope) && !same.size) this.#questions.delete(scope.name)
  }

  /** Records were committed. To be called while nothing else changes them. */
  update(changes: readonly Change[]): void {
    if (!this.#summing) return
    const { name, digests, committed } = this.#summing
    for (const { record, collection } of changes) {
      if (name !== record && name !== collection) continue
      const cached = this.#host.cache.get(record)
      committed.add(record)
      digests.set(record, cached ? this.#digestOf(record, cached.state) : 0)
    }
  }

  async #run(): Promise<void> {
    const { patience, settings } = this.#host
    for (const [name] of this.#questions) {
      const begin = settings.now()
      this.#answer(name, await this.#try(name))
      const took = Math.max(0, settings.now() - begin)
      await patience.pause(Math.min(LONGEST, (SHARE - 1) * took))
      if (patience.isClosed) return
    }
    this.#isRunning = false
  }

  /** What cannot be summed up has no digest. */
  async #try(name: string): Promise<ReadonlyMap<string, number> | undefined> {
    try {
      return await this.#sumUp(name)
    } catch (error) {
      if (!this.#host.patience.isClosed) this.#host.failed(error, 'records')
      return undefined
    }
  }

  /** The digests of all records of a name, as they are when it is done; undefined: there are too many, or nobody asks any more. */
  async #sumUp(name: string): Promise<ReadonlyMap<string, number> | undefined> {
    const { committer, puller, patience } = this.#host
    const digests = new Map<string, number>()
    const committed = new Set<string>()
    this.#summing = { name, digests, committed }
    let read = 0
    let room = STEP
    for await (const changes of puller.pull([{ name, since: 0 }])) {
      for (const { record, registers, version } of changes) {
        read = Math.max(read, version)
        if (committed.has(record)) continue
        const state = new RecordState()
        for (const register of registers) {
          state.merge(register)
          room -= sizeOf(register)
        }
        digests.set(record, this.#digestOf(record, state))
        if (room > 0) continue
        await patience.pause(0)
        room = STEP
      }
      if (digests.size > MOST || !this.#questions.has(name)) return undefined
    }
    // What the store has may be a little ahead of what was told.
    if (read > committer.seq) await committer.reached(read)
    return digests
  }

  /** What is not seen does not count: not all clients need to have it. */
  #digestOf(record: string, state: RecordState): number {
    return this.#host.settings.isVisible(record, state) ? digestOf(state, record) : 0
  }

  /** Tells those who are to be told, in the same step in which it is known. */
  #answer(name: string, digests: ReadonlyMap<string, number> | undefined): void {
    const questions = this.#questions.get(name) ?? new Map<Scope, Feed>()
    this.#summing = undefined
    this.#questions.delete(name)
    const total = digests && sumOf(digests.keys(), digests)
    let room = MOST
    for (const [scope, feed] of questions) {
      const { membership } = scope
      if (!digests || total === undefined) feed.compare(scope)
      else if (!membership) feed.compare(scope, total)
      else if (membership.isCurrent && room > 0) {
        const ids = [...membership.ids]
        room -= ids.length + 1
        feed.compare(scope, sumOf(ids, digests))
      } else this.ask(scope, feed)
    }
  }
}

const sumOf = (ids: Iterable<string>, digests: ReadonlyMap<string, number>): number => {
  let sum = 0
  for (const id of ids) sum = add(sum, digests.get(id) ?? 0)
  return sum
}
