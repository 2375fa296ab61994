import type { Undo } from '../lib/emitter.ts'

/** Calls `stop` at the first Ctrl-C or SIGTERM; the next one ends the process at once. */
export const onInterrupt = (stop: () => void): Undo => {
  let stopping = false
  const interrupted = (signal: NodeJS.Signals): void => {
    // As a shell expects it: 128 and the number of the signal.
    if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143)
    stopping = true
    stop()
  }
  process.on('SIGINT', interrupted).on('SIGTERM', interrupted)
  return () => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}
