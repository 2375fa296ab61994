import { collectionOf } from '../core/path.ts'
import { compareBy, matches } from '../core/query.ts'
import type { Query } from '../core/query.ts'
import type { Records } from './records.ts'
import { keyOf, Scope } from './scope.ts'

/** What is followed. */
export class Scopes {
  readonly #byKey = new Map<string, Scope>()
  readonly #byNumber = new Map<number, Scope>()
  /** How many scopes have a name. */
  readonly #names = new Map<string, number>()
  #numbers = 0

  /** In the order of being followed. */
  get all(): Iterable<Scope> {
    return this.#byKey.values()
  }

  get(number: number): Scope | undefined {
    return this.#byNumber.get(number)
  }

  /** The scope of a name and a query; made when nobody follows it yet. */
  hold(name: string, query: Query | undefined): Scope {
    const key = keyOf(name, query)
    let scope = this.#byKey.get(key)
    if (!scope) {
      scope = new Scope(++this.#numbers, key, name, query)
      this.#byKey.set(key, scope)
      this.#byNumber.set(scope.number, scope)
      this.#names.set(name, (this.#names.get(name) ?? 0) + 1)
    }
    return scope
  }

  remove(scope: Scope): void {
    this.#byKey.delete(scope.key)
    this.#byNumber.delete(scope.number)
    const count = (this.#names.get(scope.name) ?? 0) - 1
    if (count > 0) this.#names.set(scope.name, count)
    else this.#names.delete(scope.name)
  }

  /** Whether a record may be in any scope, by its name. */
  mayHave(id: string): boolean {
    return this.#names.has(id) || this.#names.has(collectionOf(id))
  }

  /** A collection that is known, and has all that a scope may have. */
  outer({ name, key }: Scope): Scope | undefined {
    const outer = this.#byKey.get(keyOf(collectionOf(name), undefined))
    return outer?.cursor.epoch && outer.key !== key ? outer : undefined
  }

  /** These records came, so whoever may have them may have them again. */
  came(ids: ReadonlySet<string>): void {
    for (const { without } of this.all) if (without.size) for (const id of ids) without.delete(id)
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
      // Who follows many records one by one is not to pay for each with all of them.
      for (const id of scope.isCollection ? records.ids() : [scope.name])
        if (scope.mayHave(id) && !came.has(id)) into.add(id)
    }
    for (const id of queries.size ? this.only(queries, records) : []) if (!came.has(id)) missing.add(id)
    return missing
  }

  /** The records at hand that some scopes may have, but no other one has. */
  only(scopes: ReadonlySet<Scope>, records: Records): string[] {
    const others: ((id: string) => boolean)[] = []
    for (const scope of this.all) if (!scopes.has(scope)) others.push(membership(scope, records))
    const ids: string[] = []
    for (const id of records.ids()) {
      for (const scope of scopes) {
        if (!scope.mayHave(id)) continue
        if (!others.some(has => has(id))) ids.push(id)
        break
      }
    }
    return ids
  }
}

/** Whether a record is in a scope, as the authority sees it: it goes by what is committed. */
const membership = (scope: Scope, records: Records): ((id: string) => boolean) => {
  const { query } = scope
  if (!query) return id => scope.mayHave(id)
  const found = [...records.ids()]
    .filter(id => scope.mayHave(id) && !scope.without.has(id))
    .map(id => ({ id, value: records.base(id)?.view() }))
    .filter(({ value }) => matches(query, value))
    .sort(compareBy(query.order))
  const ids = new Set(found.slice(0, query.limit).map(({ id }) => id))
  return id => ids.has(id)
}
