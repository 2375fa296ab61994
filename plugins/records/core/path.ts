import { AnywireError } from '../../../lib/errors.ts'
import { ERR_PATH } from '../../../lib/failures.ts'
import { isText } from './value.ts'

/*
 * A path is text: keys with dots between them, and '' for the record itself. A dot or a backslash within a key has a
 * backslash before it. The same text is what applications write, what travels, and what stores keep.
 */

/** How long a path may be, in UTF-16 units, and how many keys it may have. */
const LONGEST = 1_024
const DEEPEST = 64

/** Keys that could change prototypes, or break what reads a record. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype', ''])

/** A key as a part of a path. */
const escapeKey = (key: string): string => (/[.\\]/.test(key) ? key.replaceAll(/[.\\]/g, '\\$&') : key)

/** The path of a key below another path. */
export const below = (path: string, key: string): string => (path ? `${path}.${escapeKey(key)}` : escapeKey(key))

/** Whether a path may have this key. */
export const isKey = (key: string): boolean => !FORBIDDEN.has(key) && !key.includes('\0') && isText(key)

const refuse = (path: unknown): never => {
  throw new AnywireError(ERR_PATH, `'${String(path).slice(0, 100)}'`)
}

const check = (keys: readonly string[], path: string): readonly string[] => {
  if (path.length > LONGEST || keys.length > DEEPEST) refuse(path)
  if (!keys.every(isKey)) refuse(path)
  return keys
}

const split = (path: string): readonly string[] => {
  if (path === '') return []
  // JavaScript may pass anything.
  if (typeof path !== 'string') return refuse(path)
  if (!path.includes('\\')) return path.split('.')
  const keys = ['']
  for (let at = 0; at < path.length; at++) {
    const unit = path[at]
    if (unit === '.') keys.push('')
    else {
      const text = unit === '\\' ? path[++at] : unit
      if (text === undefined || (unit === '\\' && text !== '.' && text !== '\\')) return refuse(path)
      keys.push((keys.pop() ?? '') + text)
    }
  }
  return keys
}

/** A path that is legal. */
export interface Path {
  readonly text: string
  readonly keys: readonly string[]
}

/** How many paths are remembered: most records have the same few, and whoever makes up others does no harm. */
const MOST_KNOWN = 4_096
const known = new Map<string, Path>()
/** One path is asked for several times in a row. */
let last: Path = { text: '', keys: [] }

/** A path and its keys; the same object as long as it is remembered, so that records share its text. @throws ERR_PATH */
export const parse = (text: string): Path => {
  if (text === last.text) return last
  let path = known.get(text)
  if (!path) {
    if (known.size >= MOST_KNOWN) known.clear()
    path = { text, keys: check(split(text), text) }
    known.set(text, path)
  }
  return (last = path)
}

/** The keys of a path. @throws ERR_PATH */
export const keysOf = (path: string): readonly string[] => parse(path).keys

/** The path of keys. @throws ERR_PATH */
export const pathOf = (keys: readonly string[]): string => {
  const path = keys.map(escapeKey).join('.')
  check(keys, path)
  return path
}

/** The longest id of a record, in UTF-16 units. */
const LONGEST_ID = 256

/** Whether a record may have this id. The part up to the last slash is its collection. */
export const isId = (id: unknown): id is string =>
  typeof id === 'string' &&
  id.length <= LONGEST_ID &&
  /^[^\0]*[^\0/]$/.test(id) &&
  !id.includes('__proto__') &&
  isText(id)

/** The collection of a record: what its id has up to the last slash; '' for none. That of a collection is itself. */
export const collectionOf = (id: string): string => id.slice(0, id.lastIndexOf('/') + 1)

export const isBelow = (path: string, above: string): boolean =>
  path !== above && (above === '' || path.startsWith(`${above}.`))

/** Whether what is written at one of two paths is seen at the other. */
export const meet = (a: string, b: string): boolean => a === b || isBelow(a, b) || isBelow(b, a)

/** Whether a record, or its collection, is one of some names. */
export const isAmong = (names: ReadonlySet<string>, id: string): boolean => names.has(id) || names.has(collectionOf(id))

/**
 * What is said of records under the longest name that an id begins with, and under which something is said of it. A name ends with a
 * slash; '' is for ids without one.
 */
export const nearest = <T, K extends keyof T>(
  named: { readonly [name: string]: T },
  id: string,
  what: K
): T[K] | undefined => {
  let name = collectionOf(id)
  do {
    const said = named[name]?.[what]
    if (said !== undefined) return said
    name = collectionOf(name.slice(0, -1))
  } while (name)
  return undefined
}
