import type { Failure } from '../../../lib/errors.ts'
import { ERR_DENIED, ERR_LIMIT, ERR_PATH } from '../../../lib/failures.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Behind, Follow, ScopeNews } from '../core/frame.ts'
import { isAmong } from '../core/path.ts'
import type { Change } from './change.ts'
import type { Feed } from './feed.ts'
import { Followed } from './followed.ts'
import type { FollowedHost } from './followed.ts'
import type { Left } from './leaving.ts'
import { Loading } from './loading.ts'
import type { LoadingHost } from './loading.ts'
import { after, all } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { RecordsLimits } from './options.ts'
import type { Patience } from './patience.ts'
import { including, isWithin } from './prefixes.ts'
import { isCollection, isScopeName, Scope } from './scope.ts'

export interface ScopesHost extends FollowedHost, LoadingHost {
  readonly patience: Patience
}

/** Refusals that wait for one who does not read, at most, for each scope that it may have. */
const REFUSALS = 10

/** Milliseconds that are let pass, at most, before who may see something is asked once more. */
const LONGEST = 1_000

/** What one client follows, and what it may not: when a scope begins, is denied, and is asked for again. */
export class Scopes extends Followed {
  readonly #feed: Feed
  readonly #loading: Loading
  readonly #most: number
  readonly #limits: RecordsLimits
  /** Those that are judged and ready, and were told nothing of. */
  #ready: Scope[] = []
  /** Those that may not be followed: they are asked for again when permissions change. */
  readonly #denied = new Set<Scope>()
  /** Those that may not be followed, but perhaps when what their client has written before is committed. */
  readonly #doubtful = new Set<Scope>()
  /** What is asked for again now. */
  #asking: Maybe<void> = undefined
  /** What became of scopes, and was not told. */
  news: ScopeNews[] = []
  /** How often permissions have changed. */
  refreshes = 0
  readonly #host: ScopesHost

  constructor(host: ScopesHost, feed: Feed, peer: Peer | undefined) {
    super(host, feed)
    this.#host = host
    this.#feed = feed
    this.#limits = host.settings.limits
    this.#most = REFUSALS * this.#limits.scopes
    this.#loading = new Loading(host, { peer, has: scope => this.has(scope), holds: scope => this.#holds(scope) })
  }

  get hasNews(): boolean {
    if (this.#ready.length > 0 || this.news.length > 0 || this.holdings.haveMoved || this.holdings.isDue) return true
    return this.leaving.isDue(() => namesOf(this.#soon))
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
      const scope = new Scope(follow, behind, this.replace(follow.scope))
      const lack = this.lacks(scope)
      if (!isScopeName(follow.name)) this.#refuse(scope, ERR_PATH)
      else if (lack) this.#exceed(scope, lack)
      else {
        this.add(scope)
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
    // They may be allowed when what is on its way is committed.
    const early = new Set(scopes.filter(({ behind }) => this.#feed.isOutstanding(behind)))
    for (const scope of scopes) {
      scope.isAsked = true
      scope.due = []
    }
    const begin = (allowed: readonly boolean[]): Maybe<void> => {
      for (const [at, scope] of scopes.entries()) {
        scope.isAsked = false
        if (!this.has(scope)) continue
        if (allowed[at]) this.#admit(scope)
        else if (!early.has(scope)) this.#deny(scope)
        else {
          this.stop(scope)
          this.#doubtful.add(scope)
        }
        this.#look(scope)
      }
      this.#feed.stir()
      return this.reconsider()
    }
    // What was answered before the permissions changed is asked once more, and not more often: who changes them all the time keeps nobody
    // from following, and what was true then is asked again when it has begun.
    const insist = (allowed: readonly boolean[]): Maybe<readonly boolean[]> =>
      all(
        scopes.map((scope, at) =>
          scope.due.length && this.has(scope) ? this.#loading.renew(scope) : (allowed[at] ?? false)
        )
      )
    const answers = after(all(scopes.map(scope => this.#loading.prepare(scope))), insist)
    // It only fails when the authority is closed.
    return answers instanceof Promise ? answers.then(begin, () => {}) : begin(answers)
  }

  /** It begins soon. A record that is not there, and is made so that it may not be seen, is asked for again as one that was. */
  #admit(scope: Scope): void {
    const { name, membership } = scope
    this.#ready.push(scope)
    if (!membership?.mayRead || isCollection(name)) return
    membership.hidden = () => {
      if (!this.#denied.has(scope)) this.#doubt(scope, name)
    }
  }

  /** Has scopes begin anew, though the client has them. */
  #again(scopes: readonly Scope[]): Maybe<void> {
    const again = scopes.filter(scope => this.has(scope)).map(scope => [scope, scope.again()] as const)
    for (const [{ number }, scope] of again) {
      this.replace(number)
      this.add(scope)
    }
    return this.#ask(again.map(([, scope]) => scope))
  }

  /**
   * The scopes that begin now: they are told from here on what is committed.
   * @param seq - the commit up to which the client knows others: none begins with less
   */
  begin(seq: number): readonly Scope[] {
    const ready = this.#ready.filter(scope => this.has(scope) && !this.#denied.has(scope))
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
      while (this.has(scope) && isBehind(scope, seq)) await scope.membership?.progress
  }

  /** Notes what became of a scope. */
  tell(scope: number, outcome: string): void {
    this.news.push({ scope, outcome })
  }

  /** Permissions changed: what goes on is asked for again, as far as its names begin with a prefix. */
  refresh(prefix: string): void {
    this.refreshes++
    for (const scope of this.all) {
      if (isWithin(scope.name, prefix)) this.#doubt(scope, prefix)
    }
  }

  #doubt(scope: Scope, prefix: string): void {
    scope.due = including(scope.due, prefix)
    this.#look(scope)
  }

  /** Has asked again what is due of a scope, unless that is being done. */
  #look(scope: Scope): void {
    // Those that wait for a commit are asked for behind it anyway.
    if (!scope.due.length || scope.isAsked || this.#doubtful.has(scope)) return
    scope.isAsked = true
    // It only fails when the authority is closed.
    void this.#renew(scope).catch(() => {})
  }

  /**
   * Asks again for one scope until nothing is due of it. What is denied is over at once; what has become due by then is another round. So
   * each answer counts, however often permissions change.
   */
  async #renew(scope: Scope): Promise<void> {
    const { settings, patience } = this.#host
    // Whatever changes in one turn is asked once.
    await Promise.resolve()
    while (scope.due.length && this.has(scope)) {
      const begin = settings.now()
      const isDenied = this.#denied.has(scope)
      const allowed = await (isDenied ? this.#loading.asks(scope) : this.#loading.renew(scope))
      if (!this.has(scope)) return
      if (allowed && this.#denied.has(scope)) return void this.#again([scope])
      if (!allowed) this.#deny(scope)
      // Whoever has it asked all the time has it asked for half of the time.
      const took = Math.max(0, settings.now() - begin)
      await patience.pause(Math.min(LONGEST, took))
    }
    scope.isAsked = false
  }

  protected override leave(scope: Scope): void {
    super.leave(scope)
    this.#denied.delete(scope)
    this.#doubtful.delete(scope)
  }

  /** Whether there is room for what is remembered for a scope; if not, it does not begin. What goes on may have grown. */
  #holds(scope: Scope): boolean {
    if (this.hold(scope) || scope.isJoined) return true
    this.leave(scope)
    this.#exceed(scope, 'matches')
    return false
  }

  /** It is not followed, for now; a record is as soon as it changes so that it may be seen. */
  #deny(scope: Scope): void {
    if (!this.has(scope)) return
    const { name, membership, isJoined } = scope
    const isSeen = !!membership?.has(name)
    // It has changed meanwhile.
    if (isSeen && !isJoined) return void this.#again([scope])
    if (!scope.isRefused) this.evict(scope, 'denied')
    if (!membership || isSeen || isCollection(name)) this.stop(scope)
    else {
      this.part(scope)
      membership.entered = () => void this.#again([scope])
    }
    this.#denied.add(scope)
    if (scope.isRefused) return
    scope.isRefused = true
    this.#refuse(scope, ERR_DENIED)
  }

  /** Tells which limit it is: a client may have many. */
  #exceed(scope: Scope, limit: 'scopes' | 'queries' | 'matches'): void {
    this.#refuse(scope, ERR_LIMIT, `: 'limits.${limit}' is ${this.#limits[limit]}`)
  }

  #refuse({ number: scope }: Scope, [code]: Failure, why = ''): void {
    this.news.push({ scope, outcome: code + why })
    if (this.news.length > this.#most) this.#feed.flooded()
    this.#feed.stir()
  }

  /** The scopes that begin soon. */
  get #soon(): Scope[] {
    return this.idle.filter(scope => !this.#denied.has(scope) && !this.#doubtful.has(scope))
  }
}

const namesOf = (scopes: readonly Scope[]): ReadonlySet<string> => new Set(scopes.map(({ name }) => name))

/** Whether less is known of a scope than up to a commit. */
const isBehind = ({ membership }: Scope, seq: number): boolean => !!membership && membership.reach(seq) < seq
