import { collectionOf } from '../core/path.ts'
import { keyOf, NOWHERE, partsOf } from './scope.ts'
import type { Cursor, Scope } from './scope.ts'

/** How far a store has scopes that are not followed now, by their keys. */
export class Cursors {
  readonly #all = new Map<string, Cursor>()

  /** That of a scope, or of the collection that has it. */
  of({ key, name }: Scope): Cursor {
    return this.#all.get(key) ?? this.#all.get(keyOf(collectionOf(name), undefined)) ?? NOWHERE
  }

  set(key: string, cursor: Cursor): void {
    this.#all.set(key, cursor)
  }

  delete(key: string): void {
    this.#all.delete(key)
  }

  /**
   * What is missing, as records were taken away, has to be fetched anew.
   * @returns the keys of the scopes that this is about
   */
  without(gone: readonly string[]): readonly string[] {
    if (!gone.length) return []
    const names = new Set(gone.flatMap(id => [id, collectionOf(id)]))
    const keys = [...this.#all.keys()].filter(key => names.has(partsOf(key)[0]))
    for (const key of keys) this.#all.delete(key)
    return keys
  }
}
