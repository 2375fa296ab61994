import { LONGEST } from './timer.ts'

/** Something that perhaps does not wait for ever. */
export interface Timed {
  /** By the clock of `performance.now()`. Undefined, or Infinity: none. */
  deadline?: number
  /** The deadline has come. */
  expire?(): void
}

/** One timer for all that waits: it looks at them when the first deadline comes. */
export interface Deadlines {
  /** To be called when something with this deadline was added. What is taken away needs no word. */
  watch(deadline?: number): void
  /** Has those expire whose time has come; without any that wait, it stops the timer. */
  look(): void
}

/** @param all - what waits now */
export const makeDeadlines = (all: () => Iterable<Timed>): Deadlines => {
  let timer: ReturnType<typeof setTimeout> | undefined
  let due = Infinity
  const look = (): void => {
    const now = performance.now()
    clearTimeout(timer)
    due = Infinity
    for (const item of all()) {
      if (item.deadline && item.deadline <= now) item.expire?.()
      else watch(item.deadline)
    }
  }
  const watch = (deadline = Infinity): void => {
    // That of those before mostly comes first, so that one more costs no timer.
    if (deadline >= due) return
    clearTimeout(timer)
    due = deadline
    timer = setTimeout(look, Math.min(LONGEST, deadline - performance.now()))
  }
  return { watch, look }
}
