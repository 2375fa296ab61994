import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_STORE } from '../../../lib/failures.ts'
import type { Store } from '../../../lib/store.ts'
import type { Applied } from './apply.ts'
import type { FollowingState } from './engine.ts'
import type { Entry } from './entry.ts'
import type { ServerClock } from './offset.ts'
import type { Outbox } from './outbox.ts'
import { Persistence } from './persistence.ts'
import type { Found } from './persistence.ts'
import type { Records } from './records.ts'
import type { Cursor, Scope } from './scope.ts'
import type { Scopes } from './scopes.ts'

const MOST_DELAY = 30_000

/** What the keeper needs of its replica. */
export interface KeeperHost {
  readonly clock: ServerClock
  readonly outbox: Outbox
  readonly records: Records
  readonly scopes: Scopes
  emit(event: 'error', error: AnywireError): void
  emit(event: 'pending', count: number): void
  tell(changed: ReadonlySet<string>): void
  become(scope: Scope, state: FollowingState, error?: AnywireError): void
  /** There is something to send. */
  flush(): void
}

/**
 * Brings what the store has into memory, and what changes into the store. As long as the store cannot be read, nothing is known:
 * what is followed is refused with ERR_STORE, and never looks empty.
 */
export class Keeper {
  readonly #host: KeeperHost
  readonly #persistence: Persistence
  readonly #retryDelay: number
  readonly #opened: Promise<void>
  #isOpen = false
  #isClosed = false

  /** @param retryDelay - how long to wait after the store failed, in milliseconds */
  constructor(store: Store, host: KeeperHost, retryDelay: number) {
    this.#host = host
    this.#persistence = new Persistence(store, error => this.#failed(error))
    this.#retryDelay = retryDelay
    this.#opened = this.#open()
  }

  /** Resolves when deltas can be applied to what is followed: they go on top of what the store has. */
  async ready(): Promise<void> {
    await this.#opened
    for (const scope of this.#host.scopes.all) if (scope.loading) await scope.loading
  }

  load(scope: Scope): void {
    scope.loading ??= this.#load(scope)
  }

  /** Keeps a write, which may be sent then. */
  keep(entry: Entry): void {
    if (!this.#isOpen) return
    this.#persistence.keep(entry, () => {
      entry.keep()
      this.#host.flush()
    })
  }

  /** Keeps what a delta changed. @param done - called when it is kept */
  changed(applied: Applied, cursor: Cursor, done: () => void): void {
    this.#persistence.changed(this.#host.records, applied, cursor, done)
  }

  leave(scope: Scope): void {
    this.#persistence.leave(scope)
  }

  offset(offset: number): void {
    this.#persistence.offset(offset)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#persistence.close()
  }

  async #open(): Promise<void> {
    const found = await this.#find()
    if (!found) return
    const { clock, outbox, records, scopes } = this.#host
    const changed = new Set<string>()
    // What was written before the store was open stands behind what is in it.
    for (const entry of outbox.own.entries) records.settle(entry, changed)
    outbox.open(found.queues)
    this.#isOpen = true
    for (const entry of outbox.entries) {
      if (!entry.isVoid) for (const id of records.write(entry)) changed.add(id)
      if (!entry.isKept) this.keep(entry)
    }
    clock.resume(outbox.own.node, found.offset)
    for (const entry of outbox.correct(clock)) records.refresh(entry, changed)
    this.#host.tell(changed)
    this.#host.emit('pending', outbox.count)
    for (const scope of scopes.all) if (scope.state === 'refused') this.#host.become(scope, 'loading')
  }

  /** Opens the store, however long that takes. */
  async #find(): Promise<Found | undefined> {
    for (let delay = this.#retryDelay; !this.#isClosed; delay = Math.min(MOST_DELAY, delay * 2)) {
      try {
        return await this.#persistence.open()
      } catch (error) {
        const failure = this.#failed(error)
        for (const scope of this.#host.scopes.all) this.#host.become(scope, 'refused', failure)
        await new Promise(resolve => setTimeout(resolve, delay))
      }
    }
    return undefined
  }

  async #load(scope: Scope): Promise<void> {
    await this.#opened
    const { records } = this.#host
    try {
      scope.cursor = await this.#persistence.load(scope, records)
      scope.isLoaded = true
    } catch (error) {
      if (!this.#isClosed) this.#loadLater(scope, error)
    } finally {
      scope.loading = undefined
    }
    if (!scope.isLoaded) return
    this.#host.tell(new Set([...records.ids()].filter(id => scope.mayHave(id))))
    this.#host.become(scope, scope.cursor.epoch ? 'local' : 'loading')
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
