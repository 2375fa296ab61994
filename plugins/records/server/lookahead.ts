import type { Deliberation, DeliberationHost } from './deliberation.ts'
import type { Maybe } from './maybe.ts'
import { Trials } from './trials.ts'
import type { Verdict } from './verdict.ts'
import { idsOf } from './writer.ts'
import type { Incoming } from './writer.ts'

/** So many writes of one writer are judged at once, and about so many records. */
const MOST = 32
const MOST_RECORDS = 1_000

/** Milliseconds for which it counts what is found before its turn: rules may go by what is known to nobody else. */
const FRESH = 1_000

/** A write that is judged before those in front of it are decided. */
export interface Ahead {
  readonly trials: Trials
  /** When that began, in milliseconds since 1970. */
  readonly begun: number
  /** The permissions of its author then. */
  readonly round: number
  /** Undefined: its records are still read. */
  verdict: Maybe<Verdict> | undefined
}

/**
 * Has writes judged while those in front of them are: each that is about other records than they are. What comes of it counts where it
 * went by nothing that they have changed, nor permissions since then, and is new enough; else, and where it is a refusal, the write is
 * judged when it is its turn. So it comes to the same as one after the other, only sooner. Hooks have an order of their own.
 */
export class Lookahead {
  readonly #host: DeliberationHost
  readonly #deliberation: Deliberation

  constructor(host: DeliberationHost, deliberation: Deliberation) {
    this.#host = host
    this.#deliberation = deliberation
  }

  /** @param queue - the first one is judged already */
  begin(queue: readonly Incoming[]): void {
    const { limits, onWrite } = this.#host.settings
    if (onWrite) return
    const before = new Set<string>()
    for (let at = 0; at < MOST && before.size < MOST_RECORDS; at++) {
      const incoming = queue[at]
      if (!incoming || incoming.frame.records.length + incoming.frame.conditions.length > limits.batch) return
      const ids = [...idsOf(incoming.frame)]
      if (at && !incoming.ahead && !ids.some(id => before.has(id))) void this.#judge(incoming, ids)
      for (const id of ids) before.add(id)
    }
  }

  /** What was found of a write, whose turn it is now, where that holds. */
  take(incoming: Incoming): (Pick<Ahead, 'trials'> & { readonly verdict: Maybe<Verdict> }) | undefined {
    const { ahead } = incoming
    incoming.ahead = undefined
    if (!ahead) return undefined
    const { trials, verdict, begun, round } = ahead
    if (round !== incoming.author.round || Math.abs(this.#host.settings.now() - begun) >= FRESH) return undefined
    for (const found of [trials.seen, trials.read])
      for (const [record, edits] of found)
        if (record.edits !== edits || this.#host.cache.get(record.id) !== record) return undefined
    return verdict && { trials, verdict }
  }

  async #judge(incoming: Incoming, ids: readonly string[]): Promise<void> {
    const { cache, patience, settings } = this.#host
    const { round } = incoming.author
    // Nobody would say that it may do something else by then.
    if (round === undefined) return
    const ahead: Ahead = { trials: new Trials(settings), begun: settings.now(), round, verdict: undefined }
    incoming.ahead = ahead
    try {
      const records = await Promise.all(ids.map(id => patience.try(() => cache.load(id))))
      // It may be its turn by now.
      if (incoming.ahead === ahead)
        ahead.verdict = this.#deliberation.judge(
          incoming,
          new Map(records.map(record => [record.id, record])),
          ahead.trials
        )
      for (const record of records) cache.unpin(record)
    } catch {
      // It is closed: whoever wrote this hears nothing of it, and will write it again.
    }
  }
}
