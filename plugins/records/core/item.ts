import { keysOf, pathOf } from './path.ts'
import { OBJECT } from './register.ts'
import type { Write } from './register.ts'

/** What a list has of an item, under its id: where it is, and what it is. */
export const POSITION = '@pos'
export const VALUE = '@value'

/**
 * Whether a write only says that there must be an item, of which others change the value: an object with the stamp IMPLICIT at its
 * position. Where the item is there it loses against that, so it never does anything.
 */
export const isClaim = ({ path, kind, t }: Write): boolean =>
  kind === OBJECT && t === 0 && path !== '' && keysOf(path).at(-1) === POSITION

/** The items that have a path in one of some fields: of items within items, the outer one first. */
export const itemsAt = (path: string, ...fields: readonly string[]): readonly string[] => {
  const keys = keysOf(path)
  return keys.flatMap((key, at) => (at && fields.includes(key) ? [pathOf(keys.slice(0, at))] : []))
}
