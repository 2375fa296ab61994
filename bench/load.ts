import { setTimeout as sleep } from 'node:timers/promises'
import { Client, FIRST, type Script } from './client.ts'
import { LONG, text } from './frames.ts'
import { message } from './message.ts'
import type { Protocol } from './protocols.ts'

/** How many clients connect at a time: more than a server's backlog would be dropped and tried again a second later. */
const CONNECTING = 100
/** The most that a client has in flight. */
const IN_FLIGHT = 100
/** Milliseconds without any progress after which something has been lost. */
const PATIENCE = 10_000

/** All the clients of one server. */
export class Load {
  readonly #name: string
  readonly #clients: Client[] = []
  readonly #script: Script
  readonly #wrap: (value: object) => string
  readonly #answers: ((number: number, value: string) => string) | undefined
  #error: Error | undefined

  /**
   * @param name - the contender's, for errors.
   * @param calls - whether an echo is a call, each with a number of its own.
   */
  constructor(name: string, port: number, protocol: Protocol, calls = false) {
    this.#name = name
    this.#wrap = value => protocol.before + JSON.stringify(value) + protocol.after
    const value = JSON.stringify(message(0))
    const { asks = () => this.#wrap(message(0)), answers, before = '', list } = (calls && protocol.call) || {}
    const asked = asks(FIRST, value)
    const answer = answers?.(FIRST, value) ?? asked
    const frame = text(before + asked)
    this.#answers = answers
    this.#script = {
      port,
      protocol,
      before: before.length,
      size: before.length + answer.length,
      first: (before + answer).charCodeAt(0),
      frame: frame.length,
      frames: Buffer.concat(Array.from({ length: IN_FLIGHT }, () => frame)),
      number: answers && frame.length - asked.length + asked.indexOf(`${FIRST}`),
      list: list && {
        frames: Array.from({ length: IN_FLIGHT + 1 }, (_, count) =>
          text(`${before}[${Array.from({ length: count }, () => asked).join()}]`)
        ),
        step: asked.length + 1,
        number: LONG + before.length + 1 + asked.indexOf(`${FIRST}`),
        answer: answer.length + 1,
        first: answer.charCodeAt(0)
      },
      echoing: false,
      inspect: () => {},
      fail: error => (this.#error ??= new Error(`${name}: ${error.message}`, { cause: error }))
    }
  }

  /** Opens clients until there are so many. */
  async open(count: number): Promise<void> {
    let open = this.#clients.length
    while (this.#clients.length < count) {
      const wanted = Math.min(count, this.#clients.length + CONNECTING)
      while (this.#clients.length < wanted) {
        this.#clients.push(new Client(this.#script, this.#clients.length, () => open++))
      }
      await this.#until(() => wanted - open, 'connections did not open')
    }
  }

  /** Keeps `inFlight` values of each client in flight for so long, then waits for the last; returns how many came back. */
  async echo(inFlight: number, milliseconds: number): Promise<number> {
    const before = this.#received()
    const value = this.#wrap(message(0))
    this.#script.inspect = (index, data) =>
      assert(data, this.#answers?.(FIRST + index, JSON.stringify(message(0))) ?? value)
    this.#script.echoing = true
    for (const client of this.#clients) client.send(inFlight)
    await sleep(milliseconds)
    this.#script.echoing = false
    await this.#settled()
    return this.#received() - before
  }

  /**
   * Waits until every client got the values numbered from `first` on that `broadcast` sends, in order and once; returns
   * how many that were for all of them.
   */
  async listen(first: number, count: number, broadcast: () => Promise<void>): Promise<number> {
    this.#script.inspect = (index, data) => assert(data, this.#wrap(message(first + index)))
    for (const client of this.#clients) client.expect(count)
    await broadcast()
    await this.#settled()
    return count * this.#clients.length
  }

  close(): void {
    for (const client of this.#clients) client.destroy()
  }

  #received(): number {
    return this.#clients.reduce((sum, client) => sum + client.received, 0)
  }

  /** Every client has got exactly what it was to get: what one has too much, another has not got too little. */
  async #settled(): Promise<void> {
    await this.#until(
      () => this.#clients.reduce((sum, client) => sum + Math.abs(client.owed), 0),
      'values were lost or doubled'
    )
  }

  async #until(left: () => number, failure: string): Promise<void> {
    let last = Infinity
    let patience = performance.now() + PATIENCE
    for (;;) {
      if (this.#error) throw this.#error
      const now = left()
      if (now === 0) return
      if (now !== last) patience = performance.now() + PATIENCE
      else if (performance.now() > patience) throw new Error(`${this.#name}: ${now} ${failure}`)
      last = now
      await sleep(2)
    }
  }
}

function assert(data: Buffer, expected: string): void {
  if (data.toString() !== expected) throw new Error(`A server sent ${data.toString()} and not ${expected}`)
}
