const NOTHING: readonly never[] = Object.freeze([])

/**
 * A list that is made of an object, once: who has the same object until something in it changes has the same list as well,
 * whoever asks for it.
 */
export const derived = <From, T>(make: (from: From & object) => T[]): ((from: From) => readonly T[]) => {
  const made = new WeakMap<object, readonly T[]>()
  return from => {
    if (typeof from !== 'object' || from === null) return NOTHING
    let list = made.get(from)
    if (!list) made.set(from, (list = Object.freeze(make(from))))
    return list
  }
}

/** The list from before, where the next one has the same in it: so `===` tells whether something is different. */
export const unchanged = <T>(before: readonly T[], next: readonly T[]): readonly T[] =>
  before.length === next.length && next.every((item, at) => item === before[at]) ? before : Object.freeze(next)
