import type { Undo } from '../../../lib/emitter.ts'
import type { Value } from '../../../lib/store.ts'
import type { Operation } from '../core/edit.ts'
import { keysOf } from '../core/path.ts'
import { pick } from '../core/pick.ts'
import type { Place } from '../core/place.ts'
import type { WriteHandle } from './engine.ts'
import { unchanged } from './derived.ts'
import { Fields } from './fields.ts'
import { Live } from './live.ts'
import type { Shelf, When } from './live.ts'
import { share } from './snapshot.ts'
import type { EditOptions } from './target.ts'
import type { Known, PathOf, ValueAt } from './types.ts'

/** A record, whatever is in it. */
export interface Entered {
  readonly id: string
  ask(): void
  changed(): void
}

/** What a record needs of those that it is one of. */
export interface RecordShelf extends Shelf {
  edit(id: string, operation: Operation, path: string, value?: unknown, options?: EditOptions): WriteHandle
  /** It is to be told of what changes in it, until `leave`. */
  enter(record: Entered, look: Live<unknown>): void
  leave(record: Entered, look: Live<unknown>): void
}

/** What a record looks like; the same object until something in it changes. */
class Look extends Live<Value | undefined, RecordShelf> {
  readonly #record: Entered
  #seen: Value | undefined

  constructor(shelf: RecordShelf, record: Entered) {
    super(shelf, record.id)
    this.#record = record
    this.begin()
  }

  get(): Value | undefined {
    return (this.#seen = share(this.#seen, this.shelf.engine.look(this.name)))
  }

  changed(ids: readonly string[]): void {
    if (!ids.length || ids.includes(this.name)) this.tell()
  }

  override watch<V>(look: () => V, listener: (value: V) => unknown): Undo {
    return super.watch(look, listener)
  }

  protected begin(): void {
    this.shelf.enter(this.#record, this)
  }

  protected end(): void {
    this.shelf.leave(this.#record, this)
  }
}

/**
 * One record, followed until it is released, and while somebody listens. Reads are synchronous, and show what was written here at once; a write tells by its
 * handle how far it is: `await record.set('done', true).durable`.
 */
export class LiveRecord<T> extends Fields<T, WriteHandle> implements Entered, AsyncIterable<T | undefined> {
  readonly #shelf: RecordShelf
  readonly #look: Look
  #pending: readonly WriteHandle[] = []

  constructor(shelf: RecordShelf, id: string) {
    super(id)
    this.#shelf = shelf
    this.#look = new Look(shelf, this)
  }

  look(): Value | undefined {
    return this.#look.get()
  }

  find(path: string): Place | undefined {
    const { engine } = this.#shelf
    return engine.visible(this.id) ? engine.state(this.id)?.find(path) : undefined
  }

  edit(operation: Operation, path: string, value?: unknown, options?: EditOptions): WriteHandle {
    return this.#shelf.edit(this.id, operation, path, value, options)
  }

  /** `loading`, `local` (what this device has, which may be old), `synced` (what the server has, while there is a wire), or `refused`. */
  get status(): Live<unknown>['status'] {
    return this.#look.status
  }

  /** When it can be used. */
  get when(): When {
    return this.#look.when
  }

  /** Grows with each change that the server has committed, as far as this end knows; 0 for none. For `ifVersion`. */
  get version(): number {
    return this.#shelf.engine.version(this.id)
  }

  /** What was written here and is not committed yet. The same array until something is written, or decided. */
  get pending(): readonly WriteHandle[] {
    const { pending } = this.#shelf.engine
    const own = pending.filter(({ records }) => records.some(({ record }) => record === this.id))
    return (this.#pending = unchanged(this.#pending, own))
  }

  /**
   * Calls `listener` with the record, or with what is at a path, as soon as it is known; and again whenever it has changed.
   * @returns what ends it
   */
  subscribe(listener: (value: T | undefined) => unknown): Undo
  subscribe<const P extends PathOf<T>>(
    path: P & Known<T, P>,
    listener: (value: ValueAt<T, P> | undefined) => unknown
  ): Undo
  subscribe(first: unknown, second?: unknown): Undo {
    const [path, listener] = typeof first === 'string' ? [first, second] : ['', first]
    // Before anything is held.
    keysOf(path)
    return this.#look.watch(() => pick(this.#look.get(), path), listener as (value: Value | undefined) => unknown)
  }

  /**
   * Calls `listener` when what `get` gives, or `status`, is another one.
   * @returns what removes it
   */
  on(event: 'change', listener: () => unknown): Undo {
    return this.#look.on(event, listener)
  }

  /** What it is now, and becomes, one after the other, until it is released; what came and went between two looks is left out. */
  [Symbol.asyncIterator](): AsyncGenerator<T | undefined, void, undefined> {
    // What the application says that its records are.
    return this.#look[Symbol.asyncIterator]() as AsyncGenerator<T | undefined, void, undefined>
  }

  /** It is asked for once more. */
  ask(): void {
    this.#look.ask()
  }

  /** Ends following it, once as often as it was asked for. Its data stays for a moment, in case somebody asks again. */
  release(): void {
    this.#look.release()
  }

  /** It may have changed. */
  changed(): void {
    this.#look.changed([])
  }
}
