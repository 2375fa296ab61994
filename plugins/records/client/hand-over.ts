import type { Replica } from './replica.ts'

/**
 * Waits until nothing waits to be committed, or only in the store.
 * @param patience - in milliseconds; then it waits no more
 */
export const handOver = async (replica: Replica, patience: number): Promise<void> => {
  const { outbox } = replica
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<void>(resolve => (timer = setTimeout(resolve, patience)))
  const done = async (): Promise<void> => {
    for (const { stored } of outbox.entries) await stored
    while (outbox.count && replica.isSending)
      await new Promise<void>(resolve => replica.once('pending', () => resolve()))
  }
  await Promise.race([done(), late])
  clearTimeout(timer)
}
