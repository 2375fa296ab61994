import { textOf } from '../../lib/errors.ts'
import { ERR_CALL_TIMEOUT, ERR_CANCELLED, ERR_CLOSED, ERR_HANDLER, ERR_NO_PROVIDER } from '../../lib/failures.ts'
import type { Timed } from './deadlines.ts'
import type { Shared } from './end.ts'
import { because, RpcError } from './error.ts'
import type { Call } from './router.ts'
import { ACCEPTED, ERROR, ITEM, RESULT, STREAM, WINDOW } from './wire.ts'

/** What was called. */
interface Asked {
  readonly number: number
  readonly name: string
  readonly args: readonly unknown[]
  readonly key: string | undefined
  /** Of a call without a key. */
  readonly id: string
  readonly deadline: number
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isStream = (value: unknown): value is AsyncIterable<unknown> => isObject(value) && Symbol.asyncIterator in value

/**
 * A call of the other end that is being answered; what its handler gets as its call. All it knows is private: a handler
 * that returns it, because it was given fewer arguments than it expects, tells nobody anything.
 */
export class Run<P> implements Call<P>, Timed {
  readonly #shared: Shared<P>
  readonly #running: Map<number, unknown>
  readonly #asked: Asked
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

  constructor(shared: Shared<P>, running: Map<number, unknown>, asked: Asked) {
    this.#shared = shared
    this.#running = running
    this.#asked = asked
    this.#deadline = asked.deadline
  }

  get peer(): P {
    return this.#shared.end.connection
  }

  get name(): string {
    return this.#asked.name
  }

  get args(): readonly unknown[] {
    return this.#asked.args
  }

  get key(): string | undefined {
    return this.#asked.key
  }

  get id(): string {
    return this.#asked.key ?? this.#asked.id
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

  reject(reason = this.name): never {
    throw because(ERR_NO_PROVIDER, reason)
  }

  /**
   * Has a handler answer.
   * @param accepts - whether to say that it is at it
   * @returns a promise when it takes its time
   */
  start(work: () => unknown, accepts: boolean): Promise<void> | undefined {
    try {
      const result = work()
      if (isObject(result) && ('then' in result || isStream(result))) {
        if (accepts) this.accept()
        return this.#follow(result)
      }
      this.#answer(result)
    } catch (error) {
      this.threw(error)
    }
    return undefined
  }

  /** Goes no further. Only what is meant for the caller is told. */
  threw(error: unknown): void {
    if (this.#answered) return
    if (!(error instanceof RpcError)) this.#shared.report(error)
    const { code, message, data } = error instanceof RpcError ? error : because(ERR_HANDLER)
    try {
      this.#send(ERROR, data, code, textOf(message))
      this.#finish()
    } catch (unsendable) {
      this.threw(unsendable)
    }
  }

  expire(): void {
    const error = because(ERR_CALL_TIMEOUT, this.name)
    this.threw(error)
    this.#abort(error)
  }

  cancel(): void {
    this.#abort(because(ERR_CANCELLED, this.name))
  }

  /** The session is over. What has a key goes on: its caller may ask again. */
  over(): void {
    if (this.key === undefined) this.#abort(because(ERR_CLOSED, this.name))
    else this.#finish()
  }

  more(count: unknown): void {
    if (typeof count === 'number' && count > 0) this.#credit = Math.min(WINDOW, this.#credit + count)
    this.#wake?.()
  }

  drained(): void {
    this.#room = true
    this.#wake?.()
  }

  /** @throws why it need not go on */
  check(): void {
    if (this.#aborted) throw this.#aborted
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
    this.#send(RESULT, value)
    this.#finish()
  }

  #send(type: number, value?: unknown, ...rest: unknown[]): boolean {
    return this.#shared.send([type, this.#asked.number, value === undefined ? [] : [value], ...rest])
  }

  #abort(error: RpcError): void {
    this.#aborted ??= error
    this.#finish()
    this.#controller?.abort(error)
    void this.#quit()
  }

  /** A stream may wait for something that never comes. */
  async #quit(): Promise<void> {
    try {
      await this.#iterator?.return?.()
    } catch {
      // Nobody is interested any more.
    }
  }

  #finish(): void {
    this.#answered = true
    this.#running.delete(this.#asked.number)
    this.#wake?.()
  }
}
