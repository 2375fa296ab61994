import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import type { Commit, Range, Row, Store } from '../../lib/store.ts'

export interface IndexedDbOptions {
  /** How long to wait for the browser, or for tabs with an older version of the database, in milliseconds. Default 5,000. */
  readonly timeout?: number | undefined
  /** 'strict': a commit waits for the disk, and survives a loss of power too. Default: what the browser has, mostly 'relaxed'. */
  readonly durability?: 'strict' | 'relaxed' | undefined
}

/** The version of the object stores. */
const VERSION = 1
const FIELDS = 'fields'
const ENTRIES = 'entries'

/** What was followed and written is not known any more, but to this page. */
const GONE = 'somebody has removed what was kept: reload'

/** How many registers are read at a time. */
const PAGE = 500

/** Behind all text, and so behind all paths of a record. */
const END: IDBValidKey = []

/** What is behind every text with a prefix, in the order of UTF-16 units. */
const endOf = (prefix: string): IDBValidKey => {
  const text = prefix.replace(/\uffff+$/, '')
  return text ? text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1) : END
}

const fail = (error: unknown): AnywireError => new AnywireError(ERR_STORE, textOf(error), error)

const answer = <T>(request: IDBRequest): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T)
    request.onerror = () => reject(fail(request.error))
  })

/** Takes the registers from one key up to another one, some at a time: others have their turn in between. */
const each = async (
  fields: IDBObjectStore,
  from: IDBValidKey,
  to: IDBValidKey,
  take: (row: Row) => void
): Promise<void> => {
  for (let isBehind = false; indexedDB.cmp(from, to) < 0; isBehind = true) {
    const rows = await answer<Row[]>(fields.getAll(IDBKeyRange.bound(from, to, isBehind, true), PAGE))
    for (const row of rows) take(row)
    const last = rows[PAGE - 1]
    if (!last) return
    from = [last.record, last.path]
  }
}

/**
 * Rejects with why not, also after a while in which neither the browser nor other tabs did what they have to.
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
    request.onupgradeneeded = () => {
      if (isThere) {
        why = GONE
        request.transaction?.abort()
        return
      }
      // From version 0. Later ones look at `oldVersion`.
      request.result.createObjectStore(FIELDS)
      request.result.createObjectStore(ENTRIES)
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
    const fields = this.#store(FIELDS)
    const found = new Map<string, Row>()
    for (const range of ranges) {
      const [from, to] = 'record' in range ? [range.record, [range.record, END]] : [range.prefix, [endOf(range.prefix)]]
      await each(fields, [from], to, row => {
        // NUL is in no name, and before all that is.
        if (row.seq > since) found.set(`${row.record}\0${row.path}`, row)
      })
    }
    return [...found.keys()].sort().map(key => found.get(key) as Row)
  }

  async records(prefix: string, after = '', limit?: number): Promise<string[]> {
    const found = new Set<string>()
    const from = after < prefix ? [prefix] : [after, END]
    await each(this.#store(FIELDS), from, [endOf(prefix)], ({ record }) => found.add(record))
    return [...found].slice(0, limit)
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
    const transaction = this.#begin([FIELDS, ENTRIES], 'readwrite')
    const done = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve
      transaction.onabort = () => reject(fail(transaction.error ?? 'the commit was aborted'))
    })
    this.#committed = done.catch(() => {})
    try {
      const fields = transaction.objectStore(FIELDS)
      for (const place of removed) fields.delete([...place])
      for (const row of rows) fields.put(row, [row.record, row.path])
      const kept = transaction.objectStore(ENTRIES)
      for (const [key, value] of entries) {
        if (value === undefined) kept.delete(key)
        else kept.put([key, value], key)
      }
    } catch (error) {
      // What was put before would be committed.
      transaction.abort()
      await this.#committed
      throw fail(error)
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
