import { textOf } from '../../lib/errors.ts'
import { ERR_CANCELLED, ERR_CLOSED, ERR_OUTCOME_UNKNOWN } from '../../lib/failures.ts'
import type { Sender } from './end.ts'
import { because, RpcError } from './error.ts'
import { Pending } from './pending.ts'
import type { AskOptions } from './pending.ts'
import { ACCEPTED, CALL, ERROR, ITEM, RESULT, STREAM } from './wire.ts'
import type { Packet } from './wire.ts'

/** The calls that one end makes. */
export class Caller {
  /** Those that were never sent, and those that were, by number. */
  readonly waiting = new Set<Pending>()
  readonly sent = new Map<number, Pending>()
  readonly #sender: Sender
  readonly #timeout: number
  #last = 0

  constructor(sender: Sender, timeout: number) {
    this.#sender = sender
    this.#timeout = timeout
  }

  call(name: string, args: readonly unknown[], options: AskOptions = {}, type = CALL): ReturnType<typeof toAnswer> {
    const { end } = this.#sender
    const { signal, timeout = this.#timeout, key } = options
    const promise = new Promise<unknown>((resolve, reject) => {
      if (end.refusal) return reject(because(end.refusal, name, key))
      if (signal?.aborted) return reject(because(ERR_CANCELLED, name, key, signal.reason))
      const pending = new Pending(this, [type, name, args], options, timeout, [resolve, reject])
      if (end.ready) this.#transmit(pending)
      else this.waiting.add(pending)
      this.#sender.watch(pending.deadline)
    })
    return toAnswer(promise)
  }

  /** Says something that is not answered. */
  tell(type: number, name: string): void {
    if (this.#sender.end.ready) this.send([type, ++this.#last, [], name])
  }

  /** Sends what waits. */
  flush(): void {
    for (const pending of this.waiting) {
      if (!this.#sender.end.ready) return
      this.waiting.delete(pending)
      this.#transmit(pending)
    }
  }

  /** An answer, or a part of one. What is none of a call that was made is ignored. */
  heard([type, number, values = [], code, message]: Packet): void {
    const pending = this.sent.get(number)
    const [value] = values
    if (type === RESULT) pending?.answered(value)
    else if (type === ERROR) pending?.failed(new RpcError(textOf(code), textOf(message), value, pending.id))
    else if (type === ACCEPTED) pending?.accepted()
    else if (type === STREAM) pending?.begin()
    else if (type === ITEM) pending?.item(value)
  }

  /** The session is over. What was never sent waits for the next one, unless there is none. */
  over(final = false): void {
    for (const pending of this.sent.values()) pending.fail(ERR_OUTCOME_UNKNOWN)
    if (final) for (const pending of this.waiting) pending.fail(ERR_CLOSED)
  }

  send(packet: Packet): boolean {
    return this.#sender.send(packet)
  }

  idOf(number: number): string {
    const { id, sign } = this.#sender.end
    return `${id}:${number * sign}`
  }

  drop(pending: Pending): boolean {
    return this.waiting.delete(pending) || this.sent.delete(pending.number)
  }

  #transmit(pending: Pending): void {
    const { type, name, args, options } = pending
    const { timeout = 0, key = '', accept } = options
    const number = ++this.#last
    pending.number = number
    this.sent.set(number, pending)
    // JSON has no undefined; at the end it is left out.
    let count = args.length
    while (count > 0 && args[count - 1] === undefined) count--
    const short = count < args.length
    const limit = Number.isFinite(timeout) ? timeout : 0
    const plain = !limit && !key && !accept && !short
    const values = short ? args.slice(0, count) : args
    try {
      this.send([type, number, values, name, ...(plain ? [] : [limit, key, accept ? 1 : 0, args.length])])
    } catch (error) {
      // Nothing was sent.
      if (error instanceof Error) pending.failed(error)
    }
  }
}

/** What a call gives: only the answer tells whether it is a stream. */
export const toAnswer = (promise: Promise<unknown>): Promise<unknown> & AsyncIterable<unknown> =>
  Object.assign(promise, { [Symbol.asyncIterator]: () => iterate(promise) })

/** An answer as what it should be: an iteration that begins with it. */
async function* iterate(answer: Promise<unknown>): AsyncGenerator<unknown, unknown, undefined> {
  const items = (await answer) as AsyncIterable<unknown, unknown>
  return yield* items
}
