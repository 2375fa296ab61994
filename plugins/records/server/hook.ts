import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CANCELLED, ERR_INVALID, ERR_LIMIT } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Value } from '../../../lib/store.ts'
import type { Known, NumberPath, Optional, Patch, PathOf, Schema, TypeOf, ValueAt } from '../client/types.ts'
import type { Clock } from '../core/clock.ts'
import { Edit } from '../core/edit.ts'
import type { RecordState } from '../core/record-state.ts'
import { OBJECT } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import { excessOf, sizeOf } from './check-writes.ts'
import type { Accepted } from './judge.ts'
import type { RecordOf } from './options.ts'
import type { Patience } from './patience.ts'
import { load, Reader } from './reader.ts'
import type { RecordsReader } from './reader.ts'
import type { CachedRecord, RecordCache } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { isSummable } from './trials.ts'
import type { Trials } from './trials.ts'

/** A record that is written, before and after. */
export interface WrittenRecord<S extends Schema = Schema> {
  readonly record: string
  /** What was seen of it; undefined: it did not exist. */
  readonly before: RecordOf<S> | undefined
  readonly after: RecordOf<S> | undefined
}

/** What somebody writes, and is allowed to. */
export interface WriteEvent<Context = unknown, S extends Schema = Schema> {
  /** Undefined: the process itself. */
  readonly peer: Peer<Context> | undefined
  readonly records: readonly WrittenRecord<S>[]
}

/** What a hook does in the same commit; it reads records with what is written here. What it writes is neither asked for permission nor shown to hooks. */
export interface WriteTransaction<S extends Schema = Schema> extends RecordsReader<S> {
  /** Writes a value; of an object, those of its fields that are different. Undefined deletes. */
  set<const Id extends string>(record: Id, path: '', value: Patch<TypeOf<S, Id>>): Promise<void>
  set<const Id extends string, const P extends PathOf<TypeOf<S, Id>>>(
    record: Id,
    path: P & Known<TypeOf<S, Id>, P>,
    value: ValueAt<TypeOf<S, Id>, P>
  ): Promise<void>
  /** Makes a record, or what is at a path, anew. */
  replace<const Id extends string>(record: Id, path: '', value: TypeOf<S, Id>): Promise<void>
  replace<const Id extends string, const P extends PathOf<TypeOf<S, Id>>>(
    record: Id,
    path: P & Known<TypeOf<S, Id>, P>,
    value: ValueAt<TypeOf<S, Id>, P>
  ): Promise<void>
  /** Deletes a record, or what is at a path. */
  delete<const Id extends string, const P extends PathOf<TypeOf<S, Id>> | ''>(
    record: Id,
    path?: P & Optional<TypeOf<S, Id>, P>
  ): Promise<void>
  increment<const Id extends string, const P extends NumberPath<TypeOf<S, Id>>>(
    record: Id,
    path: P & Known<TypeOf<S, Id>, P, number>,
    by: number
  ): Promise<void>
}

/**
 * Called for each write that would be done. It may throw, which refuses all of the write; and write more, which is committed with
 * it or not at all. It is called again where a record that it has read was changed meanwhile: then in turn with others of which that
 * is so, in the order in which writes came. It may wait for what it has the process write elsewhere.
 */
export type OnWrite<Context = unknown, S extends Schema = Schema> = (
  write: WriteEvent<Context, S>,
  tx: WriteTransaction<S>
) => void | Promise<void>

export interface HookHost {
  readonly settings: Settings
  readonly cache: RecordCache
  readonly clock: Clock
  readonly patience: Patience
}

type Change = (edit: Edit) => unknown

/** Whether something is made for what is written, which depends on what is there. */
const isMaking = (writes: readonly Write[]): boolean => writes.some(({ kind, t }) => kind === OBJECT && t > 0)

/** Whether no more would be written now. That the record is there, which is said in vain where it is made meanwhile, does no harm. */
const isAs = ({ length }: readonly Write[], written: () => readonly Write[]): boolean => {
  try {
    const writes = written()
    return writes.length <= length && !isMaking(writes)
  } catch {
    return false
  }
}

/** What a hook reads and writes. */
export class HookTransaction extends Reader implements WriteTransaction {
  /** What is to be done beside the write itself. */
  readonly accepted: Accepted[] = []
  /** Records that stay in memory for it. */
  readonly pinned: CachedRecord[] = []
  readonly #host: HookHost
  readonly #trials: Trials
  readonly #write: { readonly isLate?: boolean }
  /** All that was asked of it. */
  readonly #work: Promise<unknown>[] = []
  #isOver = false

  /** @param write - tells when it is refused without the hook */
  constructor(host: HookHost, trials: Trials, write: { readonly isLate?: boolean }) {
    super()
    this.#host = host
    this.#trials = trials
    this.#write = write
  }

  /**
   * Waits for all that was asked of it, also where the hook does not; what is asked for after that fails.
   * @throws what the first of it failed with, also where the hook has caught that: half of a transaction is none
   */
  async end(): Promise<void> {
    for (let count = -1; count < this.#work.length;) {
      count = this.#work.length
      await Promise.allSettled(this.#work)
    }
    this.#isOver = true
    await Promise.all(this.#work)
  }

  look(record: string): Promise<Value | undefined> {
    return this.#do(async () => this.#trials.view(await this.#load(record)))
  }

  set(record: string, path: string, value: unknown): Promise<void> {
    return this.#edit(record, edit => edit.set(path, value))
  }

  replace(record: string, path: string, value: unknown): Promise<void> {
    return this.#edit(record, edit => edit.replace(path, value))
  }

  delete(record: string, path = ''): Promise<void> {
    return this.#edit(record, edit => edit.delete(path))
  }

  increment(id: string, path: string, by: number): Promise<void> {
    const change: Change = edit => edit.increment(path, by)
    return this.#do(async () => {
      const record = await this.#load(id)
      if (this.#trials.seen.has(record) || !this.#count(record, change)) this.#change(record, change)
    })
  }

  #edit(id: string, change: Change): Promise<void> {
    return this.#do(async () => this.#change(await this.#load(id), change))
  }

  #change(record: CachedRecord, change: Change): void {
    const writes = this.#written(record, this.#trials.state(record), change)
    this.accepted.push({ record, writes })
    this.#trials.keep(record, this.#trials.with(record, writes))
  }

  /** Adds to a number, which others may do too meanwhile. @returns false: it depends on what is there how that is done */
  #count(record: CachedRecord, change: Change): boolean {
    const { counted } = this.#trials
    const { writes: before = [], isSound } = counted.get(record) ?? {}
    const written = (): readonly Write[] => this.#written(record, record.state, change, before)
    const writes = written()
    if (isMaking(writes)) return false
    counted.set(record, {
      writes: [...before, ...writes],
      isSound: () => (isSound?.() ?? true) && isAs(writes, written)
    })
    this.accepted.push({ record, writes })
    return true
  }

  /** @param before - what is added to the record already */
  #written(record: CachedRecord, state: RecordState, change: Change, before: readonly Write[] = []): readonly Write[] {
    const { clock, settings } = this.#host
    const { limits } = settings
    const registers = state.registers()
    // It wins against all that it has seen, also what clocks that are fast wrote into the store.
    for (const { t } of registers) clock.saw(t)
    const edit = new Edit(state, clock.tick(), limits.value)
    change(edit)
    const { writes } = edit
    const all = [...before, ...writes]
    if (!isSummable(state, all)) throw new AnywireError(ERR_INVALID, 'a sum that is no number')
    const bytes = registers.reduce((sum, register) => sum + sizeOf(register), 0)
    const excess = excessOf(state, bytes, all, limits)
    if (excess !== undefined) throw new AnywireError(ERR_LIMIT, `${excess}: '${record.id}'`)
    return writes
  }

  #do<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isOver || this.#write.isLate)
      return Promise.reject(new AnywireError(ERR_CANCELLED, 'the write is decided already'))
    const doing = work()
    this.#work.push(doing)
    // `end` tells of it.
    doing.catch(() => {})
    return doing
  }

  async #load(id: string): Promise<CachedRecord> {
    const record = await load(id, this.#host)
    this.pinned.push(record)
    return record
  }
}

/** Why a hook refuses a write, as it is told: how it has failed otherwise is no business of a client. */
export const vetoOf = (error: unknown): { readonly code: string; readonly hint: string } =>
  error instanceof AnywireError
    ? { code: error.code, hint: error.message }
    : { code: ERR_INVALID[0], hint: ERR_INVALID[2] }
