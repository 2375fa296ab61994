import type { Thread } from './thread.ts'

/** A thread of the store; another one where it has died. */
export class LastingThread {
  readonly #start: () => Promise<Thread>
  #thread: Promise<Thread>

  constructor(start: () => Promise<Thread>) {
    this.#start = start
    this.#thread = start()
  }

  /** Resolves when the first one is there. Rejects with why not. */
  get ready(): Promise<unknown> {
    return this.#thread
  }

  /** Resolves when it is there. Rejects with why there is none: the next call tries again. */
  async alive(): Promise<Thread> {
    const before = this.#thread
    const thread = await before.catch(() => undefined)
    if ((!thread || thread.isDead) && this.#thread === before) this.#thread = this.#replace(thread)
    return this.#thread
  }

  /** Ends it behind what it was asked; never rejects. */
  async end(): Promise<void> {
    const thread = await this.#thread.catch(() => undefined)
    await thread?.end()
  }

  async #replace(thread: Thread | undefined): Promise<Thread> {
    // Not before it has let go of the file.
    await thread?.end()
    return this.#start()
  }
}
