import type { Row, Store } from '../../../lib/store.ts'
import { RecordState } from '../core/record-state.ts'
import { resolve } from '../core/increment.ts'
import { toRow } from '../core/register.ts'
import { collect } from '../core/tombstones.ts'
import type { Gone } from '../core/tombstones.ts'
import type { Kind, Write } from '../core/register.ts'
import { sizeOf } from './check-writes.ts'
import { lasting } from './trials.ts'

/** A record in memory: what is committed, and what is about to be. */
export class CachedRecord {
  readonly id: string
  /** Paths that the store has, and the state has not any more. */
  pruned: string[] = []
  state: RecordState
  /** The greatest number of a commit that changed it. */
  version = 0
  /** How often it was changed since it is in memory. */
  edits = 0
  /** About how many bytes it has. */
  bytes = 0
  /** As how many it counted when it was needed last. */
  counted = 0
  /** How many need it: it stays as long as somebody does. */
  pins = 0

  constructor(id: string) {
    this.id = id
    this.state = this.#make()
  }

  /** Takes over what a store has of it. */
  add({ path, kind, value, t, node, seq }: Row): void {
    // What is a kind in a row was one when it was written.
    this.state.merge({ path, kind: kind as Kind, value, t, node }, seq)
    if (seq > this.version) this.version = seq
    this.bytes += sizeOf({ path, value })
  }

  /**
   * Does writes.
   * @param seq - the number of the commit that they are for
   * @returns the paths at which they changed anything
   */
  write(writes: readonly Write[], seq: number): readonly string[] {
    const { length } = this.pruned
    const changed: string[] = []
    for (const write of lasting(writes)) {
      const register = resolve(this.state, write)
      const before = this.state.get(write.path)
      const size = before ? sizeOf(before) : 0
      if (!this.state.merge(register, seq)) continue
      this.bytes += sizeOf(register) - size
      changed.push(write.path)
    }
    if (changed.length) this.edits++
    // What was hidden by it is gone.
    if (this.pruned.length > length) this.#weigh()
    return changed
  }

  /** Has nothing any more, so that what a store has can be added anew. */
  reset(): void {
    this.edits++
    this.state = this.#make()
    this.version = this.bytes = 0
    this.pruned = []
  }

  /** Forgets what was deleted before a stamp. @returns where that was, and in which commits */
  collect(before: number): readonly Gone[] {
    const gone = collect(this.state, before)
    if (gone.length) this.#weigh()
    return gone
  }

  /**
   * The row of some register with the number of the last change, where the one that had it is gone: else the version of the record
   * would be a former one when it is read the next time, which it had with something else in it.
   */
  carry(): Row | undefined {
    const registers = this.state.registers()
    const [first] = registers
    return first && registers.every(({ seq }) => seq < this.version) ? toRow(this.id, this.version, first) : undefined
  }

  #weigh(): void {
    this.bytes = 0
    for (const register of this.state.registers()) this.bytes += sizeOf(register)
  }

  #make(): RecordState {
    return new RecordState(path => this.pruned.push(path))
  }
}

/** Bytes of records that stay though nobody needs them, about; in memory they may take several times as many. */
const MOST = 134_217_728

/** A record that is being read, and how many wait for it. */
interface Loading {
  readonly record: CachedRecord
  readonly read: Promise<void>
  waiting: number
}

/** The records in memory: those that are needed, and as many others as were used last. */
export class RecordCache {
  readonly #store: Store
  readonly #limit: number
  readonly #most: number
  /** Of all that is not needed, about. */
  #bytes = 0
  readonly #records = new Map<string, CachedRecord>()
  /** Those that nobody needs, the one that was used longest ago first; who is needed again may be among them. */
  readonly #idle = new Set<CachedRecord>()
  readonly #loading = new Map<string, Loading>()
  #next: string[] = []
  #read: Promise<void> | undefined

  /**
   * @param limit - how many records stay that nobody needs
   * @param most - and about how many bytes they have
   */
  constructor(store: Store, limit: number, most = MOST) {
    this.#store = store
    this.#limit = limit
    this.#most = most
  }

  get size(): number {
    return this.#records.size
  }

  /** A record, if it is in memory; it is not pinned. */
  get(id: string): CachedRecord | undefined {
    const record = this.#records.get(id)
    if (record && this.#idle.delete(record)) this.#idle.add(record)
    return record
  }

  /**
   * Brings a record into memory, and pins it. Those that are asked for in one turn are read together.
   * @throws what the store rejects with
   */
  async load(id: string): Promise<CachedRecord> {
    const known = this.get(id)
    if (known) {
      known.pins++
      return known
    }
    let loading = this.#loading.get(id)
    if (!loading) {
      this.#next.push(id)
      this.#read ??= Promise.resolve().then(() => this.#readAll())
      loading = { record: new CachedRecord(id), read: this.#read, waiting: 0 }
      this.#loading.set(id, loading)
    }
    loading.waiting++
    await loading.read
    return loading.record
  }

  /** Lets go of a record that was pinned. */
  unpin(record: CachedRecord): void {
    if (--record.pins) return
    this.#bytes += record.bytes - record.counted
    record.counted = record.bytes
    this.#idle.delete(record)
    this.#idle.add(record)
    this.#shrink()
  }

  async #readAll(): Promise<void> {
    const ids = this.#next
    this.#next = []
    this.#read = undefined
    try {
      for (const row of await this.#store.rows(ids.map(record => ({ record })))) {
        this.#loading.get(row.record)?.record.add(row)
      }
      for (const id of ids) this.#keep(this.#loading.get(id))
    } finally {
      for (const id of ids) this.#loading.delete(id)
    }
    this.#shrink()
  }

  #keep(loaded: Loading | undefined): void {
    if (!loaded) return
    loaded.record.pins = loaded.waiting
    loaded.record.pruned = []
    this.#records.set(loaded.record.id, loaded.record)
  }

  #shrink(): void {
    for (const record of this.#idle) {
      if (this.#records.size <= this.#limit && this.#bytes <= this.#most) return
      this.#idle.delete(record)
      if (record.pins) continue
      this.#records.delete(record.id)
      this.#bytes -= record.counted
    }
  }
}
