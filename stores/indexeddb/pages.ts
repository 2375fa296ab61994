import type { Kept } from './kept.ts'
import { answer } from './request.ts'

/** How many records are read at a time: first, and at most. */
const FIRST = 25
const MOST = 250

/** About how many characters and bytes are read at a time, where that is less. */
const ROOM = 4_194_304

/** Behind all text. */
const END: IDBValidKey = []

/** What is behind every text with a prefix, in the order of UTF-16 units. */
export const endOf = (prefix: string): IDBValidKey => {
  const text = prefix.replace(/\uffff+$/, '')
  return text ? text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1) : END
}

/** About how much a value takes. */
const weigh = (value: unknown): number => {
  if (typeof value === 'string') return value.length
  if (typeof value !== 'object' || value === null) return 1
  if (value instanceof Uint8Array) return value.length
  let sum = 1
  for (const part of Array.isArray(value) ? value : Object.values(value)) sum += weigh(part)
  return sum
}

/** How many records to read, behind some: others like them. */
const countBehind = (page: readonly Kept[]): number =>
  Math.max(1, Math.min(MOST, Math.floor((ROOM * page.length) / weigh(page))))

/** Reads the records that begin with a prefix, in order. While some are taken the browser gets the next ones, and others have their turn in between. */
export const each = async (records: IDBObjectStore, prefix: string, take: (kept: Kept) => void): Promise<void> => {
  const to = endOf(prefix)
  let count = FIRST
  const read = (from: string, isBehind: boolean): Promise<Kept[]> =>
    answer(records.getAll(IDBKeyRange.bound(from, to, isBehind, true), count))
  let reading: Promise<Kept[]> | undefined = read(prefix, false)
  while (reading) {
    const page: Kept[] = await reading
    const last = page[count - 1]
    if (last) count = countBehind(page)
    reading = last && read(last[0], true)
    for (const kept of page) take(kept)
  }
}
