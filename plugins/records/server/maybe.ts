/** What may be there at once: so that what needs no waiting is done in one go. */
export type Maybe<T> = T | Promise<T>

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/** What an application answers: it may have promises of its own kind. */
export const maybe = <T>(answer: T | PromiseLike<T>): Maybe<T> =>
  isThenable(answer) ? Promise.resolve(answer) : answer

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

/** Does something for each of some items, one after the other. */
export const inTurn = <T, R>(items: readonly T[], work: (item: T) => Maybe<R>): Maybe<readonly R[]> => {
  const done: R[] = []
  for (const [at, item] of items.entries()) {
    const result = work(item)
    if (result instanceof Promise) return goOn(done, result, items.slice(at + 1), work)
    done.push(result)
  }
  return done
}

const goOn = async <T, R>(
  done: R[],
  first: Promise<R>,
  items: readonly T[],
  work: (item: T) => Maybe<R>
): Promise<readonly R[]> => {
  done.push(await first)
  for (const item of items) done.push(await work(item))
  return done
}
