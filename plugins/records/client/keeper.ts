import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_CLOSED, ERR_SCHEMA, ERR_STORE } from '../../../lib/failures.ts'
import type { Store } from '../../../lib/store.ts'
import { COMPARES } from '../core/frame.ts'
import type { Delta, SchemaVersion } from '../core/frame.ts'
import type { Applied } from './apply.ts'
import { compare } from './compare.ts'
import type { Entry } from './entry.ts'
import { Heir } from './heir.ts'
import type { KeeperHost } from './keeper-host.ts'
import type { KeeperOptions } from './keeper-options.ts'
import { Later } from './later.ts'
import { Others } from './others.ts'
import { IDENTITY, toEntry } from './kept.ts'
import { MOST_DELAY, Pause } from './pause.ts'
import { Persistence } from './persistence.ts'
import type { Found } from './persistence.ts'
import type { Cursor, Scope } from './scope.ts'
import { Tabs } from './tabs.ts'

/**
 * Brings what the store has into memory, and what changes into the store. As long as the store cannot be read, nothing is known:
 * what is followed is refused with ERR_STORE, and never looks empty.
 */
export class Keeper {
  readonly #host: KeeperHost
  readonly #persistence: Persistence
  readonly #retryDelay: number
  readonly #opened: Promise<void>
  readonly #schema: SchemaVersion | undefined
  readonly #tabs: Tabs
  readonly others: Others
  /** What other tabs have said of writes while the store was being read. */
  #early: (readonly unknown[])[] = []
  readonly #heir: Heir
  #isOpen = false
  /** Why it will never be open. */
  #failure: AnywireError | undefined
  readonly #pause = new Pause()
  /** What to call when a write is kept that came before the store was open. */
  readonly #waiting = new Map<Entry, (() => void) | undefined>()
  /** Whether nothing is kept any more. */
  isClosed = false
  #closed: Promise<void> | undefined
  readonly #read = new Later<void>()

  constructor(store: Store, host: KeeperHost, { schema, migrate, tabs, retryDelay, after }: KeeperOptions) {
    this.#host = host
    this.#schema = schema
    this.#retryDelay = retryDelay
    this.#tabs = new Tabs(tabs)
    this.#heir = new Heir(
      this.#tabs,
      { adopt: node => this.#adopt(node), failed: error => this.#failed(error) },
      retryDelay
    )
    this.others = new Others(host)
    this.#persistence = new Persistence(store, {
      node: host.outbox.own.node,
      schema,
      migrate,
      tabs: this.#tabs,
      failed: error => this.#failed(error),
      blocked: () => host.emit('blocked')
    })
    this.#tabs.listen(message => this.#heard(message))
    this.#opened = this.#open(after)
  }

  /** Resolves when what is kept is read. Rejects when the first attempt failed, though more may follow: ERR_STORE, ERR_SCHEMA; ERR_CLOSED. */
  get read(): Promise<void> {
    return this.#read.promise
  }

  /** Resolves when deltas can be applied to what is followed: they go on top of what the store has. */
  async ready(): Promise<boolean> {
    await this.#opened
    for (const scope of this.#host.scopes.all) if (scope.loading) await scope.loading
    return this.#isOpen
  }

  load(scope: Scope): void {
    if (scope.loading) return
    const loading = this.#load(scope).finally(() => {
      // Another keeper may be at it.
      if (scope.loading === loading) scope.loading = undefined
    })
    scope.loading = loading
  }

  /** Keeps a write, which may be sent then. @param kept - called when it is kept */
  keep(entry: Entry, kept?: () => void): void {
    if (this.#failure) {
      if (kept) kept()
      else this.#host.unsendable(entry, this.#failure)
      return
    }
    if (!this.#isOpen) {
      this.#waiting.set(entry, kept)
      return
    }
    const done = (): void => {
      entry.keep()
      kept?.()
      this.#host.flush()
    }
    try {
      this.#persistence.keep(entry, entry.moment && this.#host.clock.wallOf(entry.moment), done)
    } catch (error) {
      this.#host.unsendable(entry, error)
    }
  }

  /** Writes have another node from here on, and are to be kept anew. @param entries - with the node that they had */
  move(entries: readonly Entry[]): void {
    for (const entry of entries) entry.isKept = false
    this.#persistence.move(entries, this.#host.outbox.own.node).catch((error: unknown) => this.#failed(error))
  }

  /** Keeps what a delta changed. @param kept - called when it is kept */
  changed(pages: readonly Delta[], applied: Applied, cursor: Cursor, kept: () => void): void {
    for (const scope of applied.told) scope.digest = COMPARES
    for (const { digests } of pages) for (const [number, digest] of digests) compare(this.#host, number, digest)
    const done = this.others.reached(pages, cursor.epoch, applied.changed)
    for (const { node, number, error } of applied.settled)
      this.#tabs.post('settled', node, number, !!error, cursor.epoch)
    this.#persistence.changed(this.#host.records, applied, done, cursor, kept)
  }

  leave(scope: Scope): void {
    this.#persistence.leave(scope)
  }

  note(key: string, number: number): void {
    this.#persistence.note(key, number)
  }

  /**
   * Lets go of the store.
   * @param error - what becomes of what nobody here will hear of any more
   * @param left - that; otherwise what is not in the store then
   */
  async close(error = new AnywireError(ERR_CLOSED), left?: readonly Entry[]): Promise<void> {
    this.isClosed = true
    this.#isOpen = false
    this.#pause.end()
    this.#read.reject(error)
    try {
      await (this.#closed ??= this.#persistence.close())
    } finally {
      const { outbox, records } = this.#host
      const changed = new Set<string>()
      for (const entry of left ?? outbox.own.entries) {
        if (!entry.isKept) records.settle(entry, changed)
        if (!entry.isSettled && (left || !entry.isKept)) entry.end(error)
      }
      this.#host.tell(changed)
    }
  }

  /** Lets go of the store, and removes all that is in it, as soon as other tabs have let go of it too. */
  async clear(): Promise<void> {
    this.isClosed = true
    this.#isOpen = false
    this.#pause.end()
    this.#read.reject(new AnywireError(ERR_CLOSED))
    // At once, so that whoever ends the client meanwhile waits for this too.
    await (this.#closed ??= this.#opened.then(() => this.#persistence.clear()))
  }

  async #open(after?: Promise<void>): Promise<void> {
    if (after) await after
    const found = await this.#find()
    if (!found || this.isClosed) return
    const { clock, outbox, records, scopes } = this.#host
    const changed = new Set<string>()
    this.#host.secret = found.secret
    this.#host.identity ??= found.identity
    // What was written before the store was open stands behind what is in it.
    for (const entry of [...outbox.left, ...outbox.own.entries]) records.settle(entry, changed)
    outbox.adopt(found.queues)
    for (const { node } of found.queues) this.others.take(node, [], changed)
    this.#isOpen = true
    for (const entry of outbox.entries) {
      if (!entry.isVoid) records.write(entry, changed)
      if (!entry.isKept) this.keep(entry, this.#waiting.get(entry))
    }
    this.#waiting.clear()
    clock.resume(found.offset)
    for (const entry of outbox.correct(clock)) records.refresh(entry, changed)
    for (const { node, entries } of found.others) {
      this.#heir.watch(node)
      this.others.meet(node)
      for (const entry of entries) this.others.add(entry)
    }
    for (const message of this.#early.splice(0)) this.#heard(message)
    this.#tabs.post('hello', outbox.own.node)
    this.#host.tell(changed)
    this.#host.emit('pending', outbox.waiting)
    this.#read.resolve()
    for (const scope of scopes.all) if (scope.state === 'refused') this.#host.become(scope, 'loading')
  }

  /** Opens the store, however long that takes. */
  async #find(): Promise<Found | undefined> {
    for (let delay = this.#retryDelay; !this.isClosed; delay = Math.min(MOST_DELAY, delay * 2)) {
      this.#early = []
      try {
        return await this.#persistence.open()
      } catch (error) {
        if (this.isClosed) return undefined
        const failure = this.#failed(error)
        this.#read.reject(failure)
        for (const scope of this.#host.scopes.all) this.#host.become(scope, 'refused', failure)
        // The store is that of a newer application, and stays so.
        if (failure.code === ERR_SCHEMA[0]) {
          this.#failure = failure
          for (const [entry, kept] of this.#waiting) this.keep(entry, kept)
          return undefined
        }
        await this.#pause.wait(delay)
      }
    }
    return undefined
  }

  /** Another tab says something. */
  #heard(message: readonly unknown[]): void {
    const [what, first, second, ...rest] = message
    if (what === 'version' && this.#schema && Number(first) > this.#schema.version) {
      this.#host.emit('versionchange', Number(first))
      this.close().catch((error: unknown) => this.#failed(error))
    }
    if (what === 'clear') this.#host.cleared()
    if (what === IDENTITY) this.#host.identity ??= Number(first)
    // What is written or settled may be what is being read from the store.
    if (!this.#isOpen && !this.#failure && (what === 'write' || what === 'settled')) this.#early.push(message)
    if (!this.#isOpen) return
    const { node } = this.#host.outbox.own
    if (what === 'write') this.others.add(toEntry(first))
    else if (what === 'settled') this.others.settle(String(first), Number(second), rest)
    else if (what === 'taken') this.#persistence.keepAgain(this.#host.records, Array.isArray(first) ? first : [])
    else if (what === 'hello' || what === 'here') {
      this.#heir.watch(String(first))
      this.others.meet(String(first))
      if (what === 'hello') this.#tabs.post('here', node)
    }
  }

  /** Another tab is gone, and this one speaks for its node. @returns whether it has left anything */
  async #adopt(node: string): Promise<boolean> {
    const queue = this.#isOpen && (await this.#persistence.queue(node))
    if (!queue || !this.#isOpen) return false
    const { clock, outbox, records } = this.#host
    const changed = new Set<string>()
    const shown = this.others.take(node, queue.entries, changed)
    const isNeeded = queue.entries.length > 0
    if (isNeeded) {
      outbox.adopt([queue])
      for (const entry of shown) records.write(entry, changed)
      for (const entry of outbox.correct(clock)) records.refresh(entry, changed)
    }
    this.#host.tell(changed)
    this.#host.emit('pending', outbox.waiting)
    this.#host.flush()
    return isNeeded
  }

  async #load(scope: Scope): Promise<void> {
    await this.#opened
    const { records, scopes } = this.#host
    try {
      if (this.#failure) return this.#host.become(scope, 'refused', this.#failure)
      scope.stop(await this.#persistence.load(scope, records))
      scope.digest = COMPARES
      scope.isLoaded = true
      scopes.want(scope)
    } catch (error) {
      if (!this.isClosed) this.#loadLater(scope, error)
    }
    if (!scope.isLoaded) return
    const ids = scope.among(records)
    if (ids.length && !scope.cursor.epoch) scope.doubt()
    const isLocal = scope.cursor.epoch || ids.some(id => records.base(id)?.size)
    this.#host.become(scope, isLocal ? 'local' : 'loading', undefined, new Set(ids))
    this.#host.flush()
  }

  #loadLater(scope: Scope, error: unknown): void {
    this.#host.become(scope, 'refused', this.#failed(error))
    scope.timer ??= setTimeout(() => {
      scope.timer = undefined
      this.load(scope)
    }, this.#retryDelay)
  }

  #failed(error: unknown): AnywireError {
    const failure = error instanceof AnywireError ? error : new AnywireError(ERR_STORE, textOf(error), error)
    this.#host.emit('error', failure)
    return failure
  }
}
