import type { Peer } from '../../../lib/server/peer.ts'
import type { Feed } from './feed.ts'

/** Fewer are looked at one by one. */
const FEW = 3

/** Those who follow a name. */
export class Crowd {
  readonly all = new Set<Feed>()
  #step: Step | undefined

  join(feed: Feed): void {
    this.all.add(feed)
    this.#step?.others.add(feed)
  }

  leave(feed: Feed): void {
    this.drop(feed)
    this.all.delete(feed)
    this.#step?.others.delete(feed)
  }

  /** Has it looked at by itself again. */
  drop(feed: Feed): void {
    this.#step?.drop(feed)
  }

  /** Those of them who are in step; undefined: there are too few for that. */
  get step(): Step | undefined {
    if (this.all.size >= FEW) this.#step ??= new Step(this.all)
    return this.#step
  }
}

/** Those who are told the same. To tell them nothing of each of them is looked at but its connection. */
export class Members {
  readonly feeds: Feed[] = []
  /** Their connections, in the same places. */
  readonly peers: Peer[] = []
  /** The last commit that they were told. */
  told = 0

  /** @returns false: it is not one of them now */
  enter(feed: Feed, peer: Peer): boolean {
    this.feeds.push(feed)
    this.peers.push(peer)
    return true
  }
}

/**
 * Of those who follow a name, the ones who are in step: they were told everything, have room, and follow no queries, so that all of
 * them are told the same by each commit. To look at each of them would take longer than all that a broadcast does: what is known of
 * somebody was last used a commit ago, and comes from memory. So they are lists, from which is taken who is not in step any more.
 */
export class Step extends Members {
  /** Those who are looked at one by one. Who is told with the others enters. */
  readonly others: Set<Feed>
  readonly #places = new Map<Feed, number>()
  /** Whether the lists are gone through: nobody is taken from them meanwhile. */
  #isTold = false
  /** Who is to be taken from them then. */
  readonly #gone = new Set<Feed>()

  constructor(all: ReadonlySet<Feed>) {
    super()
    this.others = new Set(all)
  }

  override enter(feed: Feed, peer: Peer): boolean {
    // It is about to be taken from the lists, and enters with the next commit.
    if (this.#places.has(feed)) return false
    this.others.delete(feed)
    this.#places.set(feed, this.feeds.length)
    return super.enter(feed, peer)
  }

  drop(feed: Feed): void {
    if (!this.#places.has(feed)) return
    this.others.add(feed)
    if (this.#isTold) this.#gone.add(feed)
    else this.#take(feed)
  }

  /** They are told, but for those who lag behind. */
  begin(laggards: ReadonlySet<Feed>): void {
    for (const feed of laggards.size < this.feeds.length ? laggards : [...this.feeds])
      if (laggards.has(feed)) this.drop(feed)
    this.#isTold = true
  }

  /** They were told. */
  end(): void {
    this.#isTold = false
    for (const feed of this.#gone) this.#take(feed)
    this.#gone.clear()
  }

  /** Notes with each what all of them were told. */
  note(): void {
    for (const feed of this.feeds) feed.wasTold(this.told)
  }

  #take(feed: Feed): void {
    const place = this.#places.get(feed)
    if (place === undefined) return
    feed.wasTold(this.told)
    this.#places.delete(feed)
    const last = this.feeds.pop()
    const peer = this.peers.pop()
    if (!last || !peer || last === feed) return
    this.#places.set(last, place)
    this.feeds[place] = last
    this.peers[place] = peer
  }
}
