/** A promise that knows whether anybody waits for it. */
class Answer<T> extends Promise<T> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise
  }

  isAwaited = false

  // oxlint-disable-next-line unicorn/no-thenable -- a promise has it; whoever awaits one that is not of the language's own class calls it
  override then<A = T, B = never>(
    done?: ((value: T) => A | PromiseLike<A>) | null,
    failed?: ((error: unknown) => B | PromiseLike<B>) | null
  ): Promise<A | B> {
    this.isAwaited = true
    // oxlint-disable-next-line promise/no-callback-in-promise -- passed on
    return super.then(done, failed)
  }
}

/**
 * A promise that nobody has to wait for: where it rejects and nobody does, that is told, and is no unhandled rejection, which
 * would end a process.
 * @param untold - called with what nobody would hear of
 */
export const answer = <T>(
  run: (resolve: (value: T | PromiseLike<T>) => void, reject: (error: Error) => void) => void,
  untold: (error: Error) => void
): Promise<T> => {
  const promise = new Answer<T>(run)
  void Promise.prototype.then.call(promise, undefined, (error: Error) => {
    // It may have been so from the beginning, and `await` looks a moment later.
    queueMicrotask(() => {
      if (!promise.isAwaited) untold(error)
    })
  })
  return promise
}
