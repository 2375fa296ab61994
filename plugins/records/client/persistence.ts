import type { Row, Store } from '../../../lib/store.ts'
import { toBase64 } from '../core/base64.ts'
import { packWrite, unpackWrite } from '../core/codec.ts'
import { collectionOf } from '../core/path.ts'
import { toRow } from '../core/register.ts'
import type { Applied } from './apply.ts'
import { Committer } from './committer.ts'
import { Entry } from './entry.ts'
import { Queue } from './outbox.ts'
import type { Records } from './records.ts'
import { keyOf, nameOf, NOWHERE } from './scope.ts'
import type { Cursor, Scope } from './scope.ts'

/** 64 random bits as base64url. */
export const makeNode = (): string => toBase64(crypto.getRandomValues(new Uint8Array(8)))

/*
 * What a replica keeps in its store beside the registers of records:
 * - `node/<node>`: [number of its next write, epoch, since]: how far the process that has the node has what it follows
 * - `outbox/<node>/<number>`: [write, wall, floor]: a write that waits, and of its `Moment` what outlives the process
 * - `cursor/<key of a scope>`: [epoch, since], or the node of the process that follows it: then it is as far as that
 * - `offset`: milliseconds that the device's clock is behind
 */
const NODE = 'node/'
const OUTBOX = 'outbox/'
const CURSOR = 'cursor/'
const OFFSET = 'offset'

const keyOfEntry = ({ node, number }: Entry): string => `${OUTBOX}${node}/${String(number).padStart(16, '0')}`

const isNumber = (value: unknown): value is number => typeof value === 'number'

const toCursor = (epoch: unknown, since: unknown): Cursor | undefined =>
  typeof epoch === 'string' && epoch && isNumber(since) ? { epoch, since } : undefined

const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const toEntry = (value: unknown): Entry => {
  const [packed, wall, floor] = toList(value)
  const { node, number, records, atomic, conditions } = unpackWrite(packed)
  const moment = isNumber(wall) && isNumber(floor) ? { wall, monotonic: undefined, floor } : undefined
  const entry = new Entry(node, number, records, { atomic, conditions }, moment)
  entry.keep()
  entry.isVoid = !records.length
  return entry
}

/** What was found in a store: the outboxes that this process speaks for, its own one first. */
export interface Found {
  readonly queues: readonly Queue[]
  readonly offset: number
}

/** Keeps what a replica has in its store. */
export class Persistence {
  readonly #store: Store
  readonly #committer: Committer
  /** How far the store has scopes that are not followed now. */
  readonly #cursors = new Map<string, Cursor>()
  /** Scopes that the store has as far as the node of this process. */
  readonly #live = new Set<Scope>()
  /** For each reading that is under way, the records that changed since it began. */
  readonly #readings = new Set<Set<string>>()
  #own = new Queue('')
  #cursor: Cursor | undefined
  #isOpen = false

  /** @param failed - told of commits that failed, which are tried again */
  constructor(store: Store, failed: (error: unknown) => void) {
    this.#store = store
    this.#committer = new Committer(commit => store.commit(commit), failed)
  }

  /** Opens the store, and reads what is there. May be called again when it failed. */
  async open(): Promise<Found> {
    if (!this.#isOpen) await this.#store.open()
    this.#isOpen = true
    const nodes = new Map(
      (await this.#store.entries(NODE)).map(([key, value]) => [key.slice(NODE.length), toList(value)])
    )
    const queues: Queue[] = []
    for (const [node, [next]] of nodes) queues.push(await this.#queue(node, next))
    this.#own = queues[0] ?? new Queue(makeNode())
    if (!queues.length) queues.push(this.#own)
    for (const [key, value] of await this.#store.entries(CURSOR)) {
      const [epoch, since] = Array.isArray(value) ? toList(value) : (nodes.get(String(value)) ?? []).slice(1)
      const cursor = toCursor(epoch, since)
      if (cursor) this.#cursors.set(key.slice(CURSOR.length), cursor)
      // From now on the node is as far as what this process follows.
      this.#committer.entry(key, cursor && [cursor.epoch, cursor.since])
    }
    this.#progress()
    const offset = await this.#store.entry(OFFSET)
    return { queues, offset: isNumber(offset) ? offset : 0 }
  }

  /**
   * Brings what the store has of a scope into memory, but for records that are there. Also where it is not known how old that is: the
   * reset that follows then removes from the store what is not there any more.
   * @returns how far the store has the scope
   */
  async load(scope: Scope, records: Records): Promise<Cursor> {
    const skip = new Set<string>()
    this.#readings.add(skip)
    try {
      await this.#committer.idle()
      const { name } = scope
      const rows = await this.#store.rows([scope.isCollection ? { prefix: name } : { record: name }])
      const found = new Map<string, Row[]>()
      for (const row of rows) {
        const { record } = row
        if (skip.has(record) || !scope.mayHave(record) || records.base(record)?.size) continue
        const list = found.get(record)
        if (list) list.push(row)
        else found.set(record, [row])
      }
      for (const [id, list] of found) records.load(id, list)
      return this.#cursors.get(scope.key) ?? this.#cursors.get(keyOf(collectionOf(scope.name), undefined)) ?? NOWHERE
    } finally {
      this.#readings.delete(skip)
    }
  }

  /** Keeps a write, or what became of it. @param done - called when it is kept */
  keep(entry: Entry, done: () => void): void {
    const { wall = null, floor = 0 } = entry.moment ?? {}
    this.#committer.entry(keyOfEntry(entry), [packWrite(entry.frame), wall, floor])
    this.#progress()
    this.#committer.after(done)
  }

  /** Keeps what a delta changed: registers, how far the scopes are, and that writes do not wait any more; all in one commit. */
  changed(records: Records, { told, settled, dropped }: Applied, cursor: Cursor, done: () => void): void {
    for (const [id, paths] of records.takeTouched()) {
      const base = records.base(id)
      for (const path of paths) {
        const register = base?.get(path)
        this.#committer.row(id, path, register && toRow(id, register.seq, register))
      }
      for (const skip of this.#readings) skip.add(id)
    }
    for (const entry of settled) this.#committer.entry(keyOfEntry(entry), undefined)
    for (const scope of told) {
      if (scope.isLive) this.#live.add(scope)
      else this.#live.delete(scope)
      this.#cursors.delete(scope.key)
      this.#committer.entry(CURSOR + scope.key, scope.isLive ? this.#own.node : undefined)
    }
    // What was taken away is missing from what is not followed now too, so that has to be fetched anew.
    for (const key of dropped.length ? [...this.#cursors.keys()] : []) {
      const name = nameOf(key)
      if (!dropped.some(id => id === name || collectionOf(id) === name)) continue
      this.#cursors.delete(key)
      this.#committer.entry(CURSOR + key, undefined)
    }
    this.#cursor = cursor
    this.#progress()
    this.#committer.after(done)
  }

  /** A scope stays as it is now, while others go on. */
  leave(scope: Scope): void {
    if (!this.#live.delete(scope)) return
    this.#cursors.set(scope.key, scope.cursor)
    this.#committer.entry(CURSOR + scope.key, [scope.cursor.epoch, scope.cursor.since])
  }

  /** Keeps how far the device's clock is behind, in milliseconds. */
  offset(offset: number): void {
    this.#committer.entry(OFFSET, Math.round(offset))
  }

  /** Writes what waits to be written, and closes the store. */
  async close(): Promise<void> {
    await this.#committer.close()
    await this.#store.close()
  }

  #progress(): void {
    const { node, next } = this.#own
    this.#committer.entry(NODE + node, [next, this.#cursor?.epoch ?? '', this.#cursor?.since ?? 0])
  }

  async #queue(node: string, next: unknown): Promise<Queue> {
    const queue = new Queue(node)
    for (const [, value] of await this.#store.entries(`${OUTBOX}${node}/`)) queue.entries.push(toEntry(value))
    queue.next = isNumber(next) ? next : 1
    return queue
  }
}
