import type { Commit, Store } from '../../../lib/store.ts'
import { collectionOf } from '../core/path.ts'
import type { Cursors } from './cursors.ts'
import { CURSOR } from './kept.ts'

export interface PurgeHost {
  readonly store: Store
  readonly cursors: Cursors
  /** Whether a record is at hand, as it is asked. */
  readonly isAtHand: (id: string) => boolean
  /** Gets the records that are to go from the store. */
  readonly gone: Set<string>
}

/**
 * What was let go of stays in a store; when it is taken away it goes from there too.
 * @param names - of records and collections: all that the store has of them is gone, but for what is at hand
 * @returns a commit that also removes that
 */
export const purge = async (
  commit: Commit,
  names: Iterable<string>,
  { store, cursors, isAtHand, gone }: PurgeHost
): Promise<Commit> => {
  const left: string[] = []
  for (const name of names) {
    const ids = name.endsWith('/') ? await store.records(name) : [name]
    for (const id of ids) if ((id === name || collectionOf(id) === name) && !isAtHand(id)) left.push(id)
  }
  if (!left.length) return commit
  const found = await store.rows(left.map(record => ({ record })))
  // What came meanwhile is right.
  const rows = found.filter(({ record }) => !isAtHand(record))
  const ids = [...new Set(rows.map(({ record }) => record))]
  for (const id of ids) gone.add(id)
  return {
    rows: commit.rows,
    removed: [...commit.removed, ...rows.map(({ record, path }) => [record, path] as const)],
    entries: [...commit.entries, ...cursors.without(ids).map(key => [CURSOR + key, undefined] as const)]
  }
}
