/** Who is told when a value was taken, and its bytes are free. */
export interface Source {
  consume(size: number): void
}

interface Held {
  readonly value: unknown
  readonly size: number
  readonly source: Source
}

/**
 * The values that arrived and were not read yet. Nothing is delivered before somebody reads: a listener for `data`, or an
 * iterator; what waits is not acknowledged, so the other end stops sending when its window is full.
 */
export class Inbox {
  readonly #deliver: (value: unknown) => void
  #held: Held[] = []
  #flowing = false
  #paused = false
  #ended = false
  #draining = false
  /** Iterators that wait for a value. */
  #waiting: (() => void)[] = []

  constructor(deliver: (value: unknown) => void) {
    this.#deliver = deliver
  }

  push(value: unknown, size: number, source: Source): void {
    if (this.#flowing && !this.#draining) {
      this.#deliver(value)
      source.consume(size)
    } else {
      this.#held.push({ value, size, source })
      this.#waiting.shift()?.()
    }
  }

  /** Whether somebody listens for values, and whether they asked for a pause. */
  flow(listening: boolean, paused = this.#paused): void {
    this.#paused = paused
    this.#flowing = listening && !paused
    if (!this.#flowing || this.#held.length === 0 || this.#draining) return
    this.#draining = true
    // The listener that starts the flow may come with others: they are all there when the first value is delivered.
    queueMicrotask(() => this.#drain())
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Nothing more will arrive. What is held can still be read. */
  end(): void {
    this.#ended = true
    this.#wake()
  }

  /** Takes values one by one as they come; done when the connection ended and everything was read. */
  iterate(): AsyncIterableIterator<unknown, undefined> {
    let over = false
    const done = { done: true, value: undefined } as const
    const next = async (): Promise<IteratorResult<unknown, undefined>> => {
      while (!over && this.#held.length === 0 && !this.#ended) {
        await new Promise<void>(resolve => this.#waiting.push(resolve))
      }
      const held = over ? undefined : this.#held.shift()
      if (!held) return done
      held.source.consume(held.size)
      return { done: false, value: held.value }
    }
    return {
      next,
      return: () => {
        over = true
        this.#wake()
        return Promise.resolve(done)
      },
      [Symbol.asyncIterator]() {
        return this
      }
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  #drain(): void {
    while (this.#flowing) {
      const held = this.#held.shift()
      if (!held) break
      this.#deliver(held.value)
      held.source.consume(held.size)
    }
    this.#draining = false
  }
}
