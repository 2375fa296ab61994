import { collectionOf } from '../core/path.ts'
import { compareBy, matches } from '../core/query.ts'
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
  readonly #queries = new Set<Scope>()
  #numbers = 0
  /** What the authority is to be asked for. */
  readonly wanted = new Set<Scope>()
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
      if (query) this.#queries.add(scope)
    }
    return scope
  }

  remove(scope: Scope): void {
    const { name } = scope
    const others = this.#named(name).filter(other => other !== scope)
    if (others.length) this.#byName.set(name, others)
    else this.#byName.delete(name)
    this.#byNumber.delete(scope.number)
    this.#queries.delete(scope)
    this.wanted.delete(scope)
  }

  /** The authority is to be asked for a scope, as soon as what the store has of it is here. */
  want(scope: Scope): void {
    scope.isAsked = false
    if (scope.isLoaded) this.wanted.add(scope)
  }

  /** Whether a record may be in any scope, by its name. */
  mayHave(id: string): boolean {
    return this.#byName.has(id) || this.#byName.has(collectionOf(id))
  }

  /** A collection that is known, and has all that a scope may have. */
  outer(scope: Scope): Scope | undefined {
    const outer = this.#named(collectionOf(scope.name)).find(({ query }) => !query)
    return outer?.cursor.epoch && outer !== scope ? outer : undefined
  }

  /** These records came, so whoever may have them may have them again. */
  came(ids: ReadonlySet<string>): void {
    for (const { without } of this.#queries) if (without.size) for (const id of ids) without.delete(id)
  }

  /**
   * The records at hand that are gone, because resets did not bring them. What a record or a collection did not bring is nowhere;
   * what a query did not bring, another one may have.
   */
  missing(resets: Iterable<Scope>, came: ReadonlySet<string>, records: Records): Set<string> {
    const missing = new Set<string>()
    const queries = new Set<Scope>()
    for (const scope of resets) {
      if (scope.query) queries.add(scope)
      const into = scope.query ? scope.without : missing
      for (const id of scope.among(records)) if (!came.has(id)) into.add(id)
    }
    for (const id of this.only(queries, records)) if (!came.has(id)) missing.add(id)
    return missing
  }

  /** The records at hand that some scopes may have, but no other one has. */
  only(scopes: ReadonlySet<Scope>, records: Records): Set<string> {
    const found = new Map<Scope, ReadonlySet<string>>()
    /** Whether a record is in a scope, as the authority sees it: it goes by what is committed. */
    const has = (scope: Scope, id: string): boolean => {
      if (scope.error) return false
      if (!scope.query) return true
      const ids = found.get(scope) ?? find(scope, scope.query, records)
      found.set(scope, ids)
      return ids.has(id)
    }
    const only = new Set<string>()
    for (const scope of scopes)
      for (const id of scope.among(records)) {
        const others = [...this.#named(id), ...this.#named(collectionOf(id))]
        if (!others.some(other => !scopes.has(other) && has(other, id))) only.add(id)
      }
    return only
  }

  #named(name: string): readonly Scope[] {
    return this.#byName.get(name) ?? NONE
  }
}

/** What a query has of the records at hand. */
const find = (scope: Scope, { where, order, limit }: Query, records: Records): ReadonlySet<string> => {
  const found = scope
    .among(records)
    .filter(id => !scope.without.has(id))
    .map(id => ({ id, value: records.base(id)?.view() }))
    .filter(({ value }) => matches({ where }, value))
    .sort(compareBy(order))
  return new Set(found.slice(0, limit).map(({ id }) => id))
}
