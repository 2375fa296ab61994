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

/**
 * Brings the records of a store to a version, some at a time: each commit says how far it is, so who is killed goes on from there. What
 * was not finished is, before a later version begins.
 * @returns what the store remembers then
 * @throws ERR_SCHEMA where `migrate` fails; ERR_CLOSED when it is closed meanwhile
 */
export const migrateAll = async (before: Dated, version: number, parts: MigrateAllParts): Promise<Meta> => {
  let meta = before
  while (meta.migrating || meta.schema.version < version) meta = await migratePiece(meta, version, parts)
  return meta
}

const migratePiece = async (meta: Dated, latest: number, parts: MigrateAllParts): Promise<Dated> => {
  const { store, migrate, patience, key } = parts
  const { id, version } = meta.schema
  const { migrating: { version: before, after } = { version, after: '' }, ...rest } = meta
  const target = meta.migrating ? version : latest
  const insist = async <T>(attempt: () => Promise<T>): Promise<T> => {
    if (patience.isClosed) throw new AnywireError(ERR_CLOSED)
    return patience.try(attempt, { isFinal, once: true })
  }
  const ids = await insist(() => store.records('', after, TOGETHER))
  const rows = await insist(() => store.rows(ids.map(record => ({ record }))))
  const last = ids.length < TOGETHER ? undefined : ids.at(-1)
  const next: Dated = {
    ...rest,
    schema: { id, version: target },
    ...(last !== undefined && { migrating: { version: before, after: last } })
  }
  const piece = new Piece(rows)
  try {
    await migrate(piece, [before, target], '', [key, next])
  } catch (error) {
    throw new AnywireError(ERR_SCHEMA, `migrate to ${target}: ${textOf(error)}`, error)
  }
  await insist(() => store.commit({ ...changesOf(rows, piece.rewritten), entries: [[key, next]] }))
  return next
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
