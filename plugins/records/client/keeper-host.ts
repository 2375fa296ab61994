import type { AnywireError } from '../../../lib/errors.ts'
import type { RecordState } from '../core/record-state.ts'
import type { FollowingState } from './engine.ts'
import type { Entry } from './entry.ts'
import type { ServerClock } from './offset.ts'
import type { OthersHost } from './others.ts'
import type { Outbox } from './outbox.ts'
import type { Scope } from './scope.ts'
import type { Scopes } from './scopes.ts'

/** What the keeper needs of its replica. */
export interface KeeperHost extends OthersHost {
  readonly clock: ServerClock
  readonly outbox: Outbox
  readonly scopes: Scopes
  secret: string
  /** What stands for whose state this is, as the authority has said. */
  identity: number | undefined
  emit(event: 'error', error: AnywireError): void
  emit(event: 'pending' | 'versionchange', number: number): void
  emit(event: 'blocked'): void
  emit(event: 'divergence', name: string): void
  visible(id: string, state: RecordState | undefined): boolean
  become(scope: Scope, state: FollowingState, error?: AnywireError, changed?: ReadonlySet<string>): void
  /** A write cannot be encoded. */
  unsendable(entry: Entry, error: unknown): void
  /** There is something to send. */
  flush(): void
  /** Another tab clears what is kept: nothing may be known here any more. */
  cleared(): void
}
