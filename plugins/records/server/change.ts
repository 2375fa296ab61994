import type { Row } from '../../../lib/store.ts'
import { collectionOf } from '../core/path.ts'
import type { Register } from '../core/register.ts'
import { sizeOf } from './check-writes.ts'

/** A register as the store has it. */
export type Stored = Row & Register

/** Registers of one record that somebody has to be told. */
export interface Change {
  readonly record: string
  readonly collection: string
  readonly registers: readonly Stored[]
  /** The version that the record has with them. */
  readonly version: number
  /** Whether these are all the registers of the record. */
  readonly whole: boolean
}

/** What a store has. The kind of a row was one when it was written. */
export const storedOf = (row: Row): Stored => row as Stored

/** Rows that are in the order of records, record by record; `whole`: all that there are of each. */
export const changesOf = (rows: readonly Row[], whole: boolean): Change[] => {
  const changes: Change[] = []
  let begin = 0
  for (let at = 1; at <= rows.length; at++) {
    const record = rows[begin]?.record ?? ''
    if (rows[at]?.record === record) continue
    const registers = rows.slice(begin, at).map(storedOf)
    const version = registers.reduce((version, { seq }) => Math.max(version, seq), 0)
    changes.push({ record, collection: collectionOf(record), registers, version, whole })
    begin = at
  }
  return changes
}

/** Puts together what changed of each record, the latest of each path. */
export const coalesce = (changes: Iterable<Change>): Change[] => {
  const records = new Map<string, { readonly last: Change; readonly paths: Map<string, Stored> }>()
  for (const change of changes) {
    const paths = records.get(change.record)?.paths ?? new Map<string, Stored>()
    for (const register of change.registers) paths.set(register.path, register)
    records.set(change.record, { last: change, paths })
  }
  return [...records.values()].map(({ last, paths }) => ({ ...last, registers: [...paths.values()] }))
}

/**
 * Cuts changes into pages of about so many bytes; there is at least one page, and something in each but an only one. What is not the
 * first part of a record is added to that.
 */
export const paginate = (changes: readonly Change[], limit: number): Change[][] => {
  const pages: Change[][] = []
  let page: Change[] = []
  let room = limit
  for (const change of changes) {
    let begin = 0
    room -= change.record.length + OVERHEAD
    for (const [at, register] of change.registers.entries()) {
      const size = sizeOf(register)
      room -= size
      if (room >= 0 || (page.length === 0 && at === begin)) continue
      if (at > begin) page.push(partOf(change, begin, at))
      pages.push(page)
      page = []
      begin = at
      room = limit - size - change.record.length - OVERHEAD
    }
    page.push(begin === 0 ? change : partOf(change, begin))
  }
  if (page.length || !pages.length) pages.push(page)
  return pages
}

const partOf = (change: Change, begin: number, end?: number): Change => ({
  ...change,
  registers: change.registers.slice(begin, end),
  whole: change.whole && begin === 0
})

/** What a record costs in a frame beside its id and registers, in bytes, about. */
const OVERHEAD = 16
