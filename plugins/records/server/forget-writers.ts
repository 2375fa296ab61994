import type { Store } from '../../../lib/store.ts'
import type { Committer } from './committer.ts'
import type { Patience } from './patience.ts'
import type { Settings } from './settings.ts'
import { isKept, keysOfKept, LAST } from './writer.ts'
import type { Writers } from './writer.ts'

/** What nodes begin with: they are looked at in as many parts. */
const BEGINNINGS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Whether text can be a node. */
export const isNode = (node: string): boolean => /^[\w-]{1,64}$/.test(node)

/** Whether text can be a secret: it is long enough, and no longer than a node. */
export const isSecret = (secret: string): boolean => secret.length >= 16 && isNode(secret)

export interface ForgetHost {
  readonly settings: Settings
  readonly committer: Committer
  readonly patience: Patience
  readonly writers: Writers
}

/** Forgets the writers that nobody heard of for longer than the horizon. @returns how many */
export const forgetWriters = async (
  store: Store,
  { settings, committer, patience, writers }: ForgetHost
): Promise<number> => {
  const before = settings.now() - settings.horizon
  let [count, last] = [0, 0]
  for (const beginning of BEGINNINGS) {
    const entries = await patience.try(() => store.entries(LAST + beginning))
    for (const [key, kept] of entries) {
      const node = key.slice(LAST.length)
      if (!isKept(kept) || kept.seen >= before || writers.knows(node)) continue
      for (const gone of keysOfKept(node, kept)) committer.open.entries.set(gone, undefined)
      count++
      // What is behind it may never be committed.
      last = committer.open.seq
    }
    if (last === committer.open.seq) committer.added()
  }
  await committer.reached(last)
  return count
}
