import { pass } from '../contract/ends.ts'
import type { Stage } from '../contract/stage.ts'

/** Opens a connection that must not notice what others do. @returns what looks whether it did not */
export const witness = async (stage: Stage): Promise<() => Promise<void>> => {
  const pair = await stage.pair()
  return async () => {
    await pass(pair.client, pair.peer, ['unharmed'])
    await pass(pair.peer, pair.client, ['unharmed'])
    await stage.pair()
  }
}
