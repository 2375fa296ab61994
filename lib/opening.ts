import { AnywireError } from './errors.ts'
import { ERR_STORE } from './failures.ts'

/** What is there from `open` to `close`, as the contract of stores has it. */
export class Opening<T> {
  readonly #start: () => Promise<T>
  readonly #end: (value: T) => Promise<void>
  #opened: Promise<T> | undefined
  #value: T | undefined
  #closed: Promise<void> = Promise.resolve()

  /** @param end - never rejects */
  constructor(start: () => Promise<T>, end: (value: T) => Promise<void>) {
    this.#start = start
    this.#end = end
  }

  /** @throws ERR_STORE while it is open, or whatever the start throws */
  async open(): Promise<void> {
    if (this.#opened) throw new AnywireError(ERR_STORE, 'it is open already')
    const opened = this.#closed.then(this.#start)
    this.#opened = opened
    try {
      const value = await opened
      if (this.#opened === opened) this.#value = value
    } catch (error) {
      if (this.#opened === opened) this.#opened = undefined
      throw error
    }
  }

  /** @throws ERR_STORE where it is not open */
  get value(): T {
    if (this.#value === undefined) throw new AnywireError(ERR_STORE, 'it is not open')
    return this.#value
  }

  close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    this.#value = undefined
    if (opened) this.#closed = opened.then(this.#end, () => {})
    return this.#closed
  }
}
