import { LONGEST } from '../../lib/timer.ts'

/** Something that does not wait for ever. */
export interface Timed {
  /** By the clock of `performance.now()`. */
  readonly deadline: number
  expire(): void
}

/** One timer for all that waits in some collections: it looks at them when the first deadline comes. */
export class Deadlines {
  readonly #groups: readonly { values(): Iterable<Timed> }[]
  #timer: ReturnType<typeof setTimeout> | undefined
  #due = Infinity

  constructor(...groups: { values(): Iterable<Timed> }[]) {
    this.#groups = groups
  }

  /** To be called when something with this deadline was put there. What is taken away needs no word. */
  watch(deadline: number): void {
    // That of the calls before mostly comes first, so that a call costs no timer.
    if (deadline >= this.#due) return
    this.stop()
    this.#due = deadline
    this.#timer = setTimeout(() => this.#look(), Math.min(LONGEST, deadline - performance.now()))
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#due = Infinity
  }

  #look(): void {
    const now = performance.now()
    let next = Infinity
    this.#due = Infinity
    for (const group of this.#groups) {
      for (const item of group.values()) {
        if (item.deadline <= now) item.expire()
        else next = Math.min(next, item.deadline)
      }
    }
    this.watch(next)
  }
}
