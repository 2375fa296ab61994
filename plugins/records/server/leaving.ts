import { isAmong } from '../core/path.ts'
import type { Scope } from './scope.ts'

/** What a client still has of what it does not follow any more. */
export interface Left {
  /** Of a record or collection. */
  readonly name: string
  /** The scopes that are only left: their client is told. */
  readonly numbers: ReadonlySet<number>
  /** Undefined: some of what is stored of its name. */
  readonly ids: ReadonlySet<string> | undefined
  /** Whether the client only does not follow it any more, must not keep it, or must not even see it. */
  readonly how: 'left' | 'evicted' | 'denied'
}

/** What is known of one scope. */
interface LeftScope {
  readonly scope: Pick<Scope, 'name' | 'number'>
  readonly ids: readonly string[] | undefined
  readonly how: Left['how']
}

/** The same of many that can be told together. */
interface LeftTogether extends Left {
  readonly numbers: Set<number>
  readonly ids: Set<string> | undefined
}

/** Of so many collections it is remembered that something was taken away: only what is on its way just then matters. */
const MOST = 1_000

/** What is to be taken from a client, unless another scope has it. */
export class Leaving {
  /** Together where they have the name and all else in common: it may wait for long, and more comes all the time. */
  readonly #all = new Map<string, LeftTogether>()
  /** Collections of which something was taken away lately: what the client says that it has of their queries may not be so. */
  readonly #disturbed = new Set<string>()

  add({ scope: { name, number }, ids, how }: LeftScope): void {
    const key = `${how} ${ids ? 'some' : 'all'} ${name}`
    const known = this.#all.get(key)
    const left = known ?? { name, numbers: new Set(), ids: ids && new Set(), how }
    if (!known) this.#all.set(key, left)
    if (how === 'left') left.numbers.add(number)
    for (const id of ids ?? []) left.ids?.add(id)
  }

  /** @param soon - the names of what begins soon: what that may have waits for it */
  isDue(soon: () => ReadonlySet<string>): boolean {
    if (!this.#all.size) return false
    const names = soon()
    return [...this.#all.values()].some(({ name }) => !isAmong(names, name))
  }

  /** What is to be taken away now. */
  take(soon: ReadonlySet<string>): readonly Left[] {
    const taken: Left[] = []
    for (const [key, left] of this.#all) {
      if (isAmong(soon, left.name)) continue
      this.#all.delete(key)
      taken.push(left)
    }
    return taken
  }

  /** Notes that something of a collection is taken away. */
  disturb(collection: string): void {
    this.#disturbed.add(collection)
    const [oldest] = this.#disturbed
    if (oldest !== undefined && this.#disturbed.size > MOST) this.#disturbed.delete(oldest)
  }

  isDisturbed({ name, isQuery }: Scope): boolean {
    return isQuery && this.#disturbed.has(name)
  }
}
