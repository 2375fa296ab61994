import { collectionOf } from '../core/path.ts'
import type { Query } from '../core/query.ts'
import type { Records } from './records.ts'
import { keyOfQuery } from '../core/query-key.ts'
import { NOWHERE, Scope } from './scope.ts'
import type { Reach } from './scope.ts'

const NONE: readonly Scope[] = []

/** What is followed. */
export class Scopes {
  readonly #byNumber = new Map<number, Scope>()
  readonly #byName = new Map<string, Scope[]>()
  #numbers = 0
  /** What the authority is to be asked for. */
  readonly wanted = new Set<Scope>()
  /** The collections of scopes that were removed, by their numbers, as long as the authority has not said what is left of those. */
  readonly #leaving = new Map<number, string>()
  /** How far all are that the authority follows. */
  readonly reach: Reach = { cursor: NOWHERE }

  /** In the order of being followed. */
  get all(): Iterable<Scope> {
    return this.#byNumber.values()
  }

  get(number: number): Scope | undefined {
    return this.#byNumber.get(number)
  }

  /** The scope of a name and a query; made when nobody follows it yet. */
  hold(name: string, query: Query | undefined): Scope {
    const named = this.#named(name)
    const key = query && keyOfQuery(query)
    let scope = named.find(({ queryKey }) => queryKey === key)
    if (!scope) {
      scope = new Scope(++this.#numbers, name, query, key)
      this.#byNumber.set(scope.number, scope)
      this.#byName.set(name, [...named, scope])
    }
    return scope
  }

  remove(scope: Scope): void {
    const { name } = scope
    const others = this.#named(name).filter(other => other !== scope)
    if (others.length) this.#byName.set(name, others)
    else this.#byName.delete(name)
    this.#byNumber.delete(scope.number)
    this.wanted.delete(scope)
  }

  /** The authority is to be asked for a scope, as soon as what the store has of it is here. */
  want(scope: Scope): void {
    scope.isAsked = false
    if (scope.isLoaded) this.wanted.add(scope)
  }

  /** Whether a record may be in any scope that the authority tells of, by its name. @param told - those that it begins to tell of */
  isTold(id: string, told: ReadonlySet<Scope>): boolean {
    return this.#of(id).some(scope => scope.isLive || told.has(scope))
  }

  /** A collection that is known, and has all that a scope may have. */
  outer(scope: Scope): Scope | undefined {
    const outer = this.#named(collectionOf(scope.name)).find(({ query }) => !query)
    return outer?.cursor.epoch && outer !== scope ? outer : undefined
  }

  /** Those of records that are followed by their own names. */
  *own(ids: Iterable<string>): Iterable<Scope> {
    for (const id of ids) yield* this.#named(id)
  }

  /** Whether a record or collection that is followed has a record for sure. */
  keeps(id: string): boolean {
    return this.#of(id).some(({ query, error }) => !query && !error)
  }

  /**
   * The records at hand that are gone, because resets did not bring them. What queries of a collection have is told with a reset of one of
   * them, where something else may be at hand.
   */
  missing(resets: Iterable<Scope>, came: ReadonlySet<string>, records: Records): Set<string> {
    const missing = new Set<string>()
    for (const scope of resets) {
      if (scope.query && !scope.isLive && !scope.mayBeOld) continue
      for (const id of scope.among(records)) if (!came.has(id) && !(scope.query && this.keeps(id))) missing.add(id)
    }
    return missing
  }

  /**
   * The records at hand of a scope that is refused, but for what others have. A query that has not begun is asked for anew.
   * @param told - those that begin now
   * @param isIn - whether one of those may have a record
   */
  refused(
    scope: Scope,
    told: ReadonlySet<Scope>,
    isIn: (scope: Scope, id: string) => boolean,
    records: Records
  ): string[] {
    const ids = scope.among(records)
    const gone = ids.filter(id => {
      const has = (other: Scope): boolean =>
        !other.error && (!other.query || other.isLive || (told.has(other) && isIn(other, id)))
      return !this.#of(id).some(has)
    })
    // Of one that had not begun the authority does not know what queries have by now, as it was taken for theirs.
    const isUnknown = !scope.isLive && gone.length < ids.length
    for (const other of gone.length || isUnknown ? this.#named(collectionOf(scope.name)) : []) {
      if (other.error || !(other.mayBeOld || (isUnknown && other.query && other.isLive))) continue
      other.doubt()
      this.want(other)
    }
    return gone
  }

  /**
   * The records at hand of a scope that was removed, which no other one may have. Of queries the authority says what they do not have; one that
   * it was not asked for tells that something may be left.
   * @param isHeard - whether the authority is told that the scope is removed
   */
  left(scope: Scope, records: Records, isHeard: boolean): string[] {
    const left: string[] = []
    for (const id of scope.among(records)) {
      const others = this.#of(id)
      if (!others.some(({ error }) => !error)) left.push(id)
      else if (!this.keeps(id)) {
        for (const other of others) if (!isHeard || !other.isAsked) other.doubt()
        this.#leaving.set(scope.number, collectionOf(id))
      }
    }
    return left
  }

  /** The authority has said what is left of a scope that was removed. */
  heard(number: number): void {
    this.#leaving.delete(number)
  }

  /** The authority says nothing more: what it was to take away of what queries do not have may be left. */
  unheard(): void {
    for (const name of new Set(this.#leaving.values()))
      for (const scope of this.#named(name)) if (scope.query) scope.doubt()
    this.#leaving.clear()
  }

  #of(id: string): readonly Scope[] {
    return [...this.#named(id), ...this.#named(collectionOf(id))]
  }

  #named(name: string): readonly Scope[] {
    return this.#byName.get(name) ?? NONE
  }
}
