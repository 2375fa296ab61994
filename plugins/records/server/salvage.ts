import type { Failure } from '../../../lib/errors.ts'
import { ERR_CONFLICT, ERR_STORE } from '../../../lib/failures.ts'
import type { Commit } from '../../../lib/store.ts'
import type { Write } from '../core/register.ts'
import { Batch } from './batch.ts'
import type { Decided, Progress } from './batch.ts'
import type { Change } from './change.ts'
import type { Accepted } from './judge.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Writer } from './writer.ts'

export interface SalvageHost {
  /** Milliseconds since 1970. */
  now(): number
  entriesOf(seq: number, changes: readonly Change[]): Iterable<readonly [key: string, value: unknown]>
  /** Commits as soon as the store takes anything. @returns false: it takes other things, but not this */
  keep(commit: Commit): Promise<boolean>
  /** Commits as soon as the store takes it. */
  insist(commit: Commit): Promise<void>
  /** Has records be what the store has. */
  reset(records: Iterable<CachedRecord>): Promise<void>
  /** Whether what is written into a record would be seen. */
  willExist(record: CachedRecord, writes: readonly Write[]): boolean
}

/**
 * Commits what can be kept of a batch that the store refuses as a whole: in halves, until the writes are found that it refuses,
 * which are settled with ERR_STORE, and with ERR_CONFLICT what hooks decided by them. All of it has the number of the batch, and is told when it is done. Nothing else changes the
 * records of the batch meanwhile.
 */
export class Salvage {
  readonly #host: SalvageHost
  readonly #batch: Batch
  readonly #changes: Change[] = []
  readonly #progress = new Map<Writer, Progress>()
  /** Records that are not what they were when writes behind were decided. */
  readonly #undone = new Set<CachedRecord>()

  constructor(host: SalvageHost, batch: Batch) {
    this.#host = host
    this.#batch = batch
  }

  /** @returns what changed, to be told with the batch */
  async run(): Promise<readonly Change[]> {
    const batch = this.#batch
    await this.#host.insist(this.#with(batch.rest))
    await this.#host.reset(batch.records.keys())
    await this.#try(batch.decided)
    for (const [writer, progress] of this.#progress) batch.writers.set(writer, progress)
    return batch.seal(this.#host.now()).changes
  }

  async #try(decided: readonly Decided[]): Promise<void> {
    if (!decided.length) return
    const piece = new Batch(this.#batch.seq)
    const progress = new Map<Writer, Progress>()
    for (const { accepted, ...one } of decided) {
      const isLost = accepted.length > 0 && this.#isLost(accepted, one.basis)
      if (isLost) this.#undo(accepted)
      this.#settle(progress, isLost ? refused(one, ERR_CONFLICT) : one)
      for (const { record, writes } of isLost ? [] : accepted)
        for (const path of record.write(writes, piece.seq)) piece.touch(record, path)
    }
    for (const [writer, step] of progress) piece.writers.set(writer, step)
    const { rows, removed, entries, changes } = piece.seal(this.#host.now())
    for (const record of piece.records.keys()) record.pins--
    const commit = this.#with({ rows, removed, entries: [...entries] }, changes)
    const isEmpty = decided.every(({ accepted }) => !accepted.length)
    if (isEmpty) await this.#host.insist(commit)
    if (isEmpty || (await this.#host.keep(commit))) {
      this.#changes.push(...changes)
      for (const [writer, step] of progress) this.#progress.set(writer, step)
      return
    }
    await this.#host.reset(piece.records.keys())
    const [first] = decided
    const middle = decided.length >> 1
    if (middle) {
      await this.#try(decided.slice(0, middle))
      await this.#try(decided.slice(middle))
    } else if (first) {
      this.#undo(first.accepted)
      await this.#try([{ ...refused(first, ERR_STORE), accepted: [] }])
    }
  }

  /** Whether what a write needs may have been refused: what made a record, or what its hook has read. */
  #isLost(accepted: readonly Accepted[], basis: Decided['basis']): boolean {
    for (const record of basis?.keys() ?? []) if (this.#undone.has(record)) return true
    return accepted.some(({ record, writes }) => !this.#host.willExist(record, writes))
  }

  #undo(accepted: readonly Accepted[]): void {
    for (const { record } of accepted) this.#undone.add(record)
  }

  /** How far a writer is with one more. */
  #settle(progress: Map<Writer, Progress>, { writer, number, results }: Omit<Decided, 'accepted'>): void {
    const before = progress.get(writer) ?? this.#progress.get(writer)
    const { count = 0 } = before ?? {}
    progress.set(writer, { last: number, results: [...(before?.results ?? []), ...results], count: count + 1 })
  }

  /** What goes into a commit, with what all of the batch so far has beside it. */
  #with({ entries, ...commit }: Commit, changes: readonly Change[] = []): Commit {
    const more = this.#host.entriesOf(this.#batch.seq, [...this.#changes, ...changes])
    return { ...commit, entries: [...entries, ...more] }
  }
}

const refused = <D extends Omit<Decided, 'accepted'>>(decided: D, [code, , hint]: Failure): D => {
  const { number, writer } = decided
  return { ...decided, results: [{ node: writer.node, number, record: '', code, hint }] }
}
