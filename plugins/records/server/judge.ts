import { AnywireError } from '../../../lib/errors.ts'
import type { Failure } from '../../../lib/errors.ts'
import {
  ERR_CANCELLED,
  ERR_CONFLICT,
  ERR_DENIED,
  ERR_INVALID,
  ERR_LIMIT,
  ERR_PATH,
  ERR_STALE
} from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { MAX_DRIFT, ticksOf } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import { RESTAMP } from '../core/frame.ts'
import type { Registers, Result, WriteFrame } from '../core/frame.ts'
import { DELETED, INCREMENT, OBJECT } from '../core/register.ts'
import type { Write } from '../core/register.ts'
import { checkWrites, excessOf } from './check-writes.ts'
import { HookTransaction, vetoOf } from './hook.ts'
import type { HookHost, OnWrite } from './hook.ts'
import { missingItem, wholeItems } from './items.ts'
import { after, all, inTurn } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Gate } from './permissions.ts'
import { Preview } from './reader.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Settings } from './settings.ts'
import { isSummable, isTangled } from './trials.ts'
import type { Trials } from './trials.ts'
import type { Turns } from './turns.ts'
import { validate } from './validate.ts'
import type { Verdict } from './verdict.ts'
import type { Within } from './within.ts'
import type { Incoming } from './writer.ts'

/** Writes to one record that are to be done. */
export interface Accepted {
  readonly record: CachedRecord
  readonly writes: readonly Write[]
}

/** What a write would do to one record. */
interface Draft extends Accepted {
  readonly isRestamped: boolean
}

/** How much of a reason is told. */
const LONGEST_HINT = 200

/** What became of the part of a write that is about one record. */
interface Decision {
  /** The application refuses it, and may not when what is on its way is committed. */
  readonly isOpinion?: boolean
  /** Whether its author is allowed to do it, be it done or not. */
  readonly isAllowed?: boolean
  readonly accepted?: Accepted
  readonly code?: string
  readonly hint?: string
}

export interface JudgeHost extends HookHost {
  readonly gate: Gate
  readonly turns: Turns
  readonly within: Within | undefined
  failed(error: unknown, stage: string): void
}

/** Decides about writes, one after the other for each record. */
export class Judge {
  readonly #host: JudgeHost
  readonly #settings: Settings
  readonly #gate: Gate
  readonly #clock: Clock
  /** How far commits had got when the last tombstones were collected. */
  floor = 0

  constructor(host: JudgeHost) {
    this.#host = host
    this.#settings = host.settings
    this.#gate = host.gate
    this.#clock = host.clock
  }

  /**
   * @param records - those that the write is about, where their ids are some
   * @param trials - has what the verdict depends on, as soon as it does
   */
  judge(incoming: Incoming, records: ReadonlyMap<string, CachedRecord>, trials: Trials): Maybe<Verdict> {
    const { frame, author } = incoming
    const { peer } = author
    const { node, conditions, atomic } = frame
    // Its client took it back, and hears so that it was in time.
    if (!frame.records.length) return refused(frame, refusal(ERR_CANCELLED, ''))
    const parts = new Map(frame.records.map(({ record }, at) => [record, at]))
    // Limits are for all that a write does to a record, and so is the answer of who is asked.
    if (parts.size < frame.records.length) return refused(frame, refusal(ERR_INVALID, 'a record twice in one write'))
    const lone = conditions.find(([id]) => !parts.has(id))
    if (lone) return refused(frame, refusal(ERR_INVALID, `a condition for '${lone[0]}', which is not written`))
    // Before anybody is asked: what is asked about is what would be done.
    const drafts = frame.records.map(part => this.#draft(part, node, records.get(part.record)))
    const whole = new Preview(this.#host, drafts.filter(isDraft), trials)
    const decisions = drafts.map(draft =>
      // What is refused of others must not be seen.
      isDraft(draft) ? this.#decide(draft, peer, atomic ? whole : new Preview(this.#host, [draft], trials)) : draft
    )
    // What is judged must be so still when it is done.
    for (const record of records.values()) trials.state(record)
    return after(all(decisions), decisions => {
      const unmet = this.#unmet(conditions, parts, decisions, records)
      if (unmet) return refused(frame, unmet)
      return after(this.#validate(decisions, trials, atomic ? whole : undefined), decisions => {
        const failed = decisions.findIndex(({ accepted }) => !accepted)
        if (atomic && failed >= 0) {
          const { hint = '', ...decision } = decisions[failed] ?? {}
          return refused(frame, { ...decision, hint: `'${frame.records[failed]?.record}': ${hint}` })
        }
        const results = decisions.flatMap((decision, at) =>
          decision.code ? [resultOf(frame, frame.records[at]?.record ?? '', decision)] : []
        )
        const accepted = decisions.flatMap(({ accepted }) => accepted ?? [])
        const isOpinion = decisions.some(({ isOpinion }) => isOpinion)
        const verdict: Verdict = { accepted, results, seen: trials.seen, isOpinion }
        const { onWrite } = this.#settings
        return onWrite && accepted.length ? this.#consult(onWrite, incoming, verdict, trials) : verdict
      })
    })
  }

  /** Why the conditions of a write are not met. Of records that its author may not write it tells nothing. */
  #unmet(
    conditions: WriteFrame['conditions'],
    parts: ReadonlyMap<string, number>,
    decisions: readonly Decision[],
    records: ReadonlyMap<string, CachedRecord>
  ): Decision | undefined {
    for (const [id] of conditions) {
      const decision = decisions[parts.get(id) ?? -1]
      if (!decision?.isAllowed) return { ...decision, hint: `'${id}': ${decision?.hint}` }
    }
    const changed = conditions.find(([id, version]) => !this.#isAt(records.get(id), version))
    return changed && refusal(ERR_CONFLICT, `'${changed[0]}'`)
  }

  /**
   * Has records validated as they would be, in the order of the parts.
   * @param whole - where they are seen with all of the write; else each only with what is done to it
   */
  #validate(decisions: readonly Decision[], trials: Trials, whole?: Preview): Maybe<readonly Decision[]> {
    if (!this.#settings.judgesWholes) return decisions
    return inTurn(decisions, decision => {
      if (!decision.accepted) return decision
      const { record, writes } = decision.accepted
      const state = trials.with(record, writes)
      const value = trials.view(record, state)
      const by = this.#settings.of(record.id).validate
      const records = whole ?? new Preview(this.#host, [decision.accepted], trials)
      const failed = (error: unknown): void => this.#host.failed(error, 'validate')
      return after(by && value !== undefined ? validate(by, value, record.id, records, failed) : undefined, why => {
        if (why !== undefined) return { code: ERR_INVALID[0], hint: why, isOpinion: true }
        trials.keep(record, state)
        return decision
      })
    })
  }

  /** Asks the application's hook, which may refuse it, or do more. */
  async #consult(onWrite: OnWrite, incoming: Incoming, verdict: Verdict, trials: Trials): Promise<Verdict> {
    const { frame, author } = incoming
    const { turns, within } = this.#host
    const turn = (incoming.turn ??= turns.begin(frame, trials, author.turnOf(frame.node)))
    const written = [...new Set(verdict.accepted.map(({ record }) => record))]
    const records = written.map(record => ({
      record: record.id,
      before: trials.view(record, record.state),
      after: trials.view(record)
    }))
    const tx = new HookTransaction(this.#host, trials, incoming)
    try {
      const hook = (): void | Promise<void> => onWrite({ peer: author.peer, records }, tx)
      await (within ? within.run(turn, hook) : hook())
      await tx.end()
      const { counted } = trials
      return { ...verdict, accepted: [...verdict.accepted, ...tx.accepted], pinned: tx.pinned, counted }
    } catch (error) {
      await tx.end().catch(() => {})
      // What it needs may be closed by now.
      const isOpinion = this.#host.patience.isClosed
      const veto = { ...refused(frame, { ...vetoOf(error), isOpinion }), seen: trials.seen, pinned: tx.pinned }
      return error instanceof AnywireError ? veto : { ...veto, fault: { error } }
    }
  }

  /** Whether a record has a version; 0: it is not there. */
  #isAt(record: CachedRecord | undefined, expected: number): boolean {
    if (!record || expected === 0) return expected === 0 && !(record && this.#isVisible(record))
    return record.state.size > 0 && record.version === expected
  }

  #isVisible({ id, state }: CachedRecord): boolean {
    return this.#settings.isVisible(id, state)
  }

  #draft(
    { record: id, registers: writes }: Registers<Write>,
    node: string,
    record: CachedRecord | undefined
  ): Draft | Decision {
    if (!record) return refusal(ERR_PATH, `the id '${id}'`)
    // Before anything is done with each of them.
    if (writes.length > this.#settings.limits.fields) return refusal(ERR_LIMIT, 'of fields')
    try {
      checkWrites(writes, this.#settings.limits.value)
    } catch (error) {
      return refusalOf(error)
    }
    const [stamped, isRestamped] = this.#stamp(writes, node, id)
    if (isTangled(record.state, stamped)) return refusal(ERR_LIMIT, 'of increments between what hides others')
    return { record, writes: wholeItems(record.state, stamped), isRestamped }
  }

  #decide({ record, writes, isRestamped }: Draft, peer: Peer | undefined, records: Preview): Maybe<Decision> {
    return after(this.#gate.refusesWriting(peer, record, writes, records), refused => {
      if (refused !== undefined) return { ...refusal(ERR_DENIED, refused), isOpinion: true }
      const why = this.#reasonAgainst(record, writes)
      if (why) return { ...why, isAllowed: true }
      const accepted = { record, writes }
      return isRestamped ? { accepted, isAllowed: true, code: RESTAMP } : { accepted, isAllowed: true }
    })
  }

  /** Why writes that are allowed are not done all the same. */
  #reasonAgainst(record: CachedRecord, writes: readonly Write[]): Decision | undefined {
    const { limits } = this.#settings
    const { id, state } = record
    const stale = writes.find(write => this.#isStale(write, record))
    if (stale) return refusal(ERR_STALE, `'${stale.path}'`)
    if (writes.length && !this.willExist(record, writes))
      return refusal(ERR_CONFLICT, `'${id}' does not exist, or was deleted`)
    const item = missingItem(state, writes)
    if (item !== undefined) return refusal(ERR_CONFLICT, `the item '${item}' was deleted`)
    const excess = excessOf(state, record.bytes, writes, limits)
    if (excess !== undefined) return refusal(ERR_LIMIT, excess)
    return isSummable(state, writes) ? undefined : refusal(ERR_INVALID, 'a sum that is no number')
  }

  /** Gives writes stamps of this clock where theirs count for nothing, in the same order. */
  #stamp(writes: readonly Write[], node: string, id: string): [writes: readonly Write[], restamped: boolean] {
    const latest = ticksOf(this.#settings.now() + MAX_DRIFT)
    const early = writes.some(({ t }) => t > latest)
    const own = this.#settings.of(id).order === 'server'
    if (!early && !own) {
      for (const { t } of writes) this.#clock.saw(t)
      return [writes.map(write => (write.t > 0 && write.node !== node ? { ...write, node } : write)), false]
    }
    const stamps = [...new Set(writes.map(({ t }) => t).filter(t => t > 0))].toSorted((a, b) => a - b)
    const ticks = new Map(stamps.map(t => [t, this.#clock.tick().t]))
    return [writes.map(write => ({ ...write, t: ticks.get(write.t) ?? 0, node: write.t > 0 ? node : '' })), early]
  }

  /** What is written into a record that was deleted would never be seen, so whoever did not know is told. */
  willExist({ id, state }: CachedRecord, writes: readonly Write[]): boolean {
    if (state.isMade || this.#settings.of(id).resurrect === 'implicit') return true
    const isDeleted = state.isDeleted()
    return writes.some(
      ({ path, kind, t }) => path === '' && (kind === DELETED || (kind === OBJECT && (t > 0 || !isDeleted)))
    )
  }

  /** Whether something that was deleted, and is forgotten, could have been written later. */
  #isStale({ path, kind, t }: Write, { state }: CachedRecord): boolean {
    if (t === 0 || kind === DELETED) return false
    // Who wrote it may be forgotten, and then nobody knows whether an increment was done before.
    return t < ticksOf(this.#settings.now() - this.#settings.horizon) && (kind === INCREMENT || !state.get(path))
  }
}

const isDraft = (draft: Draft | Decision): draft is Draft => 'writes' in draft

/** What is told of the part of a write that is about a record; '': of all of it. */
const resultOf = ({ node, number }: WriteFrame, record: string, { code = '', hint = '' }: Decision): Result => ({
  node,
  number,
  record,
  code,
  hint: hint.slice(0, LONGEST_HINT)
})

/** Nothing of a write is done. */
const refused = (frame: WriteFrame, decision: Decision): Verdict => ({
  accepted: [],
  results: [resultOf(frame, '', decision)],
  isOpinion: !!decision.isOpinion
})

const refusal = ([code, , message]: Failure, hint: string): Decision => ({ code, hint: `${message}: ${hint}` })

const refusalOf = (error: unknown): Decision => {
  if (error instanceof AnywireError) return { code: error.code, hint: error.message }
  throw error
}
