import type { Dice } from './dice.ts'

/** Frames on their way in one direction: in order, each with some delay, and lost when the link is cut. */
class Way {
  readonly #dice: Dice
  readonly #latency: number
  readonly #deliver: (bytes: Uint8Array) => void
  readonly #drained: () => void
  #queue: Uint8Array[] = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #isFull = false

  constructor(dice: Dice, latency: number, deliver: (bytes: Uint8Array) => void, drained: () => void) {
    this.#dice = dice
    this.#latency = latency
    this.#deliver = deliver
    this.#drained = drained
  }

  send(bytes: Uint8Array): boolean {
    this.#queue.push(bytes)
    this.#isFull ||= this.#queue.length > 6
    this.#next()
    return !this.#isFull
  }

  cut(): void {
    clearTimeout(this.#timer)
    this.#queue = []
  }

  #next(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      // What was sent at once often arrives at once.
      for (let more = true; more && this.#queue.length; more = this.#dice.chance(0.7)) {
        const bytes = this.#queue.shift()
        if (bytes) this.#deliver(bytes)
      }
      if (this.#queue.length) this.#next()
      else if (this.#isFull) {
        this.#isFull = false
        this.#drained()
      }
    }, this.#dice.below(this.#latency))
  }
}

export interface End {
  receive(bytes: Uint8Array): void
  drained(): void
}

/** A session between a client and a server, until it is cut. */
export class SimulatedLink {
  readonly #up: Way
  readonly #down: Way

  constructor(dice: Dice, client: () => End, server: () => End) {
    // Often fast, sometimes slower than a clock can be measured with well.
    const latency = dice.chance(0.2) ? 3_000 : 100
    this.#up = new Way(
      dice,
      latency,
      bytes => server().receive(bytes),
      () => client().drained()
    )
    this.#down = new Way(
      dice,
      latency,
      bytes => client().receive(bytes),
      () => server().drained()
    )
  }

  up(bytes: Uint8Array): boolean {
    return this.#up.send(bytes)
  }

  down(bytes: Uint8Array): boolean {
    return this.#down.send(bytes)
  }

  cut(): void {
    this.#up.cut()
    this.#down.cut()
  }
}
