import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CONFLICT, ERR_HANDLER, ERR_TIMEOUT } from '../../../lib/failures.ts'
import type { WriteFrame } from '../core/frame.ts'
import type { Committer } from './committer.ts'
import type { Judge } from './judge.ts'
import type { Maybe } from './maybe.ts'
import type { Limit, Patience } from './patience.ts'
import type { CachedRecord, RecordCache } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { Trials } from './trials.ts'
import type { Counted } from './trials.ts'
import type { Turn, Turns } from './turns.ts'
import { ownWrite, refusing } from './verdict.ts'
import type { Verdict } from './verdict.ts'
import type { Incoming } from './writer.ts'

export interface DeliberationHost {
  readonly settings: Settings
  readonly cache: RecordCache
  readonly committer: Committer
  readonly judge: Judge
  readonly turns: Turns
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
  /** Called where the answer takes so long that others go on without it. */
  readonly passed: () => void
  /** Called with a verdict, in the same step in which that was found to be right. */
  readonly done: (verdict: Verdict) => void
}

/** Others wait for one answer for this part of the time that it may take, and less where more do not come. */
const SHARE = 10

/** Has writes judged until what was judged by is so when they are done. */
export class Deliberation {
  readonly #host: DeliberationHost

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

  /** Has a write judged, in its turn where others want the same. */
  async settle(judging: Judging): Promise<void> {
    const { incoming, records, trials: first } = judging
    const { frame, author } = incoming
    const { cache, committer, patience, settings, turns } = this.#host
    const turn = (incoming.turn ??= turns.begin(frame, first, author.turnOf(frame.node)))
    let verdict = await this.#inTime(judging, turn, judging.verdict)
    while (!incoming.isLate) {
      verdict = this.#outside(turn, verdict)
      const isStale = this.#isStale(turn, verdict)
      const ahead = isStale ? undefined : this.#ahead(turn, verdict)
      if (isStale || ahead) {
        const isTold = await this.#limitOf(incoming).within((ahead ?? turns.wait(turn)).then(() => true))
        if (ahead && isTold) continue
        unpin(cache, verdict)
        // Whoever wrote this hears nothing of it, and will write it again.
        if (patience.isClosed) return
        if (!isTold) verdict = this.refuse(incoming, `its turn, ${whatOf(turn, turns)}`)
        else {
          const trials = new Trials(settings)
          turns.go(turn, trials)
          verdict = await this.#inTime(judging, turn, this.judge(incoming, records, trials))
        }
      } else if (this.#isUnderWay(verdict)) {
        await committer.reached(committer.open.seq - 1)
        // What the store takes is not its time.
        incoming.limit?.end()
        incoming.limit = undefined
      } else break
    }
    turns.end(turn)
    incoming.limit?.end()
    // It may be judged once more.
    incoming.turn = incoming.limit = undefined
    if (verdict.fault) this.#host.failed(verdict.fault.error, 'onWrite')
    judging.done(verdict)
    unpin(cache, verdict)
  }

  /** It has taken too long until a write was decided. @param what - it waited for */
  refuse(incoming: Incoming, what: string): Verdict {
    const { frame } = incoming
    incoming.isLate = true
    this.#host.failed(new AnywireError(ERR_TIMEOUT, what), 'records')
    return refusing(frame, ERR_TIMEOUT)
  }

  #limitOf(incoming: Incoming): Limit {
    return (incoming.limit ??= this.#host.patience.limit(this.#host.settings.timeout))
  }

  /** What is written within a hook must not be what that goes by: it would have that called again, and be written again. */
  #outside({ within, frame }: Turn, verdict: Verdict): Verdict {
    if (!within || within.isOver) return verdict
    const own = verdict.accepted.find(({ record }) => within.goesBy(record.id))
    if (!own) return verdict
    unpin(this.#host.cache, verdict)
    return refusing(frame, ERR_CONFLICT, ownWrite(own.record.id))
  }

  /** Whether something was changed that a verdict depends on. */
  #isStale(turn: Turn, { seen = NOTHING, counted = NOTHING_COUNTED }: Verdict): boolean {
    let isStale = false
    for (const [record, { isSound }] of counted) {
      if (isSound()) continue
      this.#host.turns.want(turn, record)
      isStale = true
    }
    for (const [record, edits] of seen) {
      if (record.edits === edits) continue
      this.#host.turns.want(turn, record)
      isStale = true
    }
    return isStale
  }

  /** Resolves when somebody is done who has to be before a verdict, though it may stand. */
  #ahead(turn: Turn, { accepted }: Verdict): Promise<void> | undefined {
    const { turns } = this.#host
    for (const { record } of accepted) {
      const ahead = turns.ahead(turn, record)
      if (!ahead) continue
      turns.want(turn, record)
      return ahead.over
    }
    return undefined
  }

  /** What is in a commit that is under way must not be changed, and may be undone. */
  #isUnderWay({ seen = NOTHING, counted = NOTHING_COUNTED }: Verdict): boolean {
    const { committer } = this.#host
    for (const record of seen.keys()) if (committer.holds(record)) return true
    for (const record of counted.keys()) if (committer.holds(record)) return true
    return false
  }

  /** A verdict, or a refusal where the application does not answer. */
  async #inTime({ incoming, passed }: Judging, turn: Turn, judging: Maybe<Verdict>): Promise<Verdict> {
    const { cache, patience, settings, turns } = this.#host
    if (!(judging instanceof Promise)) return judging
    const limit = this.#limitOf(incoming)
    const soon = await limit.within(patience.within(judging, settings.timeout / (SHARE * (1 + turns.passed))))
    if (soon) return soon
    // Whoever wrote this hears nothing of it, and will write it again.
    if (patience.isClosed) return judging
    turns.pass(turn)
    passed()
    const verdict = await limit.within(judging)
    if (verdict) return verdict
    if (patience.isClosed) return judging
    void judging.then(late => unpin(cache, late))
    return this.refuse(incoming, `permit, validate or onWrite, of ${namesOf(incoming.frame)}`)
  }
}

const NOTHING: ReadonlyMap<CachedRecord, number> = new Map()
const NOTHING_COUNTED: ReadonlyMap<CachedRecord, Counted> = new Map()

const unpin = (cache: RecordCache, { pinned = [] }: Verdict): void => {
  for (const record of pinned) cache.unpin(record)
}

/** What a write is about, as it is told. */
export const namesOf = ({ records }: WriteFrame): string => records.map(({ record }) => `'${record}'`).join(', ')

/** What a write waits for, as it is told. */
const whatOf = (turn: Turn, turns: Turns): string => {
  const { id = '', turn: before } = turns.before(turn) ?? {}
  return `of ${namesOf(turn.frame)}${before ? `: another hook goes by '${id}', of ${namesOf(before.frame)}` : ''}`
}
