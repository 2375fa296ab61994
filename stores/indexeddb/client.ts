import { AnywireError, textOf } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import type { Commit, Range, Row, Store, Value } from '../../lib/store.ts'

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

/** How many records are read at a time. */
const PAGE = 250

/** Behind all text. */
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

/** A record as it is kept, in one entry: its id, and one behind the other what its registers have. What is read most is few objects that way. */
type Kept = readonly [id: string, ...registers: Value[]]

/** How many values of it a register has. */
const WIDTH = 6

const keptOf = (id: string, rows: readonly Row[]): Kept => [
  id,
  ...rows.flatMap(({ path, kind, value, t, node, seq }) => [path, kind, value, t, node, seq] as Value[])
]

/** By hand: much is read before a page shows anything. */
const rowsOf = (kept: Kept, rows: Row[] = []): Row[] => {
  const [record] = kept
  for (let at = 1; at < kept.length; at += WIDTH) {
    rows.push({
      record,
      path: kept[at] as string,
      kind: kept[at + 1] as number,
      value: kept[at + 2],
      t: kept[at + 3] as number,
      node: kept[at + 4] as string,
      seq: kept[at + 5] as number
    })
  }
  return rows
}

/** Reads the records that begin with a prefix, in order. While some are taken the browser gets the next ones, and others have their turn in between. */
const each = async (records: IDBObjectStore, prefix: string, take: (kept: Kept) => void): Promise<void> => {
  const to = endOf(prefix)
  const read = (from: string, isBehind: boolean): Promise<Kept[]> =>
    answer(records.getAll(IDBKeyRange.bound(from, to, isBehind, true), PAGE))
  let reading: Promise<Kept[]> | undefined = read(prefix, false)
  while (reading) {
    const page: Kept[] = await reading
    const last = page[PAGE - 1]
    reading = last && read(last[0], true)
    for (const kept of page) take(kept)
  }
}

/** What becomes of registers, by records and paths: undefined where one goes. */
type Changes = ReadonlyMap<string, Map<string, Row | undefined>>

const changesOf = ({ rows, removed }: Pick<Commit, 'rows' | 'removed'>): Changes => {
  const changes = new Map<string, Map<string, Row | undefined>>()
  const put = (record: string, path: string, row: Row | undefined): void => {
    const paths = changes.get(record)
    if (paths) paths.set(path, row)
    else changes.set(record, new Map([[path, row]]))
  }
  for (const [record, path] of removed) put(record, path, undefined)
  // They are written a little later, and the caller may change bytes meanwhile.
  for (const row of rows)
    put(row.record, row.path, isCopied(row.value) ? row : { ...row, value: structuredClone(row.value) })
  return changes
}

/** Whether whoever puts a value somewhere has put a copy there. */
const isCopied = (value: unknown): boolean => typeof value !== 'object' || value === null

/** Brings registers into what is kept. @param failed - called when one cannot be kept */
const change = (records: IDBObjectStore, changes: Changes, failed: (error: unknown) => void): void => {
  for (const [id, paths] of changes) {
    const request = records.get(id)
    request.onsuccess = () => {
      const rows = new Map<string, Row | undefined>()
      const before = request.result as Kept | undefined
      for (const row of before ? rowsOf(before) : []) rows.set(row.path, row)
      for (const [path, row] of paths) rows.set(path, row)
      const left = [...rows.values()].filter(row => row !== undefined)
      try {
        if (left.length)
          records.put(
            keptOf(
              id,
              left.sort((a, b) => (a.path < b.path ? -1 : 1))
            ),
            id
          )
        else records.delete(id)
      } catch (error) {
        failed(error)
      }
    }
  }
}

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
    request.onupgradeneeded = ({ oldVersion }) => {
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
