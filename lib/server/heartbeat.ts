/** What a heartbeat looks at. */
export interface Beating {
  beat(): void
}

const SLOTS = 32

/**
 * Looks at each connection once an interval, spread over it, so that many connections are not pinged in one turn; one
 * timer for all of them.
 */
export class Heartbeat {
  readonly #slots: Set<Beating>[] = Array.from({ length: SLOTS }, () => new Set())
  readonly #timer: ReturnType<typeof setInterval> | undefined
  #hand = 0
  #next = 0

  /** @param interval - milliseconds; 0 for none */
  constructor(interval: number) {
    if (interval <= 0) return
    this.#timer = setInterval(() => {
      this.#hand = (this.#hand + 1) % SLOTS
      for (const beating of this.#slots[this.#hand] ?? []) beating.beat()
    }, interval / SLOTS)
    this.#timer.unref()
  }

  add(beating: Beating): void {
    // Connections that come together are spread, and a new one has most of an interval before it is first looked at.
    this.#next = (this.#next + 1) % SLOTS
    this.#slots[this.#next]?.add(beating)
  }

  remove(beating: Beating): void {
    for (const slot of this.#slots) if (slot.delete(beating)) return
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
