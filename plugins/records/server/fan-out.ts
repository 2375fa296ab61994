import { encodeFrame } from '../core/codec.ts'
import type { Audience } from './audience.ts'
import type { Change } from './change.ts'
import { paginate } from './change.ts'
import { deltaOf } from './delta.ts'
import type { Feed, FollowerLink } from './feed.ts'
import type { Writer } from './writer.ts'

/** Sends the same bytes over several links. Returns those that are full now. */
export type Multicast = (links: readonly FollowerLink[], bytes: Uint8Array) => readonly FollowerLink[]

/** One after the other. */
export const sendEach: Multicast = (links, bytes) => links.filter(link => !link.send(bytes))

/** Those who are told the same of a commit. */
interface Group {
  readonly changes: readonly Change[]
  readonly feeds: Feed[]
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
  deliver(seq: number, changes: readonly Change[], authors: ReadonlyMap<Feed, readonly Writer[]>): void {
    for (const group of this.#groups(changes, authors)) {
      const feeds = group.feeds.filter(feed => feed.isReady(seq))
      if (feeds.length) this.#send(seq, group.changes, feeds)
    }
    for (const [author, writers] of authors) {
      const own = changes.filter(change => this.#audience.of(change).has(author))
      author.tell(seq, own, writers)
    }
  }

  /** Tells followers that they have been told everything. */
  remind(seq: number, feeds: readonly Feed[]): void {
    const ready = feeds.filter(feed => feed.isReady(seq))
    if (ready.length) this.#send(seq, [], ready)
  }

  #groups(changes: readonly Change[], authors: ReadonlyMap<Feed, unknown>): Iterable<Group> {
    const [first, ...more] = changes
    if (!first) return []
    const audience = this.#audience.of(first)
    if (!more.length) return [{ changes, feeds: [...audience].filter(feed => !authors.has(feed)) }]
    const wanted = new Map<Feed, number[]>()
    for (const [at, change] of changes.entries()) {
      for (const feed of this.#audience.of(change)) {
        if (authors.has(feed)) continue
        const own = wanted.get(feed)
        if (own) own.push(at)
        else wanted.set(feed, [at])
      }
    }
    const groups = new Map<string, Group>()
    for (const [feed, own] of wanted) {
      const key = own.join()
      const group = groups.get(key) ?? { changes: own.flatMap(at => changes[at] ?? []), feeds: [] }
      group.feeds.push(feed)
      groups.set(key, group)
    }
    return groups.values()
  }

  #send(seq: number, changes: readonly Change[], feeds: readonly Feed[]): void {
    const byLink = new Map(feeds.map(feed => [feed.link, feed]))
    const pages = paginate(changes, this.#limit)
    for (const [at, page] of pages.entries()) {
      const bytes = encodeFrame(deltaOf(page, { seq, more: at < pages.length - 1 }))
      // Whoever is full may be sent the rest of what belongs together; but nothing behind it.
      for (const link of this.#multicast([...byLink.keys()], bytes)) byLink.get(link)?.filled()
    }
    for (const feed of feeds) feed.told = seq
  }
}
