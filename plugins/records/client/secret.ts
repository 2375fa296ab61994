import type { Store } from '../../../lib/store.ts'
import { makeSecret, SECRET } from './kept.ts'
import type { Tabs } from './tabs.ts'

/** The secret of a store, which is made by whoever opens it first. */
export const secretOf = (store: Store, tabs: Tabs): Promise<string> =>
  tabs.alone('write', async () => {
    const kept = await store.entry(SECRET)
    if (typeof kept === 'string') return kept
    const secret = makeSecret()
    await store.commit({ rows: [], removed: [], entries: [[SECRET, secret]] })
    return secret
  })
