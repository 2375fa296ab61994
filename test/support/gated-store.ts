import type { Commit, Range, Row, Store } from '../../lib/store.ts'

type Operation = 'rows' | 'records' | 'entry' | 'commit'

/** A store in which some operations wait until they are let go on. */
export class GatedStore implements Store {
  readonly name = 'gated'
  /** How many operations of each name were begun. */
  readonly begun: Record<Operation, number> = { rows: 0, records: 0, entry: 0, commit: 0 }
  readonly #store: Store
  readonly #held = new Map<Operation, (() => void)[]>()

  constructor(store: Store) {
    this.#store = store
  }

  hold(operation: Operation): void {
    this.#held.set(operation, [])
  }

  /** Lets those that wait go on, and those that come. Default: all of them. */
  release(operation?: Operation): void {
    for (const [held, waits] of this.#held) {
      if (operation !== undefined && held !== operation) continue
      this.#held.delete(held)
      for (const go of waits) go()
    }
  }

  open(): Promise<void> {
    return this.#store.open()
  }

  async rows(ranges: readonly Range[], since?: number): Promise<Row[]> {
    await this.#pass('rows')
    return this.#store.rows(ranges, since)
  }

  async records(prefix: string, after?: string, limit?: number): Promise<string[]> {
    await this.#pass('records')
    return this.#store.records(prefix, after, limit)
  }

  async entry(key: string): Promise<unknown> {
    await this.#pass('entry')
    return this.#store.entry(key)
  }

  entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]> {
    return this.#store.entries(prefix)
  }

  async commit(commit: Commit): Promise<void> {
    await this.#pass('commit')
    await this.#store.commit(commit)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #pass(operation: Operation): Promise<void> {
    this.begun[operation]++
    const waits = this.#held.get(operation)
    if (waits) await new Promise<void>(resolve => waits.push(resolve))
  }
}
