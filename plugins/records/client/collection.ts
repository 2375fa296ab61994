import type { Undo } from '../../../lib/emitter.ts'
import type { WriteHandle } from './engine.ts'
import type { LiveQuery, Result } from './live-query.ts'
import type { LiveRecord } from './live-record.ts'
import { makeKey } from './make-key.ts'
import type { QueryOf } from './types.ts'

/** What a collection needs of the records that it is a part of. */
interface Shelf<T> {
  get(id: string): LiveRecord<T>
  query(name: string, query: QueryOf<T>): LiveQuery<T>
  make(id: string, value: unknown): WriteHandle
}

/** A new record, on its way. */
export interface Added {
  readonly id: string
  readonly write: WriteHandle
}

/** Records whose ids begin with the same name. */
export class Collection<T> {
  /** With the slash at its end. */
  readonly name: string
  readonly #shelf: Shelf<T>

  constructor(shelf: Shelf<T>, name: string) {
    this.#shelf = shelf
    this.name = name
  }

  /** The record of a key, which is what its id has behind the name of the collection. */
  get(key: string): LiveRecord<T> {
    return this.#shelf.get(this.name + key)
  }

  /**
   * Makes a record.
   * @param key - by default one that nobody else makes
   * @throws ERR_ENCODE for what is no value; ERR_PATH, ERR_TOO_LARGE. Where there is a record of that key already, `write.durable`
   * rejects with ERR_CONFLICT.
   */
  add(value: T, key = makeKey()): Added {
    const id = this.name + key
    return { id, write: this.#shelf.make(id, value) }
  }

  /** Follows the records that a query asks for; all of them by default. End it with `release`. */
  query(query: QueryOf<T> = {}): LiveQuery<T> {
    return this.#shelf.query(this.name, query)
  }

  /**
   * Calls `listener` with the records that a query asks for, in its order, as soon as they are known, and whenever they changed.
   * @returns what ends it
   */
  subscribe(listener: (results: readonly Result<T>[]) => unknown): Undo
  subscribe(query: QueryOf<T>, listener: (results: readonly Result<T>[]) => unknown): Undo
  subscribe(
    first: QueryOf<T> | ((results: readonly Result<T>[]) => unknown),
    second?: (results: readonly Result<T>[]) => unknown
  ): Undo {
    const [query, listener] = typeof first === 'function' ? [{}, first] : [first, second]
    const live = this.query(query)
    const undo = listener && live.subscribe(listener)
    return () => {
      undo?.()
      live.release()
    }
  }
}
