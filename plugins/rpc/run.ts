import type { Connection } from '../../lib/connection.ts'
import { textOf } from '../../lib/errors.ts'
import type { Failure } from '../../lib/errors.ts'
import { ERR_CLOSED, ERR_HANDLER, ERR_NO_PROVIDER } from '../../lib/failures.ts'
import type { Lane } from '../../lib/lane.ts'
import { because, RpcError } from './error.ts'
import type { Call, Route } from './router.ts'
import { ACCEPTED, extrasOf, ITEM, STREAM, WINDOW } from './wire.ts'
import type { AnswerPacket, Asked } from './wire.ts'

/** Where calls are answered. */
interface Answering<P> {
  readonly connection: P
  readonly lane: Lane
  readonly runs: Map<number, unknown>
  /** Tells what came of a call, together with what else is told in this turn. */
  answer(packet: AnswerPacket): void
  /** Says something else of one, at once. Returns and throws what `write` does. */
  write(packet: unknown): boolean
  idOf(call: { readonly key?: string | undefined; readonly number: number }): string
}

/** How many arguments of a call may be undefined. */
const ARGUMENTS = 1_000

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isStream = (value: unknown): value is AsyncIterable<unknown> => isObject(value) && Symbol.asyncIterator in value

/**
 * A call of the other end that is being answered; what its handler gets as its call. All it knows is private: a handler
 * that returns it, because it was given fewer arguments than it expects, tells nobody anything.
 */
export class Run<P extends Connection> implements Call<P> {
  readonly #at: Answering<P>
  readonly #number: number
  readonly #name: string
  readonly #args: readonly unknown[]
  readonly #extras: readonly unknown[]
  #controller: AbortController | undefined
  /** Why nobody waits for an answer any more. */
  #aborted: RpcError | undefined
  #answered = false
  /** Of a stream: how many items the caller has room for, and whether the connection has. */
  #credit = WINDOW
  #room = true
  #wake: (() => void) | undefined
  #iterator: AsyncIterator<unknown, unknown> | undefined

  constructor(at: Answering<P>, packet: Asked) {
    this.#at = at
    const [number, name, , ...args] = packet
    const extras = extrasOf(packet)
    const [, , , count] = extras
    if (typeof count === 'number' && count > 0) args.length += Math.floor(Math.min(count, ARGUMENTS))
    this.#number = number
    this.#name = `${name}`
    this.#args = args
    this.#extras = extras
  }

  get peer(): P {
    return this.#at.connection
  }

  get name(): string {
    return this.#name
  }

  get args(): readonly unknown[] {
    return this.#args
  }

  get key(): string | undefined {
    const [, key] = this.#extras
    return typeof key === 'string' && key ? key : undefined
  }

  get id(): string {
    return this.#at.idOf({ key: this.key, number: -this.#number })
  }

  get signal(): AbortSignal {
    // Most handlers never ask for one, and it is not cheap.
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort(this.#aborted)
    return this.#controller.signal
  }

  /** Whether the answer is a stream, and has begun. */
  get streams(): boolean {
    return !!this.#iterator
  }

  accept(): void {
    this.#write(ACCEPTED)
  }

  reject(reason?: string): never {
    throw because(ERR_NO_PROVIDER, reason)
  }

  /** Has a handler answer. Returns a promise when it takes its time. */
  start(route: Route<P>): Promise<void> | undefined {
    try {
      const result = route(this)
      if (isObject(result) && ('then' in result || isStream(result))) return this.#follow(result)
      this.#answer(result)
    } catch (error) {
      this.threw(error)
    }
    return undefined
  }

  /** Goes no further. Only what is meant for the caller is told. */
  threw(error: unknown): void {
    if (this.#answered) return
    if (!(error instanceof RpcError)) this.#at.lane.failed(error, 'rpc')
    const { code, message, data } = error instanceof RpcError ? error : because(ERR_HANDLER)
    this.#end(code, textOf(message), ...(data === undefined ? [] : [data]))
  }

  /** Nobody waits for it any more. */
  abort(failure: Failure): void {
    this.#aborted ??= because(failure, this.name)
    this.#finish()
    this.#controller?.abort(this.#aborted)
    // A stream may wait for something that never comes. How it ends interests nobody.
    new Promise(resolve => resolve(this.#iterator?.return?.())).catch(() => {})
  }

  /** The session is over. What has a key goes on: its caller may ask again. */
  over(): void {
    if (this.key) this.#finish()
    else this.abort(ERR_CLOSED)
  }

  /** Of a stream, so many items were taken; undefined: the connection has room again. */
  more(count?: unknown): void {
    if (count === undefined) this.#room = true
    else if (typeof count === 'number' && count > 0) this.#credit = Math.min(WINDOW, this.#credit + count)
    this.#wake?.()
  }

  async #follow(result: unknown): Promise<void> {
    try {
      const value = await result
      if (isStream(value)) await this.#pump((this.#iterator = value[Symbol.asyncIterator]()))
      else this.#answer(value)
    } catch (error) {
      this.threw(error)
    }
  }

  async #pump(iterator: AsyncIterator<unknown, unknown>): Promise<void> {
    try {
      this.#write(STREAM)
      while (!this.#answered) {
        if (this.#room && this.#credit > 0) {
          const { done, value } = await iterator.next()
          if (done) return this.#answer(value)
          this.#credit--
          this.#room = this.#write(ITEM, value)
        } else await new Promise<void>(wake => (this.#wake = wake))
      }
    } finally {
      await iterator.return?.()
    }
  }

  #answer(value: unknown): void {
    // JSON has no undefined.
    if (value === undefined) this.#end(0)
    else this.#end(0, value)
  }

  #end(code: 0 | string, ...values: readonly unknown[]): void {
    if (!this.#answered) this.#at.answer([-this.#number, code, ...values])
    this.#finish()
  }

  #write(...packet: readonly unknown[]): boolean {
    return !this.#answered && this.#at.write([-this.#number, ...packet])
  }

  #finish(): void {
    this.#answered = true
    this.#at.runs.delete(this.#number)
    this.#wake?.()
  }
}
