import { clear, drop, isWritten } from './place.ts'
import type { Place } from './place.ts'
import type { RecordState } from './record-state.ts'
import { DELETED } from './register.ts'

/** A register that is gone. */
export interface Gone {
  readonly path: string
  /** The number of its change. */
  readonly seq: number
}

const forget = (place: Place, before: number, gone: Gone[]): void => {
  const { branch } = place
  if (isWritten(place) && place.kind === DELETED && place.t < before) {
    gone.push({ path: place.path, seq: place.seq })
    clear(place)
  }
  if (!branch) return
  for (const [key, child] of branch) {
    forget(child, before, gone)
    drop(branch, key, child)
  }
  if (branch.size === 0) place.branch = undefined
}

/** Forgets what was deleted in a record before a stamp. It never changes what applications see. @returns the registers that are gone */
export const collect = (state: RecordState, before: number): readonly Gone[] => {
  const gone: Gone[] = []
  forget(state, before, gone)
  state.size -= gone.length
  return gone
}
