import { ITEM, STREAM, WINDOW } from './wire.ts'

/** Sends a stream: as many items as its reader takes, while the connection has room. */
export interface Pump {
  /** @returns what the stream ends with, or undefined where it was stopped; rejects with what it fails with */
  run(): Promise<unknown>
  /** So many items were taken; undefined: the connection has room again. */
  more(count?: unknown): void
  /** Nobody reads on. */
  stop(): void
}

/** What a handler may return to be read bit by bit: what an asynchronous generator makes, or one that is not. */
export type Stream = AsyncIterable<unknown> | (Iterable<unknown> & Iterator<unknown, unknown, undefined>)

/**
 * @param send - says something of the call. Returns and throws what `write` does
 * @param held - what the next item, or the end, waits for until it may be told; undefined: nothing
 */
export const makePump = (
  stream: Stream,
  send: (type: number, ...item: readonly unknown[]) => boolean,
  held?: () => Promise<void> | undefined
): Pump => {
  const iterator: Iterator<unknown, unknown> | AsyncIterator<unknown, unknown> =
    Symbol.asyncIterator in stream ? stream[Symbol.asyncIterator]() : each(stream)
  /** How many items the reader has room for, and whether the connection has. */
  let credit = WINDOW
  let room = true
  let stopped = false
  let wake = (): void => {}
  return {
    async run() {
      try {
        send(STREAM)
        while (!stopped) {
          if (room && credit > 0) {
            const { done, value } = await iterator.next()
            const waiting = held?.()
            if (waiting) await waiting
            if (done) return value
            credit--
            room = send(ITEM, value)
          } else await new Promise<void>(resolve => (wake = resolve))
        }
        return undefined
      } finally {
        await iterator.return?.()
      }
    },
    more(count) {
      if (count === undefined) room = true
      else if (typeof count === 'number' && count > 0) credit = Math.min(WINDOW, credit + count)
      wake()
    },
    stop() {
      stopped = true
      wake()
      // It may wait for something that never comes. How it ends interests nobody.
      new Promise(resolve => resolve(iterator.return?.())).catch(() => {})
    }
  }
}

/** As `for await` reads it: what is yielded may be promises. */
async function* each(stream: Iterable<unknown, unknown>): AsyncGenerator<unknown, unknown, undefined> {
  return yield* stream
}

export const isStream = (value: unknown): value is Stream => {
  const given = Object(value) as object
  // Arrays and the like are values. What is about to be iterated is not: no parser carries it.
  return Symbol.asyncIterator in given || (Symbol.iterator in given && 'next' in given)
}
