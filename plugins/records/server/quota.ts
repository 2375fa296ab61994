import { collectionOf } from '../core/path.ts'
import { decrease, increase } from './counts.ts'
import type { RecordsLimits } from './options.ts'
import { isCollection } from './scope.ts'
import type { Scope } from './scope.ts'

/** How much a client follows of what costs most: queries, and records that are remembered for it. */
export class Quota {
  readonly #limits: Pick<RecordsLimits, 'queries' | 'matches'>
  /** How many scopes there are of a collection. */
  readonly #collections = new Map<string, number>()
  #count = 0
  #matches = 0

  constructor(limits: Pick<RecordsLimits, 'queries' | 'matches'>) {
    this.#limits = limits
  }

  /** Whether there may be one more scope like this. */
  allows({ isQuery }: Scope): boolean {
    return !isQuery || this.#count < this.#limits.queries
  }

  add({ name, isQuery }: Scope): void {
    if (isQuery) this.#count++
    if (isCollection(name)) increase(this.#collections, name)
  }

  remove({ name, isQuery }: Scope): void {
    if (isQuery) this.#count--
    if (isCollection(name)) decrease(this.#collections, name)
  }

  /** Whether another scope is one of the same collection, all of it or some. */
  isShared({ name }: Scope): boolean {
    return (this.#collections.get(collectionOf(name)) ?? 0) > (isCollection(name) ? 1 : 0)
  }

  /** Counts what is remembered for a scope that is ready, or by now. @returns whether that is not too much */
  hold(scope: Scope): boolean {
    this.free(scope)
    scope.matches = scope.membership?.size ?? 0
    this.#matches += scope.matches
    return this.#matches <= this.#limits.matches
  }

  /** It is not remembered any more. */
  free(scope: Scope): void {
    this.#matches -= scope.matches
    scope.matches = 0
  }
}
