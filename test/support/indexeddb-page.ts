// What runs in the browser, bundled: stores, and what the tests ask of them.
import { AnywireError } from '../../lib/errors.ts'
import type { Row, Store, Value } from '../../lib/store.ts'
import { indexeddb } from '../../stores/indexeddb/client.ts'
import type { IndexedDbOptions } from '../../stores/indexeddb/client.ts'
import { packForTab, unpackFromTab } from './tab-values.ts'

const stores: Store[] = []

/** Makes a store, under a number. */
export const make = (number: number, name: string, options: IndexedDbOptions = {}): void => {
  stores[number] = indexeddb(name, options)
}

export type Method = Exclude<keyof Store, 'name'>

/** What a method returned, or how it failed. */
export type Answer = { readonly value: unknown } | { readonly code: string; readonly message: string }

const attempt = async (act: () => unknown): Promise<Answer> => {
  try {
    return { value: await act() }
  } catch (error) {
    if (!(error instanceof AnywireError)) throw error
    return { code: error.code, message: error.message }
  }
}

const ask = (number: number, method: Method, args: readonly unknown[]): Promise<Answer> =>
  attempt(() => {
    const store = stores[number]
    if (!store) throw new Error(`there is no store ${number}`)
    return (store[method] as (...args: readonly unknown[]) => unknown).call(store, ...args)
  })

/** Calls a method of a store. Takes its arguments packed, and returns an `Answer` that is. */
export const call = async (number: number, method: Method, args: string): Promise<string> =>
  packForTab(await ask(number, method, unpackFromTab(args) as readonly unknown[]))

const row = (path: string, value: unknown): Row => ({
  record: 'a',
  path,
  kind: 0,
  value: value as Value,
  t: 1,
  node: 'n',
  seq: 1
})

/** Commits what cannot be kept, behind what can. */
export const commitFunction = (number: number): Promise<Answer> =>
  ask(number, 'commit', [{ rows: [row('fine', 1), row('function', () => 1)], removed: [], entries: [] }])

/** Commits values that are changed at once. */
export const commitAndChange = async (number: number): Promise<Answer> => {
  const bytes = Uint8Array.of(1)
  const rows = [row('x', bytes)]
  const done = ask(number, 'commit', [{ rows, removed: [], entries: [] }])
  bytes[0] = 2
  rows.push(row('y', 1))
  return done
}

/** So many bytes that no compression makes fewer. */
const noise = (length: number): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(length)
  // It gives so many at once, and no more.
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}

/** Commits so many megabytes. Browsers compress what they keep. */
export const commitMegabytes = (number: number, megabytes: number): Promise<Answer> => {
  const rows = Array.from({ length: megabytes }, (_, index) => row(`x${index}`, noise(2 ** 20)))
  return ask(number, 'commit', [{ rows, removed: [], entries: [] }])
}

/** Reads everything, and counts the turns that others had meanwhile. */
export const turnsWhileReading = async (number: number): Promise<number> => {
  let turns = 0
  const { port1, port2 } = new MessageChannel()
  port1.onmessage = () => {
    turns++
    port2.postMessage(0)
  }
  port2.postMessage(0)
  await ask(number, 'rows', [[{ prefix: '' }]])
  port1.close()
  return turns
}

/** Commits so many records with a text of this length each. */
export const commitTexts = (number: number, records: number, length: number): Promise<Answer> => {
  const rows = Array.from({ length: records }, (_, at) => ({ ...row('x', 'x'.repeat(length)), record: `a/${at}` }))
  return ask(number, 'commit', [{ rows, removed: [], entries: [] }])
}

/** Calls it when the browser has answered a request for many objects, with how many came. @returns what undoes that */
const watchReads = (read: (objects: number) => void): (() => void) => {
  const { getAll } = IDBObjectStore.prototype
  IDBObjectStore.prototype.getAll = function (...args) {
    const request: IDBRequest<unknown[]> = getAll.apply(this, args)
    request.addEventListener('success', () => read(request.result.length))
    return request
  }
  return () => (IDBObjectStore.prototype.getAll = getAll)
}

/** Reads everything. @returns how many objects came with each request */
export const countReads = async (number: number): Promise<readonly number[]> => {
  const reads: number[] = []
  const undo = watchReads(objects => reads.push(objects))
  await ask(number, 'rows', [[{ prefix: '' }]])
  undo()
  return reads
}

/** Opens a store that takes over an older version's database for so long that all timers have ended meanwhile. Its page is not used further. */
export const openSlowly = (number: number): Promise<Answer> => {
  const timers = new Map<unknown, () => void>()
  const set = (act: () => void): number => timers.set(timers.size + 1, act).size
  Object.assign(globalThis, { setTimeout: set, clearTimeout: (timer: unknown) => timers.delete(timer) })
  watchReads(() => {
    for (const act of timers.values()) act()
  })
  return ask(number, 'open', [])
}

/** Makes a database as the first version did, with an entry for each register. Takes these packed. */
export const makeFirstVersion = (name: string, rows: string): Promise<void> =>
  new Promise(resolve => {
    const request = indexedDB.open(name, 1)
    request.onupgradeneeded = () => {
      const fields = request.result.createObjectStore('fields')
      for (const row of unpackFromTab(rows) as Row[]) fields.put(row, [row.record, row.path])
      request.result.createObjectStore('entries').put(['key', 'kept'], 'key')
    }
    request.onsuccess = () => {
      request.result.close()
      resolve()
    }
  })

const opened = new Map<string, IDBDatabase>()

/** Opens a database by itself, as another version of the page does. @param stubborn - does not make way for later versions */
export const openVersion = (name: string, version: number, stubborn: boolean): Promise<string> =>
  new Promise(resolve => {
    const request = indexedDB.open(name, version)
    request.onerror = () => resolve(`${request.error?.name}`)
    request.onsuccess = () => {
      const database = request.result
      opened.set(name, database)
      if (!stubborn) database.onversionchange = () => database.close()
      resolve('open')
    }
  })

export const closeVersion = (name: string): void => opened.get(name)?.close()

/** Has the browser close what it opens from here on as it does by itself, when that is called: what is kept is lost, or only the way to it. */
export const watchDatabases = (): void => {
  const { open } = IDBFactory.prototype
  IDBFactory.prototype.open = function (...args) {
    const request = open.apply(this, args)
    request.addEventListener('success', () => opened.set(args[0], request.result))
    return request
  }
}

/** Closes a database as the browser does. */
export const lose = (name: string): void => {
  opened.get(name)?.close()
  opened.get(name)?.dispatchEvent(new Event('close'))
}

/** Has the browser answer no request to open a database, as some do at times. */
export const silence = (): void => {
  Object.defineProperty(IDBFactory.prototype, 'open', { value: () => ({}) })
}

/** Takes away what some browsers do not have in private windows. */
export const removeIndexedDb = (): void => {
  Object.defineProperty(globalThis, 'indexedDB', { value: undefined })
}

export const remove = (name: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name)
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error ?? new Error('not removed'))
  })
