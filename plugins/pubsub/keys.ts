/** Milliseconds for which a key is remembered. */
const TIME = 300_000

interface Known {
  readonly count: number
  readonly time: number
}

/** The keys of messages that were published, and how many received each. */
export class Keys {
  readonly #size: number
  readonly #known = new Map<string, Known>()

  constructor(size: number) {
    this.#size = size
  }

  get(key: string): number | undefined {
    this.sweep()
    return this.#known.get(key)?.count
  }

  set(key: string, count: number): void {
    this.#known.set(key, { count, time: performance.now() })
    const [oldest] = this.#known.keys()
    if (this.#known.size > this.#size && oldest !== undefined) this.#known.delete(oldest)
  }

  sweep(): void {
    const end = performance.now() - TIME
    for (const [key, { time }] of this.#known) {
      if (time > end) return
      this.#known.delete(key)
    }
  }
}
