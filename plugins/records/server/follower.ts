import type { Failure } from '../../../lib/errors.ts'
import { ERR_LIMIT, ERR_PATH, ERR_PROTOCOL, ERR_RATE } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { decodeFrame, encodeFrame } from '../core/codec.ts'
import type { ClientFrame, Delta, Follow, Hello, Result, ScopeNews, ServerFrame, WriteFrame } from '../core/frame.ts'
import type { Audience } from './audience.ts'
import { coalesce, paginate } from './change.ts'
import type { Change } from './change.ts'
import type { Committer } from './committer.ts'
import { deltaOf } from './delta.ts'
import type { Intake } from './intake.ts'
import type { Patience } from './patience.ts'
import type { Gate } from './permissions.ts'
import { Pull } from './pull.ts'
import type { Puller } from './pull.ts'
import type { Recent } from './recent.ts'
import { isScopeName, Scope } from './scope.ts'
import type { Settings } from './settings.ts'
import type { Writer, Writers } from './writer.ts'

/** The way to whoever follows. */
export interface FollowerLink {
  /** Undefined for the process itself, which may do everything. */
  readonly peer: Peer | undefined
  /** @returns false: accepted, but full, so nothing more should come before `drained` is called */
  send(bytes: Uint8Array): boolean
  /** Ends the connection over what the other end did. */
  fail(failure: Failure): void
}

export interface FollowerHost {
  readonly epoch: string
  readonly settings: Settings
  readonly gate: Gate
  readonly writers: Writers
  readonly intake: Intake
  readonly committer: Committer
  readonly audience: Audience
  readonly recent: Recent
  readonly puller: Puller
  readonly patience: Patience
  failed(error: unknown, stage: string): void
  left(follower: Follower): void
}

/** A session: what one client follows, how far it was told, and what it writes. */
export class Follower {
  readonly link: FollowerLink
  /** Writes that came in and are not decided. */
  waiting = 0
  readonly #host: FollowerHost
  #state: 'new' | 'ready' | 'refused' | 'ended' = 'new'
  /** Frames that wait for one before them. */
  #inbox: ClientFrame[] = []
  #isHandling = false
  readonly #scopes = new Map<number, Scope>()
  /** Scopes that it was told nothing of. */
  #fresh: Scope[] = []
  /** What is told of scopes with the next delta, as nothing else is. */
  #news: ScopeNews[] = []
  /** The commit up to which it was told everything; while it is `live`, that is the last one of all. */
  #sent = 0
  #live = false
  #full = false
  #wake: (() => void) | undefined
  #isPumping = false
  /** The writers that it speaks for, and up to which write it was told of each. */
  readonly #told = new Map<Writer, number>()
  /** Those of whom there is something to tell. */
  readonly #owed = new Set<Writer>()

  constructor(host: FollowerHost, link: FollowerLink) {
    this.#host = host
    this.link = link
  }

  get peer(): Peer | undefined {
    return this.link.peer
  }

  /** Takes a frame. */
  receive(bytes: Uint8Array): void {
    if (this.#state === 'ended') return
    let frame: ClientFrame
    try {
      frame = fromClient(decodeFrame(bytes))
    } catch {
      return this.#fail(ERR_PROTOCOL)
    }
    if (frame.type === 'ping') this.#send({ type: 'pong', asked: frame.asked, time: this.#host.settings.now() })
    else if (this.#state === 'new' && frame.type !== 'hello') this.#fail(ERR_PROTOCOL)
    else if (this.#state !== 'refused' || frame.type === 'hello') this.#take(frame)
  }

  /** There is room again. */
  drained(): void {
    this.#full = false
    this.#wake?.()
    if (this.#state === 'ready' && !this.#live) void this.#pump()
  }

  /** There is no room, until `drained`. */
  filled(): void {
    this.#full = true
  }

  /** The session is over. */
  end(): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    this.#inbox = []
    for (const scope of this.#scopes.values()) this.#leave(scope)
    for (const writer of this.#told.keys()) {
      writer.followers.delete(this)
      this.#host.writers.release(writer)
    }
    this.#wake?.()
    this.#host.left(this)
  }

  /** There is something to tell of what a writer wrote. */
  owe(writer: Writer): void {
    this.#owed.add(writer)
    if (this.#host.committer.seq >= writer.seq) void this.#pump()
  }

  /** Whether it was told everything before a commit, and can be told that now. If not, it will catch up. */
  isReady(seq: number): boolean {
    if (!this.#live) return false
    if (!this.#full) return true
    this.#live = false
    this.#sent = seq - 1
    return false
  }

  /** Tells it what was committed, and what became of its own writes. */
  tell(seq: number, changes: readonly Change[]): void {
    const pages = paginate(changes, this.#host.settings.limits.frame)
    for (const [at, page] of pages.entries()) this.#deliver(page, seq, at < pages.length - 1)
  }
}
