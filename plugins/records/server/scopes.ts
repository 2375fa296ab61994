import type { Failure } from '../../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_PATH } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Behind, Follow, ScopeNews } from '../core/frame.ts'
import { isAmong } from '../core/path.ts'
import type { Audience } from './audience.ts'
import type { Change } from './change.ts'
import type { Digests } from './digests.ts'
import type { Feed } from './feed.ts'
import { Joined } from './joined.ts'
import { Leaving } from './leaving.ts'
import type { Left } from './leaving.ts'
import type { Memberships } from './memberships.ts'
import { after, all } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Gate } from './permissions.ts'
import { Quota } from './quota.ts'
import { isCollection, isScopeName, Scope } from './scope.ts'
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

/** What one client follows. */
export class Scopes extends Joined {
  readonly #host: ScopesHost
  readonly #feed: Feed
  readonly #peer: Peer | undefined
  readonly #all = new Map<number, Scope>()
  readonly #quota: Quota
  readonly leaving = new Leaving()
  /** Those that are judged and ready, and were told nothing of. */
  #ready: Scope[] = []
  /** Those that may not be followed: they are asked for again when permissions change. */
  readonly #denied = new Set<Scope>()
  /** Those that may not be followed, but perhaps when what their client has written before is committed. */
  readonly #doubtful = new Set<Scope>()
  /** What is asked for again now. */
  #asking: Maybe<void> = undefined
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
    super(host.audience, feed)
    this.#host = host
    this.#quota = new Quota(host.settings.limits)
    this.#feed = feed
    this.#peer = peer
  }

  /** The scopes that are told what is committed. */
  get joined(): Scope[] {
    return [...this.#all.values()].filter(({ isJoined }) => isJoined)
  }

  get hasNews(): boolean {
    return this.#ready.length > 0 || this.news.length > 0 || this.leaving.isDue(() => namesOf(this.#soon))
  }

  /**
   * Begins to follow. What is asked for together begins together: a client that has the same record in two scopes would otherwise
   * not know which of them is right.
   * @returns when all of it has begun, or may not for now
   */
  follow(follows: readonly Follow[], behind?: Behind): Maybe<void> {
    const scopes: Scope[] = []
    for (const follow of follows) {
      if (this.#feed.isEnded) return undefined
      this.#replace(follow.scope)
      const scope = new Scope(follow, behind)
      if (!isScopeName(follow.name)) this.#refuse(scope, ERR_PATH)
      else if (!this.#hasRoom(scope)) this.#refuse(scope, ERR_LIMIT)
      else {
        this.#add(scope)
        scopes.push(scope)
      }
    }
    return this.#ask(scopes)
  }

  /** Whether something is asked for again, as what its client wrote before is committed. */
  get isDue(): boolean {
    for (const { behind } of this.#doubtful) if (!this.#feed.isOutstanding(behind)) return true
    return false
  }

  /** Asks again for what was not allowed before its client's writes were committed, and now they are. */
  reconsider(): Maybe<void> {
    const due = [...this.#doubtful].filter(({ behind }) => !this.#feed.isOutstanding(behind))
    if (!due.length) return undefined
    for (const scope of due) this.#doubtful.delete(scope)
    return (this.#asking = this.#ask(due))
  }

  /** Has scopes begin, or denies them. */
  #ask(scopes: readonly Scope[]): Maybe<void> {
    const changes = this.#changes
    // They may be allowed when what is on its way is committed.
    const early = new Set(scopes.filter(({ behind }) => this.#feed.isOutstanding(behind)))
    const begin = (allowed: readonly boolean[]): Maybe<void> => {
      // What was answered before the permissions changed does not count any more.
      if (changes !== this.#changes) return this.#again(scopes)
      for (const [at, scope] of scopes.entries()) {
        if (!this.#has(scope)) continue
        if (allowed[at]) this.#ready.push(scope)
        else if (!early.has(scope)) this.#deny(scope)
        else {
          this.#stop(scope)
          this.#doubtful.add(scope)
        }
      }
      this.#feed.stir()
      return this.reconsider()
    }
    const answers = all(scopes.map(scope => this.#prepare(scope)))
    // It only fails when the authority is closed.
    return answers instanceof Promise ? answers.then(begin, () => {}) : begin(answers)
  }

  /** Has scopes begin anew, though the client has them. */
  #again(scopes: readonly Scope[]): Maybe<void> {
    const again = scopes.filter(scope => this.#has(scope)).map(scope => [scope, scope.again()] as const)
    for (const [{ number }, scope] of again) {
      this.#replace(number)
      this.#add(scope)
    }
    return this.#ask(again.map(([, scope]) => scope))
  }

  unfollow(numbers: readonly number[]): void {
    for (const number of numbers) {
      const scope = this.#all.get(number)
      if (!scope) continue
      // Where no other query may have the same, its client knows by itself what to let go of.
      if (this.#quota.queriesOf(scope) > (scope.isQuery ? 1 : 0)) this.#take(scope, false)
      this.#leave(scope)
    }
  }

  /**
   * The scopes that begin now: they are told from here on what is committed.
   * @param seq - the commit up to which the client knows others: none begins with less
   */
  begin(seq: number): readonly Scope[] {
    const ready = this.#ready.filter(scope => this.#has(scope) && !this.#denied.has(scope))
    if (ready.some(scope => isBehind(scope, seq))) return []
    this.#ready = []
    for (const scope of ready) this.join(scope)
    return ready
  }

  /** What is to be taken from the client now. */
  takeLeaving(): readonly Left[] {
    return this.leaving.take(namesOf(this.#soon))
  }

  /** Whether some of what changed may be shown by a scope that has not begun. */
  mayShow(changes: readonly Change[]): boolean {
    const names = namesOf([...this.#soon, ...this.#doubtful])
    return names.size > 0 && changes.some(({ record }) => isAmong(names, record))
  }

  /** Resolves when what is in scopes is known a little better, where that is not known yet; and up to a commit at least. */
  async settled(seq: number): Promise<void> {
    await this.#asking
    for (const { membership } of this.holdings.partial()) await membership.progress
    for (const scope of [...this.holdings.partial(), ...this.#ready])
      while (this.#has(scope) && isBehind(scope, seq)) await scope.membership?.progress
  }

  /** Notes what became of a scope. */
  tell(scope: number, outcome: string): void {
    this.news.push({ scope, outcome })
  }

  /** Permissions changed: what goes on is asked for again. */
  refresh(): void {
    const changes = ++this.#changes
    const asked = [...this.joined, ...this.#ready, ...this.#denied]
    void after(all(asked.map(scope => this.#allows(scope))), allowed => {
      // Meanwhile they changed once more, and all was asked again.
      if (changes !== this.#changes) return undefined
      const again: Scope[] = []
      for (const [at, scope] of asked.entries()) {
        if (!this.#has(scope)) continue
        if (!allowed[at]) this.#deny(scope)
        else if (scope.membership?.mayRead || this.#denied.has(scope)) again.push(scope)
      }
      return this.#again(again)
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
      if (!this.#has(scope)) return false
      if (!this.#quota.hold(scope)) {
        this.#leave(scope)
        this.#refuse(scope, ERR_LIMIT)
        return false
      }
      return await memberships.allows(scope, this.#peer)
    } finally {
      this.#loads--
      this.#waiting.shift()?.()
    }
  }

  /** It is not followed, for now; a record is as soon as it changes so that it may be seen. */
  #deny(scope: Scope): void {
    if (!this.#has(scope)) return
    const { name, membership, isJoined } = scope
    const waiting = isJoined || isCollection(name) ? undefined : membership
    // It has changed meanwhile.
    if (waiting?.has(name)) return void this.#again([scope])
    if (!scope.isRefused) this.#evict(scope)
    if (waiting) waiting.entered = () => void this.#again([scope])
    else this.#stop(scope)
    this.#denied.add(scope)
    if (scope.isRefused) return
    scope.isRefused = true
    this.#refuse(scope, ERR_DENIED)
  }

  #refuse({ number: scope }: Scope, [outcome]: Failure): void {
    this.news.push({ scope, outcome })
    if (this.news.length > REFUSALS * this.#host.settings.limits.scopes) this.#feed.flooded()
    this.#feed.stir()
  }

  /** The scopes that begin soon. */
  get #soon(): Scope[] {
    const isSoon = (scope: Scope): boolean => !scope.isJoined && !this.#denied.has(scope) && !this.#doubtful.has(scope)
    return [...this.#all.values()].filter(isSoon)
  }

  /** What its client has of a scope is to be taken from it. */
  #take(scope: Scope, isEvicted: boolean): void {
    const { name, membership, isJoined } = scope
    // Up to where it was told counts.
    this.#feed.pause()
    const ids = isCollection(name) ? (isJoined ? membership?.idsAt(scope.told) : undefined) : [name]
    if (ids || !isEvicted) this.leaving.add({ scope, ids, isEvicted })
    this.#feed.stir()
  }

  /** Its client must not keep what it has of a scope; that may have let go of it meanwhile. */
  #evict(scope: Scope): void {
    if (this.#quota.queriesOf(scope)) this.#take(scope, true)
  }

  /** Whether there may be one more. */
  #hasRoom(scope: Scope): boolean {
    return this.#all.size < this.#host.settings.limits.scopes && this.#quota.allows(scope)
  }

  #add(scope: Scope): void {
    this.#all.set(scope.number, scope)
    this.#quota.add(scope)
  }

  /** A scope is told anew, or another one has its number. */
  #replace(number: number): void {
    const scope = this.#all.get(number)
    if (!scope) return
    this.#evict(scope)
    this.#leave(scope)
  }

  #leave(scope: Scope): void {
    this.#stop(scope)
    if (!this.#all.delete(scope.number)) return
    this.#quota.remove(scope)
    this.#denied.delete(scope)
    this.#doubtful.delete(scope)
  }

  /** It is told nothing any more. */
  #stop(scope: Scope): void {
    if (this.compared.delete(scope)) this.#host.digests.drop(scope)
    this.part(scope)
    this.#host.memberships.leave(scope)
    scope.membership = undefined
    this.#quota.free(scope)
  }
}

const namesOf = (scopes: readonly Scope[]): ReadonlySet<string> => new Set(scopes.map(({ name }) => name))

/** Whether less is known of a scope than up to a commit. */
const isBehind = ({ membership }: Scope, seq: number): boolean => !!membership && membership.reach(seq) < seq
