import type { Connection } from '../../lib/connection.ts'
import { textOf } from '../../lib/errors.ts'
import { ERR_CALL_TIMEOUT, ERR_CANCELLED, ERR_CLOSED, ERR_HANDLER, ERR_NO_PROVIDER } from '../../lib/failures.ts'
import type { Timed } from './deadlines.ts'
import { because, RpcError } from './error.ts'
import type { End } from './exchange.ts'
import type { Call, Route } from './router.ts'
import { ACCEPTED, ITEM, STREAM, WINDOW } from './wire.ts'

/** Where calls are answered. */
interface Answering<P> {
  readonly end: End<P>
  readonly runs: Map<number, unknown>
  send(packet: unknown): boolean
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isStream = (value: unknown): value is AsyncIterable<unknown> => isObject(value) && Symbol.asyncIterator in value

/**
 * A call of the other end that is being answered; what its handler gets as its call. All it knows is private: a handler
 * that returns it, because it was given fewer arguments than it expects, tells nobody anything.
 */
export class Run<P extends Connection> implements Call<P>, Timed {
  readonly #at: Answering<P>
  readonly #number: number
  readonly #name: string
  readonly #args: readonly unknown[]
  readonly #key: string | undefined
  #deadline: number
  #controller: AbortController | undefined
  /** Why nobody waits for an answer any more. */
  #aborted: RpcError | undefined
  #answered = false
  /** Of a stream: how many items the caller has room for, and whether the connection has. */
  #credit = WINDOW
  #room = true
  #wake: (() => void) | undefined
  #iterator: AsyncIterator<unknown, unknown> | undefined

  constructor(
    at: Answering<P>,
    number: number,
    name: string,
    args: readonly unknown[],
    key: unknown,
    deadline: number
  ) {
    this.#at = at
    this.#number = number
    this.#name = name
    this.#args = args
    this.#key = typeof key === 'string' && key ? key : undefined
    this.#deadline = deadline
  }

  get peer(): P {
    return this.#at.end.connection
  }

  get name(): string {
    return this.#name
  }

  get args(): readonly unknown[] {
    return this.#args
  }

  get key(): string | undefined {
    return this.#key
  }

  get id(): string {
    return this.#key ?? `${this.peer.id}:${-this.#number * this.#at.end.sign}`
  }

  get deadline(): number {
    return this.#deadline
  }

  get signal(): AbortSignal {
    // Most handlers never ask for one, and it is not cheap.
    this.#controller ??= new AbortController()
    if (this.#aborted) this.#controller.abort(this.#aborted)
    return this.#controller.signal
  }

  accept(): void {
    if (!this.#answered) this.#send(ACCEPTED)
  }

  reject(reason?: string): never {
    throw because(ERR_NO_PROVIDER, reason)
  }

  /** Has a handler answer. Returns a promise when it takes its time. */
  start(route: Route<P>): Promise<void> | undefined {
    try {
      const result = this.#at.end.handle(this, route)
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
    if (!(error instanceof RpcError)) this.#at.end.lane.failed(error, 'rpc')
    const { code, message, data } = error instanceof RpcError ? error : because(ERR_HANDLER)
    try {
      this.#at.send([-this.#number, code, textOf(message), ...(data === undefined ? [] : [data])])
      this.#finish()
    } catch (unsendable) {
      this.threw(unsendable)
    }
  }

  expire(): void {
    const error = because(ERR_CALL_TIMEOUT, this.#name)
    this.threw(error)
    this.#abort(error)
  }

  cancel(): void {
    this.#abort(because(ERR_CANCELLED, this.#name))
  }

  /** The session is over. What has a key goes on: its caller may ask again. */
  over(): void {
    if (this.#key === undefined) this.#abort(because(ERR_CLOSED, this.#name))
    else this.#finish()
  }

  /** So many items were taken. */
  more(count: unknown): void {
    if (typeof count === 'number' && count > 0) this.#credit = Math.min(WINDOW, this.#credit + count)
    this.#wake?.()
  }

  drained(): void {
    this.#room = true
    this.#wake?.()
  }

  async #follow(result: unknown): Promise<void> {
    try {
      const value = await result
      if (isStream(value)) await this.#pump(value[Symbol.asyncIterator]())
      else this.#answer(value)
    } catch (error) {
      this.threw(error)
    }
  }

  async #pump(iterator: AsyncIterator<unknown, unknown>): Promise<void> {
    this.#iterator = iterator
    try {
      if (!this.#answered) this.#send(STREAM)
      this.#deadline = Infinity
      while (!this.#answered) {
        if (this.#room && this.#credit > 0) {
          const { done, value } = await iterator.next()
          if (done) return this.#answer(value)
          this.#credit--
          if (!this.#answered) this.#room = this.#send(ITEM, value)
        } else await new Promise<void>(wake => (this.#wake = wake))
      }
    } finally {
      await iterator.return?.()
    }
  }

  #answer(value: unknown): void {
    if (this.#answered) return
    this.#send(0, value)
    this.#finish()
  }

  #send(type: number, value?: unknown): boolean {
    return this.#at.send(value === undefined ? [-this.#number, type] : [-this.#number, type, value])
  }

  #abort(why: RpcError): void {
    this.#aborted ??= why
    this.#finish()
    this.#controller?.abort(why)
    // A stream may wait for something that never comes. Nobody is interested any more in how it ends.
    ;(async () => this.#iterator?.return?.())().catch(() => {})
  }

  #finish(): void {
    this.#answered = true
    this.#at.runs.delete(this.#number)
    this.#wake?.()
  }
}
