import { ERR_LIMIT, ERR_TIMEOUT } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Decided } from './batch.ts'
import { Deliberation, namesOf } from './deliberation.ts'
import type { DeliberationHost } from './deliberation.ts'
import { Lines } from './lines.ts'
import { Lookahead } from './lookahead.ts'
import { Pace } from './pace.ts'
import type { CachedRecord } from './record-cache.ts'
import { Trials } from './trials.ts'
import type { Turn } from './turns.ts'
import { refusing } from './verdict.ts'
import type { Verdict } from './verdict.ts'
import { idsOf } from './writer.ts'
import type { Incoming, Writer } from './writer.ts'

/** How many numbers may be missing: a store that was restored from a copy knows less than those who write. */
const LONGEST_GAP = 10_000

/** Who sent a write. */
export interface Author {
  readonly peer: Peer | undefined
  /** Another one when permissions have changed, or who it is; undefined when it is told of that no more. */
  readonly round: number | undefined
  /** The turn of the hook within which a node writes, as long as that is not decided. */
  turnOf(node: string): Turn | undefined
  /** A write of it is done with. */
  free(size: number): void
  /** It broke the protocol. */
  fail(): void
  /** There is something to tell of what a writer wrote, from a number on. */
  owe(writer: Writer, number: number): void
}

/**
 * Takes writes: those of each writer in order, and once. One that has to wait, for a record that is read, decided about or
 * committed, holds up nobody but its writer and those who write the same record: and of those, only who came later.
 */
export class Intake {
  readonly #host: DeliberationHost
  /** Records of writes whose permission is awaited: what was judged must still be so when it is done. */
  readonly #claimed = new Map<CachedRecord, Incoming>()
  readonly #blocked = new Set<Writer>()
  readonly #lines: Lines
  readonly #deliberation: Deliberation
  readonly #lookahead: Lookahead
  readonly #pace = new Pace()

  constructor(host: DeliberationHost) {
    this.#host = host
    this.#lines = new Lines(host.cache)
    this.#deliberation = new Deliberation(host)
    this.#lookahead = new Lookahead(host, this.#deliberation)
  }

  receive(writer: Writer, incoming: Incoming): void {
    const { number } = incoming.frame
    const { author, size } = incoming
    // Of a node that is forgotten any number comes first.
    if (writer.taken && number > writer.taken + LONGEST_GAP) return author.fail()
    if (number > writer.taken) {
      writer.taken = number
      writer.queue.push(incoming)
      return this.#advance(writer)
    }
    author.free(size)
    if (number <= writer.last) author.owe(writer, number)
  }

  /** Goes on with those who waited for records. */
  unblock(): void {
    // Who is blocked again waits for the next time.
    const blocked = [...this.#blocked]
    for (const writer of blocked) {
      // It went on already, as one of them has let others do so.
      if (!this.#blocked.delete(writer)) continue
      writer.busy = false
      this.#advance(writer)
    }
  }

  /** Has judged again what was decided and is undone, before what its writers have written behind it: as soon as those go on who wait for records. */
  again(decided: readonly Decided[]): void {
    for (const { writer, incoming } of decided.toReversed()) {
      const [next] = writer.queue
      // Also one that is being decided by now has its place still.
      if (next) this.#lines.leave(next)
      if (next && this.#blocked.has(writer)) endLimit(next)
      endLimit(incoming)
      writer.queue.unshift(incoming)
      writer.uncommitted--
      writer.written = this.#host.committer.open.seq - 1
      if (writer.busy) continue
      writer.busy = true
      this.#blocked.add(writer)
    }
  }

  /** Its client has confirmed results, or there is nobody any more who could. */
  resume(writer: Writer): void {
    this.#advance(writer)
  }

  #advance(writer: Writer): void {
    for (let incoming; !writer.busy && (incoming = writer.queue[0]);) {
      const { frame } = incoming
      const { open } = this.#host.committer
      if (writer.isUnheard(open.writers.get(writer)?.results.length ?? 0)) {
        const isLeft = this.#lines.leave(incoming)
        if (!writer.followers.size) this.#abandon(writer)
        if (isLeft) this.unblock()
        return
      }
      if (frame.records.length + frame.conditions.length > this.#host.settings.limits.batch) {
        this.#apply(writer, incoming, refusing(frame, ERR_LIMIT))
        continue
      }
      // It was, when something came to be judged again before it.
      if (incoming.isLate) {
        this.#apply(writer, incoming, refusing(frame, ERR_TIMEOUT))
        continue
      }
      const records = new Map<string, CachedRecord>()
      const ids = idsOf(frame)
      for (const id of ids) {
        const record = this.#host.cache.get(id)
        if (record) records.set(id, record)
      }
      // Those that are there too: they would make room for the others.
      if (records.size < ids.size) void this.#load(writer, [...ids])
      else if (this.#isBlocked(incoming, records)) this.#block(writer, incoming, records)
      else if (!this.#pace.take(costOf(incoming, records))) void this.#rest(writer)
      else this.#decide(writer, incoming, records)
    }
  }

  /** Goes on in the next turn of the event loop, when others had theirs. */
  async #rest(writer: Writer): Promise<void> {
    writer.busy = true
    await this.#pace.next()
    writer.busy = false
    this.#advance(writer)
  }

  /** What waits is sent again by whoever comes back. */
  #abandon(writer: Writer): void {
    for (const { frame, author, size } of writer.queue.splice(0).toReversed()) {
      writer.taken = frame.number - 1
      author.free(size)
    }
  }

  #isBlocked(incoming: Incoming, records: ReadonlyMap<string, CachedRecord>): boolean {
    for (const record of records.values()) if (this.#host.committer.holds(record)) return true
    if (isWithin(incoming)) return false
    return !!(this.#claimOn(incoming, records) ?? this.#lines.before(incoming, records.values()))
  }

  /** A write that has to be decided first, as it is about the same record. What is written within a hook waits for none. */
  #claimOn(incoming: Incoming, records: ReadonlyMap<string, CachedRecord>): Incoming | undefined {
    if (isWithin(incoming)) return undefined
    for (const record of records.values()) {
      const claim = this.#claimed.get(record)
      if (claim) return claim
    }
    const before = this.#lines.before(incoming, records.values())
    // What that waits for the store is no time of this one either.
    return before?.limit && before
  }

  #block(writer: Writer, incoming: Incoming, records: ReadonlyMap<string, CachedRecord>): void {
    writer.busy = true
    this.#blocked.add(writer)
    if (!isWithin(incoming)) this.#lines.enter(incoming, records.values())
    if (incoming.limit || !this.#claimOn(incoming, records)) return
    const { patience, settings } = this.#host
    incoming.limit = patience.limit(settings.timeout)
    void incoming.limit.done.then(() => this.#late(writer, incoming, records))
  }

  /** Others that are about the same record take too long. */
  #late(writer: Writer, incoming: Incoming, records: ReadonlyMap<string, CachedRecord>): void {
    if (writer.queue[0] !== incoming || !this.#blocked.has(writer) || this.#host.patience.isClosed) return
    const claim = this.#claimOn(incoming, records)
    // What the store takes is not its time.
    if (!claim) return void (incoming.limit = undefined)
    this.#blocked.delete(writer)
    writer.busy = false
    const what = `its turn, of ${namesOf(incoming.frame)}: another write of it is not decided, of ${namesOf(claim.frame)}`
    this.#apply(writer, incoming, this.#deliberation.refuse(incoming, what))
    this.#advance(writer)
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

  #decide(writer: Writer, incoming: Incoming, records: ReadonlyMap<string, CachedRecord>): void {
    const ahead = this.#lookahead.take(incoming)
    incoming.isAhead = !!ahead
    const trials = ahead?.trials ?? new Trials(this.#host.settings)
    const verdict = ahead?.verdict ?? this.#deliberation.judge(incoming, records, trials)
    if (!(verdict instanceof Promise)) return this.#apply(writer, incoming, verdict)
    writer.busy = true
    for (const record of records.values()) {
      record.pins++
      if (!isWithin(incoming)) this.#claimed.set(record, incoming)
    }
    const free = (): void => {
      for (const record of records.values()) if (this.#claimed.get(record) === incoming) this.#claimed.delete(record)
    }
    const passed = (): void => {
      free()
      this.#lines.leave(incoming)
      this.unblock()
    }
    const done = (verdict: Verdict): void => {
      free()
      writer.busy = false
      this.#apply(writer, incoming, verdict)
      for (const record of records.values()) this.#host.cache.unpin(record)
      // Those who wait come first: who writes the same record again and again would else keep it.
      this.unblock()
      this.#advance(writer)
    }
    this.#lookahead.begin(writer.queue)
    void this.#deliberation.settle({ incoming, records, trials, verdict, passed, done })
  }

  /** Does what was decided, in the open batch. */
  #apply(writer: Writer, incoming: Incoming, { accepted, results, isOpinion, seen, counted }: Verdict): void {
    const { committer, patience } = this.#host
    // What is to be judged again came before it meanwhile.
    if (writer.queue[0] !== incoming) return
    // It is no refusal that whoever was asked cannot answer any more: it will be written again.
    if (isOpinion && patience.isClosed) return void (writer.busy = true)
    // Who refuses it may have asked for what the same writer has just written.
    if (isOpinion && (writer.written > committer.seq || incoming.isAhead)) return void this.#postpone(writer)
    if (accepted.length) writer.written = committer.open.seq
    writer.queue.shift()
    this.#lines.leave(incoming)
    for (const { record, writes } of accepted) {
      for (const path of record.write(writes, committer.open.seq)) committer.open.touch(record, path)
    }
    const { frame, author, size } = incoming
    // Also what was allowed, or found valid, was so as long as that is there.
    const basis = counted?.size ? new Map<CachedRecord, unknown>([...(seen ?? []), ...counted]) : seen
    const done = (): void => author.free(size)
    committer.open.settle({ writer, incoming, number: frame.number, results, accepted, basis, done })
    committer.added()
  }

  /** Has the next write of a writer judged again, when all before it is committed. */
  async #postpone(writer: Writer): Promise<void> {
    writer.busy = true
    await this.#host.committer.reached(writer.written)
    writer.busy = false
    this.#advance(writer)
  }
}

/** Whether something is written within a hook that is not decided: others may wait for that. */
const isWithin = ({ author, frame }: Incoming): boolean => !!author.turnOf(frame.node)

/** How long it may take is measured anew. */
const endLimit = (incoming: Incoming): void => {
  incoming.limit?.end()
  incoming.limit = undefined
}

/** How much may be gone through to judge a write: all that is written, and all that is there. */
const costOf = ({ frame }: Incoming, records: ReadonlyMap<string, CachedRecord>): number => {
  let cost = 1
  for (const { registers } of frame.records) cost += registers.length
  for (const { state } of records.values()) cost += state.size
  return cost
}
