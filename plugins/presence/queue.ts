import type { Failure } from '../../lib/errors.ts'

/** Something that has to be judged. */
export interface Job<S> {
  readonly stay: S
  data: unknown
  /** Nobody waits for it. */
  readonly update: boolean
  /** Set where it is not to be done any more: why; undefined where whoever asked took it back. */
  cut?: { readonly why: Failure | undefined }
}

/** Has jobs done in order: at once, unless one before takes its time. */
export class Queue<S> {
  readonly #most: number
  readonly #work: (job: Job<S>) => Promise<void> | undefined
  #waiting: Job<S>[] = []
  #current: Job<S> | undefined

  /**
   * @param most - jobs that may wait
   * @param work - never throws or rejects
   */
  constructor(most: number, work: (job: Job<S>) => Promise<void> | undefined) {
    this.#most = most
    this.#work = work
  }

  /** @returns false where too many wait */
  add(job: Job<S>): boolean {
    if (!this.#current) {
      this.#run(job)
      return true
    }
    const last = this.#waiting.findLast(({ stay }) => stay === job.stay)
    // Of updates the latest counts.
    if (last?.update && job.update) last.data = job.data
    else if (this.#waiting.length < this.#most) this.#waiting.push(job)
    else return false
    return true
  }

  /** Has some of what is there not done. Returns what waited, and is now for the caller to answer. */
  cut(isCut: (job: Job<S>) => boolean, why: Failure | undefined): readonly Job<S>[] {
    if (this.#current && isCut(this.#current)) this.#current.cut ??= { why }
    const cut = this.#waiting.filter(isCut)
    if (cut.length) this.#waiting = this.#waiting.filter(job => !isCut(job))
    return cut
  }

  clear(): void {
    this.#waiting = []
  }

  #run(first: Job<S>): void {
    for (let job: Job<S> | undefined = first; job; job = this.#waiting.shift()) {
      const pending = this.#work(job)
      if (!pending) continue
      this.#current = job
      void pending.then(() => {
        this.#current = undefined
        const following = this.#waiting.shift()
        if (following) this.#run(following)
      })
      return
    }
  }
}
