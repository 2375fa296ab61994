// The real ones, whatever clock a test installs.
const { setImmediate: immediate } = globalThis
const now = performance.now.bind(performance)

/** So many turns of the event loop, for what must not happen to have its chance. */
export const turns = async (count = 5): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(resolve => immediate(resolve))
}

/** Waits, turn by turn, until a condition holds. */
export const until = async (condition: () => boolean, what = `${condition}`, limit = 4_000): Promise<void> => {
  const deadline = now() + limit
  while (!condition()) {
    if (now() > deadline) throw new Error(`in vain: ${what}`)
    await turns(1)
  }
}
