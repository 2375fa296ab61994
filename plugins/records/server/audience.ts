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
    const feeds = this.#names.get(name)
    if (feeds) feeds.add(feed)
    else this.#names.set(name, new Set([feed]))
  }

  leave(name: string, feed: Feed): void {
    if (feed.link.peer) this.#providers.leave(name)
    const feeds = this.#names.get(name)
    if (feeds?.delete(feed) && !feeds.size) this.#names.delete(name)
  }

  /** Who follows what changed. Where there is one name for it, that is a set which is there already. */
  of({ record, collection }: Change): ReadonlySet<Feed> {
    const own = this.#names.get(record)
    const all = this.#names.get(collection)
    if (!own || !all) return own ?? all ?? NOBODY
    return new Set([...own, ...all])
  }
}
