import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_CLOSED, ERR_SCHEMA } from '../../../lib/failures.ts'
import type { Commit, Row, Store } from '../../../lib/store.ts'
import type { Migratable, Migrate } from '../client/migrate.ts'
import type { SchemaVersion } from '../core/frame.ts'
import { isSame } from '../core/value.ts'
import type { Meta } from './meta.ts'
import { isFinal } from './patience.ts'
import type { Patience } from './patience.ts'

/** How many records are migrated in one commit. */
const TOGETHER = 100

export interface MigrateAllParts {
  readonly store: Store
  readonly migrate: Migrate
  readonly patience: Patience
  /** Of the entry with what the store remembers of the whole. */
  readonly key: string
}

type Dated = Meta & { readonly schema: SchemaVersion }

/** From which version to which records are brought. */
type Versions = readonly [before: number, after: number]

/**
 * Brings the records of a store to a version, some at a time. What cannot be brought there is found out before any of it moves. Each commit
 * says how far it is, so who is killed goes on from there. What was not finished is, before a later version begins.
 * @returns what the store remembers then
 * @throws ERR_SCHEMA where `migrate` fails; ERR_CLOSED when it is closed meanwhile
 */
export const migrateAll = async (before: Dated, version: number, parts: MigrateAllParts): Promise<Meta> => {
  let meta = before
  while (meta.migrating || meta.schema.version < version) meta = await migrateTo(meta, version, parts)
  return meta
}

/** Does what was begun, or all that leads to the latest version. */
const migrateTo = async (meta: Dated, latest: number, parts: MigrateAllParts): Promise<Dated> => {
  const { store, key } = parts
  const { id, version } = meta.schema
  const { migrating: { version: before, after: first } = { version, after: '' }, ...rest } = meta
  const versions: Versions = [before, meta.migrating ? version : latest]
  const schema = { id, version: versions[1] }
  for await (const { rows } of piecesOf(first, parts)) await migrated(rows, versions, [key, meta], parts)
  let next: Dated = { ...rest, schema }
  for await (const { rows, last } of piecesOf(first, parts)) {
    next = { ...rest, schema, ...(last !== undefined && { migrating: { version: before, after: last } }) }
    const entry = [key, next] as const
    const commit = { ...changesOf(rows, await migrated(rows, versions, entry, parts)), entries: [entry] }
    await insist(() => store.commit(commit), parts)
  }
  return next
}

/** The records behind one, some at a time; with the last of them where there may be more. */
async function* piecesOf(first: string, parts: MigrateAllParts): AsyncGenerator<{ rows: Row[]; last?: string }, void> {
  const { store } = parts
  for (let after: string | undefined = first; after !== undefined;) {
    const from: string = after
    const ids = await insist(() => store.records('', from, TOGETHER), parts)
    const rows = await insist(() => store.rows(ids.map(record => ({ record }))), parts)
    after = ids.length < TOGETHER ? undefined : ids.at(-1)
    yield { rows, ...(after !== undefined && { last: after }) }
  }
}

/** What stands in the place of some rows. */
const migrated = async (
  rows: Row[],
  versions: Versions,
  entry: readonly [key: string, value: unknown],
  parts: MigrateAllParts
): Promise<readonly Row[]> => {
  const { migrate, patience } = parts
  const run = async (rows: Row[]): Promise<readonly Row[]> => {
    const piece = new Piece(rows)
    // It may never end, and then it is not waited for when all of it does.
    await patience.within(migrate(piece, versions, '', entry), Infinity)
    if (patience.isClosed) throw new AnywireError(ERR_CLOSED)
    return piece.rewritten
  }
  /** Which record it is, where it is one. */
  const culprit = async (): Promise<string> => {
    for (const id of new Set(rows.map(({ record }) => record))) {
      try {
        await run(rows.filter(({ record }) => record === id))
      } catch {
        return ` '${id}'`
      }
    }
    return ''
  }
  try {
    return await run(rows)
  } catch (error) {
    if (patience.isClosed) throw error
    throw new AnywireError(ERR_SCHEMA, `migrate${await culprit()} to ${versions[1]}: ${textOf(error)}`, error)
  }
}

const insist = async <T>(attempt: () => Promise<T>, { patience }: MigrateAllParts): Promise<T> => {
  if (patience.isClosed) throw new AnywireError(ERR_CLOSED)
  return patience.try(attempt, { isFinal, once: true })
}

/** Some records of a store, as if they were all that it has. */
class Piece implements Migratable {
  readonly #rows: Row[]
  /** What stands in their place. */
  rewritten: readonly Row[]

  constructor(rows: Row[]) {
    this.#rows = this.rewritten = rows
  }

  async rows(): Promise<Row[]> {
    return this.#rows
  }

  async entries(): Promise<[]> {
    return []
  }

  async commit({ rows }: Commit): Promise<void> {
    this.rewritten = rows
  }
}

const placeOf = ({ record, path }: Row): string => `${record}\0${path}`

/** What leads from some rows to others. */
const changesOf = (before: readonly Row[], after: readonly Row[]): Pick<Commit, 'rows' | 'removed'> => {
  const former = new Map(before.map(row => [placeOf(row), row]))
  const rows = dated(before, after).filter(row => {
    const same = former.get(placeOf(row))
    return !same || !isSameRow(row, same)
  })
  const places = new Set(after.map(placeOf))
  const removed = before.flatMap(row => (places.has(placeOf(row)) ? [] : [[row.record, row.path] as const]))
  return { rows, removed }
}

const isSameRow = (a: Row, b: Row): boolean =>
  a.kind === b.kind && a.t === b.t && a.node === b.node && a.seq === b.seq && isSame(a.value, b.value)

/** A record has the version that it had, also where the register is gone that made it: writes that wait may depend on it. */
const dated = (before: readonly Row[], after: readonly Row[]): readonly Row[] => {
  const versions = versionsOf(before)
  const now = versionsOf(after)
  return after.map(row => {
    const version = versions.get(row.record) ?? 0
    if ((now.get(row.record) ?? 0) >= version) return row
    now.set(row.record, version)
    return { ...row, seq: version }
  })
}

const versionsOf = (rows: readonly Row[]): Map<string, number> => {
  const versions = new Map<string, number>()
  for (const { record, seq } of rows) versions.set(record, Math.max(seq, versions.get(record) ?? 0))
  return versions
}
