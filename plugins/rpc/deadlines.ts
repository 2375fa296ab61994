import { LONGEST } from '../../lib/timer.ts'

/** Something that does not wait for ever. */
export interface Timed {
  /** By the clock of `performance.now()`. */
  readonly deadline: number
  expire(): void
}

/** One timer for all that waits: it looks at them when the first deadline comes. */
export class Deadlines {
  readonly #all: () => Iterable<Timed>
  #timer: ReturnType<typeof setTimeout> | undefined
  #due = Infinity

  constructor(all: () => Iterable<Timed>) {
    this.#all = all
  }

  /** To be called when something with this deadline was added. What is taken away needs no word. */
  watch(deadline: number): void {
    // That of the calls before mostly comes first, so that a call costs no timer.
    if (deadline < this.#due) this.#wait(deadline)
  }

  /** Looks for what is over. */
  look(): void {
    const now = performance.now()
    let next = Infinity
    for (const item of this.#all()) {
      if (item.deadline <= now) item.expire()
      else next = Math.min(next, item.deadline)
    }
    this.#wait(next)
  }

  #wait(due: number): void {
    clearTimeout(this.#timer)
    this.#due = due
    if (due < Infinity) this.#timer = setTimeout(() => this.look(), Math.min(LONGEST, due - performance.now()))
  }
}
