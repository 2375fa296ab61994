import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CANCELLED } from '../../../lib/failures.ts'
import type { Keeper } from './keeper.ts'
import { makeSecret } from './kept.ts'
import type { Replica } from './replica.ts'
import { NOWHERE } from './scope.ts'

/** What waits will not be sent, and is undone. */
const giveUp = (replica: Replica): void => {
  const { outbox, records } = replica
  const error = new AnywireError(ERR_CANCELLED, 'what this device kept was cleared')
  const changed = new Set<string>()
  const given = outbox.pending
  for (const entry of [...outbox.left, ...outbox.leave()]) {
    records.settle(entry, changed)
    entry.error = error
    entry.settle()
  }
  outbox.left = []
  replica.tell(changed)
  for (const entry of given) replica.emit('rejected', error, entry, '')
}

/**
 * Ends, and forgets all that is in memory: what comes next is another device.
 * @param leave - lets go of the store
 */
export const forget = (replica: Replica, leave?: (keeper: Keeper) => Promise<void>): void => {
  giveUp(replica)
  replica.ended(undefined, false, leave)
  const { clock, outbox, records, scopes } = replica
  const ids = records.clear()
  scopes.reach.cursor = NOWHERE
  scopes.wanted.clear()
  for (const scope of scopes.all) {
    scope.forget()
    replica.become(scope, 'loading')
  }
  clock.node = outbox.own.node
  replica.secret = makeSecret()
  replica.identity = undefined
  replica.tell(ids)
}
