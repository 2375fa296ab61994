import { AnywireError } from '../../../lib/errors.ts'
import { ERR_HANDLER, ERR_TIMEOUT } from '../../../lib/failures.ts'
import type { Committer } from './committer.ts'
import type { Judge } from './judge.ts'
import type { Maybe } from './maybe.ts'
import type { Patience } from './patience.ts'
import type { CachedRecord, RecordCache } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { Trials } from './trials.ts'
import { Turns } from './turns.ts'
import type { Turn } from './turns.ts'
import { refusing } from './verdict.ts'
import type { Verdict } from './verdict.ts'
import type { Incoming } from './writer.ts'

export interface DeliberationHost {
  readonly settings: Settings
  readonly cache: RecordCache
  readonly committer: Committer
  readonly judge: Judge
  readonly patience: Patience
  failed(error: unknown, stage: string): void
}

/** A write about which somebody is asked. */
interface Judging {
  readonly incoming: Incoming
  /** Those that it is about. */
  readonly records: ReadonlyMap<string, CachedRecord>
  readonly trials: Trials
  readonly verdict: Promise<Verdict>
}

/** Has writes judged until what was judged by is so when they are done. */
export class Deliberation {
  readonly #host: DeliberationHost
  readonly #turns = new Turns()

  constructor(host: DeliberationHost) {
    this.#host = host
  }

  /** What is to be done of a write, as it is now. */
  judge(incoming: Incoming, records: ReadonlyMap<string, CachedRecord>, trials: Trials): Maybe<Verdict> {
    const fail = (error: unknown): Verdict => {
      this.#host.failed(error, 'records')
      return refusing(incoming.frame, ERR_HANDLER)
    }
    try {
      const verdict = this.#host.judge.judge(incoming, records, trials)
      return verdict instanceof Promise ? verdict.catch(fail) : verdict
    } catch (error) {
      return fail(error)
    }
  }

  /** @param done - called with a verdict, in the same step in which that was found to be right */
  async settle(
    { incoming, records, trials: first, verdict: judging }: Judging,
    done: (verdict: Verdict) => void
  ): Promise<void> {
    const turn = this.#turns.begin(first)
    const { cache, patience, settings } = this.#host
    let verdict = await this.#inTime(incoming, judging)
    for (;;) {
      const isStale = this.#isStale(turn, verdict)
      const waiting = isStale ? this.#turns.wait(turn) : this.#hindrance(turn, verdict)
      if (!waiting) break
      if (isStale) unpin(cache, verdict)
      await waiting
      if (!isStale) continue
      // Whoever wrote this hears nothing of it, and will write it again.
      if (patience.isClosed) return
      const trials = new Trials(settings)
      this.#turns.go(turn, trials)
      verdict = await this.#inTime(incoming, this.judge(incoming, records, trials))
    }
    this.#turns.end(turn)
    if (verdict.fault) this.#host.failed(verdict.fault.error, 'onWrite')
    done(verdict)
    unpin(cache, verdict)
  }

  /** Whether something was changed that a verdict depends on. */
  #isStale(turn: Turn, { seen = NOTHING }: Verdict): boolean {
    let isStale = false
    for (const [record, edits] of seen) {
      if (record.edits === edits) continue
      this.#turns.want(turn, record)
      isStale = true
    }
    return isStale
  }

  /** What a verdict waits for, though it may stand. */
  #hindrance(turn: Turn, { accepted, seen = NOTHING }: Verdict): Promise<void> | undefined {
    for (const { record } of accepted) {
      const ahead = this.#turns.ahead(turn, record)
      if (!ahead) continue
      this.#turns.want(turn, record)
      return ahead.over
    }
    const { committer } = this.#host
    // What is in a commit that is under way must not be changed, and may be undone.
    for (const record of seen.keys()) if (committer.holds(record)) return committer.reached(committer.open.seq - 1)
    return undefined
  }

  /** A verdict, or a refusal where the application does not answer. */
  async #inTime(incoming: Incoming, judging: Maybe<Verdict>): Promise<Verdict> {
    const { frame } = incoming
    const { cache, patience, settings } = this.#host
    if (!(judging instanceof Promise)) return judging
    const verdict = await patience.within(judging, settings.timeout)
    if (verdict) return verdict
    // Whoever wrote this hears nothing of it, and will write it again.
    if (patience.isClosed) return judging
    incoming.isLate = true
    void judging.then(late => unpin(cache, late))
    const where = frame.records.map(({ record }) => `'${record}'`).join(', ')
    this.#host.failed(new AnywireError(ERR_TIMEOUT, `permit, validate or onWrite, of ${where}`), 'records')
    return refusing(frame, ERR_TIMEOUT)
  }
}

const NOTHING: ReadonlyMap<CachedRecord, number> = new Map()

const unpin = (cache: RecordCache, { pinned = [] }: Verdict): void => {
  for (const record of pinned) cache.unpin(record)
}
