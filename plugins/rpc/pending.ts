import { ERR_CALL_TIMEOUT, ERR_CANCELLED, ERR_NOT_ACCEPTED, ERR_PROTOCOL } from '../../lib/failures.ts'
import type { Failure } from '../../lib/errors.ts'
import type { Timed } from './deadlines.ts'
import { because } from './error.ts'
import type { CallOptions } from './remote.ts'
import { CANCEL, MORE, WINDOW } from './wire.ts'
import type { Packet } from './wire.ts'

/** Options of a call by its type: what applications do not ask for. */
export interface AskOptions extends CallOptions {
  /** Milliseconds until a service must have accepted. */
  readonly accept?: number
}

/** What a call needs of who made it. */
interface Asker {
  send(packet: Packet): boolean
  idOf(number: number): string
  /** Forgets the call. Returns whether it was still there. */
  drop(pending: Pending): boolean
}

/** A call that was made and is not over. */
export class Pending implements Timed {
  readonly #asker: Asker
  readonly #resolve: (value: unknown) => void
  readonly #reject: (error: unknown) => void
  readonly #cancel = (): void => this.cancel()
  readonly #overall: number
  readonly type: number
  readonly name: string
  readonly args: readonly unknown[]
  readonly options: AskOptions
  /** 0 until it is sent. */
  number = 0
  deadline: number
  /** Of a stream: what arrived and was not taken, and how it ended. */
  #items: unknown[] | undefined
  #end: (() => unknown) | undefined
  #wake: (() => void) | undefined

  constructor(
    asker: Asker,
    [type, name, args]: readonly [type: number, name: string, args: readonly unknown[]],
    options: AskOptions,
    timeout: number,
    [resolve, reject]: readonly [(value: unknown) => void, (error: unknown) => void]
  ) {
    const { accept = Infinity, signal } = options
    this.#asker = asker
    this.type = type
    this.name = name
    this.args = args
    this.options = options
    this.#resolve = resolve
    this.#reject = reject
    this.#overall = performance.now() + timeout
    this.deadline = Math.min(this.#overall, performance.now() + accept)
    signal?.addEventListener('abort', this.#cancel)
  }

  /** What the two ends know the call by. */
  get id(): string {
    return this.options.key ?? (this.number ? this.#asker.idOf(this.number) : '')
  }

  fail(failure: Failure, cause?: unknown): void {
    this.failed(because(failure, this.name, this.id, cause))
  }

  failed(error: Error): void {
    this.#over(() => {
      throw error
    })
    this.#reject(error)
  }

  /** Is not interested any more, and says so. */
  cancel(): void {
    if (this.#leave()) this.#items?.splice(0)
    this.fail(ERR_CANCELLED, this.options.signal?.reason)
  }

  expire(): void {
    const { deadline } = this
    if (this.#leave()) this.fail(deadline < this.#overall ? ERR_NOT_ACCEPTED : ERR_CALL_TIMEOUT)
  }

  accepted(): void {
    if (!this.#items) this.deadline = this.#overall
  }

  answered(value: unknown): void {
    this.#over(() => value)
    this.#resolve(value)
  }

  /** The answer is a stream: it may take as long as it likes. */
  begin(): void {
    if (this.#items) return
    this.#items = []
    this.deadline = Infinity
    this.#resolve(this.#read(this.#items))
  }

  item(value: unknown): void {
    // An end that sends more than it was asked for would fill the memory.
    if (this.#items && this.#items.push(value) > WINDOW && this.#leave()) this.fail(ERR_PROTOCOL)
    this.#wake?.()
  }

  async *#read(items: unknown[]): AsyncGenerator<unknown, unknown, undefined> {
    let taken = 0
    try {
      for (;;) {
        while (items.length) {
          yield items.shift()
          if (++taken < WINDOW / 2 || this.#end) continue
          this.#asker.send([MORE, this.number, [taken]])
          taken = 0
        }
        if (this.#end) return this.#end()
        await new Promise<void>(wake => (this.#wake = wake))
      }
    } finally {
      this.#leave()
    }
  }

  /** Leaves before the end: the other end need not go on. Returns false behind the end. */
  #leave(): boolean {
    const left = this.#drop()
    if (left && this.number) this.#asker.send([CANCEL, this.number])
    return left
  }

  #over(end: () => unknown): void {
    this.#drop()
    this.#end ??= end
    this.#wake?.()
  }

  #drop(): boolean {
    this.options.signal?.removeEventListener('abort', this.#cancel)
    return this.#asker.drop(this)
  }
}
