type Job = (current: () => boolean) => void | Promise<void>

interface Queue {
  tail: Promise<void>
  /** Jobs up to this one are not current any more. */
  cut: number
}

/** Has jobs about one name done one after the other, and those about different names at the same time. */
export class Line {
  readonly #limit: number
  readonly #queues = new Map<string, Queue>()
  #pending = 0
  #count = 0

  /** @param limit - jobs that may be under way or wait */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether no more jobs are taken. */
  get full(): boolean {
    return this.#pending >= this.#limit
  }

  /** Jobs about a name that are there already are told that nobody wants their outcome. */
  cut(name: string): void {
    const queue = this.#queues.get(name)
    if (queue) queue.cut = this.#count
  }

  /** Does a job at once, or behind those before it. */
  add(name: string, job: Job): void {
    const number = ++this.#count
    const current = (): boolean => (this.#queues.get(name)?.cut ?? 0) < number
    const before = this.#queues.get(name)
    const pending = before ? before.tail.then(() => job(current)) : job(current)
    if (!pending) return
    const queue = before ?? { tail: pending, cut: 0 }
    const tail = pending.finally(() => {
      this.#pending--
      if (queue.tail === tail) this.#queues.delete(name)
    })
    queue.tail = tail
    this.#pending++
    this.#queues.set(name, queue)
  }
}
