import { isAmong } from '../core/path.ts'
import type { Scope } from './scope.ts'

/** What a client still has of a scope that it does not follow any more. */
export interface Left {
  readonly scope: Scope
  /** Undefined: some of what is stored of its name. */
  readonly ids: readonly string[] | undefined
  /** Whether the client only does not follow it any more, must not keep it, or must not even see it. */
  readonly how: 'left' | 'evicted' | 'denied'
}

/** Of so many collections it is remembered that something was taken away: only what is on its way just then matters. */
const MOST = 1_000

/** What is to be taken from a client, unless another scope has it. */
export class Leaving {
  #all: Left[] = []
  /** Collections of which something was taken away lately: what the client says that it has of their queries may not be so. */
  readonly #disturbed = new Set<string>()

  add(left: Left): void {
    this.#all.push(left)
  }

  /** @param soon - the names of what begins soon: what that may have waits for it */
  isDue(soon: () => ReadonlySet<string>): boolean {
    if (!this.#all.length) return false
    const names = soon()
    return this.#all.some(({ scope }) => !isAmong(names, scope.name))
  }

  /** What is to be taken away now. */
  take(soon: ReadonlySet<string>): readonly Left[] {
    const all = this.#all
    this.#all = all.filter(({ scope }) => isAmong(soon, scope.name))
    return all.filter(({ scope }) => !isAmong(soon, scope.name))
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
