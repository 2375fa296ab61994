import type { SchemaVersion } from '../core/frame.ts'
import type { Migrate } from './migrate.ts'
import type { TabsOptions } from './tabs.ts'

export interface KeeperOptions {
  readonly schema?: SchemaVersion | undefined
  readonly migrate?: Migrate | undefined
  readonly tabs?: TabsOptions | undefined
  /** How long to wait after the store failed, in milliseconds. */
  readonly retryDelay: number
  /** What had the store before lets go of it. */
  readonly after?: Promise<void> | undefined
}
