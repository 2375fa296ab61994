import type { Verb } from './wire.ts'

/** Something that has to be judged. */
export interface Job {
  readonly verb: Verb
  readonly place: string
  /** Undefined: an update, which nobody waits for. */
  readonly number: number | undefined
  data: unknown
  /** Set where it is not to be done any more: why, '' for whoever took it back. */
  cut?: string
}

/** Has jobs done in order: at once, unless one before takes its time. */
export class Queue {
  readonly #most: number
  readonly #work: (job: Job) => Promise<void> | undefined
  #waiting: Job[] = []
  #current: Job | undefined

  /**
   * @param most - jobs that may wait
   * @param work - never throws or rejects
   */
  constructor(most: number, work: (job: Job) => Promise<void> | undefined) {
    this.#most = most
    this.#work = work
  }

  /** @returns false where too many wait */
  add(job: Job): boolean {
    if (!this.#current) {
      this.#run(job)
      return true
    }
    const last = this.#waiting.findLast(({ verb, place }) => verb === job.verb && place === job.place)
    // Of updates the latest counts.
    if (last && last.number === undefined && job.number === undefined) last.data = job.data
    else if (this.#waiting.length < this.#most) this.#waiting.push(job)
    else return false
    return true
  }

  /** Has what is there about a place not done. Returns what waited, and is now for the caller to answer. */
  cut(verb: Verb, place: string, why: string): readonly Job[] {
    const isCut = (job: Job): boolean => job.verb === verb && job.place === place
    if (this.#current && isCut(this.#current)) this.#current.cut ??= why
    const cut = this.#waiting.filter(isCut)
    if (cut.length) this.#waiting = this.#waiting.filter(job => !isCut(job))
    return cut
  }

  clear(): void {
    this.#waiting = []
  }

  #run(first: Job): void {
    for (let job: Job | undefined = first; job; job = this.#waiting.shift()) {
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
