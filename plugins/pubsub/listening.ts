import type { Interests, Listener } from './interests.ts'
import { START, STOP } from './wire.ts'

/** A client's request to be told which names have subscribers. */
export class Listening implements Listener {
  readonly pattern: string
  readonly #interests: Interests
  readonly #tell: (kind: number, name: string) => void
  /** What it was not told, by name; undefined: it is told. */
  #untold: Map<string, number> | undefined

  constructor(interests: Interests, pattern: string, tell: (kind: number, name: string) => void) {
    this.#interests = interests
    this.pattern = pattern
    this.#tell = tell
  }

  begin(): void {
    this.#interests.listen(this)
  }

  /** Tells nothing for now. */
  pause(): void {
    this.#untold ??= new Map()
  }

  /** Tells from here on, and what is not as it was told before. */
  resume(): void {
    const untold = this.#untold ?? []
    this.#untold = undefined
    for (const [name, kind] of untold) this.#tell(kind, name)
  }

  end(): void {
    this.#interests.unlisten(this)
  }

  start(name: string): void {
    this.#say(START, name)
  }

  stop(name: string): void {
    this.#say(STOP, name)
  }

  #say(kind: number, name: string): void {
    if (!this.#untold) this.#tell(kind, name)
    // What has begun and ended meanwhile, or the other way round, is as it was.
    else if (!this.#untold.delete(name)) this.#untold.set(name, kind)
  }
}
