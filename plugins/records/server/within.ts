import type { Turn } from './turns.ts'

/** An `AsyncLocalStorage` of Node. */
export interface TurnStorage {
  run<R>(turn: Turn | undefined, work: () => R): R
  getStore(): Turn | undefined
  disable(): void
}

/** Knows within which hook something is done, however long ago that began to wait. */
export class Within {
  readonly #storage: TurnStorage
  /** How many hooks are at work: while there are none, nothing is looked after. */
  #count = 0

  constructor(storage: TurnStorage) {
    this.#storage = storage
  }

  /** The turn of the hook within which this is asked, as long as that is not decided. */
  get turn(): Turn | undefined {
    const turn = this.#count ? this.#storage.getStore() : undefined
    return turn?.isOver ? undefined : turn
  }

  async run(turn: Turn, hook: () => void | Promise<void>): Promise<void> {
    this.#count++
    try {
      await this.#storage.run(turn, hook)
    } finally {
      if (!--this.#count) this.#storage.disable()
    }
  }

  /** Does what is done within no hook, whoever asked for it. */
  outside(work: () => void): void {
    if (this.#count) this.#storage.run(undefined, work)
    else work()
  }
}
