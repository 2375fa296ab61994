// The real ones, whatever clock a test installs.
const { setImmediate: immediate, setTimeout: after } = globalThis
const now = performance.now.bind(performance)

/** So many turns of the event loop, for what must not happen to have its chance. */
export const turns = async (count = 5): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => immediate(resolve))
}

/** Waits, turn by turn, until a condition holds; not for ever, but for as long as a busy machine may take. */
export const until = async (
  condition: () => boolean,
  what: string | (() => string) = `${condition}`,
  limit = 30_000
): Promise<void> => {
  const deadline = now() + limit
  for (let turn = 0; !condition(); turn++) {
    if (now() > deadline) throw new Error(`in vain: ${typeof what === 'string' ? what : what()}`)
    // Sockets take a while, and many may be waited for at a time.
    if (turn < 100) await turns(1)
    else await new Promise(resolve => after(resolve, 1))
  }
}
