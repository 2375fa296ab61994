import type { Change } from './change.ts'
import { Crowd } from './crowd.ts'
import type { Feed } from './feed.ts'
import type { Providers } from './providers.ts'

const NOBODY: ReadonlySet<Feed> = new Set()

/** Who follows which record, and which collection. */
export class Audience {
  readonly #providers: Providers
  readonly #crowds = new Map<string, Crowd>()
  /** Those who are not told at once what is committed: they catch up, or have no room. */
  readonly laggards = new Set<Feed>()

  constructor(providers: Providers) {
    this.#providers = providers
  }

  join(name: string, feed: Feed): void {
    if (feed.link.peer) this.#providers.join(name)
    let crowd = this.#crowds.get(name)
    if (!crowd) this.#crowds.set(name, (crowd = new Crowd()))
    crowd.join(feed)
  }

  leave(name: string, feed: Feed): void {
    if (feed.link.peer) this.#providers.leave(name)
    const crowd = this.#crowds.get(name)
    crowd?.leave(feed)
    if (crowd && !crowd.all.size) this.#crowds.delete(name)
  }

  /** Somebody who follows a name is told other things than most from here on. */
  drop(name: string, feed: Feed): void {
    this.#crowds.get(name)?.drop(feed)
  }

  /** Who follows what changed. Where there is one name for it, that is a set which is there already. */
  of({ record, collection }: Change): ReadonlySet<Feed> {
    const own = this.#crowds.get(record)
    const all = this.#crowds.get(collection)
    if (!own || !all) return (own ?? all)?.all ?? NOBODY
    return new Set([...own.all, ...all.all])
  }

  /** Those who follow all of some changes, if nobody else follows any of them. */
  only(changes: readonly Change[]): Crowd | undefined {
    let only: Crowd | undefined
    for (const { record, collection } of changes) {
      const own = this.#crowds.get(record)
      const all = this.#crowds.get(collection)
      const crowd = own ?? all
      if ((own && all) || (only && crowd !== only)) return undefined
      only = crowd
      if (!only) return undefined
    }
    return only
  }

  /** Notes with each what many were told at once. */
  note(): void {
    for (const crowd of this.#crowds.values()) crowd.step?.note()
  }
}
