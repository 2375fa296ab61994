import type { Fate } from '../../lib/asked-again.ts'
import type { Connection } from '../../lib/connection.ts'
import type { Failure } from '../../lib/errors.ts'
import { checkValue } from '../../lib/call-rules.ts'
import { ERR_CLOSED, ERR_DENIED } from '../../lib/failures.ts'
import { failureOf, notHere } from './answering.ts'
import type { Answering, Running } from './answering.ts'
import { because } from './error.ts'
import type { RpcError } from './error.ts'
import { isStream, makePump } from './pump.ts'
import type { Pump } from './pump.ts'
import type { Call, Route } from './router.ts'
import { ACCEPTED, argumentsOf, extrasOf } from './wire.ts'
import type { Asked } from './wire.ts'

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/**
 * A call of a client that a server answers; what its handler gets as its call. All it knows is private: a handler that returns
 * it, because it was given fewer arguments than it expects, tells nobody anything. A client's is client-run.ts, which pays
 * for its code with bytes; this one for what most calls do not use.
 */
export class Run<P extends Connection> implements Call<P>, Running<P> {
  readonly #at: Answering<P>
  readonly #number: number
  readonly #name: string
  readonly #args: readonly unknown[]
  readonly #extras: readonly unknown[]
  #controller: AbortController | undefined
  /** Why nobody waits for an answer any more. */
  #aborted: RpcError | undefined
  #answered = false
  #pump: Pump | undefined
  /** Whether its caller may have it, where it is a stream. */
  #fate: Fate = 'goes'
  /** Called when a stream may be told on, or nobody waits for it. */
  #release: (() => void) | undefined

  constructor(at: Answering<P>, packet: Asked) {
    this.#at = at
    this.#number = packet[0]
    this.#name = `${packet[1]}`
    this.#args = argumentsOf(packet)
    this.#extras = extrasOf(packet)
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

  get streams(): boolean {
    return !!this.#pump
  }

  /** Whether its caller may still have a stream. What is none is done when it is done. */
  judged(fate: Fate): void {
    this.#fate = fate
    if (fate === 'goes') this.#release?.()
    if (fate === 'ends' && this.#pump) this.#deny()
  }

  /** It is asked for again: what was denied before there was a stream may be allowed by now. */
  doubt(): void {
    if (this.#fate === 'ends') this.#fate = 'waits'
  }

  accept(): void {
    if (!this.#answered) this.#at.write([-this.#number, ACCEPTED])
  }

  reject(reason?: string): never {
    return notHere(reason)
  }

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

  threw(error: unknown): void {
    if (!this.#answered) this.#end(...failureOf(error, this.#at.lane, this.#name))
  }

  abort(failure: Failure): void {
    this.#aborted ??= because(failure, this.name)
    this.#finish()
    this.#controller?.abort(this.#aborted)
    this.#pump?.stop()
    this.#release?.()
  }

  over(): void {
    // Its caller may ask again, but for a stream.
    if (this.key && !this.#pump) this.#finish()
    else this.abort(ERR_CLOSED)
  }

  more(count?: unknown): void {
    this.#pump?.more(count)
  }

  async #follow(result: unknown): Promise<void> {
    try {
      const value = await result
      if (!isStream(value)) return this.#answer(value)
      this.#pump = makePump(
        value,
        (type, ...item) => {
          for (const value of item) checkValue(value)
          return !this.#answered && this.#at.write([-this.#number, type, ...item])
        },
        () => this.#held()
      )
      // Nobody waited for it, or nobody may have it any more: it is closed.
      if (this.#fate === 'ends') this.#deny()
      if (this.#answered) this.abort(ERR_CLOSED)
      this.#answer(await this.#pump.run())
    } catch (error) {
      const held = this.#held()
      if (held) await held
      this.threw(error)
    }
  }

  /** While it is not known whether a stream goes on, nothing of it is told. */
  #held(): Promise<void> | undefined {
    return this.#pump && this.#isHeld ? this.#wait() : undefined
  }

  get #isHeld(): boolean {
    return this.#fate === 'waits' && !this.#answered
  }

  async #wait(): Promise<void> {
    while (this.#isHeld) await new Promise<void>(resolve => (this.#release = resolve))
  }

  #deny(): void {
    this.threw(because(ERR_DENIED, this.name))
    this.abort(ERR_DENIED)
  }

  #answer(value: unknown): void {
    checkValue(value)
    // JSON has no undefined.
    if (value === undefined) this.#end(0)
    else this.#end(0, value)
  }

  #end(code: 0 | string, ...values: readonly unknown[]): void {
    if (!this.#answered) this.#at.answer([-this.#number, code, ...values], this.#name)
    this.#finish()
  }

  #finish(): void {
    // By now its number may be another one's.
    if (this.#answered) return
    this.#answered = true
    this.#at.runs.delete(this.#number)
  }
}
