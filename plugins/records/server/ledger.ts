import type { Store } from '../../../lib/store.ts'
import { Clock } from '../core/clock.ts'
import { collectionOf } from '../core/path.ts'
import { toRow } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import { Audience } from './audience.ts'
import type { AuthorityOptions } from './authority.ts'
import type { Batch, Decided } from './batch.ts'
import { storedOf } from './change.ts'
import type { Change } from './change.ts'
import { Committer } from './committer.ts'
import type { Tally } from './counters.ts'
import type { CommitterHost } from './committer.ts'
import { Digests } from './digests.ts'
import { FanOut } from './fan-out.ts'
import type { Feed } from './feed.ts'
import type { FollowerHost } from './follower.ts'
import { Intake } from './intake.ts'
import { missingItem } from './items.ts'
import type { DeliberationHost } from './deliberation.ts'
import { forgetWriters } from './forget-writers.ts'
import type { ForgetHost } from './forget-writers.ts'
import { Graves } from './graves.ts'
import type { GravesHost } from './graves.ts'
import { Judge } from './judge.ts'
import { Memberships } from './memberships.ts'
import { META } from './meta.ts'
import type { Kept, Meta } from './meta.ts'
import type { Patience } from './patience.ts'
import { Gate } from './permissions.ts'
import { Puller } from './puller.ts'
import { Committed } from './reader.ts'
import { Recent } from './recent.ts'
import { RecordCache } from './record-cache.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Providers } from './providers.ts'
import type { Settings } from './settings.ts'
import { Turns } from './turns.ts'
import type { Watchers } from './watchers.ts'
import type { Within } from './within.ts'
import { Writers } from './writer.ts'
import type { Writer } from './writer.ts'

/** Bytes of the last commits that are kept for those who catch up, about. */
const RECENT = 4_194_304

/** The node of stamps that the authority gives. */
const NODE = ''

/** What there is before the store is open. */
export interface LedgerParts {
  readonly options: AuthorityOptions
  readonly settings: Settings
  readonly patience: Patience
  readonly tally: Tally
  readonly providers: Providers
  readonly watchers: Watchers
}

/** All that works on an open store. */
export class Ledger implements FollowerHost, CommitterHost, DeliberationHost, GravesHost, ForgetHost {
  readonly epoch: string
  readonly settings: Settings
  readonly patience: Patience
  readonly turns = new Turns()
  readonly within: Within | undefined
  readonly gate: Gate
  readonly cache: RecordCache
  readonly writers: Writers
  readonly committer: Committer
  readonly judge: Judge
  readonly intake: Intake
  readonly audience: Audience
  readonly recent: Recent
  readonly puller: Puller
  readonly memberships: Memberships
  readonly digests: Digests
  readonly clock: Clock
  readonly tally: Tally
  isClosed = false
  delivered: number
  readonly feeds = new Set<Feed>()
  /** The floor that followers know of. */
  #reminded: number
  readonly #options: AuthorityOptions
  readonly #meta: Meta
  readonly #fanOut: FanOut
  readonly #graves: Graves
  readonly #store: Store
  readonly #watchers: Watchers

  constructor(store: Store, { meta, graves }: Kept, parts: LedgerParts) {
    const { options, settings, patience, tally, providers } = parts
    const { permissions, multicast } = options
    this.#options = options
    this.#store = store
    this.#meta = meta
    this.#watchers = parts.watchers
    this.tally = tally
    this.audience = new Audience(providers)
    this.epoch = meta.epoch
    this.delivered = meta.seq
    this.#reminded = meta.floor
    this.settings = settings
    this.within = options.within
    this.patience = patience
    this.puller = new Puller(store, patience)
    const committed = new Committed(this.puller, settings)
    this.gate = new Gate({ settings, patience, permissions, committed, failed: options.failed })
    this.clock = new Clock(NODE, settings.now)
    this.cache = new RecordCache(store, settings.limits.cache)
    this.writers = new Writers(store, patience)
    this.committer = new Committer(store, this, patience, meta.seq)
    this.judge = new Judge(this)
    this.judge.floor = meta.floor
    this.intake = new Intake(this)
    this.recent = new Recent(meta.seq, RECENT)
    this.memberships = new Memberships(this)
    this.digests = new Digests(this)
    this.#graves = new Graves(store, this, graves)
    this.#fanOut = new FanOut(this, multicast, settings.limits.frame)
  }

  get floor(): number {
    return this.judge.floor
  }

  now(): number {
    return this.settings.now()
  }

  seal(secret: string): string {
    return this.#options.seal(secret)
  }

  failed(error: unknown, stage: string): void {
    this.#options.failed(error, stage)
  }

  entriesOf(seq: number, changes: readonly Change[]): (readonly [key: string, value: unknown])[] {
    return [[META, { ...this.#meta, seq, floor: this.floor }], ...this.#graves.entriesOf(seq, changes)]
  }

  willExist(record: CachedRecord, writes: readonly Write[]): boolean {
    return this.judge.willExist(record, writes) && missingItem(record.state, writes) === undefined
  }

  again(decided: readonly Decided[]): void {
    this.intake.again(decided)
  }

  outside(work: () => void): void {
    if (this.within) this.within.outside(work)
    else work()
  }

  raise(floor: number): void {
    this.judge.floor = Math.max(this.floor, floor)
  }

  /** Forgets what is older than the horizon. @returns how many tombstones are gone */
  async collect(): Promise<number> {
    const count = await this.#graves.collect()
    this.tally.collected += count
    await forgetWriters(this.#store, this)
    return count
  }

  committed(batch: Batch, changes: readonly Change[]): void {
    const authors = new Map<Feed, Writer[]>()
    this.tally.commits++
    for (const [writer, progress] of batch.writers) {
      this.tally.writes += progress.count
      for (const { code } of progress.results) this.tally.refused(code)
      writer.commit(batch.seq, progress)
      for (const feed of writer.followers) {
        const writers = authors.get(feed)
        if (writers) writers.push(writer)
        else authors.set(feed, [writer])
      }
    }
    for (const { done } of batch.decided) done()
    this.recent.add(changes)
    this.memberships.update(batch.seq, changes)
    this.digests.update(changes)
    this.#fanOut.deliver(batch.seq, changes, authors)
    this.delivered = batch.seq
    if (this.floor > this.#reminded) this.#remind(batch.seq)
    for (const record of batch.records.keys()) this.cache.unpin(record)
    for (const writer of batch.writers.keys()) this.writers.release(writer)
    this.intake.unblock()
    this.#watchers.committed(changes)
  }

  wholeOf(record: string): Change | undefined {
    const cached = this.cache.get(record)
    if (!cached) return undefined
    const registers = [...cached.state.registers()].map(register => storedOf(toRow(record, register.seq, register)))
    return { record, collection: collectionOf(record), registers, version: cached.version, whole: true }
  }

  /** Whoever was told everything has a cursor that is good for long, also where nothing was of its business. */
  #remind(seq: number): void {
    this.#reminded = this.floor
    this.audience.note()
    this.#fanOut.remind(
      seq,
      [...this.feeds].filter(feed => feed.told < this.floor)
    )
  }

  /** Commits what was decided. */
  async close(): Promise<void> {
    await this.committer.close()
    this.isClosed = true
  }
}
