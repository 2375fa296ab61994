interface Job<T> {
  readonly item: T
  resolve(): void
  reject(error: unknown): void
}

/** How many items go together at most. */
const MOST = 1_000

/**
 * Runs what is asked for in batches, one after the other: what comes while one is under way goes together with the next. So
 * many small ones cost as much as few, and each is told when its own is done.
 */
export class Batches<T> {
  readonly #run: (items: readonly T[]) => Promise<readonly unknown[]>
  #waiting: Job<T>[] = []
  #working: Promise<void> | undefined

  /** @param run - does the items in order; returns for each one the error that it failed with, or undefined */
  constructor(run: (items: readonly T[]) => Promise<readonly unknown[]>) {
    this.#run = run
  }

  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject })
      this.#working ??= this.#work()
    })
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#working
  }

  async #work(): Promise<void> {
    // What is asked for in the same turn goes together already.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const jobs = this.#waiting.splice(0, MOST)
      try {
        const errors = await this.#run(jobs.map(({ item }) => item))
        for (const [index, job] of jobs.entries()) {
          if (errors[index] === undefined) job.resolve()
          else job.reject(errors[index])
        }
      } catch (error) {
        for (const job of jobs) job.reject(error)
      }
    }
    this.#working = undefined
  }
}
