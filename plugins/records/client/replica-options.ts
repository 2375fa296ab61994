import type { SchemaVersion } from '../core/frame.ts'
import type { Collections } from './engine.ts'
import type { Keep } from './keep.ts'
import type { Migrate } from './migrate.ts'
import type { Clocks } from './offset.ts'

export interface ReplicaOptions extends Clocks {
  /** What keeps what it has, and what waits. Default: memory alone does. */
  readonly persist?: Keep | undefined
  /** When the records of a collection exist. */
  readonly collections?: Collections | undefined
  readonly schema?: SchemaVersion | undefined
  /** What brings the store to this version of the schema. */
  readonly migrate?: Migrate | undefined
  /** How long data stays at hand that nobody follows any more, in milliseconds. Default 500. */
  readonly discardDelay?: number | undefined
  /** How long to wait before a write is sent again that was refused for now, in milliseconds; doubled each time, up to 30,000. Default 1,000. */
  readonly retryDelay?: number | undefined
}
