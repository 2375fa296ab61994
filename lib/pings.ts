import { AnywireError } from './errors.ts'
import { ERR_CLOSED } from './failures.ts'

/** The pings that wait for their answers, which come in order. */
export class Pings {
  #waiting: ((error?: AnywireError) => void)[] = []

  get size(): number {
    return this.#waiting.length
  }

  /**
   * @param timeout - milliseconds until `late` is called, unless the answer came
   * @returns the round-trip time in milliseconds
   */
  wait(timeout: number, late: () => void): Promise<number> {
    return new Promise((resolve, reject) => {
      const since = performance.now()
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
