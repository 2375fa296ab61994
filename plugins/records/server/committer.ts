import { AnywireError } from '../../../lib/errors.ts'
import { ERR_STORE } from '../../../lib/failures.ts'
import type { Commit, Store, Value } from '../../../lib/store.ts'
import { atEndOfTurn } from '../../../lib/tick.ts'
import { Batch } from './batch.ts'
import type { Decided } from './batch.ts'
import type { Change } from './change.ts'
import type { Patience } from './patience.ts'
import type { Write } from '../core/register.ts'
import { isSame } from '../core/value.ts'
import type { CachedRecord } from './record-cache.ts'
import { Salvage } from './salvage.ts'
import { LAST } from './writer.ts'

/** How often a commit is tried, before it may be the fault of what is in it. */
const ATTEMPTS = 4

/** What is told of commits. */
export interface CommitterHost {
  /** Milliseconds since 1970. */
  now(): number
  /** What goes into a commit beside what was decided. */
  entriesOf(seq: number, changes: readonly Change[]): Iterable<readonly [key: string, value: unknown]>
  /** Whether what is written into a record would be seen. */
  willExist(record: CachedRecord, writes: readonly Write[]): boolean
  committed(batch: Batch, changes: readonly Change[]): void
  /** Has judged again what is undone, when the commit is done that is under way. */
  again(decided: readonly Decided[]): void
  /** Does what is done within no hook, whoever asked for it. */
  outside(work: () => void): void
}

/** Commits one batch after the other. What is decided while one is under way is the next one. */
export class Committer {
  /** What the next commit will be of. */
  open: Batch
  /** The number of the last commit. */
  seq: number
  readonly #store: Store
  readonly #host: CommitterHost
  readonly #patience: Patience
  /** What the store has something of: with a batch that is broken up, already that one. */
  #kept: number
  #current: Batch | undefined
  /** Up to this commit nothing is left to wait for: what was to be in it is undone. */
  #undone = 0
  #due = false
  #isClosed = false
  #waits: { readonly seq: number; readonly resolve: () => void }[] = []

  constructor(store: Store, host: CommitterHost, patience: Patience, seq: number) {
    this.#store = store
    this.#host = host
    this.#patience = patience
    this.seq = this.#kept = seq
    this.open = new Batch(seq + 1)
  }

  /** Whether a record is in the commit that is under way, and so must not be changed. */
  holds(record: CachedRecord): boolean {
    return this.#current?.records.has(record) ?? false
  }

  /** To be called when something was added to the open batch. */
  added(): void {
    if (this.#current || this.#due) return
    this.#due = true
    atEndOfTurn(this)
  }

  tick(): void {
    this.#due = false
    this.#host.outside(() => this.#begin())
  }

  /** Resolves when nothing of a record waits to be committed. */
  async settled(record: CachedRecord): Promise<void> {
    while (this.holds(record) || this.open.records.has(record)) {
      await this.reached(this.holds(record) ? this.open.seq - 1 : this.open.seq)
    }
  }

  /** Resolves when the commits up to a number are done. */
  async reached(seq: number): Promise<void> {
    if (seq > this.seq) await new Promise<void>(resolve => this.#waits.push({ seq, resolve }))
  }

  /** Commits what was decided. What is decided later is written again, by whoever wrote it. */
  async close(): Promise<void> {
    this.#begin()
    while (this.#current) await this.reached(this.#current.seq)
    this.#isClosed = true
  }

  #begin(): void {
    const batch = this.open
    if (this.#current || this.#isClosed || batch.isEmpty) return
    const { entries, changes, rows, removed } = batch.seal(this.#host.now())
    for (const [key, value] of this.#host.entriesOf(batch.seq, changes)) entries.set(key, value)
    this.#current = batch
    this.open = new Batch(batch.seq + 1)
    void this.#run(batch, { rows, removed, entries: [...entries] }, changes)
  }

  async #run(batch: Batch, commit: Commit, changes: readonly Change[]): Promise<void> {
    let done: readonly Change[] | undefined
    try {
      done = (await this.#keep(commit)) ? changes : await this.#salvage(batch)
    } catch (error) {
      // Where it is closed whoever wrote this hears nothing of it, and will write it again.
      this.#patience.failed(this.#patience.isClosed && error instanceof AnywireError ? error.cause : error)
    }
    const last = Math.max(batch.seq, this.#undone)
    this.#current = undefined
    if (done) {
      this.seq = batch.seq
      this.#host.committed(batch, done)
    }
    const waits = this.#waits
    this.#waits = []
    for (const wait of waits) {
      if (wait.seq <= last) wait.resolve()
      else this.#waits.push(wait)
    }
    if (done) this.#begin()
  }

  /**
   * The same commit again and again: the store has all of it or nothing, and what it has twice is the same.
   * @returns false: the store takes other things, but not this
   * @throws ERR_CLOSED
   */
  #keep(commit: Commit): Promise<boolean> {
    let attempts = 0
    return this.#patience.try(async () => {
      try {
        await this.#commit(commit)
        return true
      } catch (error) {
        if ((++attempts < ATTEMPTS && !isPermanent(error)) || (await this.#has(commit))) throw error
        // A store that is down does not take this either.
        await this.#store.commit({ rows: [], removed: [], entries: [...this.#host.entriesOf(this.#kept, [])] })
        // By now nothing of the attempts before can be on its way.
        if (await this.#has(commit)) throw error
        this.#patience.failed(error)
        return false
      }
    })
  }

  /** Whether the store has a commit, though it did not say so: all of it or nothing, so what it says of one writer tells. */
  async #has({ entries }: Commit): Promise<boolean> {
    const [key = '', kept] = entries.find(([key]) => key.startsWith(LAST)) ?? []
    return key !== '' && isSame((await this.#store.entry(key)) as Value | undefined, kept as Value)
  }

  async #commit(commit: Commit): Promise<void> {
    await this.#store.commit(commit)
    this.#kept = this.#current?.seq ?? this.#kept
  }

  async #salvage(batch: Batch): Promise<readonly Change[]> {
    const host = this.#host
    const salvage = new Salvage(
      {
        now: () => host.now(),
        entriesOf: (seq, changes) => host.entriesOf(seq, changes),
        willExist: (record, writes) => host.willExist(record, writes),
        keep: commit => this.#keep(commit),
        insist: commit => this.#patience.try(() => this.#commit(commit)),
        reset: records => this.#reset([...records])
      },
      batch
    )
    const { changes, returned } = await salvage.run()
    if (returned.length) await this.#undo(batch, returned)
    return changes
  }

  /** Undoes what was decided since a batch too: it may go by what of that is to be judged again, or its writers have it behind that. */
  async #undo(batch: Batch, returned: readonly Decided[]): Promise<void> {
    const { open } = this
    this.open = new Batch(open.seq)
    this.#undone = open.seq
    this.#host.again([...returned, ...open.decided])
    // They stay in memory, and as they are, until all that is done.
    for (const record of open.records.keys()) {
      if (batch.records.has(record)) record.pins--
      else batch.records.set(record, new Set())
    }
    const { entries, ...rest } = open.rest
    const commit = { ...rest, entries: [...entries, ...this.#host.entriesOf(this.#kept, [])] }
    await this.#patience.try(() => this.#store.commit(commit))
    await this.#reset([...open.records.keys()])
  }

  async #reset(records: readonly CachedRecord[]): Promise<void> {
    const rows = await this.#patience.try(() => this.#store.rows(records.map(({ id }) => ({ record: id }))))
    const byId = new Map(records.map(record => [record.id, record]))
    for (const record of records) record.reset()
    for (const row of rows) byId.get(row.record)?.add(row)
  }
}

/** Whether a store says that it will never take something. */
const isPermanent = (error: unknown): boolean => error instanceof AnywireError && error.code !== ERR_STORE[0]
