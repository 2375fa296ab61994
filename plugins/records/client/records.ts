import type { Row } from '../../../lib/store.ts'
import type { Clock } from '../core/clock.ts'
import type { Registers } from '../core/frame.ts'
import { resolve } from '../core/increment.ts'
import { RecordState } from '../core/record-state.ts'
import type { Kind, Register, Write } from '../core/register.ts'
import { collect } from '../core/tombstones.ts'
import type { Entry } from './entry.ts'

/**
 * For so long, in milliseconds, a device remembers what was deleted: as long as servers do by default. Whoever follows something anew is told
 * of no deletions either.
 */
const HORIZON = 2_592_000_000

/** Of most records one write waits at most. */
const NONE: Entry[] = []

/** A record: what the authority committed (base), what waits to be (pending), and what is seen of both. */
class Held {
  readonly id: string
  base: RecordState
  version = 0
  /** What waits, in the order of writing: the first one, which needs no list, */
  first: Entry | undefined
  /** and those behind it. */
  #more = NONE
  /** Base with what waits, as long as there is any; undefined when it has to be made anew. */
  #view: RecordState | undefined

  constructor(id: string, base: RecordState) {
    this.id = id
    this.base = base
  }

  /** All that waits, as it is now. */
  get pending(): readonly Entry[] {
    return this.first ? [this.first, ...this.#more] : NONE
  }

  /** While nothing waits it is the base itself, so that records that nobody writes are there once. */
  get view(): RecordState {
    if (!this.first) return this.base
    if (!this.#view) {
      this.#view = this.base.copy()
      for (const { records } of this.pending) this.#merge(this.#view, records)
    }
    return this.#view
  }

  write(entry: Entry): void {
    if (!this.first) this.first = entry
    // It may say the same record twice.
    else if ((this.#more.at(-1) ?? this.first) !== entry) {
      // Before it is added: a view that was made already only gets what is new.
      this.#merge(this.view, entry.records)
      if (this.#more === NONE) this.#more = []
      this.#more.push(entry)
    }
  }

  /** @returns whether it was there */
  settle(entry: Entry): boolean {
    if (entry === this.first) this.first = this.#more.shift()
    else {
      const at = this.#more.indexOf(entry)
      if (at < 0) return false
      this.#more.splice(at, 1)
    }
    this.refresh()
    return true
  }

  /** Something other than a new write changed. */
  refresh(): void {
    this.#view = undefined
  }

  #merge(view: RecordState, records: Entry['records']): void {
    for (const { record, registers } of records)
      if (record === this.id) for (const write of registers) view.merge(resolve(view, write))
  }
}

/** The records at hand. */
export class Records {
  readonly #records = new Map<string, Held>()
  /** Told of the stamps that come from the authority. */
  readonly #clock: Pick<Clock, 'saw' | 'ago'>
  readonly #isKept: boolean
  #touched = new Map<string, Set<string>>()
  /** What was asked for last: who writes has looked before. */
  #last: Held | undefined

  /** @param isKept - whether somebody asks for what was touched */
  constructor(clock: Pick<Clock, 'saw' | 'ago'>, isKept: boolean) {
    this.#clock = clock
    this.#isKept = isKept
  }

  get(id: string): RecordState | undefined {
    return this.#find(id)?.view
  }

  version(id: string): number {
    return this.#records.get(id)?.version ?? 0
  }

  ids(): Iterable<string> {
    return this.#records.keys()
  }

  /** What the authority committed. */
  base(id: string): RecordState | undefined {
    return this.#records.get(id)?.base
  }

  /** Takes over what the authority committed. @param whole - it replaces what is there */
  merge(id: string, registers: readonly Register[], version: number, whole: boolean): void {
    const held = this.#hold(id)
    if (whole) this.#clear(held)
    for (let at = 0; at < registers.length; at++) {
      const register = registers[at] as Register
      this.#clock.saw(register.t)
      if (held.base.merge(register, version)) this.#touch(id, register.path)
    }
    if (version > held.version) held.version = version
    held.refresh()
    this.#sweep(held)
  }

  /** Takes over what the store has of a record that is not there. */
  load(id: string, rows: Iterable<Row>): void {
    const held = this.#hold(id)
    for (const { path, kind, value, t, node, seq } of rows) {
      this.#clock.saw(t)
      // What is a kind in a row was one when it was written. What is hidden was not when it was kept: the store lets go of it.
      if (!held.base.merge({ path, kind: kind as Kind, value, t, node }, seq)) this.#touch(id, path)
      held.version = Math.max(held.version, seq)
    }
    // As long as it is known what was deleted, what was written later into a deleted record is not there, nor is what waits since before.
    if (!held.first && (!held.base.isDeleted() || held.base.size === 1))
      for (const { path } of collect(held.base, this.#clock.ago(HORIZON))) this.#touch(id, path)
    held.refresh()
    this.#sweep(held)
  }

  /** Forgets what the authority committed: it is not so any more. @returns whether there was anything */
  drop(id: string): boolean {
    const held = this.#records.get(id)
    if (!held?.base.size) return false
    this.#clear(held)
    held.refresh()
    this.#sweep(held)
    return true
  }

  /** Takes what the authority committed out of memory. */
  unload(id: string): void {
    const held = this.#records.get(id)
    if (!held) return
    held.base = this.#make(id)
    held.version = 0
    held.refresh()
    this.#sweep(held)
  }

  /** Forgets everything. @returns the ids of what was there */
  clear(): ReadonlySet<string> {
    const ids = new Set(this.#records.keys())
    this.#records.clear()
    this.#touched.clear()
    this.#last = undefined
    return ids
  }

  /** What waits of a record, in the order of writing. */
  pending(id: string): readonly Entry[] {
    return this.#records.get(id)?.pending ?? NONE
  }

  /** Some of what waits of a record is in what was committed. */
  include(id: string, entries: Iterable<Entry>): void {
    const held = this.#records.get(id)
    for (const entry of entries) held?.settle(entry)
  }

  /** What changed since the last call, by the ids of records: the paths, those of registers that are gone too. */
  takeTouched(): ReadonlyMap<string, ReadonlySet<string>> {
    const touched = this.#touched
    this.#touched = new Map()
    return touched
  }

  /** Shows a write. */
  write(entry: Entry, changed?: Set<string>): void {
    const { records } = entry
    // The hot path, and so by hand.
    for (let at = 0; at < records.length; at++) {
      const { record } = records[at] as Registers<Write>
      this.#hold(record).write(entry)
      changed?.add(record)
    }
  }

  /** A write does not wait any more. */
  settle(entry: Entry, changed: Set<string>): void {
    for (const { record } of entry.records) {
      const held = this.#records.get(record)
      if (!held?.settle(entry)) continue
      changed.add(record)
      this.#sweep(held)
    }
  }

  /** The stamps of a write changed. */
  refresh({ records }: Entry, changed: Set<string>): void {
    for (const { record } of records) {
      changed.add(record)
      this.#records.get(record)?.refresh()
    }
  }

  #find(id: string): Held | undefined {
    if (this.#last?.id !== id) this.#last = this.#records.get(id)
    return this.#last
  }

  #hold(id: string): Held {
    let held = this.#find(id)
    if (!held) this.#records.set(id, (this.#last = held = new Held(id, this.#make(id))))
    return held
  }

  #make(id: string): RecordState {
    return new RecordState(path => this.#touch(id, path))
  }

  #clear(held: Held): void {
    for (const { path } of held.base.registers()) this.#touch(held.id, path)
    held.base = this.#make(held.id)
    held.version = 0
  }

  #touch(id: string, path: string): void {
    if (!this.#isKept) return
    const paths = this.#touched.get(id)
    if (paths) paths.add(path)
    else this.#touched.set(id, new Set([path]))
  }

  #sweep(held: Held): void {
    if (held.first || held.base.size) return
    this.#records.delete(held.id)
    this.#last = undefined
  }
}
