import type { Run } from '../../lib/run.ts'
import type { Data, Receiver, Wire } from '../../lib/transformer.ts'

/** How a link ended, as its receiver was told. */
export interface Ended {
  readonly code: number
  readonly reason: string
  readonly error: Error | undefined
}

interface Waiting {
  readonly what: string
  condition(): boolean
  resolve(): void
  reject(error: Error): void
}

/** What a test does within the calls of a receiver. */
export interface Reactions {
  readonly opened?: (wire: Wire) => void
  readonly heard?: (data: Data) => void
}

/**
 * A receiver that remembers what it was told, and whatever broke the rules that lib/transformer.ts has for those who call a
 * receiver, and for wires.
 */
export class CheckedReceiver implements Receiver {
  readonly messages: Data[] = []
  /** The rules that were broken. */
  readonly violations: string[] = []
  drains = 0
  ended: Ended | undefined
  readonly #reactions: Reactions
  #wire: Wire | undefined
  #waiting: Waiting[] = []

  constructor(reactions: Reactions = {}) {
    this.#reactions = reactions
  }

  /** The wire; it never throws here, because that would be a violation. */
  get wire(): Wire {
    if (!this.#wire) throw new Error('the link is not open')
    return this.#wire
  }

  get isOpen(): boolean {
    return this.#wire !== undefined && !this.ended
  }

  open(wire: Wire): void {
    if (this.#wire) this.violated('open was called twice')
    if (this.ended) this.violated('open after close')
    this.#wire = new CheckedWire(wire, rule => this.violated(rule))
    this.#reactions.opened?.(this.#wire)
    this.#check()
  }

  message(data: Data): void {
    this.#during('message')
    if (typeof data !== 'string' && !(data instanceof Uint8Array)) this.violated('a message is neither text nor bytes')
    this.messages.push(data)
    this.#reactions.heard?.(data)
    this.#check()
  }

  drain(): void {
    this.#during('drain')
    this.drains++
    this.#check()
  }

  close(code: number, reason: string, error?: Error): void {
    if (this.ended) this.violated('close was called twice')
    if (!Number.isInteger(code) || code < 1000 || code > 4999) this.violated(`close with the code ${code}`)
    if (typeof reason !== 'string') this.violated('close without a reason')
    if (error !== undefined && !(error instanceof Error)) this.violated('close with an error that is none')
    this.ended ??= { code, reason, error }
    this.#check()
  }

  violated(rule: string): void {
    this.violations.push(rule)
  }

  /** The wire, once it is open. */
  async opened(): Promise<Wire> {
    await this.until('open', () => this.#wire !== undefined)
    return this.wire
  }

  /** The messages, once there are so many. */
  async received(count: number): Promise<Data[]> {
    await this.until(`${count} messages`, () => this.messages.length >= count)
    return this.messages
  }

  /** The end, once it was told. */
  async closed(): Promise<Ended> {
    await this.until('the end', () => this.ended !== undefined)
    return this.ended ?? { code: NaN, reason: '', error: undefined }
  }

  /** Waits for what the link's events bring about; rejects when the link ended without. */
  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ what, condition, resolve, reject })
      this.#check()
    })
  }

  #during(call: string): void {
    if (!this.#wire) this.violated(`${call} before open`)
    if (this.ended) this.violated(`${call} after close`)
  }

  #check(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const one of waiting) {
      if (one.condition()) one.resolve()
      else if (this.ended) {
        const { code, reason, error } = this.ended
        one.reject(new Error(`waiting for ${one.what}, the link ended with ${code} ${reason} ${error?.message ?? ''}`))
      } else this.#waiting.push(one)
    }
  }
}

/** A wire whose calls are looked at. */
class CheckedWire implements Wire {
  sendRun?: (run: Run) => boolean
  datagram?: (data: Data) => void
  #received = 0
  readonly #wire: Wire
  readonly #violated: (rule: string) => void

  constructor(wire: Wire, violated: (rule: string) => void) {
    this.#wire = wire
    this.#violated = violated
    if (wire.sendRun) this.sendRun = run => this.#answer('sendRun', () => wire.sendRun?.(run))
    if (wire.datagram) this.datagram = data => this.#try('datagram', () => wire.datagram?.(data))
  }

  get buffered(): number {
    const bytes = this.#try('buffered', () => this.#wire.buffered)
    if (typeof bytes !== 'number' || !(bytes >= 0)) this.#violated(`buffered is ${bytes}`)
    return bytes ?? NaN
  }

  /** 0 where the technology does not count. */
  get received(): number {
    const bytes = this.#try('received', () => this.#wire.received ?? 0) ?? 0
    if (bytes < this.#received) this.#violated(`received fell from ${this.#received} to ${bytes}`)
    this.#received = bytes
    return bytes
  }

  send(data: Data): boolean {
    return this.#answer('send', () => this.#wire.send(data))
  }

  close(code: number, reason: string): void {
    this.#try('close', () => this.#wire.close(code, reason))
  }

  abort(): void {
    this.#try('abort', () => this.#wire.abort())
  }

  #answer(call: string, act: () => unknown): boolean {
    const answer = this.#try(call, act)
    if (typeof answer !== 'boolean') this.#violated(`${call} returned ${typeof answer}`)
    return answer === true
  }

  #try<T>(call: string, act: () => T): T | undefined {
    try {
      return act()
    } catch (error) {
      this.#violated(`${call} threw: ${error}`)
      return undefined
    }
  }
}
