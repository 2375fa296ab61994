import { collectionOf } from '../core/path.ts'

/** What is more than so many is all. */
const MOST = 100

/** With one more prefix: none of them begins with another one, and they are not many. */
export const including = (prefixes: readonly string[], prefix: string): readonly string[] => {
  if (prefixes.some(other => prefix.startsWith(other))) return prefixes
  const others = prefixes.filter(other => !other.startsWith(prefix))
  return others.length < MOST ? [...others, prefix] : ['']
}

/** Whether something of a name begins with a prefix. */
export const isWithin = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) || name === collectionOf(prefix)
