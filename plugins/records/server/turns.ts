import type { WriteFrame } from '../core/frame.ts'
import type { CachedRecord } from './record-cache.ts'
import type { Trials } from './trials.ts'

/** The place of a write among those that are decided about. */
export class Turn {
  /** What it is about. */
  readonly frame: WriteFrame
  /** That of the hook in which it was written: it has the same place. */
  readonly within: Turn | undefined
  /** Who has a smaller one came before. */
  readonly place: { number: number }
  /** What it goes by. */
  trials: Trials
  /** The ids of records that it came into conflict over. */
  readonly wanted = new Set<string>()
  /** It is decided. */
  isOver = false
  /** It took so long that nobody waits for it. */
  isPassed = false
  #over: Promise<void> | undefined
  #tell: (() => void) | undefined

  constructor(frame: WriteFrame, trials: Trials, place: { number: number }, within?: Turn) {
    this.frame = frame
    this.trials = trials
    this.place = place
    this.within = within
  }

  /** Resolves when nobody has to wait for it any more. */
  get over(): Promise<void> {
    return (this.#over ??= new Promise(resolve => (this.#tell = resolve)))
  }

  /** Has go on who waits for it. */
  free(): void {
    this.#tell?.()
    this.#over = this.#tell = undefined
  }

  isBefore({ place }: Turn): boolean {
    return this.place.number < place.number
  }

  /** Whether its hook is about a record, or has read it, or one within which it was called. */
  goesBy(id: string): boolean {
    for (const { id: seen } of this.trials.seen.keys()) if (seen === id) return true
    return !!this.within && !this.within.isOver && this.within.goesBy(id)
  }
}

/**
 * Whose turn it is, where hooks want the same records. Each goes first as if it was alone. Who came into conflict over a record has
 * its turn with it when all who came before are done, and nobody who came later changes then what it has read. As everybody
 * waits only for who came before, all get through. What is written within a hook has the place of that hook: it waits for nobody who
 * may wait for the hook.
 */
export class Turns {
  #count = 0
  /** Those that came into conflict over a record, by its id. */
  readonly #queues = new Map<string, Set<Turn>>()
  /** Those of them whose turn it is. */
  readonly #on = new Set<Turn>()
  /** How many are not waited for, and not done. */
  passed = 0

  /** How many there is something to remember of. */
  get size(): number {
    return this.#queues.size + this.#on.size + this.passed
  }

  /** @param within - the hook in which it was written */
  begin(frame: WriteFrame, trials: Trials, within?: Turn): Turn {
    return within && !within.isOver
      ? new Turn(frame, trials, within.place, within)
      : new Turn(frame, trials, { number: ++this.#count })
  }

  /** Notes that a write came into conflict over a record. */
  want(turn: Turn, { id }: CachedRecord): void {
    this.#on.add(turn)
    turn.wanted.add(id)
    const queue = this.#queues.get(id)
    if (queue) queue.add(turn)
    else this.#queues.set(id, new Set([turn]))
  }

  /** Resolves when all who came before are done with what a write came into conflict over. */
  async wait(turn: Turn): Promise<void> {
    this.#on.delete(turn)
    for (let before; !turn.isOver && (before = this.before(turn)?.turn);) await before.over
  }

  /** It is the turn of a write: what it reads from here on only those change who came before. */
  go(turn: Turn, trials: Trials): void {
    turn.trials = trials
    this.#on.add(turn)
  }

  /** It takes too long: it goes behind all others, and is not waited for. */
  pass(turn: Turn): void {
    if (!turn.isPassed) this.passed++
    turn.isPassed = true
    turn.place.number = ++this.#count
    this.#leave(turn)
  }

  /** Who came before a write, and waits for a record that it would change, or has read it in its turn. */
  ahead(turn: Turn, record: CachedRecord): Turn | undefined {
    const queued = this.#queued(turn, record.id)
    if (queued) return queued
    for (const other of this.#on) if (other.isBefore(turn) && other.trials.seen.has(record)) return other
    return undefined
  }

  end(turn: Turn): void {
    if (turn.isPassed) this.passed--
    turn.isOver = true
    this.#leave(turn)
  }

  /** Somebody who came before a write, and a record that both came into conflict over. */
  before(turn: Turn): { readonly turn: Turn; readonly id: string } | undefined {
    for (const id of turn.wanted) {
      const before = this.#queued(turn, id)
      if (before) return { turn: before, id }
    }
    return undefined
  }

  #leave(turn: Turn): void {
    this.#on.delete(turn)
    for (const id of turn.wanted) {
      const left = this.#queues.get(id)
      left?.delete(turn)
      if (!left?.size) this.#queues.delete(id)
    }
    turn.wanted.clear()
    turn.free()
  }

  /** The last one before a write that came into conflict over a record. */
  #queued(turn: Turn, id: string): Turn | undefined {
    let last: Turn | undefined
    for (const other of this.#queues.get(id) ?? [])
      if (other.isBefore(turn) && !(last && other.isBefore(last))) last = other
    return last
  }
}
