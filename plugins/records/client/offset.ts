import { Clock, MAX_DRIFT, ticksOf } from '../core/clock.ts'

/** What tells a replica the time. */
export interface Clocks {
  /** This device's time, in milliseconds since 1970: it may be wrong, and jump. */
  readonly now: () => number
  /** Milliseconds since whenever: it only grows. */
  readonly monotonic: () => number
}

/** The authority's time, and the device's, when the monotonic clock said 0: as they were then, in milliseconds since 1970. */
export type Known = readonly [anchor: number, wall: number]

/** What is known of the moment of a write. */
export interface Moment {
  /** By the monotonic clock of this process, in milliseconds; undefined for writes of former ones. */
  readonly monotonic: number | undefined
  /** By the device's clock, in milliseconds since 1970: of writes of former processes, if their stamps cannot be trusted. */
  readonly wall: number | undefined
  /** Where the authority's time was known, so that the stamp can be trusted: see `Known`. */
  readonly known: Known | undefined
  /** The greatest stamp of others that was seen before. */
  readonly floor: number
}

/**
 * The authority's time, as far as it is known: an anchor, and what the monotonic clock counted since; so nobody who changes the
 * clock of a device changes it. Measured as NTP does: the authority's time comes from the middle between question and answer.
 */
export class ServerClock extends Clock {
  /** Whether this process has ever measured it. Before, it goes by the device's clock, and what was measured the last time. */
  isKnown = false
  readonly #clocks: Clocks
  /** The authority's time when the monotonic clock said 0. */
  #anchor: number
  /** How wrong the anchor may be, in milliseconds. */
  #error = Infinity
  #floor = 0
  /** What the monotonic clock said at the last stamp: reading clocks takes longer than all the rest of a write. */
  #at: number
  #moment: Moment | undefined
  /** What it said when a stamp of others was looked at. */
  #read = 0

  constructor(node: string, clocks: Clocks) {
    super(node, () => this.#anchor + (this.#at = clocks.monotonic()))
    this.#clocks = clocks
    this.#at = clocks.monotonic()
    this.#anchor = this.#wall
  }

  /** The device's time when the monotonic clock said 0, as its clock goes now. */
  get #wall(): number {
    return this.#clocks.now() - this.#clocks.monotonic()
  }

  /** How far the device's clock is behind the authority's, in milliseconds. */
  get offset(): number {
    return this.#anchor - this.#wall
  }

  /** Goes on where a former process ended. @param offset - what that measured, in milliseconds */
  resume(offset: number): void {
    if (!this.isKnown) this.#anchor = this.#wall + offset
  }

  /** The moment of the last stamp. */
  get moment(): Moment {
    const monotonic = Math.floor(this.#at)
    const floor = this.#floor
    const last = this.#moment
    // What is written at once shares it.
    if (last?.monotonic === monotonic && last.floor === floor && !!last.known === this.isKnown) return last
    const known: Known | undefined = this.isKnown ? [this.#anchor, this.#wall] : undefined
    return (this.#moment = { monotonic, wall: undefined, known, floor })
  }

  /** The device's time at a moment, in milliseconds since 1970, as its clock goes now; undefined where the stamp can be trusted. */
  wallOf({ monotonic, wall, known }: Moment): number | undefined {
    if (monotonic === undefined || known) return wall
    return Math.round(this.#wall + monotonic)
  }

  /** What the authority committed it has judged; this end judges only when it knows the time. */
  override saw(t: number): void {
    if (t <= this.#floor || (this.isKnown && !this.#isCredible(t))) return
    this.last = Math.max(this.last, t)
    this.#floor = t
  }

  /** Whether a stamp is not too far ahead. Reading clocks takes long, and most often the last time that was read will do. */
  #isCredible(t: number): boolean {
    const isBefore = (read: number): boolean => t <= ticksOf(this.#anchor + read + MAX_DRIFT)
    return isBefore(this.#read) || isBefore((this.#read = this.#clocks.monotonic()))
  }

  /** Asks: what is to be sent back with the answer. A new session: the monotonic clock may have slept since the last one. */
  ask(isNew: boolean): number {
    if (isNew) this.#error = Infinity
    return this.#clocks.monotonic()
  }

  /**
   * Takes an answer of the authority into account, if it is better than those before, or shows that a clock was changed.
   * @param asked - what `ask` returned
   * @param time - the authority's time at the answer
   * @returns the time from question to answer, in milliseconds
   */
  measure(asked: number, time: number): number {
    const arrived = this.#clocks.monotonic()
    const error = (arrived - asked) / 2
    const anchor = time + error - arrived
    if (error <= this.#error || Math.abs(anchor - this.#anchor) > error + this.#error) {
      this.#anchor = anchor
      this.#error = error
    }
    this.isKnown = true
    return arrived - asked
  }

  /** The stamp that a write should have had; undefined where the one that it has can be trusted. */
  correct({ wall, monotonic, known }: Moment): number | undefined {
    if (monotonic !== undefined) return ticksOf(this.#anchor + monotonic - (known ? this.#sleptSince(known) : 0))
    // Whoever changed the clock meanwhile: it was not later than now.
    return wall === undefined
      ? undefined
      : ticksOf(Math.min(wall + this.offset, this.#anchor + this.#clocks.monotonic()))
  }

  /**
   * For how long the monotonic clock has stood still since, as it does while some devices sleep. How long it has in all the authority's time
   * tells, and the device's clock how much of that was since. Whoever changes that one changes nothing.
   */
  #sleptSince([anchor, wall]: Known): number {
    return Math.max(0, Math.min(this.#anchor - anchor, this.#wall - wall))
  }

  /** Stamps were corrected, and this is the greatest one: what was given before does not count any more. */
  corrected(last: number): void {
    this.last = Math.max(this.#floor, last)
  }
}
