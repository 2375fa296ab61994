import type { ServerLimits } from './options.ts'

/** How many messages a connection may still bring: so many at once, and so many a second. */
export class TokenBucket {
  readonly #rate: ServerLimits['rate']
  #tokens: number
  /** When it was last filled. */
  #filled = performance.now()

  constructor(rate: ServerLimits['rate']) {
    this.#rate = rate
    this.#tokens = rate ? rate.burst : Infinity
  }

  /** Whether there were so many left. The clock is asked only where there seem to be none. */
  take(count = 1): boolean {
    this.#tokens -= count
    return this.#tokens >= 0 || this.#refill(count)
  }

  #refill(count: number): boolean {
    const rate = this.#rate
    if (!rate) return true
    const now = performance.now()
    this.#tokens = Math.min(rate.burst, Math.floor(((now - this.#filled) / 1000) * rate.second)) - count
    if (this.#tokens < 0) return false
    this.#filled = now
    return true
  }
}
