import type { Store } from '../../../lib/store.ts'

/** Removes all that a store has, in one commit. */
export const empty = async (store: Store): Promise<void> => {
  const rows = await store.rows([{ prefix: '' }])
  const entries = await store.entries('')
  await store.commit({
    rows: [],
    removed: rows.map(({ record, path }) => [record, path] as const),
    entries: entries.map(([key]) => [key, undefined] as const)
  })
}
