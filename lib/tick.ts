import { print } from './print.ts'

/** What wants to be told at the end of the current turn of the event loop. */
export interface Ticking {
  tick(): void
}

let waiting: Ticking[] = []

const run = (): void => {
  const due = waiting
  waiting = []
  for (const ticking of due) {
    try {
      ticking.tick()
    } catch (error) {
      // A wire that throws breaks its contract; the others still have their turn.
      print(error)
    }
  }
}

/**
 * Calls `ticking.tick` at the end of this turn: in Node after all I/O of the turn was read, so that what many handlers
 * write leaves in one piece; in browsers before the next task. The caller makes sure to ask once a turn.
 */
export const atEndOfTurn = (ticking: Ticking): void => {
  if (waiting.push(ticking) === 1) (typeof setImmediate === 'function' ? setImmediate : queueMicrotask)(run)
}
