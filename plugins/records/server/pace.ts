import { atEndOfTurn } from '../../../lib/tick.ts'
import type { Ticking } from '../../../lib/tick.ts'

/** Fields that may be gone through in one turn of the event loop, about: that takes some milliseconds. */
const MOST = 50_000

/** Has much work done in pieces, with the turns of others in between; who waits longest goes on first. */
export class Pace implements Ticking {
  #left = MOST
  readonly #waiting: (() => void)[] = []

  /** Takes something of what may be done in this turn: the last of it may be too much. @returns whether there was anything left */
  take(amount: number): boolean {
    if (this.#left <= 0) return false
    if (this.#left === MOST) atEndOfTurn(this)
    this.#left -= amount
    return true
  }

  /** Resolves in a turn in which something is left. To be asked for where there is nothing. */
  next(): Promise<void> {
    return new Promise(resolve => this.#waiting.push(resolve))
  }

  tick(): void {
    this.#left = MOST
    void this.#goOn()
  }

  async #goOn(): Promise<void> {
    for (let resolve; this.#left > 0 && (resolve = this.#waiting.shift());) {
      resolve()
      // Whoever waited goes on first, and may leave nothing.
      await Promise.resolve()
    }
  }
}
