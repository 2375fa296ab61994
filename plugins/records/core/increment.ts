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
  const before = state.view(path)
  const there = state.get(path)
  return {
    path,
    kind: LEAF,
    value: (typeof before === 'number' ? before : 0) + Number(value),
    t: there ? Math.max(t, there.t + 1) : t,
    node
  }
}
