import { isWritten, showsBelow } from './place.ts'
import type { RecordState } from './record-state.ts'
import { INCREMENT, LEAF } from './register.ts'
import type { Register, Write } from './register.ts'

/**
 * What a write comes to in a state. What is added to a number is the sum, with a stamp that wins against the number; anything but
 * a number counts as 0. All other writes are what they are.
 * @throws ERR_PATH
 */
export const resolve = (state: RecordState, write: Write): Register => {
  if (write.kind !== INCREMENT) return write
  const { path, value, t, node } = write
  const place = state.find(path)
  const there = place && isWritten(place) ? place : undefined
  // What is seen there would be made for it, of all that is below.
  const before = typeof there?.value === 'number' && !showsBelow(there) ? there.value : 0
  return { path, kind: LEAF, value: before + Number(value), t: there ? Math.max(t, there.t + 1) : t, node }
}
