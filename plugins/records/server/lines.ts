import type { CachedRecord, RecordCache } from './record-cache.ts'
import type { Incoming } from './writer.ts'

/**
 * Who waits for records, in the order in which that began. Who waits for several has its place with all of them, so nobody who comes
 * later gets one of them first, and others cannot keep them busy by turns. Places are taken with all at once: nobody waits in a circle.
 */
export class Lines {
  readonly #cache: Pick<RecordCache, 'unpin'>
  readonly #lines = new Map<CachedRecord, Set<Incoming>>()
  /** What each of them waits for: it stays in memory. */
  readonly #places = new Map<Incoming, readonly CachedRecord[]>()

  constructor(cache: Pick<RecordCache, 'unpin'>) {
    this.#cache = cache
  }

  /** Puts a write behind all that wait for one of some records; it keeps the place that it has. */
  enter(incoming: Incoming, records: Iterable<CachedRecord>): void {
    if (this.#places.has(incoming)) return
    const places = [...records]
    this.#places.set(incoming, places)
    for (const record of places) {
      record.pins++
      const line = this.#lines.get(record)
      if (line) line.add(incoming)
      else this.#lines.set(record, new Set([incoming]))
    }
  }

  /** @returns whether it was there, so that others may go on */
  leave(incoming: Incoming): boolean {
    const places = this.#places.get(incoming)
    if (!places) return false
    this.#places.delete(incoming)
    for (const record of places) {
      const line = this.#lines.get(record)
      line?.delete(incoming)
      if (!line?.size) this.#lines.delete(record)
      this.#cache.unpin(record)
    }
    return true
  }

  /** Somebody who has waited for one of some records longer than a write, which need not wait yet. */
  before(incoming: Incoming, records: Iterable<CachedRecord>): Incoming | undefined {
    if (!this.#lines.size) return undefined
    for (const record of records) {
      const [first] = this.#lines.get(record) ?? []
      if (first && first !== incoming) return first
    }
    return undefined
  }
}
