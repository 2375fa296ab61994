import type { Value } from '../../../lib/store.ts'
import { keysOf } from './path.ts'

/** What is at a path of a value. */
export const pick = (value: Value | undefined, path: string): Value | undefined => {
  let found = value
  for (const key of keysOf(path)) {
    if (typeof found !== 'object' || found === null || Array.isArray(found) || !Object.hasOwn(found, key))
      return undefined
    found = (found as { readonly [key: string]: Value })[key]
  }
  return found
}
