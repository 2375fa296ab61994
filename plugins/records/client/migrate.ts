import type { Row, Store } from '../../../lib/store.ts'
import { decodeKept } from '../core/write-codec.ts'
import { RecordState } from '../core/record-state.ts'
import { toRow } from '../core/register.ts'
import type { Kind, Write } from '../core/register.ts'
import { encodeKept, toList } from './kept.ts'

/**
 * Brings a register of a record, or a write that waits, from one version of the schema to the next.
 * @returns what stands in its place; none to drop it
 */
export type Migration = (record: string, write: Write) => readonly Write[]

/** By the version that they lead to. */
export type Migrations = Readonly<Record<number, Migration>>

/** Applies the migrations behind a version, one after the other. */
const stepsFrom =
  (migrations: Migrations, before: number, after: number): Migration =>
  (record, write) => {
    let writes: readonly Write[] = [write]
    for (let version = before + 1; version <= after; version++) {
      const step = migrations[version]
      if (step) writes = writes.flatMap(write => step(record, write))
    }
    return writes
  }

const migrateRows = (rows: readonly Row[], step: Migration): Row[] => {
  const states = new Map<string, RecordState>()
  for (const { record, path, kind, value, t, node, seq } of rows) {
    const state = states.get(record) ?? new RecordState()
    states.set(record, state)
    // What is a kind in a row was one when it was written, and a migration makes no increment of it.
    for (const write of step(record, { path, kind: kind as Kind, value, t, node }))
      state.merge({ ...write, kind: write.kind as Kind }, seq)
  }
  return [...states].flatMap(([record, state]) =>
    [...state.registers()].map(register => toRow(record, register.seq, register))
  )
}

const migrateEntry = (value: unknown, step: Migration): unknown => {
  const [kept, ...moment] = toList(value)
  let frame
  try {
    frame = decodeKept(kept)
  } catch {
    // It is told and set aside when it is to be sent.
    return value
  }
  const records = frame.records
    .map(({ record, registers }) => ({ record, registers: registers.flatMap(write => step(record, write)) }))
    .filter(({ registers }) => registers.length)
  return [encodeKept({ ...frame, records }), ...moment]
}

/** What is brought to a version: the store of a device, or a piece of a server's. */
export type Migratable = Pick<Store, 'rows' | 'entries' | 'commit'>

/**
 * Brings all that a store has to a version of the schema: what was committed, and what waits, in one commit with the entry that says
 * so. Whatever happens meanwhile, it is all of the old version or all of the new one.
 * @param outbox - what the keys of waiting writes begin with
 * @param meta - the entry that says which version it is
 */
export type Migrate = (
  store: Migratable,
  versions: readonly [before: number, after: number],
  outbox: string,
  meta: readonly [key: string, value: unknown]
) => Promise<void>

/**
 * Brings what a device keeps, or a server, to the version of the schema that the application has. Without it all is taken as it is.
 * @param steps - by the version that they lead to
 * @example records({ persist: keep(store), schema, migrate: migrations({ 2: (_record, write) => [write] }) })
 */
export const migrations =
  (steps: Migrations): Migrate =>
  async (store, [before, after], outbox, meta) => {
    const step = stepsFrom(steps, before, after)
    const rows = await store.rows([{ prefix: '' }])
    const entries = await store.entries(outbox)
    await store.commit({
      rows: migrateRows(rows, step),
      removed: rows.map(({ record, path }) => [record, path] as const),
      entries: [...entries.map(([key, value]) => [key, migrateEntry(value, step)] as const), meta]
    })
  }
