import { AnywireError } from '../../../lib/errors.ts'
import type { Failure } from '../../../lib/errors.ts'
import { ERR_RATE, ERR_SERVER, ERR_TOO_LARGE } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { encodeFrame } from '../core/server-codec.ts'
import type { Behind, Delta, Hello, Result, WriteFrame } from '../core/frame.ts'
import { CatchUp } from './catch-up.ts'
import type { CatchUpHost } from './catch-up.ts'
import { after } from './maybe.ts'
import type { Change } from './change.ts'
import { deltaOf } from './delta.ts'
import type { Told } from './fan-out.ts'
import type { Scope } from './scope.ts'
import { Scopes } from './scopes.ts'
import type { ScopesHost } from './scopes.ts'
import type { Turn } from './turns.ts'
import type { Writer } from './writer.ts'

/** The way to whoever follows. */
export interface FollowerLink {
  /** Undefined for the process itself, which may do everything. */
  readonly peer: Peer | undefined
  /** Of the process itself: the turn of the hook within which a node writes. It has no limits. */
  readonly turnOf?: (node: string) => Turn | undefined
  /** @returns false: accepted, but full, so nothing more should come before `drained` is called */
  send(bytes: Uint8Array): boolean
  /** Ends the connection over what the other end did. */
  fail(failure: Failure): void
}

export interface FeedHost extends ScopesHost, CatchUpHost {
  readonly isClosed: boolean
  /** The last commit that was told to all who are told at once: of one that is being told, not all may have been. */
  readonly delivered: number
  /** Those who are told. */
  readonly feeds: Set<Feed>
  failed(error: unknown, stage: string): void
}

/** How often it is tried to tell a digest to one who has to be told something else first. */
const ATTEMPTS = 3

/**
 * What one client is told: of all that it follows, what was committed, in order. It is pulled: nothing is kept for a client
 * that does not read, but up to where it was told everything.
 */
export class Feed {
  readonly link: FollowerLink
  readonly scopes: Scopes
  /** The number of the last commit that a delta was of, but for what it was told with a crowd that it is still in step with. */
  told = 0
  readonly #host: FeedHost
  /** The commit up to which it was told everything; while it is live, that is the last one of all. */
  #sent: number
  #isLive = true
  #isFull = false
  #isPumping = false
  isEnded = false
  #wake: (() => void) | undefined
  /** The writers that it speaks for, and up to which write it was told of each. */
  readonly #writers = new Map<Writer, number>()
  readonly #byNode = new Map<string, Writer>()
  /** Those of whom there is something to tell. */
  readonly #owed = new Set<Writer>()
  /** Nodes that its client does not write for, but has tried to. */
  readonly #refused = new Set<string>()
  /** What is to be told of those. */
  readonly #refusals: Result[] = []
  /** Whether something that its client follows from the beginning has not begun. */
  #isGreeting = false
  /** Those of whom nothing is told before that has. */
  readonly #held = new Set<Writer>()

  constructor(host: FeedHost, link: FollowerLink) {
    this.#host = host
    this.link = link
    this.#sent = host.committer.seq
    this.scopes = new Scopes(host, this, link.peer)
    host.feeds.add(this)
  }

  /**
   * Begins what its client follows, and tells with it what is committed of its writes: not before, as that is not shown here by
   * then, and not behind it, as it is shown twice until then. What else is written waits for none of it.
   */
  greet(writers: readonly Writer[], { follows, nodes, behind }: Pick<Hello, 'follows' | 'nodes' | 'behind'>): void {
    this.#isGreeting = true
    const numbers = new Map(nodes)
    for (const writer of writers) {
      const number = numbers.get(writer.node) ?? 0
      // Whatever was confirmed: by now others may have done so, who have a copy of the storage.
      if (!this.speaksFor(writer) || !writer.last || number > writer.last) continue
      this.#held.add(writer)
      this.owe(writer, Math.max(1, number))
    }
    void after(this.scopes.follow(follows, behind), () => {
      this.#isGreeting = false
      this.#held.clear()
      this.stir()
    })
  }

  /** Its client is no more told than once that it does not write for a node. @returns false: it has tried too many */
  refuse({ node, number }: WriteFrame, [code, , hint]: Failure): boolean {
    if (this.isRefused(node)) return true
    if (this.#refused.size >= this.#host.settings.limits.nodes) return false
    this.#refused.add(node)
    this.#refusals.push({ node, number, record: '', code, hint })
    void this.scopes.reconsider()
    this.stir()
    return true
  }

  /** Whether a write that its client has announced is still to be committed. */
  isOutstanding(behind: Behind | undefined): boolean {
    if (!behind || this.isRefused(behind[0])) return false
    const writer = this.#byNode.get(behind[0])
    return !writer || writer.last < behind[1]
  }

  isRefused(node: string): boolean {
    return this.#refused.has(node)
  }

  /** @returns false: it speaks for too many already */
  speaksFor(writer: Writer): boolean {
    if (this.#writers.has(writer)) return true
    if (!this.link.turnOf && this.#writers.size >= this.#host.settings.limits.nodes) return false
    this.#writers.set(writer, writer.confirmed)
    this.#byNode.set(writer.node, writer)
    writer.followers.add(this)
    if (writer.results.some(({ number }) => number > writer.confirmed)) this.owe(writer)
    return true
  }

  /**
   * Its client has the results of a node up to a number; of a node that it does not write for, that says nothing.
   * @returns the writer of that node, if its client writes for it
   */
  confirm(node: string, number: number): Writer | undefined {
    const writer = this.#byNode.get(node)
    writer?.confirm(Math.min(number, writer.last))
    return writer
  }

  /** There is something to tell of what a writer wrote, from a number on. */
  owe(writer: Writer, number = Infinity): void {
    this.#writers.set(writer, Math.min(this.#writers.get(writer) ?? 0, number - 1))
    this.#owed.add(writer)
    this.stir()
  }

  get owes(): boolean {
    if (this.#refusals.length) return true
    for (const writer of this.#owed) if (!this.#held.has(writer)) return true
    return false
  }

  /** There is room again. */
  drained(): void {
    this.#isFull = false
    this.#keepsUp()
    this.#wake?.()
    if (!this.#isLive || this.owes || this.scopes.hasNews) this.stir()
  }

  /** There is no room, until `drained`. */
  filled(): void {
    this.#isFull = true
    this.#lags()
  }

  /** It was told a commit, with others. */
  wasTold(seq: number): void {
    if (seq > this.told) this.told = seq
  }

  /** @returns the writers that it spoke for */
  end(): readonly Writer[] {
    this.isEnded = true
    this.#host.feeds.delete(this)
    this.scopes.end()
    this.#host.audience.laggards.delete(this)
    const writers = [...this.#writers.keys()]
    for (const writer of writers) writer.followers.delete(this)
    this.#wake?.()
    return writers
  }

  /** Whether it was told everything before a commit, and can be told that one now. If not, it will catch up. */
  isReady(seq: number): boolean {
    if (this.#isLive && this.#isFull) this.#fallBehind(seq - 1)
    return this.#isLive
  }

  /** It cannot be told a commit at once: it has to catch up. */
  miss(seq: number): void {
    if (this.#isLive) this.#fallBehind(seq - 1)
    this.stir()
  }

  /** There is something to tell of what writers wrote, with the commit that is told now. */
  note(seq: number, writers: readonly Writer[], changes: readonly Change[]): void {
    if (this.#isGreeting && this.scopes.mayShow(changes)) for (const writer of writers) this.#held.add(writer)
    for (const writer of writers) this.#owed.add(writer)
    if (!this.scopes.isDue) return
    // What was written is not told as done before what is shown of it can be told too.
    if (this.#isLive) this.#fallBehind(seq - 1)
    void this.scopes.reconsider()
  }

  /** Tells what was committed. Only for one that is ready. */
  tell(seq: number, { pages, ...gone }: Told): void {
    for (const [at, page] of pages.entries()) {
      this.send(page, { seq, more: at < pages.length - 1, ...(at ? {} : gone) })
    }
  }

  /** Has it told what there is to tell. */
  readonly stir = (): void => {
    if (this.#isPumping || this.#isFull || this.isEnded) return
    this.pause()
    this.#isPumping = true
    this.#pump().catch((error: unknown) => this.failed(error))
  }

  /** One of its scopes has caught up with who may see what. */
  caughtUp(): void {
    this.scopes.holdings.caughtUp()
    this.stir()
  }

  /** Notes up to where it was told everything: it catches up from there. */
  pause(): void {
    if (this.#isLive) this.#fallBehind(this.#host.delivered)
  }

  /** Resolves when there is room. */
  async room(): Promise<void> {
    while (this.#isFull && !this.isEnded) await new Promise<void>(resolve => (this.#wake = resolve))
  }

  /** Sends a page; the last one of those that belong together says what became of writes. */
  send(changes: readonly Change[], rest: Partial<Delta> & { readonly seq: number; readonly more: boolean }): void {
    if (this.isEnded) return
    const scopes = this.scopes.news
    if (!rest.scopes) this.scopes.news = []
    this.told = rest.seq
    try {
      const delta = deltaOf(changes, { scopes, ...rest, ...(rest.more ? {} : this.#settle(rest.seq)) })
      if (!this.link.send(encodeFrame(delta))) this.filled()
    } catch (error) {
      this.failed(error)
    }
  }

  /**
   * Tells the digest of a scope as it is now; if it was not told everything else by now, it is asked for again.
   * @param digest - undefined: it has none
   */
  compare(scope: Scope, digest?: number): void {
    const isReady = this.#isLive && !this.#isFull
    if (digest === undefined || isReady || ++scope.attempts === ATTEMPTS) this.scopes.compared.delete(scope)
    const { seq } = this.#host.committer
    if (isReady && digest !== undefined) this.send([], { seq, more: false, digests: [[scope.number, digest]] })
  }

  #fallBehind(sent: number): void {
    this.#isLive = false
    this.#sent = sent
    this.#lags()
    this.scopes.holdings.wereTold(sent)
  }

  #lags(): void {
    if (!this.isEnded) this.#host.audience.laggards.add(this)
  }

  #keepsUp(): void {
    if (this.#isLive && !this.#isFull) this.#host.audience.laggards.delete(this)
  }

  async #pump(): Promise<void> {
    // Whoever asks for several things in one turn is answered at once.
    await Promise.resolve()
    while (!this.isEnded && this.#hasNews) this.#sent = await new CatchUp(this.#host, this).run(this.#sent)
    this.#isPumping = false
    this.#isLive = true
    this.#keepsUp()
    for (const scope of this.scopes.compared) this.#host.digests.ask(scope, this)
  }

  get #hasNews(): boolean {
    return this.scopes.hasNews || this.owes || this.#sent < this.#host.committer.seq
  }

  /** It asks for so much, and reads so little, that it is not told anything any more. */
  flooded(): void {
    if (this.isEnded) return
    this.link.fail(ERR_RATE)
    this.end()
  }

  /** It could not be told something: it is not told anything any more. */
  failed(error: unknown): void {
    if (this.isEnded || this.#host.isClosed) return
    this.#host.failed(error, 'records')
    // It would be as large when its client comes back.
    const isTooLarge = error instanceof AnywireError && error.code === ERR_TOO_LARGE[0]
    this.link.fail(isTooLarge ? ERR_TOO_LARGE : ERR_SERVER)
    this.end()
  }

  /** What became of writes whose effects were told. */
  #settle(seq: number): Pick<Delta, 'acknowledged' | 'results'> {
    const acknowledged: [string, number][] = []
    const results = this.#refusals.splice(0)
    for (const writer of this.#owed) {
      if (writer.seq > seq || this.#held.has(writer)) continue
      const told = this.#writers.get(writer) ?? 0
      this.#owed.delete(writer)
      this.#writers.set(writer, writer.last)
      acknowledged.push([writer.node, writer.last])
      for (const result of writer.results) if (result.number > told) results.push(result)
    }
    return { acknowledged, results }
  }
}
