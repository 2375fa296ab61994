import { encodeFrame } from '../core/codec.ts'
import type { Audience } from './audience.ts'
import type { Change } from './change.ts'
import { paginate } from './change.ts'
import { deltaOf } from './delta.ts'
import type { Follower, FollowerLink } from './follower.ts'

/** Sends the same bytes over several links. Returns those that are full now. */
export type Multicast = (links: readonly FollowerLink[], bytes: Uint8Array) => readonly FollowerLink[]

/** One after the other. */
export const sendEach: Multicast = (links, bytes) => links.filter(link => !link.send(bytes))

/** Those who are told the same of a commit. */
interface Group {
  readonly changes: readonly Change[]
  readonly followers: Follower[]
}

/** Tells followers what was committed: those who are told the same, with the same bytes. */
export class FanOut {
  readonly #audience: Audience
  readonly #multicast: Multicast
  readonly #limit: number

  /** @param limit - bytes of a frame, about */
  constructor(audience: Audience, multicast: Multicast, limit: number) {
    this.#audience = audience
    this.#multicast = multicast
    this.#limit = limit
  }

  /** @param authors - who is told more than the changes */
  deliver(seq: number, changes: readonly Change[], authors: ReadonlySet<Follower>): void {
    for (const group of this.#groups(changes, authors)) {
      const followers = group.followers.filter(follower => follower.isReady(seq))
      if (followers.length) this.#send(seq, group.changes, followers)
    }
    for (const author of authors) {
      const own = changes.filter(change => this.#audience.of(change).has(author))
      if (author.isReady(seq)) author.tell(seq, own)
    }
  }

  #groups(changes: readonly Change[], authors: ReadonlySet<Follower>): Iterable<Group> {
    const [first, ...more] = changes
    if (!first) return []
    const audience = this.#audience.of(first)
    if (!more.length) return [{ changes, followers: [...audience].filter(follower => !authors.has(follower)) }]
    const wanted = new Map<Follower, number[]>()
    for (const [at, change] of changes.entries()) {
      for (const follower of this.#audience.of(change)) {
        if (authors.has(follower)) continue
        const own = wanted.get(follower)
        if (own) own.push(at)
        else wanted.set(follower, [at])
      }
    }
    const groups = new Map<string, Group>()
    for (const [follower, own] of wanted) {
      const key = own.join()
      const group = groups.get(key) ?? { changes: own.flatMap(at => changes[at] ?? []), followers: [] }
      group.followers.push(follower)
      groups.set(key, group)
    }
    return groups.values()
  }

  #send(seq: number, changes: readonly Change[], followers: readonly Follower[]): void {
    const byLink = new Map(followers.map(follower => [follower.link, follower]))
    const pages = paginate(changes, this.#limit)
    for (const [at, page] of pages.entries()) {
      const bytes = encodeFrame(deltaOf(page, { seq, more: at < pages.length - 1 }))
      // Whoever is full may be sent the rest of what belongs together; but nothing behind it.
      for (const link of this.#multicast([...byLink.keys()], bytes)) byLink.get(link)?.filled()
    }
  }
}
