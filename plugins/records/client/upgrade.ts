import { AnywireError } from '../../../lib/errors.ts'
import { ERR_SCHEMA } from '../../../lib/failures.ts'
import type { Store } from '../../../lib/store.ts'
import type { SchemaVersion } from '../core/frame.ts'
import { isSchema, META, OUTBOX } from './kept.ts'
import type { Migrate } from './migrate.ts'
import type { Tabs } from './tabs.ts'
import type { Use } from './use.ts'

export interface UpgradeOptions {
  readonly schema?: SchemaVersion | undefined
  readonly migrate?: Migrate | undefined
  readonly tabs: Tabs
}

/**
 * Brings a store to this version of the schema, before anything else looks at it.
 * @param use - of the store; it is shared from here on
 */
export const upgrade = async (store: Store, use: Use, options: UpgradeOptions): Promise<void> => {
  const { schema, migrate, tabs } = options
  await use.share()
  if (!schema) return
  const kept = await store.entry(META)
  const put = (): Promise<void> => store.commit({ rows: [], removed: [], entries: [[META, schema]] })
  if (!isSchema(kept)) return put()
  if (kept.id !== schema.id || kept.version > schema.version)
    throw new AnywireError(
      ERR_SCHEMA,
      `the store has '${kept.id}' ${kept.version}, this is '${schema.id}' ${schema.version}`
    )
  if (kept.version === schema.version) return
  tabs.post('version', schema.version)
  await use.alone(async () => {
    // Another tab may have been faster.
    const now = await store.entry(META)
    const before = isSchema(now) ? now.version : kept.version
    if (before < schema.version)
      await (migrate ? migrate(store, [before, schema.version], OUTBOX, [META, schema]) : put())
  })
  return upgrade(store, use, options)
}
