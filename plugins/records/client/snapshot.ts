import type { Value } from '../../../lib/store.ts'
import { isSame } from '../core/value.ts'

type Fields = { [key: string]: Value }

const isFields = (value: Value | undefined): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

const freeze = (value: Value | undefined): void => {
  // Bytes cannot be frozen.
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const item of Object.values(value)) freeze(item)
}

/**
 * What an application sees next: `next`, frozen, with every part of `before` in it that has not changed. So `===` tells at any
 * depth whether something is different.
 */
export const share = (before: Value | undefined, next: Value | undefined): Value | undefined => {
  if (before === next) return before
  if (!isFields(before) || !isFields(next)) {
    if (!isFields(next) && isSame(before, next)) return before
    freeze(next)
    return next
  }
  const fields: Fields = {}
  let same = Object.keys(before).length === Object.keys(next).length
  for (const [key, value] of Object.entries(next)) {
    const shared = share(before[key], value)
    if (shared !== undefined) fields[key] = shared
    same &&= shared === before[key]
  }
  return same ? before : Object.freeze(fields)
}
