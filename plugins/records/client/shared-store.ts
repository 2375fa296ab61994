import type { Commit, Row, Store } from '../../../lib/store.ts'
import { collectionOf, isAmong } from '../core/path.ts'
import type { Entry } from './entry.ts'
import { CURSOR, cursorOf, keyOfEntry, NODE, nodesOf, OUTBOX } from './kept.ts'
import type { Records } from './records.ts'
import { partsOf } from './scope.ts'
import type { Cursor, Scope } from './scope.ts'
import type { Tabs } from './tabs.ts'

/** Fewer records than these are read one by one, and not with all of their collection. */
const FEW = 100

/**
 * Commits of one of several tabs that have one store. What another tab has kept of later commits of the authority is left as it is. A
 * record that goes from the store is one that others still may say they have: then they have to keep it, and say so, again.
 */
export class SharedStore {
  /** Records that are gone from this tab, and are to go from the store. */
  readonly gone = new Set<string>()
  readonly #store: Store
  readonly #tabs: Tabs
  readonly #node: string

  constructor(store: Store, tabs: Tabs, node: string) {
    this.#store = store
    this.#tabs = tabs
    this.#node = node
  }

  /**
   * @param cursor - how far the rows are
   * @param live - scopes that this tab has as far as that
   */
  commit(commit: Commit, cursor: Cursor, live: Iterable<Scope>): Promise<void> {
    return this.#tabs.alone('write', async () => {
      const [shared, taken] = await this.#yield(commit, cursor, live)
      await this.#store.commit(shared)
      for (const [record] of commit.removed) this.gone.delete(record)
      if (taken.length) this.#tabs.post('taken', taken)
    })
  }

  /**
   * What the store has of a record or collection and is not at hand, and of what waits here what is not in it: others may have kept what they were told
   * of it.
   * @returns the registers in the order of records, and what they have already of what waits
   */
  async read(scope: Scope, records: Records): Promise<readonly [rows: readonly Row[], done: ReadonlySet<Entry>]> {
    const waiting = (): Entry[] =>
      scope.among(records).flatMap(id => records.pending(id).filter(({ isKept }) => isKept))
    // What waits others may have kept as committed, also those that are not heard of yet.
    if (!waiting().length) {
      const rows = await this.#rows(scope, records)
      if (!waiting().length) return [rows, new Set()]
    }
    return this.#tabs.alone('write', async () => {
      const entries = waiting()
      const rows = await this.#rows(scope, records)
      const kept = new Set(entries.length ? (await this.#store.entries(OUTBOX)).map(([key]) => key) : [])
      return [rows, new Set(entries.filter(entry => !kept.has(keyOfEntry(entry))))]
    })
  }

  /** Of a collection of which much is at hand, for another query, only the ids are read again. */
  async #rows(scope: Scope, records: Records): Promise<readonly Row[]> {
    const { name } = scope
    if (!scope.isCollection) return this.#store.rows([{ record: name }])
    const has = (id: string): boolean => !!records.base(id)?.size
    if (scope.among(records).some(has)) {
      const missing = (await this.#store.records(name)).filter(id => scope.mayHave(id) && !has(id))
      if (missing.length < FEW) return missing.length ? this.#store.rows(missing.map(record => ({ record }))) : []
    }
    return this.#store.rows([{ prefix: name }])
  }

  /** What is left of a commit, and the records that it takes away. */
  async #yield(
    commit: Commit,
    { epoch, since }: Cursor,
    live: Iterable<Scope>
  ): Promise<readonly [Commit, readonly string[]]> {
    if (!epoch || (!commit.rows.length && !commit.removed.length)) return [commit, []]
    const nodes = nodesOf(await this.#store.entries(NODE))
    // Others may be there also where nobody was heard so far: all have said in the store that they are.
    if ([...nodes.keys()].every(node => node === this.#node)) return [commit, []]
    /** Names of what another tab has newer: all of it, or what a query asks for. */
    const newer = new Set<string>()
    const partly = new Set<string>()
    /** Keys of what others have all of, by its name. */
    const claims: (readonly [name: string, key: string])[] = []
    const entries: (readonly [string, unknown])[] = []
    for (const [entry, value] of await this.#store.entries(CURSOR)) {
      const key = entry.slice(CURSOR.length)
      const found = cursorOf(value, nodes)
      if (value === this.#node || !found) continue
      const [name, query] = partsOf(key)
      if (query === undefined) claims.push([name, key])
      if (found.epoch !== epoch) entries.push([entry, undefined])
      else if (found.since >= since) (query === undefined ? newer : partly).add(name)
    }
    const rows = commit.rows.filter(({ record }) => !isAmong(newer, record))
    const removed = commit.removed.filter(([record]) => !isAmong(newer, record))
    const taken = [...new Set(removed.map(([record]) => record).filter(record => this.gone.has(record)))]
    const keys = new Set([...live].map(({ key }) => key))
    for (const [name, key] of claims)
      if (taken.some(record => name === record || name === collectionOf(record)))
        entries.push([CURSOR + key, keys.has(key) ? this.#node : undefined])
    // Of who follows the same only the one who was told last has a cursor; how far they all are, their nodes say.
    const isBehind = [...nodes.keys()].some(node => {
      const other = node === this.#node ? undefined : cursorOf(node, nodes)
      return other?.epoch === epoch && other.since > since
    })
    const touched = [...rows.map(({ record }) => record), ...removed.map(([record]) => record)]
    const kept = await this.#seqs(touched.filter(record => isBehind || isAmong(partly, record)))
    const isOld = (record: string, path: string, seq: number): boolean => (kept.get(`${record}\0${path}`) ?? 0) > seq
    const left = {
      rows: rows.filter(({ record, path, seq }) => !isOld(record, path, seq)),
      removed: removed.filter(([record, path]) => !isOld(record, path, since)),
      entries: [...entries, ...commit.entries]
    }
    return [left, taken]
  }

  /** The numbers of changes that the store has of some records, by record and path. */
  async #seqs(records: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const rows: readonly Row[] = records.length
      ? await this.#store.rows([...new Set(records)].map(record => ({ record })))
      : []
    return new Map(rows.map(({ record, path, seq }) => [`${record}\0${path}`, seq]))
  }
}
