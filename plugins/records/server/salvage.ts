import type { Failure } from '../../../lib/errors.ts'
import { ERR_STORE } from '../../../lib/failures.ts'
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

/** What became of a batch that was broken up. */
export interface Salvaged {
  /** What changed, to be told with the batch. */
  readonly changes: readonly Change[]
  /** What is to be judged again, in the order in which it was decided: it needs what is refused, or its writer has it behind such a write. */
  readonly returned: readonly Decided[]
}

/** What is not done of writes. */
class Loss {
  /** Records that are not what they were when writes behind were decided. */
  readonly undone: Set<CachedRecord>
  /** Those who have written what is to be judged again: what they have behind it must not be done before it. */
  readonly behind: Set<Writer>
  readonly returned: Decided[]

  /** @param before - what is not done of those before */
  constructor(before?: Loss) {
    this.undone = new Set(before?.undone)
    this.behind = new Set(before?.behind)
    this.returned = [...(before?.returned ?? [])]
  }

  undo(accepted: readonly Accepted[]): void {
    for (const { record } of accepted) this.undone.add(record)
  }

  return(decided: Decided): void {
    this.undo(decided.accepted)
    this.behind.add(decided.writer)
    this.returned.push(decided)
  }
}

/**
 * Commits what can be kept of a batch that the store refuses as a whole: in halves, until the writes are found that it refuses,
 * which are settled with ERR_STORE. All of it has the number of the batch, and is told when it is done. Nothing else changes the
 * records of the batch meanwhile.
 */
export class Salvage {
  readonly #host: SalvageHost
  readonly #batch: Batch
  readonly #changes: Change[] = []
  readonly #progress = new Map<Writer, Progress>()
  #loss = new Loss()

  constructor(host: SalvageHost, batch: Batch) {
    this.#host = host
    this.#batch = batch
  }

  async run(): Promise<Salvaged> {
    const batch = this.#batch
    await this.#host.insist(this.#with(batch.rest))
    await this.#host.reset(batch.records.keys())
    await this.#try(batch.decided)
    batch.writers.clear()
    for (const [writer, progress] of this.#progress) batch.writers.set(writer, progress)
    const { returned } = this.#loss
    const gone = new Set(returned)
    batch.decided = batch.decided.filter(one => !gone.has(one))
    return { changes: batch.seal(this.#host.now()).changes, returned }
  }

  async #try(decided: readonly Decided[]): Promise<void> {
    const piece = new Batch(this.#batch.seq)
    const progress = new Map<Writer, Progress>()
    // What comes of it only counts when it is kept: what is before something that is lost does not go by that.
    const loss = new Loss(this.#loss)
    let isEmpty = true
    for (const one of decided) {
      if (this.#isLost(one, loss)) {
        loss.return(one)
        continue
      }
      this.#settle(progress, one)
      if (one.accepted.length) isEmpty = false
      for (const { record, writes } of one.accepted)
        for (const path of record.write(writes, piece.seq)) piece.touch(record, path)
    }
    for (const [writer, step] of progress) piece.writers.set(writer, step)
    const { rows, removed, entries, changes } = piece.seal(this.#host.now())
    for (const record of piece.records.keys()) record.pins--
    const commit = this.#with({ rows, removed, entries: [...entries] }, changes)
    if (isEmpty && progress.size) await this.#host.insist(commit)
    if (isEmpty || (await this.#host.keep(commit))) {
      for (const change of changes) this.#changes.push(change)
      for (const [writer, step] of progress) this.#progress.set(writer, step)
      this.#loss = loss
      return
    }
    await this.#host.reset(piece.records.keys())
    const [first] = decided
    const middle = decided.length >> 1
    if (middle) {
      await this.#try(decided.slice(0, middle))
      await this.#try(decided.slice(middle))
    } else if (first) {
      this.#loss.undo(first.accepted)
      await this.#try([{ ...refused(first, ERR_STORE), accepted: [] }])
    }
  }

  /** Whether what a write needs may be undone: what made a record, or what its hook has read; or it is behind one of which that is so. */
  #isLost({ writer, accepted, basis }: Decided, { undone, behind }: Loss): boolean {
    if (behind.has(writer)) return true
    if (accepted.length) for (const record of basis?.keys() ?? []) if (undone.has(record)) return true
    return accepted.some(({ record, writes }) => !this.#host.willExist(record, writes))
  }

  /** How far a writer is with one more. */
  #settle(progress: Map<Writer, Progress>, { writer, number, results }: Omit<Decided, 'accepted'>): void {
    const before = this.#progress.get(writer)
    let step = progress.get(writer)
    if (!step)
      progress.set(writer, (step = { last: 0, results: [...(before?.results ?? [])], count: before?.count ?? 0 }))
    step.last = number
    step.count++
    for (const result of results) step.results.push(result)
  }

  /** What goes into a commit, with what all of the batch so far has beside it. */
  #with({ entries, ...commit }: Commit, changes: readonly Change[] = []): Commit {
    const more = this.#host.entriesOf(this.#batch.seq, [...this.#changes, ...changes])
    return { ...commit, entries: [...entries, ...more] }
  }
}

const refused = (decided: Decided, [code, , hint]: Failure): Decided => {
  const { number, writer } = decided
  return { ...decided, results: [{ node: writer.node, number, record: '', code, hint }] }
}
