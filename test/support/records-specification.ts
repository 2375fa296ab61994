import type { Value } from '../../lib/store.ts'
import { DELETED, OBJECT } from '../../plugins/records/core/register.ts'
import type { Register } from '../../plugins/records/core/register.ts'
import { compareValues } from '../../plugins/records/core/value.ts'

/*
 * What a record is, from all that was ever written to it: short, slow, and without the code that merges.
 */

const compareStamps = (a: Register, b: Register): number =>
  a.t - b.t || Number(a.node > b.node) - Number(a.node < b.node)

const compare = (a: Register, b: Register): number =>
  compareStamps(a, b) || a.kind - b.kind || compareValues(a.value, b.value)

/** The keys of a path as histories have them: escaped, which is enough to compare them. */
const split = (path: string): string[] => (path ? path.split(/(?<!\\)\./) : [])

const isAbove = (above: string, path: string): boolean => (above ? path.startsWith(`${above}.`) : path !== '')

/** The greatest register of each path, without those that a greater stamp above hides; in the order of their paths. */
export const liveOf = (written: readonly Register[]): Register[] => {
  const greatest = new Map<string, Register>()
  for (const register of written) {
    const known = greatest.get(register.path)
    if (!known || compare(register, known) > 0) greatest.set(register.path, register)
  }
  const all = [...greatest.values()]
  return all
    .filter(one => !all.some(other => isAbove(other.path, one.path) && compareStamps(other, one) > 0))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** What applications see at a path. */
export const viewOf = (live: readonly Register[], path = ''): Value | undefined => {
  const below = live.filter(register => isAbove(path, register.path)).map(({ path }) => split(path))
  const depth = split(path).length
  const fields: Record<string, Value> = {}
  for (const key of [...new Set(below.map(keys => keys[depth] ?? ''))].map(unescape).sort()) {
    const value = viewOf(live, [...split(path), escape(key)].join('.'))
    if (value !== undefined) fields[key] = value
  }
  if (Object.keys(fields).length > 0) return fields
  const own = live.find(register => register.path === path)
  if (!own || own.kind === DELETED) return undefined
  return own.kind === OBJECT ? {} : own.value
}

const escape = (key: string): string => key.replaceAll('.', '\\.')
const unescape = (key: string): string => key.replaceAll('\\.', '.')
