import type { Failure } from '../../lib/errors.ts'
import { ERR_CALL_TIMEOUT, ERR_CANCELLED, ERR_PROTOCOL } from '../../lib/failures.ts'
import { LONGEST } from '../../lib/timer.ts'
import { because } from './error.ts'
import type { Exchange, Pending } from './exchange.ts'
import type { CallOptions } from './remote.ts'
import { ACCEPTED, ITEM, STREAM, WINDOW } from './wire.ts'

/** Options of a call: what applications do not ask for. */
export interface AskOptions extends CallOptions {
  /** Milliseconds until somebody must have accepted; and what it fails with otherwise. */
  readonly accept?: number
  readonly late?: Failure
  /** Somebody has. */
  accepted?(this: void): void
}

/** What a call gives: only the answer tells whether it is a stream. */
export type Answer = Promise<unknown> & AsyncIterable<unknown>

/**
 * Calls a function of the other end.
 * @param service - 1: a service is called
 */
export const call = (
  [[ask, end, tell], idOf, patience, untold]: Exchange,
  name: string,
  args: readonly unknown[],
  options: AskOptions = {},
  service?: 1
): Answer => {
  const { signal, timeout, key, accept = Infinity, late, accepted } = options
  const since = performance.now()
  let overall = timeout ?? patience
  const sent = [...args]
  // JSON has no undefined; at the end it is left out, and counted.
  while (sent.length && sent.at(-1) === undefined) sent.pop()
  const count = args.length - sent.length

  /** Of a stream: what arrived and was not taken, and how it ended. */
  const items: unknown[] = []
  let ending: (() => unknown) | undefined
  let wake: (() => void) | undefined
  let timer: ReturnType<typeof setTimeout> | undefined

  /** It has so many milliseconds from here on. */
  const limit = (time: number, failure: Failure = ERR_CALL_TIMEOUT): void => {
    clearTimeout(timer)
    if (time <= LONGEST) timer = setTimeout(leave, time, failure)
  }
  const over = (how: () => unknown): void => {
    limit(Infinity)
    signal?.removeEventListener('abort', cancel)
    ending ??= how
    wake?.()
  }
  const pending: Pending = {
    packet: [name, timeout || key || service || count ? [timeout, key, service, count] : 0, ...sent],
    key,
    untold: error => untold(name, error),
    heard(type, value) {
      if (type === ACCEPTED) {
        accepted?.()
        limit(overall + since - performance.now())
      } else if (type === STREAM) {
        overall = Infinity
        limit(overall)
        // The end of the connection does not wait for it.
        pending.known = true
        pending.resolve?.(read())
      } else if (type === ITEM && items.push(value) > WINDOW) leave(ERR_PROTOCOL)
      wake?.()
    },
    done(value) {
      over(() => value)
      return value
    },
    failed: error =>
      over(() => {
        throw error
      })
  }
  /** Leaves before the end: the other end need not go on. */
  const leave = (failure: Failure, cause?: unknown): boolean =>
    end(pending, because(failure, name, idOf(pending), cause))
  const cancel = (): void => {
    if (leave(ERR_CANCELLED, signal?.reason)) items.length = 0
  }
  async function* read(): AsyncGenerator<unknown, unknown, undefined> {
    let taken = 0
    try {
      for (;;) {
        while (items.length) {
          yield items.shift()
          if (++taken < WINDOW / 2 || ending) continue
          tell(pending, taken)
          taken = 0
        }
        if (ending) return ending()
        await new Promise<void>(resolve => (wake = resolve))
      }
    } finally {
      end(pending)
    }
  }

  signal?.addEventListener('abort', cancel)
  limit(Math.min(overall, accept), late)
  const asked = ask(pending)
  if (signal?.aborted) cancel()
  return toAnswer(asked)
}

/** @param promise - one that nobody has to wait for: an iteration may begin late */
export const toAnswer = (promise: Promise<unknown>): Answer =>
  Object.assign(promise, { [Symbol.asyncIterator]: () => iterate(promise) })

/** An answer as what it should be: an iteration that begins with it. */
async function* iterate(answer: Promise<unknown>): AsyncGenerator<unknown, unknown, undefined> {
  return yield* (await answer) as AsyncIterable<unknown, unknown>
}
