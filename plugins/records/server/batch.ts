import type { Commit, Row } from '../../../lib/store.ts'
import type { Result } from '../core/frame.ts'
import { collectionOf } from '../core/path.ts'
import { toRow } from '../core/register.ts'
import { storedOf } from './change.ts'
import type { Change, Stored } from './change.ts'
import type { Accepted } from './judge.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Incoming, Writer } from './writer.ts'

/** How far a writer is with a commit. */
export interface Progress {
  last: number
  readonly results: Result[]
  /** How many writes. */
  count: number
}

/** A write that is decided, and what is to be done of it. */
export interface Decided {
  readonly writer: Writer
  readonly incoming: Incoming
  readonly number: number
  readonly results: readonly Result[]
  readonly accepted: readonly Accepted[]
  /** The records that a hook has gone by. */
  readonly basis?: ReadonlyMap<CachedRecord, unknown> | undefined
  /** Called when it is committed. */
  readonly done: () => void
}

/** What is to be committed, and what of it is to be told. */
export interface Sealed extends Omit<Commit, 'entries'> {
  readonly entries: Map<string, unknown>
  readonly changes: readonly Change[]
}

/** What is committed together: what was decided since the last commit began. */
export class Batch {
  readonly seq: number
  /** The paths that changed. */
  readonly records = new Map<CachedRecord, Set<string>>()
  readonly writers = new Map<Writer, Progress>()
  decided: Decided[] = []
  /** The one that is set last counts. */
  readonly entries = new Map<string, unknown>()
  /** Registers that are to be forgotten, though nothing else is in their place. */
  readonly #removed: (readonly [record: string, path: string])[] = []

  /** Records that such registers were in. */
  readonly #collected = new Set<CachedRecord>()

  constructor(seq: number) {
    this.seq = seq
  }

  get isEmpty(): boolean {
    return !this.records.size && !this.writers.size && !this.entries.size
  }

  /** Notes that a record changes at a path. It stays in memory until the commit is done. */
  touch(record: CachedRecord, path: string, version = this.seq): void {
    let paths = this.records.get(record)
    if (!paths) {
      this.records.set(record, (paths = new Set()))
      record.pins++
    }
    paths.add(path)
    record.version = version
  }

  /** Notes that a register is to be forgotten. Nobody has to be told of that. */
  remove(record: CachedRecord, path: string): void {
    this.touch(record, path, record.version)
    this.#removed.push([record.id, path])
    this.#collected.add(record)
  }

  /** Notes that a write is decided. */
  settle(decided: Decided): void {
    const { writer, number: last, results } = decided
    this.decided.push(decided)
    const progress = this.writers.get(writer)
    writer.uncommitted++
    if (!progress) this.writers.set(writer, { last, results: [...results], count: 1 })
    else {
      progress.last = last
      progress.count++
      for (const result of results) progress.results.push(result)
    }
  }

  /** What there is beside writes. */
  get rest(): Commit {
    return { rows: this.#carried, removed: this.#removed, entries: [...this.entries] }
  }

  /** What keeps versions, where registers are to be forgotten. */
  get #carried(): Row[] {
    return [...this.#collected].flatMap(record => record.carry() ?? [])
  }

  /**
   * Takes down what is to be committed, as it is now.
   * @param seen - milliseconds since 1970
   */
  seal(seen: number): Sealed {
    const rows = this.#carried
    const removed = [...this.#removed]
    const changes: Change[] = []
    for (const [record, paths] of this.records) {
      const own: Stored[] = []
      for (const path of paths) {
        const register = record.state.get(path)
        if (register) own.push(storedOf(toRow(record.id, register.seq, register)))
      }
      for (const path of record.pruned) if (!record.state.get(path)) removed.push([record.id, path])
      record.pruned = []
      for (const row of own) rows.push(row)
      if (!own.length) continue
      changes.push({
        record: record.id,
        collection: collectionOf(record.id),
        registers: own,
        version: record.version,
        whole: false
      })
    }
    const entries = new Map(this.entries)
    for (const [writer, { last, results }] of this.writers)
      for (const entry of writer.entries(last, results, seen)) entries.set(...entry)
    return { rows, removed, entries, changes }
  }
}
