import type { Undo } from '../../../lib/emitter.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_OPTION } from '../../../lib/failures.ts'
import { checkFunction } from './check-function.ts'
import type { WriteHandle } from './engine.ts'
import type { LiveQuery, Result } from './live-query.ts'
import type { LiveRecord } from './live-record.ts'
import { makeKey } from './make-key.ts'
import type { QueryOf } from './types.ts'

/** What a collection needs of the records that it is a part of. */
interface Shelf<T, Id extends string> {
  get(id: string): LiveRecord<T>
  query(name: string, query: QueryOf<T>): LiveQuery<T, Id>
  make(id: string, value: unknown): WriteHandle
}

/** A new record, on its way. */
export interface Added<Id extends string = string> {
  readonly id: Id
  readonly write: WriteHandle
}

/** Records whose ids are one name and a key behind it. */
export class Collection<T, Name extends string = string> {
  /** With the slash at its end. */
  readonly name: Name
  readonly #shelf: Shelf<T, `${Name}${string}`>

  constructor(shelf: Shelf<T, `${Name}${string}`>, name: Name) {
    this.#shelf = shelf
    this.name = name
  }

  /**
   * The record of a key, which is what its id has behind the name of the collection; or of an id of the collection, which is what results and
   * `add` have.
   * @throws ERR_OPTION for the id of another one
   */
  get(key: string): LiveRecord<T> {
    return this.#shelf.get(this.#idOf(key.startsWith(this.name) ? key.slice(this.name.length) : key))
  }

  /**
   * Makes a record.
   * @param key - by default one that nobody else makes
   * @throws ERR_OPTION for a key with a slash; ERR_ENCODE for what is no value; ERR_PATH, ERR_TOO_LARGE. Where there is a record of that key already, `write.durable`
   * rejects with ERR_CONFLICT.
   */
  add(value: T, key = makeKey()): Added<`${Name}${string}`> {
    const id = this.#idOf(key)
    return { id, write: this.#shelf.make(id, value) }
  }

  /** Follows the records that a query asks for; all of them by default. End it with `release`. */
  query(query: QueryOf<T> = {}): LiveQuery<T, `${Name}${string}`> {
    return this.#shelf.query(this.name, query)
  }

  /**
   * Calls `listener` with the records that a query asks for, in its order, as soon as they are known, and whenever they changed.
   * @returns what ends it
   */
  subscribe(listener: (results: readonly Result<T, `${Name}${string}`>[]) => unknown): Undo
  subscribe(query: QueryOf<T>, listener: (results: readonly Result<T, `${Name}${string}`>[]) => unknown): Undo
  subscribe(
    first: QueryOf<T> | ((results: readonly Result<T, `${Name}${string}`>[]) => unknown),
    second?: (results: readonly Result<T, `${Name}${string}`>[]) => unknown
  ): Undo {
    const [query, listener] = typeof first === 'function' ? [{}, first] : [first, second]
    // Before anything is held.
    checkFunction('subscribe', listener)
    const live = this.query(query)
    const undo = live.subscribe(listener)
    return () => {
      undo()
      live.release()
    }
  }

  #idOf(key: string): `${Name}${string}` {
    // What is behind another slash is in a collection within this one.
    if (key.includes('/')) throw new AnywireError(ERR_OPTION, `'${key}' is no key of '${this.name}'`)
    return `${this.name}${key}`
  }
}
