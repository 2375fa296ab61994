import type { Stamp } from './register.ts'

/**
 * Stamps are numbers: milliseconds since 1970 times this, plus a counter. Together 53 bits, a safe integer until 2109. When
 * the counter overflows it carries into the milliseconds by itself.
 */
export const TICKS = 2_048

/** How far ahead of this end's clock a stamp may be, in milliseconds, before it is not believed. */
export const MAX_DRIFT = 60_000

/** The stamp of a moment, in milliseconds since 1970. */
export const ticksOf = (time: number): number => Math.floor(time) * TICKS

/** The moment of a stamp. */
export const timeOf = (t: number): number => Math.floor(t / TICKS)

/**
 * A hybrid logical clock (Kulkarni et al., "Logical Physical Clocks", 2014): as late as the wall clock, and later than
 * every stamp it has seen. So a write wins against everything that its author could see, whatever the clocks say.
 */
export class Clock {
  node: string
  /** The last stamp that was given or seen. */
  last = 0
  readonly #now: () => number

  /** @param now - milliseconds since 1970 */
  constructor(node: string, now: () => number) {
    this.node = node
    this.#now = now
  }

  /** A stamp for a write. */
  tick(): Stamp {
    this.last = Math.max(ticksOf(this.#now()), this.last + 1)
    return { t: this.last, node: this.node }
  }

  /** The stamp of so many milliseconds ago. */
  ago(time: number): number {
    return ticksOf(this.#now() - time)
  }

  /** Remembers a stamp of somebody else, unless it is too far in the future to be believed. */
  saw(t: number): void {
    if (t > this.last && t <= ticksOf(this.#now() + MAX_DRIFT)) this.last = t
  }
}
