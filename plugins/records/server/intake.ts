import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_HANDLER } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { WriteFrame } from '../core/frame.ts'
import { isId } from '../core/path.ts'
import { INCREMENT, LEAF } from '../core/register.ts'
import type { Register, Write } from '../core/register.ts'
import type { Committer } from './committer.ts'
import type { Judge, Verdict } from './judge.ts'
import type { Patience } from './patience.ts'
import { numberAt } from './permissions.ts'
import type { CachedRecord, RecordCache } from './record-cache.ts'
import type { Incoming, Writer } from './writer.ts'

/** Who sent a write. */
export interface Author {
  readonly peer: Peer | undefined
  /** Writes of it that are not decided. */
  waiting: number
  /** There is something to tell of what a writer wrote. */
  owe(writer: Writer): void
}

export interface IntakeHost {
  readonly cache: RecordCache
  readonly committer: Committer
  readonly judge: Judge
  readonly patience: Patience
  failed(error: unknown, stage: string): void
}

/**
 * Takes writes: those of each writer in order, and once. One that has to wait, for a record that is read, decided about or
 * committed, holds up nobody but its writer and those who write the same record.
 */
export class Intake {
  readonly #host: IntakeHost
  /** Records of writes whose permission is awaited: what was judged must still be so when it is done. */
  readonly #claimed = new Set<CachedRecord>()
  #blocked: Writer[] = []

  constructor(host: IntakeHost) {
    this.#host = host
  }

  receive(writer: Writer, incoming: Incoming): void {
    const { number } = incoming.frame
    if (number > writer.taken) {
      writer.taken = number
      writer.queue.push(incoming)
      incoming.author.waiting++
      this.#advance(writer)
    } else if (number <= writer.last) incoming.author.owe(writer)
  }

  /** Goes on with those who waited for records. */
  unblock(): void {
    const blocked = this.#blocked
    this.#blocked = []
    for (const writer of blocked) {
      writer.busy = false
      this.#advance(writer)
    }
  }

  #advance(writer: Writer): void {
    for (let incoming; !writer.busy && (incoming = writer.queue[0]);) {
      const records = new Map<string, CachedRecord>()
      const missing: string[] = []
      for (const id of idsOf(incoming.frame)) {
        const record = this.#host.cache.get(id)
        if (record) records.set(id, record)
        else missing.push(id)
      }
      if (missing.length) void this.#load(writer, missing)
      else if (this.#isBlocked(records)) {
        writer.busy = true
        this.#blocked.push(writer)
      } else this.#decide(writer, incoming, records)
    }
  }

  #isBlocked(records: ReadonlyMap<string, CachedRecord>): boolean {
    for (const record of records.values()) {
      if (this.#claimed.has(record) || this.#host.committer.holds(record)) return true
    }
    return false
  }

  async #load(writer: Writer, ids: readonly string[]): Promise<void> {
    const { cache, patience } = this.#host
    writer.busy = true
    try {
      const records = await Promise.all(ids.map(id => patience.try(() => cache.load(id))))
      writer.busy = false
      this.#advance(writer)
      for (const record of records) cache.unpin(record)
    } catch {
      // It is closed: whoever wrote this hears nothing of it, and will write it again.
    }
  }

  #decide(writer: Writer, { frame, author }: Incoming, records: ReadonlyMap<string, CachedRecord>): void {
    const { judge, cache } = this.#host
    let verdict: Verdict | Promise<Verdict>
    try {
      verdict = judge.judge(frame, author.peer, records)
    } catch (error) {
      verdict = this.#failed(frame, error)
    }
    if (!(verdict instanceof Promise)) return this.#apply(writer, verdict)
    writer.busy = true
    for (const record of records.values()) {
      record.pins++
      this.#claimed.add(record)
    }
    void verdict
      .catch((error: unknown) => this.#failed(frame, error))
      .then(verdict => {
        for (const record of records.values()) this.#claimed.delete(record)
        this.#apply(writer, verdict)
        for (const record of records.values()) cache.unpin(record)
        writer.busy = false
        this.#advance(writer)
        this.unblock()
      })
  }

  /** Does what was decided, in the open batch. */
  #apply(writer: Writer, { accepted, results }: Verdict): void {
    const { committer } = this.#host
    const incoming = writer.queue.shift()
    if (!incoming) return
    incoming.author.waiting--
    for (const { record, writes } of accepted) {
      for (const write of writes) {
        const register = registerOf(record, write)
        if (record.state.merge(register, committer.open.seq)) committer.open.touch(record, register.path)
      }
    }
    committer.open.settle(writer, incoming.frame.number, results)
    committer.added()
  }

  #failed({ node, number }: WriteFrame, error: unknown): Verdict {
    const [code, , hint] = ERR_HANDLER
    this.#host.failed(new AnywireError(ERR_HANDLER, textOf(error), error), 'records')
    return { accepted: [], results: [{ node, number, record: '', code, hint }] }
  }
}

/** The records that a write is about, where their ids are some. */
const idsOf = ({ records, conditions }: WriteFrame): Set<string> =>
  new Set([...records.map(({ record }) => record), ...conditions.map(([record]) => record)].filter(isId))

/** What a write puts into the state: an increment is the sum, later than what was there. */
const registerOf = ({ state }: CachedRecord, { path, kind, value, t, node }: Write): Register => {
  if (kind !== INCREMENT) return { path, kind, value, t, node }
  const sum = numberAt(state, path) + Number(value)
  return { path, kind: LEAF, value: sum, t: Math.max(t, (state.get(path)?.t ?? -1) + 1), node }
}
