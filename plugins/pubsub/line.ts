type Job = () => void | Promise<void>

/** Has jobs about one name done one after the other, and those about different names at the same time. */
export class Line {
  readonly #limit: number
  /** The last job about each name that takes its time. */
  readonly #tails = new Map<string, Promise<void>>()
  #pending = 0

  /** @param limit - jobs that may be under way or wait */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether no more jobs are taken. */
  get full(): boolean {
    return this.#pending >= this.#limit
  }

  /** Resolves when what is under way is done; undefined: nothing is. */
  get idle(): Promise<void> | undefined {
    return this.#tails.size ? Promise.allSettled(this.#tails.values()).then(() => {}) : undefined
  }

  /** Does a job at once, or behind those before it. */
  add(name: string, job: Job): void {
    const before = this.#tails.get(name)
    const pending = before ? before.then(job) : job()
    if (!pending) return
    const tail = pending.finally(() => {
      this.#pending--
      if (this.#tails.get(name) === tail) this.#tails.delete(name)
    })
    this.#pending++
    this.#tails.set(name, tail)
  }
}
