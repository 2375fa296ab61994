import type { ServerLimits } from './options.ts'

/** How many messages a connection may still bring: so many at once, and so many a second. */
export class TokenBucket {
  readonly #rate: ServerLimits['rate']
  #tokens: number
  /** When it was last filled: what is in it is what there was then, parts of one included, and not taken since. */
  #filled = performance.now()

  constructor(rate: ServerLimits['rate']) {
    this.#rate = rate
    this.#tokens = rate && rate.second < Infinity ? rate.burst : Infinity
  }

  /** Whether there were so many left; otherwise none is taken. The clock is asked only where there seem to be too few. */
  take(count = 1): boolean {
    if (this.#tokens < count) this.#refill()
    if (this.#tokens < count) return false
    this.#tokens -= count
    return true
  }

  #refill(): void {
    if (!this.#rate) return
    const { second, burst } = this.#rate
    const now = performance.now()
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filled) / 1000) * second)
    this.#filled = now
  }
}
