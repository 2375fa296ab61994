import { addTo, removeFrom } from '../../../lib/sets.ts'
import type { Change } from './change.ts'
import type { Feed } from './feed.ts'
import type { Providers } from './providers.ts'

const NOBODY: ReadonlySet<Feed> = new Set()

/** Who follows which record, and which collection. */
export class Audience {
  readonly #providers: Providers
  readonly #names = new Map<string, Set<Feed>>()

  constructor(providers: Providers) {
    this.#providers = providers
  }

  join(name: string, feed: Feed): void {
    if (feed.link.peer) this.#providers.join(name)
    addTo(this.#names, name, feed)
  }

  leave(name: string, feed: Feed): void {
    if (feed.link.peer) this.#providers.leave(name)
    removeFrom(this.#names, name, feed)
  }

  /** Who follows what changed. Where there is one name for it, that is a set which is there already. */
  of({ record, collection }: Change): ReadonlySet<Feed> {
    const own = this.#names.get(record)
    const all = this.#names.get(collection)
    if (!own || !all) return own ?? all ?? NOBODY
    return new Set([...own, ...all])
  }
}
