import type { CachedRecord } from './record-cache.ts'
import type { Trials } from './trials.ts'

/** The place of a write among those that are decided about. */
export interface Turn {
  /** Who has a smaller one came before. */
  readonly number: number
  /** What it goes by. */
  trials: Trials
  /** The ids of records that it came into conflict over. */
  readonly wanted: Set<string>
  /** Resolves when it is decided. */
  readonly over: Promise<void>
  readonly end: () => void
}

/**
 * Whose turn it is, where hooks want the same records. Each goes first as if it was alone. Who came into conflict over a record has
 * its turn with it when all who came before are done, and nobody who came later changes then what it has read. As everybody
 * waits only for who came before, all get through.
 */
export class Turns {
  #count = 0
  /** Those that came into conflict over a record, by its id, in the order in which they came. */
  readonly #queues = new Map<string, Turn[]>()
  /** Those of them whose turn it is. */
  readonly #on = new Set<Turn>()

  begin(trials: Trials): Turn {
    let end = (): void => {}
    const over = new Promise<void>(resolve => (end = resolve))
    return { number: ++this.#count, trials, wanted: new Set(), over, end }
  }

  /** Notes that a write came into conflict over a record. */
  want(turn: Turn, { id }: CachedRecord): void {
    this.#on.add(turn)
    if (turn.wanted.has(id)) return
    turn.wanted.add(id)
    const queue = this.#queues.get(id)
    if (!queue) this.#queues.set(id, [turn])
    else queue.splice(queue.findLastIndex(other => other.number < turn.number) + 1, 0, turn)
  }

  /** Resolves when all who came before are done with what a write came into conflict over. */
  async wait(turn: Turn): Promise<void> {
    this.#on.delete(turn)
    for (let before; (before = this.#before(turn));) await before.over
  }

  /** It is the turn of a write: what it reads from here on only those change who came before. */
  go(turn: Turn, trials: Trials): void {
    turn.trials = trials
    this.#on.add(turn)
  }

  /** Who came before a write, and waits for a record that it would change, or has read it in its turn. */
  ahead(turn: Turn, record: CachedRecord): Turn | undefined {
    const queued = this.#queued(turn, record.id)
    if (queued) return queued
    for (const other of this.#on) if (other.number < turn.number && other.trials.seen.has(record)) return other
    return undefined
  }

  end(turn: Turn): void {
    this.#on.delete(turn)
    for (const id of turn.wanted) {
      const left = this.#queues.get(id)
      left?.splice(left.indexOf(turn), 1)
      if (!left?.length) this.#queues.delete(id)
    }
    turn.end()
  }

  #before(turn: Turn): Turn | undefined {
    for (const id of turn.wanted) {
      const before = this.#queued(turn, id)
      if (before) return before
    }
    return undefined
  }

  /** The last one before a write that came into conflict over a record. */
  #queued({ number }: Turn, id: string): Turn | undefined {
    return this.#queues.get(id)?.findLast(other => other.number < number)
  }
}
