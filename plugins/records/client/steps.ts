import type { Value } from '../../../lib/store.ts'
import type { Register } from '../core/register.ts'
import type { Engine, Following, WriteHandle } from './engine.ts'

/** What was at a path before it was written. */
export interface Former {
  readonly record: string
  readonly path: string
  readonly value: Value | undefined
  /** What was written there, and below it. */
  readonly registers: readonly Register[]
  /** Whether there was such a record, as far as this end knew. */
  readonly wasThere: boolean
}

/** What is taken back, or done again, at once. */
export interface Step {
  /** Several where they followed each other: the last one counts, unless it is refused. */
  readonly writes: readonly WriteHandle[]
  readonly before: readonly Former[]
}

/** Steps with more records than that are forgotten, but for the last one: what a server lets a client follow is for the application. */
const RECORDS = 1_000

interface Held extends Step {
  readonly followings: readonly Following[]
}

/**
 * Steps, the last one on top. Their records are followed: what others write into them is to be known, whatever else is followed. What
 * was refused is undone already, and no step any more.
 */
export class Steps {
  readonly #engine: Pick<Engine, 'follow' | 'unfollow'>
  readonly #most: number
  #steps: Held[] = []

  /** @param most - how many are remembered */
  constructor(engine: Pick<Engine, 'follow' | 'unfollow'>, most: number) {
    this.#engine = engine
    this.#most = most
  }

  get isEmpty(): boolean {
    return !this.#steps.some(({ writes }) => writes.some(({ status }) => status !== 'refused'))
  }

  get last(): Step | undefined {
    this.#sweep()
    return this.#steps.at(-1)
  }

  /** What they are about. */
  get formers(): readonly Former[] {
    return this.#steps.flatMap(({ before }) => before)
  }

  push(step: Step): void {
    const records = new Set(step.before.map(({ record }) => record))
    this.#steps.push({ ...step, followings: [...records].map(record => this.#engine.follow(record, undefined, 1)) })
    this.#sweep()
    while (this.#steps.length > this.#most || (this.#steps.length > 1 && this.#followed > RECORDS))
      this.#release(this.#steps.shift())
  }

  /** How many records are followed. */
  get #followed(): number {
    return new Set(this.#steps.flatMap(({ followings }) => followings)).size
  }

  /** @returns the last step, which is none of these any more */
  pop(): Step | undefined {
    this.#sweep()
    return this.#release(this.#steps.pop())
  }

  clear(): void {
    for (const step of this.#steps.splice(0)) this.#release(step)
  }

  #sweep(): void {
    this.#steps = this.#steps.flatMap(step => {
      const writes = step.writes.filter(({ status }) => status !== 'refused')
      if (writes.length) return { ...step, writes }
      this.#release(step)
      return []
    })
  }

  #release(step: Held | undefined): Held | undefined {
    for (const following of step?.followings ?? []) this.#engine.unfollow(following, 1)
    return step
  }
}
