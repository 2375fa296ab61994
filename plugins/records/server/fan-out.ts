import type { Peer } from '../../../lib/server/peer.ts'
import { encodeFrame } from '../core/server-codec.ts'
import { collectionOf } from '../core/path.ts'
import type { Audience } from './audience.ts'
import type { Change } from './change.ts'
import { paginate } from './change.ts'
import { deltaOf } from './delta.ts'
import { Members } from './crowd.ts'
import type { Step } from './crowd.ts'
import type { Feed } from './feed.ts'
import type { Holdings } from './holdings.ts'
import type { Writer } from './writer.ts'

/** Sends the same bytes to several peers. Returns those that are full now. */
export type Multicast = (peers: readonly Peer[], bytes: Uint8Array) => ReadonlySet<Peer>

export interface FanOutHost {
  readonly audience: Audience
  /** All of a record that was just committed; nothing else has changed it since. */
  wholeOf(record: string): Change | undefined
  failed(error: unknown, stage: string): void
}

/** What somebody is told of a commit. */
interface News {
  readonly changes: readonly Change[]
  readonly evicted: readonly string[]
  readonly denied: readonly string[]
}

/** The same, as it is sent. */
export interface Told {
  readonly pages: readonly (readonly Change[])[]
  readonly evicted: readonly string[]
  readonly denied: readonly string[]
}

/** Those who are told the same. */
interface Group extends Told {
  readonly isLarge: boolean
  readonly members: Members
  /** Who is not sent it with the others. */
  readonly alone: Feed[]
}

/** What is more than so many pages, or so many evictions, is not told at once: everybody pulls it, as fast as it reads. */
const PAGES = 4
const EVICTIONS = 1_000

const NOTHING = { evicted: [], denied: [] }

/** Tells followers what was committed: those who are told the same, with the same bytes. */
export class FanOut {
  readonly #host: FanOutHost
  readonly #multicast: Multicast | undefined
  readonly #limit: number

  /**
   * @param multicast - undefined: there are no peers, and all are sent it one after the other
   * @param limit - bytes of a frame, about
   */
  constructor(host: FanOutHost, multicast: Multicast | undefined, limit: number) {
    this.#host = host
    this.#multicast = multicast
    this.#limit = limit
  }

  /** @param authors - those who are told of writes too */
  deliver(seq: number, changes: readonly Change[], authors: ReadonlyMap<Feed, readonly Writer[]>): void {
    for (const [feed, writers] of authors) feed.note(seq, writers, changes)
    const step = this.#stepFor(changes, authors)
    try {
      this.#tell(seq, changes, authors, step)
    } finally {
      step?.end()
    }
  }

  #tell(
    seq: number,
    changes: readonly Change[],
    authors: ReadonlyMap<Feed, readonly Writer[]>,
    step: Step | undefined
  ): void {
    const groups = new Map<string, Group>()
    // Most often all are told the same.
    let key = ''
    let group: Group | undefined
    if (step) {
      const all = this.#group({ changes, ...NOTHING }, step)
      if (!all.isLarge) groups.set((key = [...changes.keys()].join()), (group = all))
    }
    const ready = (feed: Feed, own: string, news: () => News): void => {
      if (!feed.isReady(seq)) return
      if (authors.size && authors.has(feed)) {
        const told = this.#group(news())
        return told.isLarge ? feed.miss(seq) : feed.tell(seq, told)
      }
      if (!own) return
      if (own !== key || !group) {
        key = own
        group = groups.get(own)
        if (!group) groups.set(own, (group = this.#group(news())))
      }
      if (group.isLarge) feed.miss(seq)
      else this.#enlist(group, feed, seq)
    }
    let last: readonly number[] = []
    let keyOfLast = ''
    const wholeOf = remember(id => this.#host.wholeOf(id))
    this.#concerned(changes, authors, group && step, (feed, places) => {
      const { holdings } = feed.scopes
      if (!holdings.isPartial) {
        if (places !== last) keyOfLast = (last = places).join()
        ready(feed, keyOfLast, () => ({ changes: places.flatMap(at => changes[at] ?? []), ...NOTHING }))
        return
      }
      const own = places.flatMap(at => changes[at] ?? [])
      const news = newsFor(holdings, seq, own, wholeOf)
      if (news) ready(feed, news.key, () => news)
      else feed.miss(seq)
    })
    for (const each of groups.values()) if (!each.isLarge) this.#send(seq, each)
  }

  /** Tells followers that they have been told everything. */
  remind(seq: number, feeds: readonly Feed[]): void {
    const group = this.#group({ changes: [], ...NOTHING })
    for (const feed of feeds) if (feed.isReady(seq)) this.#enlist(group, feed, seq)
    this.#send(seq, group)
  }

  /** Those who are told all of some changes, and nothing else; undefined: that is not known without looking at each. */
  #stepFor(changes: readonly Change[], authors: ReadonlyMap<Feed, unknown>): Step | undefined {
    const { audience } = this.#host
    const step = this.#multicast && audience.only(changes)?.step
    if (!step) return undefined
    for (const author of authors.keys()) step.drop(author)
    step.begin(audience.laggards)
    return step
  }

  /** Calls with who is concerned by which of some changes; whoever wrote something is concerned in any case. */
  #concerned(
    changes: readonly Change[],
    authors: ReadonlyMap<Feed, unknown>,
    step: Step | undefined,
    call: (feed: Feed, places: readonly number[]) => void
  ): void {
    const { audience } = this.#host
    const [first, ...more] = changes
    if (first && (step || !more.length)) {
      const feeds = step?.others ?? audience.of(first)
      const all = [...changes.keys()]
      // Nothing is made for each of them.
      for (const feed of feeds) call(feed, all)
      for (const author of authors.keys()) if (!feeds.has(author)) call(author, [])
      return
    }
    const places = new Map<Feed, number[]>()
    for (const [at, change] of changes.entries()) {
      for (const feed of audience.of(change)) {
        const own = places.get(feed)
        if (own) own.push(at)
        else places.set(feed, [at])
      }
    }
    for (const author of authors.keys()) if (!places.has(author)) places.set(author, [])
    for (const [feed, own] of places) call(feed, own)
  }

  #group({ changes, evicted, denied }: News, members: Members = new Members()): Group {
    const pages = paginate(changes, this.#limit)
    const isLarge = pages.length > PAGES || evicted.length + denied.length > EVICTIONS
    return { pages, evicted, denied, isLarge, members, alone: [] }
  }

  /** It is told with the others. */
  #enlist({ members, alone }: Group, feed: Feed, seq: number): void {
    const { peer } = feed.link
    feed.wasTold(seq)
    if (!peer || !this.#multicast || !members.enter(feed, peer)) alone.push(feed)
  }

  #send(seq: number, { pages, evicted, denied, members, alone }: Group): void {
    const { feeds, peers } = members
    if (!feeds.length && !alone.length) return
    members.told = seq
    try {
      for (const [at, page] of pages.entries()) {
        const more = at < pages.length - 1
        const bytes = encodeFrame(deltaOf(page, { seq, more, ...(at ? NOTHING : { evicted, denied }) }))
        // Whoever is full may be sent the rest of what belongs together, but nothing behind it.
        const full = peers.length ? this.#multicast?.(peers, bytes) : undefined
        if (full?.size) for (const feed of feeds) if (feed.link.peer && full.has(feed.link.peer)) feed.filled()
        for (const feed of alone) if (!feed.link.send(bytes)) feed.filled()
      }
    } catch (error) {
      for (const feed of [...feeds, ...alone]) feed.failed(error)
    }
  }
}

/** Asks once for each that is there. */
const remember = <T>(find: (id: string) => T): ((id: string) => T) => {
  const found = new Map<string, T>()
  return id => {
    const known = found.get(id)
    if (known !== undefined) return known
    const value = find(id)
    found.set(id, value)
    return value
  }
}

/**
 * What somebody is told who has only some of the records of a name. Undefined: that has to be read.
 */
const newsFor = (
  holdings: Holdings,
  seq: number,
  changes: readonly Change[],
  wholeOf: (record: string) => Change | undefined
): (News & { readonly key: string }) | undefined => {
  const moves = holdings.movesOf(seq, changes)
  if (!moves) return undefined
  const told: Change[] = []
  const evicted: string[] = []
  const denied: string[] = []
  const keys: string[] = []
  const moved = new Set<string>()
  const evict = (record: string): void => {
    const isDenied = [...moves.values()].some(({ denied }) => denied.has(record))
    ;(isDenied ? denied : evicted).push(record)
    keys.push(`${isDenied ? '!' : '-'}${record}`)
  }
  for (const { entered, left } of moves.values()) {
    for (const id of entered) moved.add(id)
    for (const id of left) moved.add(id)
  }
  for (const change of changes) {
    const { record, collection } = change
    moved.delete(record)
    const has = holdings.has(record, collection)
    const had = holdings.had(moves, record, collection)
    if (has) {
      const whole = had ? change : wholeOf(record)
      if (!whole) return undefined
      told.push(whole)
      keys.push(`${had ? '+' : '*'}${record}`)
    } else if (had) evict(record)
  }
  for (const record of moved) {
    const collection = collectionOf(record)
    const had = holdings.had(moves, record, collection)
    // What left one scope may be in another.
    if (had === holdings.has(record, collection)) continue
    if (!had) return undefined
    evict(record)
  }
  return { changes: told, evicted, denied, key: keys.join('\0') }
}
