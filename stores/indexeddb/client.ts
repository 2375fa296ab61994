import type { Commit, Range, Row, Store } from '../../lib/store.ts'
import { change, changesOf, rowsOf } from './kept.ts'
import type { Kept } from './kept.ts'
import { each, endOf } from './pages.ts'
import { answer, fail } from './request.ts'

export interface IndexedDbOptions {
  /** How long to wait for the browser, or for tabs with an older version of the database, in milliseconds. Default 5,000. */
  readonly timeout?: number | undefined
  /** 'strict': a commit waits for the disk, and survives a loss of power too. Default: what the browser has, mostly 'relaxed'. */
  readonly durability?: 'strict' | 'relaxed' | undefined
}

/** The version of the object stores. */
const VERSION = 2
const RECORDS = 'records'
const ENTRIES = 'entries'
/** Had an entry for each register, in version 1. */
const FIELDS = 'fields'

/** What was followed and written is not known any more, but to this page. */
const GONE = 'somebody has removed what was kept: reload'

/** Makes what a version before does not have. */
const upgrade = (database: IDBDatabase, transaction: IDBTransaction, before: number): void => {
  const records = database.createObjectStore(RECORDS)
  if (before < 1) {
    database.createObjectStore(ENTRIES)
    return
  }
  const request = transaction.objectStore(FIELDS).getAll()
  request.onsuccess = () => {
    change(records, changesOf({ rows: request.result as Row[], removed: [] }), () => transaction.abort())
    database.deleteObjectStore(FIELDS)
  }
}

/**
 * Rejects with why not, also after a while in which neither the browser nor other tabs did what they have to. What an older version has kept may take
 * longer than that.
 * @param isThere - whether it was there before, so that it is not to be made
 */
const openDatabase = (name: string, timeout: number, isThere: boolean): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open(name, VERSION)
    let why = 'the browser does not answer'
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      reject(why)
    }, timeout)
    request.onblocked = () => (why = 'other tabs have an older version of it: close them')
    request.onupgradeneeded = ({ oldVersion }) => {
      // Nobody is in the way, and it is done or fails.
      clearTimeout(timer)
      const { result, transaction } = request
      if (!isThere && transaction) return upgrade(result, transaction, oldVersion)
      why = GONE
      transaction?.abort()
    }
    request.onerror = () => {
      clearTimeout(timer)
      reject(why === GONE ? why : request.error)
    }
    request.onsuccess = () => {
      clearTimeout(timer)
      if (isLate) request.result.close()
      else resolve(request.result)
    }
  })

/**
 * Keeps records in the browser, for clients (`keep`). All tabs of an origin share it.
 * @param name - of the database
 * @example connect(url, { plugins: [records({ persist: keep(indexeddb('app')) })] })
 */
export const indexeddb = (name: string, options: IndexedDbOptions = {}): Store => new IndexedDbStore(name, options)

class IndexedDbStore implements Store {
  readonly name: string
  readonly #name: string
  readonly #options: IndexedDbOptions
  #database: IDBDatabase | undefined
  /** Why there is no database. */
  #why = 'it is not open'
  /** Whether the browser has closed it, so that it may be opened again. */
  #isLost = false
  #isOpening = false
  /** Opening it; never rejects. */
  #opening: Promise<unknown> | undefined
  /** The last commit; never rejects. */
  #committed: Promise<unknown> | undefined

  constructor(name: string, options: IndexedDbOptions) {
    this.name = `indexeddb ${name}`
    this.#name = name
    this.#options = options
  }

  async open(): Promise<void> {
    if (this.#database) throw fail('it is open already')
    const opening = openDatabase(this.#name, this.#options.timeout ?? 5_000, this.#isLost).catch((error: unknown) => {
      throw fail(error)
    })
    // It is over behind what follows.
    this.#opening = opening.catch(() => {})
    const database = await opening
    const lose = (why: string, isLost: boolean): void => {
      database.close()
      // It was closed here, and is none of this any more.
      if (this.#database !== database) return
      this.#database = undefined
      this.#why = why
      this.#isLost = isLost
    }
    // Without this nobody could remove it, nor a newer version of the page open it, as long as this one is there.
    database.onversionchange = ({ newVersion }) =>
      lose(newVersion === null ? GONE : 'a newer version of this page has it: reload', false)
    database.onclose = () => lose('the browser has closed it', true)
    this.#database = database
    this.#isLost = false
  }

  async rows(ranges: readonly Range[], since = -1): Promise<Row[]> {
    const records = this.#store(RECORDS)
    const found = new Map<string, Kept>()
    for (const range of ranges) {
      if ('prefix' in range) await each(records, range.prefix, kept => found.set(kept[0], kept))
      else {
        const kept = await answer<Kept | undefined>(records.get(range.record))
        if (kept) found.set(kept[0], kept)
      }
    }
    const rows: Row[] = []
    for (const id of [...found.keys()].sort()) rowsOf(found.get(id) as Kept, rows)
    return since < 0 ? rows : rows.filter(({ seq }) => seq > since)
  }

  async records(prefix: string, after = '', limit?: number): Promise<string[]> {
    const records = this.#store(RECORDS)
    const to = endOf(prefix)
    const isBehind = after >= prefix
    const from = isBehind ? after : prefix
    if (indexedDB.cmp(from, to) >= 0) return []
    const ids = await answer<string[]>(records.getAllKeys(IDBKeyRange.bound(from, to, isBehind, true), limit))
    return ids.slice(0, limit)
  }

  async entry(key: string): Promise<unknown> {
    return (await answer<[string, unknown] | undefined>(this.#store(ENTRIES).get(key)))?.[1]
  }

  async entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]> {
    return answer<[string, unknown][]>(
      this.#store(ENTRIES).getAll(IDBKeyRange.bound(prefix, endOf(prefix), false, true))
    )
  }

  async commit({ rows, removed, entries }: Commit): Promise<void> {
    const transaction = this.#begin([RECORDS, ENTRIES], 'readwrite')
    let why: unknown
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onabort = () => reject(fail(why ?? transaction.error ?? 'the commit was aborted'))
    })
    this.#committed = done.catch(() => {})
    // What was put before would be committed.
    const failed = (error: unknown): void => {
      why = error
      transaction.abort()
    }
    try {
      change(transaction.objectStore(RECORDS), changesOf({ rows, removed }), failed)
      const kept = transaction.objectStore(ENTRIES)
      for (const [key, value] of entries) {
        if (value === undefined) kept.delete(key)
        else kept.put([key, value], key)
      }
    } catch (error) {
      failed(error)
    }
    await done
  }

  async close(): Promise<void> {
    await this.#opening
    const database = this.#database
    this.#database = undefined
    this.#isLost = false
    this.#why = 'it is not open'
    await this.#committed
    database?.close()
  }

  #begin(stores: string[], mode?: IDBTransactionMode): IDBTransaction {
    if (!this.#database) {
      if (this.#isLost) this.#openAgain()
      throw fail(this.#why)
    }
    const { durability } = this.#options
    return this.#database.transaction(stores, mode, durability && { durability })
  }

  /** Browsers lose the way to a database, as Safari does when a page comes back: who tries again later has it then. */
  #openAgain(): void {
    if (this.#isOpening) return
    this.#isOpening = true
    this.open()
      .catch((error: unknown) => {
        if (String(error).endsWith(GONE)) [this.#isLost, this.#why] = [false, GONE]
      })
      .finally(() => (this.#isOpening = false))
  }

  #store(name: string): IDBObjectStore {
    return this.#begin([name]).objectStore(name)
  }
}
export type * from '../../lib/types.ts'
