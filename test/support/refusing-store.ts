import type { Store, Value } from '../../lib/store.ts'

/** A store that never takes one value. @param pause - what a commit waits for before */
export const refusing =
  (poison: Value, pause: () => Promise<void>) =>
  (store: Store): Store => ({
    name: 'refusing',
    open: () => store.open(),
    close: () => store.close(),
    rows: (...args) => store.rows(...args),
    records: (...args) => store.records(...args),
    entry: key => store.entry(key),
    entries: prefix => store.entries(prefix),
    commit: async commit => {
      await pause()
      if (commit.rows.some(({ value }) => value === poison)) throw new Error('cannot keep it')
      await store.commit(commit)
    }
  })
