import { addTo, removeFrom } from './sets.ts'

/** Who has how much of something that all share, and who has most of it; each question takes the same time, however many there are. */
export class Shares<T> {
  readonly #shares = new Map<T, number>()
  /** Those who have the same, by how much that is. */
  readonly #levels = new Map<number, Set<T>>()
  #most = 0

  /** Somebody of those who have most. */
  get heaviest(): T | undefined {
    const [first] = this.#levels.get(this.#most) ?? []
    return first
  }

  change(who: T, by: number): void {
    const before = this.#shares.get(who) ?? 0
    const share = before + by
    removeFrom(this.#levels, before, who)
    if (share) {
      this.#shares.set(who, share)
      addTo(this.#levels, share, who)
    } else this.#shares.delete(who)
    this.#most = Math.max(this.#most, share)
    // As many steps at most as were taken away.
    while (this.#most && !this.#levels.has(this.#most)) this.#most--
  }
}
