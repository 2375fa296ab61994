import type { Undo } from '../../../lib/emitter.ts'
import type { Value } from '../../../lib/store.ts'
import type { Operation } from '../core/edit.ts'
import { pick } from '../core/pick.ts'
import type { Engine, WriteHandle } from './engine.ts'
import { unchanged } from './derived.ts'
import { Fields } from './fields.ts'
import { Live } from './live.ts'
import type { Audience, When } from './live.ts'
import { share } from './snapshot.ts'
import type { EditOptions } from './target.ts'
import type { PathOf, ValueAt } from './types.ts'

/** What a record needs of those that it is one of. */
export interface Shelf {
  readonly engine: Engine
  readonly audience: Audience
  edit(id: string, operation: Operation, path: string, value?: unknown, options?: EditOptions): WriteHandle
  /** It was released once. */
  release(id: string): void
}

/** What a record looks like; the same object until something in it changes. */
class Look extends Live<Value | undefined> {
  readonly #engine: Engine
  readonly #id: string
  #seen: Value | undefined

  constructor(engine: Engine, id: string, audience: Audience) {
    super(engine, engine.follow(id), audience)
    this.#engine = engine
    this.#id = id
  }

  get(): Value | undefined {
    return (this.#seen = share(this.#seen, this.#engine.look(this.#id)))
  }

  override watch<V>(look: () => V, listener: (value: V) => unknown): Undo {
    return super.watch(look, listener)
  }

  override tell(): void {
    super.tell()
  }
}

/**
 * One record, followed until it is released. Reads are synchronous, and show what was written here at once; a write tells by its
 * handle how far it is: `await record.set('done', true).durable`.
 */
export class LiveRecord<T> extends Fields<T, WriteHandle> implements AsyncIterable<T | undefined> {
  readonly #shelf: Shelf
  readonly #look: Look
  #pending: readonly WriteHandle[] = []

  constructor(shelf: Shelf, id: string) {
    super(id)
    this.#shelf = shelf
    this.#look = new Look(shelf.engine, id, shelf.audience)
  }

  look(): Value | undefined {
    return this.#look.get()
  }

  edit(operation: Operation, path: string, value?: unknown, options?: EditOptions): WriteHandle {
    return this.#shelf.edit(this.id, operation, path, value, options)
  }

  /** `loading`, `local` (what this device has kept), `synced`, or `refused`. */
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
  subscribe<P extends PathOf<T>>(path: P, listener: (value: ValueAt<T, P> | undefined) => unknown): Undo
  subscribe(first: unknown, second?: unknown): Undo {
    const [path, listener] = typeof first === 'string' ? [first, second] : ['', first]
    return this.#look.watch(() => pick(this.#look.get(), path), listener as (value: Value | undefined) => unknown)
  }

  /** What it is now, and becomes, one after the other; what came and went between two looks is left out. */
  [Symbol.asyncIterator](): AsyncGenerator<T | undefined, void, undefined> {
    // What the application says that its records are.
    return this.#look[Symbol.asyncIterator]() as AsyncGenerator<T | undefined, void, undefined>
  }

  /** Ends following it, once as often as it was asked for. Its data stays for a moment, in case somebody asks again. */
  release(): void {
    this.#shelf.release(this.id)
  }

  /** The last one has released it. */
  end(): void {
    this.#look.release()
  }

  /** It may have changed. */
  tell(): void {
    this.#look.tell()
  }
}
