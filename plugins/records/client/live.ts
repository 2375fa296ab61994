import type { Emitter, Undo } from '../../../lib/emitter.ts'
import type { Query } from '../core/query.ts'
import { checkFunction } from './check-function.ts'
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

/** What something that is followed needs of those that it is one of. */
export interface Shelf {
  readonly engine: Engine
  readonly audience: Audience
  /** Those that are told of each change, whatever it is in. */
  readonly told: Set<Live<unknown>>
}

/**
 * Something that changes and can be looked at: `get` gives the same object until something in it changes. It is followed while it is
 * asked for, and while somebody listens: who listens to what was released has it followed again.
 */
export abstract class Live<T, S extends Shelf = Shelf> implements AsyncIterable<T> {
  readonly name: string
  protected readonly shelf: S
  readonly #query: Query | undefined
  #following: Following
  /** How often it was asked for, and not released. */
  #asked = 1
  /** That, and how many listen. */
  #holds = 1
  /** Made when somebody wants to be told: most are only read and written. */
  #changes: Emitter<Changes> | undefined

  /** It is followed, and asked for once. */
  constructor(shelf: S, name: string, query?: Query) {
    this.shelf = shelf
    this.name = name
    this.#query = query
    this.#following = shelf.engine.follow(name, query)
  }

  /** What it is now. */
  abstract get(): T

  /** `loading`, `local` (what this device has, which may be old), `synced` (what the server has, while there is a wire), or `refused`. */
  get status(): Following['state'] {
    return this.#following.state
  }

  get when(): When {
    return this.#following
  }

  /**
   * Calls `listener` with what it is now, as soon as that is known, and with what it becomes.
   * @returns what ends it
   * @throws ERR_OPTION for what is no function
   */
  subscribe(listener: (value: T) => unknown): Undo {
    return this.watch(() => this.get(), listener)
  }

  /**
   * Calls `listener` when what `get` gives, or `status`, is another one.
   * @returns what removes it
   */
  on(event: 'change', listener: () => unknown): Undo {
    checkFunction(event, listener)
    const drop = this.#hold()
    let [value, status] = [this.get(), this.status]
    const undo = this.#told(() => {
      const [before, was] = [value, status]
      value = this.get()
      status = this.status
      return value === before && status === was ? undefined : listener()
    })
    return () => {
      undo()
      drop()
    }
  }

  /** What it is now, and becomes, one after the other, until it is released; what came and went between two looks is left out. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    let wake = (): void => {}
    const undo = this.#told(() => wake())
    try {
      await this.when.ready.catch((error: unknown) => {
        if (this.#asked) throw error
      })
      let last: T | undefined
      for (let isFirst = true; this.#asked;) {
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

  /** It is asked for once more: of the server too, where that has refused it. */
  ask(): void {
    const { engine } = this.shelf
    this.#asked++
    if (this.status === 'refused') engine.unfollow(engine.follow(this.name, this.#query))
    this.#follow()
  }

  /** Ends following it, once as often as it was asked for. Its data stays for a moment, in case somebody asks again. */
  release(): void {
    if (!this.#asked) return
    this.#asked--
    this.#unfollow()
    this.tell()
  }

  /** These records may have changed; without any, the status. */
  abstract changed(ids: readonly string[]): void

  /** It is followed, and is to be told of what changes. */
  protected abstract begin(): void

  protected abstract end(): void

  /** Calls `listener` with a part of it: as soon as it is known, and whenever it has changed, if only by what is written here. */
  protected watch<V>(look: () => V, listener: (value: V) => unknown): Undo {
    checkFunction('subscribe', listener)
    const drop = this.#hold()
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
    const one = this.shelf.audience()
    one.on('change', tell)
    one.emit('change')
    return () => {
      undo()
      drop()
    }
  }

  /** Something may have changed. */
  protected tell(): void {
    this.#changes?.emit('change')
  }

  #follow(): void {
    if (this.#holds++) return
    this.#following = this.shelf.engine.follow(this.name, this.#query)
    this.begin()
  }

  #unfollow(): void {
    if (--this.#holds) return
    this.shelf.engine.unfollow(this.#following)
    this.end()
  }

  /** @returns what ends it, once */
  #hold(): Undo {
    this.#follow()
    let isHeld = true
    return () => {
      if (isHeld) this.#unfollow()
      isHeld = false
    }
  }

  #told(listener: () => unknown): Undo {
    this.#changes ??= this.shelf.audience()
    return this.#changes.on('change', listener)
  }
}
