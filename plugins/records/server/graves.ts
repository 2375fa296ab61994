import type { Store } from '../../../lib/store.ts'
import { MAX_DRIFT, ticksOf } from '../core/clock.ts'
import { DELETED } from '../core/register.ts'
import type { Change } from './change.ts'
import type { Committer } from './committer.ts'
import type { Patience } from './patience.ts'
import type { RecordCache } from './record-cache.ts'
import type { Settings } from './settings.ts'

/** The key of the times at which things were deleted, and what stands before those of what was deleted then. */
export const GRAVES = 'graves'
const GRAVE = 'grave/'

/** What was deleted about the same time is collected together: in pieces of this many milliseconds, at most. */
const HOUR = 3_600_000

/** And this many in what is remembered. */
const PIECES = 24

/** How many records are looked at together. */
const TOGETHER = 100

export interface GravesHost {
  readonly settings: Settings
  readonly committer: Committer
  readonly cache: RecordCache
  readonly patience: Patience
  /** Tombstones of commits up to this one are gone. */
  raise(floor: number): void
}

type Place = readonly [record: string, path: string]

const isTimes = (value: unknown): value is number[] => Array.isArray(value)

const isPlaces = (value: unknown): value is Place[] => Array.isArray(value)

/**
 * Remembers what was deleted, and when it arrived, so that it can be forgotten after a while: a tombstone is only needed as long as
 * a write that is older may come. Nobody has to look through all records for that.
 */
export class Graves {
  readonly #store: Store
  readonly #host: GravesHost
  readonly #length: number
  /** When the pieces begin for which something is kept. */
  #times: number[]
  #collecting: Promise<number> | undefined

  constructor(store: Store, host: GravesHost, times: unknown) {
    this.#store = store
    this.#host = host
    this.#length = Math.max(1, Math.min(HOUR, Math.floor(host.settings.horizon / PIECES)))
    this.#times = isTimes(times) ? times : []
  }

  /** What a commit has to keep beside its changes. */
  entriesOf(seq: number, changes: readonly Change[]): (readonly [key: string, value: unknown])[] {
    if (this.#host.settings.horizon === Infinity) return []
    const places: Place[] = []
    for (const { record, registers } of changes) {
      for (const { kind, path } of registers) if (kind === DELETED) places.push([record, path])
    }
    if (!places.length) return []
    const now = this.#host.settings.now()
    const time = now - (now % this.#length)
    const isNew = !this.#times.includes(time)
    if (isNew) this.#times.push(time)
    return [[`${GRAVE}${time}/${seq}`, places], ...(isNew ? [this.#list] : [])]
  }

  /**
   * Forgets what was deleted longer ago than the horizon.
   * @returns how many tombstones are gone
   */
  collect(): Promise<number> {
    return (this.#collecting ??= this.#collect().finally(() => (this.#collecting = undefined)))
  }

  get #list(): readonly [key: string, value: unknown] {
    return [GRAVES, [...this.#times]]
  }

  async #collect(): Promise<number> {
    const { horizon, now } = this.#host.settings
    // What was written last before the horizon may have come this much later than its stamp says.
    const due = now() - horizon - this.#length - MAX_DRIFT
    let count = 0
    for (const time of this.#times.filter(time => time <= due)) count += await this.#empty(time)
    return count
  }

  async #empty(time: number): Promise<number> {
    const { committer, patience } = this.#host
    const entries = await patience.try(() => this.#store.entries(`${GRAVE}${time}/`))
    const places = entries.flatMap(([, places]) => (isPlaces(places) ? places : []))
    const ids = [...new Set(places.map(([record]) => record))]
    let count = 0
    for (let at = 0; at < ids.length; at += TOGETHER) {
      const counts = await Promise.all(ids.slice(at, at + TOGETHER).map(id => this.#visit(id)))
      for (const one of counts) count += one
    }
    this.#times = this.#times.filter(other => other !== time)
    for (const [key] of entries) committer.open.entries.set(key, undefined)
    committer.open.entries.set(...this.#list)
    committer.added()
    await committer.reached(committer.open.seq)
    return count
  }

  /** Removes the tombstones of one record that are old enough. */
  async #visit(id: string): Promise<number> {
    const { cache, committer, patience, settings } = this.#host
    const record = await patience.try(() => cache.load(id))
    // What is not committed was told to nobody, so it must not be gone by then.
    await committer.settled(record)
    const gone = record.collect(ticksOf(settings.now() - settings.horizon))
    for (const { path } of gone) committer.open.remove(record, path)
    if (gone.length) {
      this.#host.raise(gone.reduce((floor, { seq }) => Math.max(floor, seq), 0))
      committer.added()
    }
    cache.unpin(record)
    return gone.length
  }
}
