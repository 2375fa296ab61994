/** What may be there at once: so that what needs no waiting is done in one go. */
export type Maybe<T> = T | Promise<T>

/** Goes on with a value, at once where it is there. */
export const after = <T, R>(value: Maybe<T>, goOn: (value: T) => Maybe<R>): Maybe<R> =>
  value instanceof Promise ? value.then(goOn) : goOn(value)

/** All of some values, at once where all are there. */
export const all = <T>(values: readonly Maybe<T>[]): Maybe<readonly T[]> => {
  const there: T[] = []
  for (const value of values) {
    if (value instanceof Promise) return Promise.all(values)
    there.push(value)
  }
  return there
}
