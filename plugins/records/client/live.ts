import type { Emitter, Undo } from '../../../lib/emitter.ts'
import type { Engine, Following } from './engine.ts'

/** Where what a listener throws is told. */
export type Report = (error: unknown, stage: string) => void

/** Makes what tells the listeners of something. */
export type Audience = () => Emitter<Changes>

/** When something that is followed can be used. */
export interface When {
  /** There is something to show, be it only what this device has kept. Rejects when the server refused, or the store failed. */
  readonly ready: Promise<void>
  /** It is what the server has. Rejects when the server refused. */
  readonly synced: Promise<void>
}

export interface Changes {
  change: []
}

/** Something that changes and can be looked at: `get` gives the same object until something in it changes. */
export abstract class Live<T> implements AsyncIterable<T> {
  /** Made when somebody wants to be told: most are only read and written. */
  #changes: Emitter<Changes> | undefined
  readonly #audience: Audience
  readonly #engine: Engine
  readonly #following: Following
  #isReleased = false

  constructor(engine: Engine, following: Following, audience: Audience) {
    this.#engine = engine
    this.#following = following
    this.#audience = audience
  }

  /** What it is now. */
  abstract get(): T

  /** `loading`, `local` (what this device has kept), `synced`, or `refused`. */
  get status(): Following['state'] {
    return this.#following.state
  }

  get when(): When {
    return this.#following
  }

  /**
   * Calls `listener` with what it is now, as soon as that is known, and with what it becomes.
   * @returns what ends it
   */
  subscribe(listener: (value: T) => unknown): Undo {
    return this.watch(() => this.get(), listener)
  }

  /** What it is now, and becomes, one after the other; what came and went between two looks is left out. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    let wake = (): void => {}
    const undo = this.#told(() => wake())
    try {
      await this.when.ready
      let last: T | undefined
      for (let isFirst = true; !this.#isReleased;) {
        const value = this.get()
        if (isFirst || value !== last) {
          isFirst = false
          last = value
          yield value
        } else if (this.#following.error) throw this.#following.error
        else await new Promise<void>(resolve => (wake = resolve))
      }
    } finally {
      undo()
    }
  }

  /** Ends following it. Its data stays for a moment, in case somebody asks again. */
  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#engine.unfollow(this.#following)
    this.tell()
  }

  /** Calls `listener` with a part of it: as soon as it is known, and whenever it has changed, if only by what is written here. */
  protected watch<V>(look: () => V, listener: (value: V) => unknown): Undo {
    let last = look()
    let isTold = false
    const tell = (): unknown => {
      const value = look()
      if (value === last && (isTold || this.status === 'loading')) return undefined
      isTold = true
      last = value
      return listener(value)
    }
    const undo = this.#told(tell)
    // Alone, but so that what it throws harms nobody either.
    const one = this.#audience()
    one.on('change', tell)
    one.emit('change')
    return undo
  }

  /** Something may have changed. */
  protected tell(): void {
    this.#changes?.emit('change')
  }

  #told(listener: () => unknown): Undo {
    this.#changes ??= this.#audience()
    return this.#changes.on('change', listener)
  }
}
