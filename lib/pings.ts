import { AnywireError } from './errors.ts'
import { ERR_CLOSED } from './failures.ts'

/** The pings that wait for their answers, which come in order. */
export class Pings {
  readonly #waiting: ((error?: AnywireError) => void)[] = []

  get size(): number {
    return this.#waiting.length
  }

  /**
   * @param late - called when there is no answer in so many milliseconds
   * @returns the round-trip time in milliseconds
   */
  ask(timeout: number, late: () => unknown): Promise<number> {
    const since = performance.now()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(late, timeout)
      this.#waiting.push(error => {
        clearTimeout(timer)
        if (error) reject(error)
        else resolve(performance.now() - since)
      })
    })
  }

  answered(): void {
    this.#waiting.shift()?.()
  }

  /** The wire is gone, and the answers with it. */
  fail(): void {
    for (const settle of this.#waiting.splice(0)) settle(new AnywireError(ERR_CLOSED))
  }
}
