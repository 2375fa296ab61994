import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_CANCELLED, ERR_CLOSED, ERR_ENCODE, ERR_OUTCOME_UNKNOWN } from '../../../lib/failures.ts'
import { printLine } from '../../../lib/print.ts'
import type { Registers } from '../core/frame.ts'
import type { Stamp, Write } from '../core/register.ts'
import { checkWrite } from './check-write.ts'
import type { WriteHandle, WriteOptions } from './engine.ts'
import { Entry } from './entry.ts'
import { Followed } from './followed.ts'
import { makeNode } from './kept.ts'
import { ServerClock } from './offset.ts'
import { Outbox } from './outbox.ts'
import { Records } from './records.ts'
import type { ReplicaOptions } from './replica-options.ts'
import { Retry } from './retry.ts'

const NO_OPTIONS: WriteOptions = {}

/** What the application did itself. */
const ENDED = new Set<string>([ERR_CANCELLED[0], ERR_CLOSED[0]])

/** What a replica writes: shown at once, kept, and sent until it is decided; or taken back. */
export abstract class Written extends Followed {
  readonly clock: ServerClock
  readonly outbox: Outbox
  readonly records: Records
  protected readonly retry: Retry
  /** Why nothing that is written will be sent, unless the store outlives that. */
  protected refusal: AnywireError | undefined
  /** Whether anybody wants to be told of writes: of those of a bulk load nobody does. */
  #isHeard = false

  constructor(options: ReplicaOptions, outbox = new Outbox(makeNode())) {
    super(options.discardDelay)
    this.clock = new ServerClock(outbox.own.node, options)
    this.outbox = outbox
    this.records = new Records(this.clock, !!options.persist)
    this.retry = new Retry(options.retryDelay ?? 1_000)
  }

  tick(): Stamp {
    return this.clock.tick()
  }

  write(records: readonly Registers<Write>[], options = NO_OPTIONS): WriteHandle {
    checkWrite(options)
    // It would be shown, and neither stored nor sent.
    if (this.keeper ? this.keeper.isClosed : this.over || this.refusal)
      return this.refuse(this.over ?? this.refusal ?? new AnywireError(ERR_CLOSED), records, options)
    const entry = this.outbox.add(records, options, this.session?.isTimed ? undefined : this.clock.moment)
    const changed = this.#isHeard ? new Set<string>() : undefined
    this.records.write(entry, changed)
    if (this.keeper) this.keeper.keep(entry)
    else entry.keep()
    this.session?.later()
    if (!changed) return entry
    this.tell(changed)
    this.emit('pending', this.outbox.waiting)
    return entry
  }

  /** What is not to be written at all. */
  protected refuse(error: AnywireError, records: readonly Registers<Write>[], options: WriteOptions): WriteHandle {
    const refused = new Entry('', 0, records, options, undefined)
    refused.end(error)
    this.reject(error, refused)
    return refused
  }

  get pending(): readonly WriteHandle[] {
    return this.outbox.pending
  }

  discard(write: WriteHandle): boolean {
    if (!(write instanceof Entry) || !this.outbox.isUnsent(write) || this.keeper?.isClosed) return false
    this.#takeBack(write, write.isSecret ? new AnywireError(ERR_CANCELLED, 'it was taken back') : undefined)
    return true
  }

  override listening(event: string): void {
    this.#isHeard ||= event === 'change' || event === 'pending'
  }

  unsendable(entry: Entry, error: unknown): void {
    this.#takeBack(entry, error instanceof AnywireError ? error : new AnywireError(ERR_ENCODE, textOf(error), error))
  }

  /** Only the number of a write is sent: those behind it need it. @param error - what becomes of it, if that is certain */
  #takeBack(entry: Entry, error: AnywireError | undefined): void {
    const changed = new Set<string>()
    this.records.settle(entry, changed)
    this.outbox.void(entry)
    // Not before the store has it: else the next process would send the write.
    const kept = (): void => {
      if (!error || entry.isSettled) return
      entry.error = error
      entry.settle()
      this.reject(error, entry)
    }
    if (this.keeper) this.keeper.keep(entry, kept)
    else kept()
    this.tell(changed)
    this.emit('pending', this.outbox.waiting)
  }

  /** A write was refused. Where nobody listens, and nobody waits for it, that is printed; but not what the application itself has ended. */
  protected reject(error: AnywireError, entry: Entry, record = ''): void {
    if (this.emit('rejected', error, entry, record) || ENDED.has(error.code)) return
    // Whoever has just written it has not had the time to ask what becomes of it.
    queueMicrotask(() => {
      const id = record || (entry.records[0]?.record ?? '')
      const what = error.code === ERR_OUTCOME_UNKNOWN[0] ? 'may be' : 'is not'
      if (!entry.isAwaited) printLine(error, `'${id}' ${what} written: `)
    })
  }

  /** The authority takes nothing of a node from here: what waits goes on under another one. */
  protected move(node: string): void {
    const { outbox } = this
    const entries = outbox.take(node)
    this.keeper?.move(entries)
    outbox.put(entries)
    this.clock.node = outbox.own.node
    for (const entry of entries) this.keeper?.keep(entry)
  }

  /** The authority refused a write for now. */
  protected hold(node: string, number: number): void {
    this.outbox.hold(node, number)
    this.retry.later(() => {
      this.outbox.resume()
      this.session?.flush()
    })
  }
}
