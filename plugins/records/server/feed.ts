import type { Failure } from '../../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_PATH, ERR_SERVER } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { encodeFrame } from '../core/codec.ts'
import type { Delta, Follow, Result, ScopeNews } from '../core/frame.ts'
import type { Audience } from './audience.ts'
import { coalesce, paginate } from './change.ts'
import type { Change } from './change.ts'
import type { Committer } from './committer.ts'
import { deltaOf } from './delta.ts'
import type { Patience } from './patience.ts'
import type { Gate } from './permissions.ts'
import type { Puller } from './puller.ts'
import type { Recent } from './recent.ts'
import { isScopeName, Scope } from './scope.ts'
import type { Settings } from './settings.ts'
import type { Writer } from './writer.ts'

/** The way to whoever follows. */
export interface FollowerLink {
  /** Undefined for the process itself, which may do everything. */
  readonly peer: Peer | undefined
  /** @returns false: accepted, but full, so nothing more should come before `drained` is called */
  send(bytes: Uint8Array): boolean
  /** Ends the connection over what the other end did. */
  fail(failure: Failure): void
}

export interface FeedHost {
  readonly epoch: string
  /** Of commits up to this one tombstones may be gone. */
  readonly floor: number
  readonly settings: Settings
  readonly gate: Gate
  readonly committer: Committer
  readonly audience: Audience
  readonly recent: Recent
  readonly puller: Puller
  readonly patience: Patience
  readonly isClosed: boolean
  /** Those who are told. */
  readonly feeds: Set<Feed>
  failed(error: unknown, stage: string): void
}

/**
 * What one client is told: of all that it follows, what was committed, in order. It is pulled: nothing is kept for a client
 * that does not read, but up to where it was told everything.
 */
export class Feed {
  readonly link: FollowerLink
  /** The number of the last commit that a delta was of. */
  told = 0
  readonly #host: FeedHost
  readonly #scopes = new Map<number, Scope>()
  /** How many scopes have a name. */
  readonly #names = new Map<string, number>()
  /** Scopes that it was told nothing of. */
  #fresh: Scope[] = []
  /** What became of scopes, and was not told. */
  #news: ScopeNews[] = []
  /** The commit up to which it was told everything; while it is live, that is the last one of all. */
  #sent: number
  #live = true
  #full = false
  #ended = false
  #isPumping = false
  #wake: (() => void) | undefined
  /** The writers that it speaks for, and up to which write it was told of each. */
  readonly #told = new Map<Writer, number>()
  /** Those of whom there is something to tell. */
  readonly #owed = new Set<Writer>()

  constructor(host: FeedHost, link: FollowerLink) {
    this.#host = host
    this.link = link
    this.#sent = host.committer.seq
    host.feeds.add(this)
  }

  speaksFor(writer: Writer): void {
    if (this.#told.has(writer)) return
    this.#told.set(writer, 0)
    writer.followers.add(this)
    if (writer.results.length) this.owe(writer)
  }

  /** Begins to follow. What became of each is told with the next delta. */
  follow(follows: readonly Follow[]): void {
    for (const follow of follows) {
      this.unfollow([follow.scope])
      if (!isScopeName(follow.name)) this.#refuse(follow.scope, ERR_PATH)
      else if (this.#scopes.size >= this.#host.settings.limits.scopes) this.#refuse(follow.scope, ERR_LIMIT)
      else {
        const scope = new Scope(follow)
        this.#scopes.set(scope.number, scope)
        this.#fresh.push(scope)
      }
    }
    this.#stir()
  }

  unfollow(numbers: readonly number[]): void {
    for (const number of numbers) {
      const scope = this.#scopes.get(number)
      if (scope) this.#leave(scope)
    }
  }

  /** There is something to tell of what a writer wrote. */
  owe(writer: Writer): void {
    this.#owed.add(writer)
    this.#stir()
  }

  /** There is room again. */
  drained(): void {
    this.#full = false
    this.#wake?.()
    this.#stir()
  }

  /** There is no room, until `drained`. */
  filled(): void {
    this.#full = true
  }

  /** @returns the writers that it spoke for */
  end(): readonly Writer[] {
    this.#ended = true
    this.#host.feeds.delete(this)
    for (const scope of this.#scopes.values()) this.#leave(scope)
    const writers = [...this.#told.keys()]
    for (const writer of writers) writer.followers.delete(this)
    this.#wake?.()
    return writers
  }

  /** Whether it was told everything before a commit, and can be told that one now. If not, it will catch up. */
  isReady(seq: number): boolean {
    if (this.#live && this.#full) this.#fallBehind(seq - 1)
    return this.#live
  }

  /** Tells what was committed, and what became of writes, now or when it has caught up. */
  tell(seq: number, changes: readonly Change[], writers: readonly Writer[]): void {
    for (const writer of writers) this.#owed.add(writer)
    if (!this.isReady(seq)) return
    const pages = paginate(changes, this.#host.settings.limits.frame)
    for (const [at, page] of pages.entries()) this.#send(page, seq, at < pages.length - 1)
  }

  #refuse(scope: number, [outcome]: Failure): void {
    this.#news.push({ scope, outcome })
  }

  #leave(scope: Scope): void {
    const { number, name } = scope
    this.#scopes.delete(number)
    const count = this.#names.get(name)
    if (count === undefined) return
    if (count > 1) this.#names.set(name, count - 1)
    else {
      this.#names.delete(name)
      this.#host.audience.leave(name, this)
    }
  }

  #join({ name }: Scope): void {
    const count = this.#names.get(name) ?? 0
    this.#names.set(name, count + 1)
    if (count === 0) this.#host.audience.join(name, this)
  }

  #fallBehind(sent: number): void {
    this.#live = false
    this.#sent = sent
  }

  /** Has it told what there is to tell. */
  #stir(): void {
    if (this.#isPumping || this.#full || this.#ended) return
    if (this.#live) this.#fallBehind(this.#host.committer.seq)
    this.#isPumping = true
    this.#pump().catch((error: unknown) => {
      if (this.#ended || this.#host.isClosed) return
      this.#host.failed(error, 'records')
      this.link.fail(ERR_SERVER)
    })
  }

  async #pump(): Promise<void> {
    // Whoever asks for several things in one turn is answered at once.
    await Promise.resolve()
    while (!this.#ended && this.#hasNews) await this.#round()
    this.#isPumping = false
    this.#live = true
  }

  get #hasNews(): boolean {
    return (
      this.#fresh.length > 0 || this.#news.length > 0 || this.#owed.size > 0 || this.#sent < this.#host.committer.seq
    )
  }

  async #round(): Promise<void> {
    const { committer, recent, floor } = this.#host
    const fresh = this.#fresh
    this.#fresh = []
    await this.#begin(fresh)
    const begun = fresh.filter(scope => this.#scopes.get(scope.number) === scope)
    const isLate = !recent.reaches(this.#sent)
    const isLost = isLate && this.#sent < floor
    const wants = isLate ? [...this.#scopes.values()] : begun
    if (isLost) this.#news.push(...wants.map(({ number: scope }) => ({ scope, outcome: 'reset' })))
    const asked = isLate ? committer.seq : this.#sent
    const { frame } = this.#host.settings.limits
    const since = (scope: Scope): number => (begun.includes(scope) ? scope.since : isLost ? 0 : this.#sent)
    let last = asked
    // What does not fill a page goes with what follows.
    let page: readonly Change[] = []
    if (wants.length) {
      for await (const changes of this.#host.puller.pull(
        wants.map(scope => ({ name: scope.name, since: since(scope) }))
      )) {
        for (const { version } of changes) last = Math.max(last, version)
        const pages = paginate([...page, ...changes], frame)
        page = pages.pop() ?? []
        for (const full of pages) await this.#deliver(full, asked, true)
      }
      // What the store has may be a little ahead of what is known to be committed.
      await committer.reached(last)
    }
    const missed = recent.since(asked)
    const seq = missed ? committer.seq : asked
    const rest = coalesce((missed ?? []).filter(change => this.#follows(change)))
    // Where what was committed is none of its business, there is nothing to tell.
    if (wants.length || rest.length || this.#news.length || this.#owed.size || this.told < floor) {
      const pages = paginate([...page, ...rest], frame)
      for (const [at, page] of pages.entries()) await this.#deliver(page, seq, at < pages.length - 1)
    }
    this.#sent = seq
  }

  /** Judges scopes that are new, and says how they begin. */
  async #begin(scopes: readonly Scope[]): Promise<void> {
    const { gate, epoch, committer } = this.#host
    await Promise.all(
      scopes.map(async scope => {
        const allowed = await gate.allowsReading(this.link.peer, scope.name, undefined)
        if (this.#scopes.get(scope.number) !== scope) return
        if (!allowed) {
          this.#scopes.delete(scope.number)
          this.#refuse(scope.number, ERR_DENIED)
          return
        }
        const known = scope.epoch === epoch && scope.since >= this.#host.floor && scope.since <= committer.seq
        if (!known) scope.since = 0
        this.#join(scope)
        this.#news.push({ scope: scope.number, outcome: scope.since ? 'delta' : 'reset' })
      })
    )
  }

  #follows({ record, collection }: Change): boolean {
    return this.#names.has(record) || this.#names.has(collection)
  }

  async #deliver(changes: readonly Change[], seq: number, more: boolean): Promise<void> {
    while (this.#full && !this.#ended) await new Promise<void>(resolve => (this.#wake = resolve))
    if (!this.#ended) this.#send(changes, seq, more)
  }

  /** Sends a page; the last one of those that belong together says what became of writes. */
  #send(changes: readonly Change[], seq: number, more: boolean): void {
    const news = this.#news
    this.#news = []
    const rest: Partial<Delta> = { seq, more, scopes: news }
    this.told = seq
    const bytes = encodeFrame(deltaOf(changes, more ? rest : { ...rest, ...this.#settle(seq) }))
    if (!this.link.send(bytes)) this.#full = true
  }

  /** What became of writes whose effects were told. */
  #settle(seq: number): Pick<Delta, 'acknowledged' | 'results'> {
    const acknowledged: [string, number][] = []
    const results: Result[] = []
    for (const writer of this.#owed) {
      if (writer.seq > seq) continue
      const told = this.#told.get(writer) ?? 0
      this.#owed.delete(writer)
      this.#told.set(writer, writer.last)
      acknowledged.push([writer.node, writer.last])
      for (const result of writer.results) if (result.number > told) results.push(result)
    }
    return { acknowledged, results }
  }
}
