import { AnywireError } from '../lib/errors.ts'
import { ERR_STORE } from '../lib/failures.ts'
import { checkPartOptions } from '../lib/option-rules.ts'
import type { Commit, Range, Row, Store, Value } from '../lib/store.ts'

export interface MemoryOptions {
  /** Where it keeps what is committed. Default: a disk of its own. */
  readonly disk?: MemoryDisk | undefined
}

/**
 * What a store in memory keeps, and what outlives its user. Who opens it last has it: for those who had it before it is as if
 * their process had died, and whatever they ask is rejected.
 */
export class MemoryDisk {
  readonly #records = new Map<string, Map<string, Row>>()
  readonly #entries = new Map<string, unknown>()
  /** The ids in order; undefined after one came or went. */
  #ids: readonly string[] | undefined
  /** Who has it. */
  user: Store | undefined;

  /** The ids with a prefix, in order, from `from` on. */
  *ids(prefix: string, from = prefix): Generator<string> {
    const ids = (this.#ids ??= [...this.#records.keys()].sort())
    for (let at = placeOf(ids, from); ids[at]?.startsWith(prefix); at++) yield ids[at] as string
  }

  /** The registers of a record, in the order of their paths. */
  rows(record: string): readonly Row[] {
    const rows = [...(this.#records.get(record)?.values() ?? [])]
    return rows.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  entry(key: string): unknown {
    return this.#entries.get(key)
  }

  keys(prefix: string): readonly string[] {
    return [...this.#entries.keys()].filter(key => key.startsWith(prefix)).sort()
  }

  /** What it is given it keeps as it is. */
  commit({ rows, removed, entries }: Commit): void {
    for (const [record, path] of removed) {
      const fields = this.#records.get(record)
      if (fields?.delete(path) && fields.size === 0) {
        this.#records.delete(record)
        this.#ids = undefined
      }
    }
    for (const row of rows) {
      const fields = this.#records.get(row.record)
      if (fields) fields.set(row.path, row)
      else {
        this.#records.set(row.record, new Map([[row.path, row]]))
        this.#ids = undefined
      }
    }
    for (const [key, value] of entries) {
      if (value === undefined) this.#entries.delete(key)
      else this.#entries.set(key, value)
    }
  }
}

/** Where a text is, or would be, in an ordered list. */
const placeOf = (ids: readonly string[], text: string): number => {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((ids[middle] as string) < text) low = middle + 1
    else high = middle
  }
  return low
}

/** Of what is neither a list, nor bytes, nor a plain object of some realm. */
const isClass = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value) as object | null
  return prototype !== null && Object.getPrototypeOf(prototype) !== null
}

/** Bytes get memory of their own: structuredClone would copy all of that which they are a part of, such as a message, and keep it. */
const clone = (value: unknown): unknown => {
  if (typeof value === 'function') throw new AnywireError(ERR_STORE, 'a function is no value')
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  if (Array.isArray(value)) return value.map(clone)
  if (isClass(value)) throw new AnywireError(ERR_STORE, `a ${value.constructor.name} is no value`)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, clone(item)]))
}

/** @throws ERR_STORE for what would be kept as something else, and for what contains itself */
function copy(value: Value | undefined): Value | undefined
function copy(value: unknown): unknown
function copy(value: unknown): unknown {
  try {
    return clone(value)
  } catch (error) {
    throw error instanceof RangeError ? new AnywireError(ERR_STORE, 'a value is nested too deep', error) : error
  }
}

const copyRow = ({ record, path, kind, value, t, node, seq }: Row): Row => ({
  record,
  path,
  kind,
  value: copy(value),
  t,
  node,
  seq
})

/**
 * Keeps records in memory: they are gone with the process. For tests, and for what may be lost.
 * @example createServer(http, { plugins: [records({ store: memory() })] })
 * @throws ERR_OPTION
 */
export const memory = (options: MemoryOptions = {}): Store => {
  checkPartOptions('memory', options, { disk: ['a MemoryDisk', value => value instanceof MemoryDisk] })
  return new MemoryStore(options.disk ?? new MemoryDisk())
}

class MemoryStore implements Store {
  readonly name = 'memory'
  readonly #kept: MemoryDisk
  #isOpen = false

  constructor(disk: MemoryDisk) {
    this.#kept = disk
  }

  async open(): Promise<void> {
    if (this.#isOpen) throw new AnywireError(ERR_STORE, 'it is open already')
    this.#isOpen = true
    this.#kept.user = this
  }

  async rows(ranges: readonly Range[], since = -1): Promise<Row[]> {
    const disk = this.#disk
    const ids = new Set(ranges.flatMap(range => ('record' in range ? [range.record] : [...disk.ids(range.prefix)])))
    const ordered = [...ids].sort()
    return ordered.flatMap(id =>
      disk
        .rows(id)
        .filter(({ seq }) => seq > since)
        .map(copyRow)
    )
  }

  async records(prefix: string, after?: string, limit = Infinity): Promise<string[]> {
    const found: string[] = []
    const from = after !== undefined && after > prefix ? after : prefix
    for (const id of this.#disk.ids(prefix, from)) {
      if (found.length >= limit) break
      if (id !== after) found.push(id)
    }
    return found
  }

  async entry(key: string): Promise<unknown> {
    return copy(this.#disk.entry(key))
  }

  async entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]> {
    const disk = this.#disk
    return disk.keys(prefix).map(key => [key, copy(disk.entry(key))] as const)
  }

  async commit({ rows, removed, entries }: Commit): Promise<void> {
    // All that can throw is before the first change.
    const commit = {
      rows: rows.map(copyRow),
      removed: [...removed],
      entries: entries.map(([key, value]) => [key, copy(value)] as const)
    }
    this.#disk.commit(commit)
  }

  async close(): Promise<void> {
    this.#isOpen = false
    if (this.#kept.user === this) this.#kept.user = undefined
  }

  get #disk(): MemoryDisk {
    if (!this.#isOpen) throw new AnywireError(ERR_STORE, 'it is not open')
    if (this.#kept.user !== this) throw new AnywireError(ERR_STORE, 'another one has opened its disk')
    return this.#kept
  }
}
export type * from '../lib/types.ts'
