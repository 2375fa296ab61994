import { resolve } from '../core/increment.ts'
import { RecordState } from '../core/record-state.ts'
import type { Register } from '../core/register.ts'
import type { Entry } from './entry.ts'

/** A record: what the authority committed (base), what waits to be (pending), and what is seen of both. */
class Held {
  readonly id: string
  base = new RecordState()
  version = 0
  /** In the order of writing. */
  readonly pending = new Set<Entry>()
  /** Base with pending, as long as there is any; undefined when it has to be made anew. */
  #view: RecordState | undefined

  constructor(id: string) {
    this.id = id
  }

  /** While nothing is pending it is the base itself, so that records that nobody writes are there once. */
  get view(): RecordState {
    if (!this.pending.size) return this.base
    if (!this.#view) {
      this.#view = this.base.copy()
      for (const { records } of this.pending) this.#merge(this.#view, records)
    }
    return this.#view
  }

  write(entry: Entry): void {
    // Before it is added: a view that was made already only gets what is new.
    const { view } = this
    const isOwn = this.pending.size > 0
    this.pending.add(entry)
    if (isOwn) this.#merge(view, entry.records)
    else this.#view = undefined
  }

  /** Something other than a new write changed. */
  refresh(): void {
    this.#view = undefined
  }

  #merge(view: RecordState, records: Entry['records']): void {
    for (const { record, registers } of records)
      if (record === this.id) for (const register of registers) view.merge(resolve(view, register))
  }
}

/** The records at hand. */
export class Records {
  readonly #records = new Map<string, Held>()
  /** Told of the stamps that come from the authority. */
  readonly #saw: (t: number) => void

  constructor(saw: (t: number) => void) {
    this.#saw = saw
  }

  get(id: string): RecordState | undefined {
    return this.#records.get(id)?.view
  }

  version(id: string): number {
    return this.#records.get(id)?.version ?? 0
  }

  ids(): Iterable<string> {
    return this.#records.keys()
  }

  isPending(id: string): boolean {
    return !!this.#records.get(id)?.pending.size
  }

  /** What the authority committed. */
  base(id: string): RecordState | undefined {
    return this.#records.get(id)?.base
  }

  /** Takes over what the authority committed. @param whole - it replaces what is there */
  merge(id: string, registers: Iterable<Register>, version: number, whole: boolean): void {
    const held = this.#hold(id)
    if (whole) held.base = new RecordState()
    for (const register of registers) {
      this.#saw(register.t)
      held.base.merge(register, version)
    }
    held.version = Math.max(whole ? 0 : held.version, version)
    held.refresh()
    this.#sweep(held)
  }

  /** Forgets what the authority committed. @returns whether there was anything */
  drop(id: string): boolean {
    const held = this.#records.get(id)
    if (!held) return false
    const { size } = held.base
    held.base = new RecordState()
    held.version = 0
    held.refresh()
    this.#sweep(held)
    return size > 0
  }

  /** Shows a write. @returns the ids of its records */
  write(entry: Entry): Set<string> {
    const ids = new Set<string>()
    for (const { record } of entry.records) {
      if (ids.has(record)) continue
      ids.add(record)
      this.#hold(record).write(entry)
    }
    return ids
  }

  /** A write does not wait any more. */
  settle(entry: Entry, changed: Set<string>): void {
    for (const { record } of entry.records) {
      const held = this.#records.get(record)
      if (!held?.pending.delete(entry)) continue
      changed.add(record)
      held.refresh()
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

  #hold(id: string): Held {
    let held = this.#records.get(id)
    if (!held) this.#records.set(id, (held = new Held(id)))
    return held
  }

  #sweep(held: Held): void {
    if (!held.pending.size && !held.base.size) this.#records.delete(held.id)
  }
}
