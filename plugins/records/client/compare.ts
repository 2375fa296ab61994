import { add, digestOf } from '../core/digest.ts'
import { DIFFERS } from '../core/frame.ts'
import { matches } from '../core/query.ts'
import type { RecordState } from '../core/record-state.ts'
import type { KeeperHost } from './keeper-host.ts'
import type { Scope } from './scope.ts'

type Host = Pick<KeeperHost, 'become' | 'emit' | 'records' | 'scopes' | 'visible'>

/** Digests of records, and which change they are of: in the next session most are as they were. */
const known = new WeakMap<RecordState, readonly [seq: number, digest: number]>()

const digestOfRecord = (state: RecordState, id: string): number => {
  const [seq, before] = known.get(state) ?? []
  if (before !== undefined && seq === state.last) return before
  const digest = digestOf(state, id)
  known.set(state, [state.last, digest])
  return digest
}

/** The digest of what is here of a scope. */
const digestOfScope = (host: Host, scope: Scope): number => {
  const { records } = host
  let sum = 0
  for (const id of scope.among(records)) {
    const base = records.base(id)
    if (!base || !host.visible(id, base)) continue
    if (!scope.query || matches(scope.query, base.view())) sum = add(sum, digestOfRecord(base, id))
  }
  return sum
}

/**
 * Compares what is here of a scope with what the authority has: what is kept may be old, or damaged. If it is not the same, all of it
 * is asked for again.
 */
export const compare = (host: Host, number: number, digest: number): void => {
  const scope = host.scopes.get(number)
  if (!scope?.isLive || digestOfScope(host, scope) === digest) return
  // What comes before the reset does not make it whole.
  scope.doubt()
  scope.digest = DIFFERS
  host.scopes.want(scope)
  host.become(scope, 'local')
  host.emit('divergence', scope.name)
}
