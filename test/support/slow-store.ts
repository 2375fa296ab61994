import type { Commit, Range, Row, Store } from '../../lib/store.ts'
import type { Dice } from './dice.ts'

/** How a store behaves. */
export interface SlowStoreOptions {
  readonly dice: Dice
  /** The longest time that something takes, in milliseconds. */
  readonly latency: number
  /** How likely something fails. */
  readonly failures: () => number
  /** Told of each commit at the moment at which it is done. */
  readonly done?: (commit: Commit) => void
}

/** A store whose disk is slow, and fails at times. A process may die before something is done, and after. */
export class SlowStore implements Store {
  readonly name = 'slow'
  readonly #store: Store
  readonly #options: SlowStoreOptions
  /** Commits are done one after the other. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(store: Store, options: SlowStoreOptions) {
    this.#store = store
    this.#options = options
  }

  open(): Promise<void> {
    return this.#store.open()
  }

  rows(ranges: readonly Range[], since?: number): Promise<Row[]> {
    return this.#slowly(() => this.#store.rows(ranges, since))
  }

  records(prefix: string, after?: string, limit?: number): Promise<string[]> {
    return this.#slowly(() => this.#store.records(prefix, after, limit))
  }

  entry(key: string): Promise<unknown> {
    return this.#slowly(() => this.#store.entry(key))
  }

  entries(prefix: string): Promise<(readonly [key: string, value: unknown])[]> {
    return this.#slowly(() => this.#store.entries(prefix))
  }

  commit(commit: Commit): Promise<void> {
    const done = this.#last.then(() =>
      this.#slowly(async () => {
        await this.#store.commit(commit)
        this.#options.done?.(commit)
      })
    )
    this.#last = done.catch(() => {})
    return done
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  async #slowly<T>(run: () => Promise<T>): Promise<T> {
    await this.#pause()
    if (this.#options.dice.chance(this.#options.failures())) throw new Error('the disk failed')
    const result = await run()
    await this.#pause()
    return result
  }

  async #pause(): Promise<void> {
    const { dice, latency } = this.#options
    if (dice.chance(0.5)) await new Promise(resolve => setTimeout(resolve, dice.below(latency)))
  }
}
