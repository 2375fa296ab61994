import type { Delta } from '../core/frame.ts'
import type { Change } from './change.ts'

/** A delta: what changed, and whatever else there is to tell. */
export const deltaOf = (changes: readonly Change[], rest: Partial<Delta>): Delta => ({
  type: 'delta',
  seq: 0,
  more: false,
  scopes: [],
  records: changes,
  versions: changes.map(({ version }) => version),
  whole: changes.map(({ whole }) => whole),
  evicted: [],
  denied: [],
  acknowledged: [],
  results: [],
  digests: [],
  ...rest
})
