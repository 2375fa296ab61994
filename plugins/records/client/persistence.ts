import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CLOSED, ERR_STORE } from '../../../lib/failures.ts'
import type { Row, Store } from '../../../lib/store.ts'
import { collectionOf, isAmong } from '../core/path.ts'
import { toRow } from '../core/register.ts'
import type { Applied } from './apply.ts'
import { Committer } from './committer.ts'
import { Cursors } from './cursors.ts'
import { empty } from './empty.ts'
import type { Entry } from './entry.ts'
import {
  CURSOR,
  cursorOf,
  DAMAGED,
  encodeKept,
  IDENTITY,
  keyOfEntry,
  NODE,
  nodesOf,
  numberOf,
  OFFSET,
  OUTBOX,
  toBlank,
  toEntry
} from './kept.ts'
import { Queue } from './outbox.ts'
import type { WriteId } from './outbox.ts'
import { purge } from './purge.ts'
import type { PurgeHost } from './purge.ts'
import type { Records } from './records.ts'
import { NOWHERE, wholesOf } from './scope.ts'
import type { Cursor, Scope } from './scope.ts'
import { secretOf } from './secret.ts'
import { SharedStore } from './shared-store.ts'
import type { Unlock } from './tabs.ts'
import { upgrade } from './upgrade.ts'
import type { UpgradeOptions } from './upgrade.ts'
import { Use } from './use.ts'

/** What was found in a store. */
export interface Found {
  /** What processes that are gone have left, and this one speaks for. */
  readonly queues: readonly Queue[]
  /** Those of other tabs. */
  readonly others: readonly Queue[]
  readonly offset: number
  readonly secret: string
  readonly identity: number | undefined
}

export interface PersistenceOptions extends UpgradeOptions {
  /** That of this process. */
  readonly node: string
  /** Told of commits that failed, which are tried again, and of what cannot be read. */
  readonly failed: (error: unknown) => void
  /** Told when another tab does not let go of the store, so that it cannot be upgraded. */
  readonly blocked: () => void
}

/** Keeps what a replica has in its store. */
export class Persistence {
  readonly #store: Store
  readonly #options: PersistenceOptions
  readonly #committer: Committer
  readonly #cursors = new Cursors()
  /** Scopes that the store has as far as the node of this process. */
  readonly #live = new Set<Scope>()
  /** For each reading that is under way, the records that changed since it began, and the names of what is purged. */
  readonly #readings = new Set<Set<string>>()
  readonly #shared: SharedStore
  #cursor = NOWHERE
  #isAtHand: (id: string) => boolean = () => true
  #isOpen = false
  #isClosed = false
  /** As long as it is shared, nobody upgrades or clears the store. */
  readonly #use: Use

  constructor(store: Store, options: PersistenceOptions) {
    this.#store = store
    this.#options = options
    const { tabs, failed, blocked } = options
    this.#use = new Use(tabs, blocked)
    this.#shared = new SharedStore(store, tabs, options.node)
    const { gone } = this.#shared
    const host: PurgeHost = { store, cursors: this.#cursors, gone, isAtHand: id => this.#isAtHand(id) }
    this.#committer = new Committer(async (commit, purged) => {
      await this.#shared.commit(await purge(commit, purged, host), this.#cursor, this.#live)
    }, failed)
  }

  /** Opens the store, and reads what is there. May be called again when it failed. */
  async open(): Promise<Found> {
    if (!this.#isOpen) await this.#store.open()
    this.#isOpen = true
    await upgrade(this.#store, this.#use, this.#options)
    // From here on nobody else clears the store: it stays the secret.
    const secret = await secretOf(this.#store, this.#options.tabs)
    const claimed: Unlock[] = []
    try {
      return { secret, ...(await this.#read(claimed)) }
    } catch (error) {
      for (const unlock of claimed) unlock()
      throw error
    }
  }

  /** @param claimed - gets what lets go of the nodes that this process speaks for */
  async #read(claimed: Unlock[]): Promise<Omit<Found, 'secret'>> {
    const own = await this.#claim(this.#options.node)
    if (own) claimed.push(own)
    const nodes = nodesOf(await this.#store.entries(NODE))
    const queues: Queue[] = []
    const others: Queue[] = []
    /** Nodes that nothing is left of. */
    const gone = new Set<string>()
    for (const node of nodes.keys()) {
      const unlock = await this.#claim(node)
      if (unlock) claimed.push(unlock)
      const queue = await this.queue(node, !!unlock)
      if (!unlock) others.push(queue)
      else if (queue.entries.length) queues.push(queue)
      else {
        gone.add(node)
        unlock()
      }
    }
    const cursors = await this.#store.entries(CURSOR)
    for (const node of gone) this.#committer.entry(NODE + node, undefined)
    for (const [key, value] of cursors) {
      const cursor = cursorOf(value, nodes)
      if (cursor) this.#cursors.set(key.slice(CURSOR.length), cursor)
      if (gone.has(String(value))) this.#committer.entry(key, cursor && [cursor.epoch, cursor.since])
    }
    this.#progress()
    const offset = await this.#store.entry(OFFSET)
    const identity = await this.#store.entry(IDENTITY)
    return { queues, others, offset: numberOf(offset) ?? 0, identity: numberOf(identity) }
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
      const [rows, done] = await this.#shared.read(scope, records)
      if (this.#isClosed) throw new AnywireError(ERR_CLOSED)
      for (let at = 0, end = 0; at < rows.length; at = end) {
        const id = (rows[at] as Row).record
        while (rows[end]?.record === id) end++
        if (skip.has(id) || skip.has(collectionOf(id)) || !scope.mayHave(id) || records.base(id)?.size) continue
        records.load(id, rows.slice(at, end))
        records.include(id, done)
      }
      return this.#cursors.of(scope)
    } finally {
      this.#readings.delete(skip)
    }
  }

  /**
   * Keeps a write, or what became of it.
   * @param wall - the device's time when it was written, if its stamps cannot be trusted
   * @param done - called when it is kept
   */
  keep(entry: Entry, wall: number | undefined, done: () => void): void {
    const value = [encodeKept(entry.frame), wall ?? null, entry.moment?.floor ?? 0]
    this.#committer.entry(keyOfEntry(entry), value)
    this.#progress()
    this.#committer.after(() => {
      this.#options.tabs.post('write', value)
      done()
    })
  }

  /** Writes have another node from here on: that of `node`. @param entries - with the node that they had */
  async move(entries: readonly Entry[], node: string): Promise<void> {
    for (const entry of entries) {
      this.#committer.entry(keyOfEntry(entry), undefined)
      this.#options.tabs.post('settled', entry.node, entry.number, true, '')
    }
    if (node === this.#options.node) return
    this.#committer.entry(NODE + node, [])
    await this.#claim(node)
    // Not before it is locked: others would take it for that of a tab that is gone.
    if (!this.#isClosed) this.#options.tabs.post('here', node)
  }

  /**
   * Keeps what a delta changed: registers, how far the scopes are, and that writes do not wait any more; all in one commit, so that what waits
   * in the store is never in what is committed there.
   * @param others - what others wrote, and is done
   * @param kept - called when it is kept
   */
  changed(
    records: Records,
    { told, settled, dropped, purged }: Applied,
    others: readonly WriteId[],
    cursor: Cursor,
    kept: () => void
  ): void {
    for (const id of dropped) this.#shared.gone.add(id)
    for (const entry of [...settled, ...others]) this.#committer.entry(keyOfEntry(entry), undefined)
    for (const scope of told) {
      if (scope.isLive) this.#live.add(scope)
      else this.#live.delete(scope)
      this.#cursors.delete(scope.key)
      this.#committer.entry(CURSOR + scope.key, scope.isLive ? this.#options.node : undefined)
    }
    let names: ReadonlySet<string> | undefined
    for (const [id, paths] of records.takeTouched()) {
      // What is not followed any more stays as it is kept: by now others may have kept what is newer.
      if (records.base(id) || isAmong((names ??= new Set([...dropped, ...wholesOf(this.#live)])), id))
        this.#put(records, id, paths)
      for (const skip of this.#readings) skip.add(id)
    }
    for (const key of this.#cursors.without(dropped)) this.#committer.entry(CURSOR + key, undefined)
    for (const name of purged) {
      this.#committer.purge(name)
      for (const skip of this.#readings) skip.add(name)
    }
    this.#isAtHand = id => !!records.base(id)?.size
    this.#cursor = cursor
    this.#progress()
    this.#committer.after(kept)
  }

  /** Another tab took records out of the store. What this one has of them it keeps once more, and says that it has it. */
  keepAgain(records: Records, ids: readonly string[]): void {
    for (const id of ids) {
      const paths = (records.base(id)?.registers() ?? []).map(({ path }) => path)
      if (!paths.length) continue
      this.#put(records, id, paths)
      for (const scope of this.#live)
        if (scope.mayHave(id)) this.#committer.entry(CURSOR + scope.key, this.#options.node)
    }
  }

  #put(records: Records, id: string, paths: Iterable<string>): void {
    const base = records.base(id)
    for (const path of paths) {
      const register = base?.get(path)
      this.#committer.row(id, path, register && toRow(id, register.seq, register))
    }
  }

  /** A scope stays as it is now, while others go on. */
  leave(scope: Scope): void {
    if (!this.#live.delete(scope)) return
    this.#cursors.set(scope.key, scope.cursor)
    this.#committer.entry(CURSOR + scope.key, [scope.cursor.epoch, scope.cursor.since])
  }

  /** Keeps a number, and tells the other tabs. */
  note(key: string, number: number): void {
    this.#committer.entry(key, number)
    this.#options.tabs.post(key, number)
  }

  /** Writes what waits to be written, and closes the store. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#committer.close()
    await this.#store.close()
    this.#options.tabs.close()
  }

  /** Removes all that is there, as soon as other tabs have let go of it, and closes the store. */
  async clear(): Promise<void> {
    const { tabs } = this.#options
    this.#isClosed = true
    await this.#committer.close()
    if (!this.#isOpen) await this.#store.open()
    tabs.post('clear')
    try {
      await this.#use.alone(() => empty(this.#store))
    } finally {
      await this.#store.close()
      tabs.close()
    }
  }

  #progress(): void {
    const { epoch, since } = this.#cursor
    this.#committer.entry(NODE + this.#options.node, [epoch, since])
  }

  /** The outbox of a node. @param isOwn - whether this process speaks for it */
  async queue(node: string, isOwn = true): Promise<Queue> {
    const queue = new Queue(node)
    for (const [key, value] of await this.#store.entries(`${OUTBOX}${node}/`)) {
      try {
        queue.entries.push(toEntry(value))
      } catch (error) {
        queue.entries.push(toBlank(key))
        if (isOwn) this.#setAside(key, value, error)
      }
    }
    return queue
  }

  /** What waits and cannot be read holds nothing up, and stays in the store. */
  #setAside(key: string, value: unknown, error: unknown): void {
    const aside = DAMAGED + key
    this.#committer.entry(aside, value)
    this.keep(toBlank(key), undefined, () => {})
    const text = `'${key}', a write that waits, cannot be read: it is not sent, and kept as '${aside}'`
    this.#options.failed(new AnywireError(ERR_STORE, text, error))
  }

  #claim(node: string): Promise<Unlock | undefined> {
    return this.#options.tabs.lock(node, { ifAvailable: true })
  }
}
