import { collectionOf } from '../core/path.ts'
import { decrease, increase } from './counts.ts'
import type { RecordsLimits } from './options.ts'
import type { Scope } from './scope.ts'

/** How much a client follows of what costs most: queries, and records that are remembered for it. */
export class Quota {
  readonly #limits: Pick<RecordsLimits, 'queries' | 'matches'>
  /** How many queries there are of a collection. */
  readonly #queries = new Map<string, number>()
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
    if (!isQuery) return
    this.#count++
    increase(this.#queries, name)
  }

  remove({ name, isQuery }: Scope): void {
    if (!isQuery) return
    this.#count--
    decrease(this.#queries, name)
  }

  /** How many queries there are of the collection of a scope. */
  queriesOf({ name }: Scope): number {
    return this.#queries.get(collectionOf(name)) ?? 0
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
