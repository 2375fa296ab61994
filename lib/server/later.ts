import type { Undo } from '../emitter.ts'
import { LONGEST } from '../timer.ts'

/**
 * Calls functions, each after so many milliseconds.
 * @returns what stops those that were not called
 */
export const later = (...calls: readonly (readonly [time: number, call: () => void])[]): Undo => {
  const timers = calls.map(([time, call]) => setTimeout(call, Math.min(time, LONGEST)))
  return () => {
    for (const timer of timers) clearTimeout(timer)
  }
}
