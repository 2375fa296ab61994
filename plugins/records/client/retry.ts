import { MOST_DELAY } from './pause.ts'

/** Does something again later, each time later than before, until it was worth it. */
export class Retry {
  readonly #delay: number
  #count = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param delay - the first one, in milliseconds */
  constructor(delay: number) {
    this.#delay = delay
  }

  /** In the place of what was to be done. */
  later(run: () => void): void {
    this.stop()
    this.#timer = setTimeout(run, Math.min(MOST_DELAY, this.#delay * 2 ** this.#count++))
  }

  /** It was worth it: the next delay is the first one. */
  reset(): void {
    this.#count = 0
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}
