import type { Failure } from '../../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_PATH } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Follow, ScopeNews } from '../core/frame.ts'
import type { Audience } from './audience.ts'
import type { Change } from './change.ts'
import type { Digests } from './digests.ts'
import type { Feed } from './feed.ts'
import type { Moves } from './journal.ts'
import type { Membership } from './membership.ts'
import type { Memberships } from './memberships.ts'
import { after, all } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Gate } from './permissions.ts'
import { isScopeName, Scope } from './scope.ts'
import type { Settings } from './settings.ts'

export interface ScopesHost {
  readonly settings: Settings
  readonly gate: Gate
  readonly audience: Audience
  readonly memberships: Memberships
  readonly digests: Digests
}

/** Refusals that wait for one who does not read, at most, for each scope that it may have. */
const REFUSALS = 10

/** For so many scopes of a client it is found out at a time which records are in them. */
const LOADS = 4

/** What came and went in the scopes of a client that have only some of the records of their name. */
interface Moved {
  readonly each: readonly (readonly [Membership, Moves])[]
  readonly entered: readonly string[]
  readonly left: readonly string[]
}

const movedOf = (each: Moved['each']): Moved => ({
  each,
  entered: each.flatMap(([, { entered }]) => [...entered]),
  left: each.flatMap(([, { left }]) => [...left])
})

/** What one client follows. */
export class Scopes {
  readonly #host: ScopesHost
  readonly #feed: Feed
  readonly #peer: Peer | undefined
  readonly #all = new Map<number, Scope>()
  /** How many joined scopes have a name. */
  readonly #names = new Map<string, number>()
  /** How many of them have all that it stands for. */
  readonly #full = new Map<string, number>()
  /** Joined scopes that have only some of what their name stands for. */
  readonly #partial = new Set<Scope>()
  /** Those that are judged and ready, and were told nothing of. */
  #ready: Scope[] = []
  /** Those whose digests are to be told, when there is nothing else to tell. */
  readonly compared = new Set<Scope>()
  /** What became of scopes, and was not told. */
  news: ScopeNews[] = []
  /** For how many scopes it is found out now which records are in them, and what waits for that. */
  #loads = 0
  readonly #waiting: (() => void)[] = []
  /** How often permissions have changed: what was allowed before is asked again. */
  #changes = 0

  constructor(host: ScopesHost, feed: Feed, peer: Peer | undefined) {
    this.#host = host
    this.#feed = feed
    this.#peer = peer
  }

  /** The scopes that are told what is committed. */
  get joined(): Scope[] {
    return [...this.#all.values()].filter(({ isJoined }) => isJoined)
  }

  get partial(): ReadonlySet<Scope> {
    return this.#partial
  }

  get hasNews(): boolean {
    return this.#ready.length > 0 || this.news.length > 0
  }

  /**
   * Begins to follow. What is asked for together begins together: a client that has the same record in two scopes would otherwise
   * not know which of them is right.
   * @returns when all of it has begun, or was refused
   */
  follow(follows: readonly Follow[]): Maybe<void> {
    const changes = this.#changes
    const scopes: Scope[] = []
    for (const follow of follows) {
      if (this.#feed.isEnded) return undefined
      this.unfollow([follow.scope])
      const scope = new Scope(follow)
      if (!isScopeName(follow.name)) this.#refuse(scope, ERR_PATH)
      else if (this.#all.size >= this.#host.settings.limits.scopes) this.#refuse(scope, ERR_LIMIT)
      else {
        this.#all.set(scope.number, scope)
        scopes.push(scope)
      }
    }
    const begin = (allowed: readonly boolean[]): Maybe<void> => {
      // What was answered before the permissions changed does not count any more.
      if (changes !== this.#changes)
        return this.follow(scopes.filter(scope => this.#has(scope)).map(scope => scope.again()))
      for (const [at, scope] of scopes.entries()) {
        if (!this.#has(scope)) continue
        if (allowed[at]) this.#ready.push(scope)
        else this.#deny(scope)
      }
      this.#feed.stir()
      return undefined
    }
    const answers = all(scopes.map(scope => this.#prepare(scope)))
    // It only fails when the authority is closed.
    return answers instanceof Promise ? answers.then(begin, () => {}) : begin(answers)
  }

  unfollow(numbers: readonly number[]): void {
    for (const number of numbers) {
      const scope = this.#all.get(number)
      if (scope) this.#leave(scope)
    }
  }

  /** The scopes that begin now: they are told from here on what is committed. */
  begin(): readonly Scope[] {
    const ready = this.#ready.filter(scope => this.#has(scope))
    this.#ready = []
    for (const scope of ready) this.#join(scope)
    return ready
  }

  /** Whether some of what changed may be in a scope that has not begun. */
  awaits(changes: readonly Change[]): boolean {
    const names = new Set([...this.#all.values()].filter(({ isJoined }) => !isJoined).map(({ name }) => name))
    return names.size > 0 && changes.some(({ record, collection }) => names.has(record) || names.has(collection))
  }

  /** Whether a record is in one of the scopes. */
  has(record: string, collection: string): boolean {
    if (this.#full.has(record) || this.#full.has(collection)) return true
    for (const { membership } of this.#partial) if (membership?.has(record)) return true
    return false
  }

  /** What came and went with a commit that was just told, scope by scope; undefined: that is not known yet. */
  movesOf(seq: number): Moved | undefined {
    const moves = this.#moves(membership => (membership.isCurrent ? membership.movesOf(seq) : undefined))
    return moves.length === this.#partial.size ? movedOf(moves) : undefined
  }

  /**
   * What came and went since a commit, in the scopes of which that is known. Of one that begins it may not be, where it is further than
   * others: it is told anew, next.
   */
  movesSince(seq: number): Moved {
    return movedOf(this.#moves(membership => membership.movesSince(seq)))
  }

  /** Whether a record was in one of the scopes before some moves. */
  had({ each }: Moved, record: string, collection: string): boolean {
    if (this.#full.has(record) || this.#full.has(collection)) return true
    for (const [membership, { entered, left }] of each) {
      if (left.has(record) || (membership.has(record) && !entered.has(record))) return true
    }
    return false
  }

  #moves(find: (membership: Membership) => Moves | undefined): Moved['each'] {
    return [...this.#partial].flatMap(({ membership }) => {
      const moves = membership && find(membership)
      return moves ? [[membership, moves] as const] : []
    })
  }

  /** Up to which commit it is known what is in all scopes; at most `seq`. */
  reach(seq: number): number {
    let reach = seq
    for (const { membership } of this.#partial) {
      if (membership && !membership.isCurrent) reach = Math.min(reach, membership.seq)
    }
    return reach
  }

  /** Resolves when what is in scopes is known a little better, where that is not known yet. */
  async settled(): Promise<void> {
    for (const { membership } of this.#partial) await membership?.progress
  }

  /** Notes what became of a scope. */
  tell(scope: number, outcome: string): void {
    this.news.push({ scope, outcome })
  }

  /** Permissions changed: what goes on is asked for again. */
  refresh(): void {
    this.#changes++
    const { joined } = this
    void after(all(joined.map(scope => this.#allows(scope))), allowed => {
      const again: Follow[] = []
      for (const [at, scope] of joined.entries()) {
        if (!this.#has(scope)) continue
        if (!allowed[at]) this.#deny(scope)
        else if (scope.membership?.judging) again.push(scope.again())
      }
      return this.follow(again)
    })
  }

  end(): void {
    for (const scope of this.#all.values()) this.#leave(scope)
  }

  #has(scope: Scope): boolean {
    return this.#all.get(scope.number) === scope
  }

  #allows(scope: Scope): Maybe<boolean> {
    return this.#host.gate.allowsFollowing(this.#peer, scope.name)
  }

  /** Whether a scope may begin; by then it is known what is in it. */
  #prepare(scope: Scope): Maybe<boolean> {
    const { memberships } = this.#host
    return after(this.#allows(scope), allowed => {
      if (!allowed || !this.#has(scope) || !memberships.concerns(scope, this.#peer)) return allowed
      return this.#load(scope)
    })
  }

  /** Finds out which records are in a scope. @returns whether it may begin */
  async #load(scope: Scope): Promise<boolean> {
    const { memberships } = this.#host
    while (this.#loads === LOADS) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#loads++
    try {
      if (!this.#has(scope)) return false
      await memberships.join(scope, this.#peer)
      return await memberships.allows(scope, this.#peer)
    } finally {
      this.#loads--
      this.#waiting.shift()?.()
    }
  }

  #deny(scope: Scope): void {
    if (!this.#has(scope)) return
    this.#leave(scope)
    this.#refuse(scope, ERR_DENIED)
  }

  #refuse({ number: scope }: Scope, [outcome]: Failure): void {
    this.news.push({ scope, outcome })
    if (this.news.length > REFUSALS * this.#host.settings.limits.scopes) this.#feed.flooded()
    this.#feed.stir()
  }

  #join(scope: Scope): void {
    const { name, membership } = scope
    scope.isJoined = true
    if (membership) {
      this.#partial.add(scope)
      membership.listeners.add(this.#feed.stir)
    } else increase(this.#full, name)
    if (increase(this.#names, name) === 1) this.#host.audience.join(name, this.#feed)
  }

  #leave(scope: Scope): void {
    const { name, membership, isJoined } = scope
    this.#all.delete(scope.number)
    this.#partial.delete(scope)
    if (this.compared.delete(scope)) this.#host.digests.drop(scope)
    this.#host.memberships.leave(scope)
    membership?.listeners.delete(this.#feed.stir)
    if (!isJoined) return
    if (!membership) decrease(this.#full, name)
    if (decrease(this.#names, name) === 0) this.#host.audience.leave(name, this.#feed)
  }
}

const increase = (counts: Map<string, number>, name: string): number => {
  const count = (counts.get(name) ?? 0) + 1
  counts.set(name, count)
  return count
}

const decrease = (counts: Map<string, number>, name: string): number => {
  const count = (counts.get(name) ?? 0) - 1
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
  return count
}
