import { canCount, Edit } from '../core/edit.ts'
import type { Registers } from '../core/frame.ts'
import type { RecordState } from '../core/record-state.ts'
import { TICKS } from '../core/clock.ts'
import { itemsAt, POSITION, VALUE } from '../core/item.ts'
import { DELETED, INCREMENT, isAfter, LEAF } from '../core/register.ts'
import { isBelow, meet } from '../core/path.ts'
import type { Register, Stamp, Write } from '../core/register.ts'
import type { Engine, WriteHandle } from './engine.ts'
import { Steps } from './steps.ts'
import type { Former } from './steps.ts'
import type { Records } from './surface.ts'
import { Theirs } from './theirs.ts'

/** What came of an `undo` or `redo`. */
export interface Undone {
  /** Undefined where everything was skipped. */
  readonly write: WriteHandle | undefined
  /** What was left as it is, because somebody has written there since. */
  readonly skipped: readonly (readonly [record: string, path: string])[]
}

/** What is written where, but for what makes a record only where there is none. */
const fieldsOf = (records: readonly Registers<Write>[]): (readonly [record: string, write: Write])[] =>
  records.flatMap(({ record, registers }) => registers.filter(({ t }) => t > 0).map(write => [record, write] as const))

/**
 * What this end wrote, step by step, to be taken back. It never takes back what somebody else has written since: a step only
 * touches what still is as it left it.
 */
export interface History {
  readonly canUndo: boolean
  readonly canRedo: boolean
  /** Takes back the last step; undefined where there is none. */
  undo(): Undone | undefined
  /** Does again what was undone last; undefined where there is nothing. */
  redo(): Undone | undefined
  /** Forgets all steps. */
  clear(): void
}

class Past implements History {
  readonly #engine: Engine
  /** In ticks. */
  readonly #pause: number
  readonly #done: Steps
  readonly #undone: Steps
  /** Whether the last step is what was written last. */
  #isOpen = false
  /** Nodes that this end has written for: it has another one when it is opened again. */
  readonly #own = new Set<string>()
  readonly #theirs = new Theirs()

  constructor(engine: Engine, { steps = 100, merge = 500 }: HistoryOptions) {
    this.#engine = engine
    this.#done = new Steps(engine, steps)
    this.#undone = new Steps(engine, steps)
    this.#pause = merge * TICKS
    engine.on('cleared', () => this.clear())
  }

  get canUndo(): boolean {
    return !this.#done.isEmpty
  }

  get canRedo(): boolean {
    return !this.#undone.isEmpty
  }

  /** Remembers what a new write replaces; to be called before it is written. What was undone cannot be redone any more. */
  record(records: readonly Registers<Write>[]): ((write: WriteHandle) => void) | undefined {
    // Only a version is asked about.
    if (!fieldsOf(records).length) return undefined
    const last = this.#isOpen && this.#follows(records) ? this.#done.last : undefined
    const before = last?.before ?? this.#before(records)
    return write => {
      if (write.status === 'refused') return
      this.#own.add(write.node)
      this.#undone.clear()
      this.#isOpen = true
      if (last) this.#done.pop()
      this.#done.push({ writes: [...(last?.writes ?? []), write], before })
    }
  }

  undo(): Undone | undefined {
    return this.#take(true)
  }

  redo(): Undone | undefined {
    return this.#take(false)
  }

  clear(): void {
    this.#done.clear()
    this.#undone.clear()
    this.#theirs.keep([])
  }

  /** Whether a write goes on with the last step: it is in the same fields, soon, and nobody else was there meanwhile. */
  #follows(records: readonly Registers<Write>[]): boolean {
    const last = this.#done.last?.writes.at(-1)?.records ?? []
    const [before, now] = [fieldsOf(last), fieldsOf(records)]
    return (
      now.length === before.length &&
      now.every(([record, { kind, path, t }], at) => {
        const [otherRecord, other] = before[at] ?? []
        const isSame = record === otherRecord && path === other?.path && kind === LEAF && other.kind === LEAF
        return isSame && t - other.t < this.#pause && this.#isUntouched(this.#engine.state(record), path, other)
      })
    )
  }

  /**
   * Whether nobody else has written at a path, above or below it, since this end did. What this end itself wrote later was taken back
   * before, as steps are taken back the last one first.
   */
  #isUntouched(state: RecordState | undefined, path: string, stamp: Stamp): boolean {
    for (const register of state?.registers() ?? [])
      if (meet(register.path, path) && !this.#own.has(register.node) && isAfter(register, stamp)) return false
    return true
  }

  /** Whether what is known of a record, here or by the server's word, is at hand. */
  #isAtHand(record: string): boolean {
    const following = this.#engine.follow(record, undefined, 1)
    this.#engine.unfollow(following, 1)
    return following.state === 'local' || following.state === 'synced'
  }

  /**
   * What is to be taken back. Who made a record by writing into it, and does not know by now whether it was there, takes back no more
   * than what was written.
   */
  #formers(former: Former, writes: readonly Write[]): readonly Former[] {
    const isMade = former.path === '' && !former.wasThere && !writes.some(({ path }) => path === '')
    return isMade && !this.#isAtHand(former.record) ? writes.map(({ path }) => ({ ...former, path })) : [former]
  }

  /** Whether enough is known of a record to take back what this end wrote there. */
  #isKnown({ record, path, wasThere }: Former, writes: readonly Write[]): boolean {
    const state = this.#engine.state(record)
    const root = writes.find(({ path }) => path === '')
    const isAtHand = this.#isAtHand(record)
    // Who wrote into it may not have known that it was there, with what others wrote before.
    if (!wasThere && !root)
      return isAtHand ? !state?.registers().some(register => this.#isTheirs(register)) : path !== ''
    return !!state || (isAtHand && root?.kind === DELETED)
  }

  /** Whether there is something of somebody else. */
  #isTheirs({ kind, t, node }: Register): boolean {
    return kind !== DELETED && t > 0 && !this.#own.has(node)
  }

  /** What is where some writes go. Nothing has to be known of what lies below another one that hides it. */
  #before(records: readonly Registers<Write>[]): readonly Former[] {
    return records.flatMap(({ record, registers }): Former[] => {
      const state = this.#engine.visible(record) ? this.#engine.state(record) : undefined
      // To take back that it was made is to delete it; but what was added is taken off.
      if (!state && !registers.some(({ kind }) => kind === INCREMENT))
        return [{ record, path: '', value: undefined, registers: [], wasThere: false }]
      const all = state?.registers() ?? []
      const hiding = registers.filter(({ kind, t }) => kind !== LEAF && kind !== INCREMENT && t > 0)
      const written = registers.filter(({ t }) => t > 0)
      // Of several writes at one path the last one counts; and an item of a list is made as a whole.
      const paths = new Set(
        written.map(({ path }) => itemsAt(path, POSITION, VALUE).find(item => state?.view(item) === undefined) ?? path)
      )
      return [...paths]
        .filter(path => !hiding.some(other => isBelow(path, other.path)))
        .map(path => ({
          record,
          path,
          value: state?.view(path),
          registers: all.filter(other => other.path === path || isBelow(other.path, path)),
          wasThere: !!state
        }))
    })
  }

  #take(isUndo: boolean): Undone | undefined {
    const [from, to] = isUndo ? [this.#done, this.#undone] : [this.#undone, this.#done]
    this.#theirs.keep([...from.formers, ...to.formers])
    const step = from.pop()
    this.#isOpen = false
    if (!step) return undefined
    const last = step.writes.at(-1)
    // What waits may go on under another node.
    if (last) this.#own.add(last.node)
    const skipped: [string, string][] = []
    const edits = new Map<string, Edit>()
    const all = step.before.flatMap(former => {
      // The stamps that the write has now: they may have been corrected since.
      const own = last?.records.find(({ record }) => record === former.record)?.registers.filter(({ t }) => t > 0) ?? []
      return this.#formers(former, own).map(each => [each, own] as const)
    })
    for (const [former, writes] of all) {
      const { record, path, value, registers } = former
      const write = writes.findLast(other => other.path === path) ?? writes.find(other => isBelow(other.path, path))
      const state = this.#engine.state(record)
      const edit = edits.get(record) ?? new Edit(state, this.#engine.tick(), this.#engine.limits.maxValue)
      if (write?.kind === INCREMENT && canCount(state?.view(path))) edit.increment(path, -Number(write.value))
      else if (
        !write ||
        write.kind === INCREMENT ||
        !this.#isKnown(former, writes) ||
        !this.#isUntouched(state, path, write) ||
        this.#theirs.hides(record, path, write)
      )
        skipped.push([record, path])
      else if (value === undefined) edit.delete(path)
      else edit.replace(path, value)
      edits.set(record, edit)
      for (const register of write ? registers : [])
        if (!this.#own.has(register.node)) this.#theirs.add(record, register.path, register)
    }
    const records = [...edits]
      .map(([record, { writes }]) => ({ record, registers: writes }))
      .filter(({ registers }) => registers.length > 0)
    if (!records.length) return { write: undefined, skipped }
    const before = this.#before(records)
    const write = this.#engine.write(records, { atomic: true })
    this.#own.add(write.node)
    to.push({ writes: [write], before })
    return { write, skipped }
  }
}

export interface HistoryOptions {
  /** How many steps are remembered: fewer where they are about more than 1,000 records in all. Default 100. */
  readonly steps?: number | undefined
  /**
   * Milliseconds. What is written into the same fields so soon after the step before belongs to that, as letters do that are typed.
   * Default 500; 0: each write is a step.
   */
  readonly merge?: number | undefined
}

/**
 * Remembers from here on what is written through `records`, so that it can be undone: a transaction is one step.
 * @example
 * const steps = history(client.records)
 * steps.undo()
 */
export const history = (records: Pick<Records, 'engine' | 'observe'>, options: HistoryOptions = {}): History => {
  const all = new Past(records.engine, options)
  records.observe(writes => all.record(writes))
  return all
}
