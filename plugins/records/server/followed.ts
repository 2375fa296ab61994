import type { Audience } from './audience.ts'
import type { Digests } from './digests.ts'
import type { Feed } from './feed.ts'
import { Holdings } from './holdings.ts'
import { Leaving } from './leaving.ts'
import type { Left } from './leaving.ts'
import type { Memberships } from './memberships.ts'
import { Quota } from './quota.ts'
import { isCollection } from './scope.ts'
import type { Scope } from './scope.ts'
import type { Settings } from './settings.ts'

export interface FollowedHost {
  readonly settings: Settings
  readonly audience: Audience
  readonly memberships: Memberships
  readonly digests: Digests
}

/**
 * The scopes that a client has asked for, by the numbers that it gave them: which of them are told what is committed, and what is to
 * be taken from it as one ends.
 */
export class Followed {
  readonly #host: FollowedHost
  readonly #feed: Feed
  readonly #all = new Map<number, Scope>()
  readonly #quota: Quota
  readonly holdings = new Holdings()
  readonly leaving = new Leaving()
  /** Those whose digests are to be told, when there is nothing else to tell. */
  readonly compared = new Set<Scope>()

  constructor(host: FollowedHost, feed: Feed) {
    this.#host = host
    this.#feed = feed
    this.#quota = new Quota(host.settings.limits)
  }

  protected get all(): readonly Scope[] {
    return [...this.#all.values()]
  }

  /** The scopes that are told what is committed. */
  get joined(): Scope[] {
    return this.all.filter(({ isJoined }) => isJoined)
  }

  /** The others. */
  protected get idle(): Scope[] {
    return this.all.filter(({ isJoined }) => !isJoined)
  }

  unfollow(numbers: readonly number[]): void {
    for (const number of numbers) {
      const scope = this.#all.get(number)
      if (!scope) continue
      // Where no other scope may have the same, its client knows by itself what to let go of.
      if (this.#quota.isShared(scope)) this.#take(scope, 'left')
      this.leave(scope)
    }
  }

  end(): void {
    for (const scope of this.#all.values()) this.leave(scope)
  }

  /** Whether it is followed still. */
  protected has(scope: Scope): boolean {
    return this.#all.get(scope.number) === scope
  }

  /** The limit that keeps one more from being followed, if one does. */
  protected lacks(scope: Scope): 'scopes' | 'queries' | undefined {
    if (this.#all.size >= this.#host.settings.limits.scopes) return 'scopes'
    return this.#quota.allows(scope) ? undefined : 'queries'
  }

  protected add(scope: Scope): void {
    this.#all.set(scope.number, scope)
    this.#quota.add(scope)
  }

  /** Counts what is remembered for one whose membership is ready. @returns whether that is not too much */
  protected hold(scope: Scope): boolean {
    return this.#quota.hold(scope)
  }

  /** It is told from here on what is committed. */
  protected join(scope: Scope): void {
    const { name, membership } = scope
    scope.isJoined = true
    scope.isRefused = false
    const isFirst = !this.holdings.names(name)
    const wasPartial = this.holdings.isPartial
    this.holdings.join(scope)
    // Until here it was told what all are who follow a name.
    if (this.holdings.isPartial && !wasPartial)
      for (const { name } of this.joined) this.#host.audience.drop(name, this.#feed)
    membership?.listeners.add(this.#feed)
    if (isFirst) this.#host.audience.join(name, this.#feed)
  }

  /** It is told nothing any more, but what is in it is known still. */
  protected part(scope: Scope): void {
    if (this.compared.delete(scope)) this.#host.digests.drop(scope)
    if (scope.isJoined) this.#part(scope)
  }

  /** It is told nothing any more. */
  protected stop(scope: Scope): void {
    this.part(scope)
    this.#host.memberships.leave(scope)
    scope.membership = undefined
    this.#quota.free(scope)
  }

  /** It is not followed any more. */
  protected leave(scope: Scope): void {
    this.stop(scope)
    if (this.#all.delete(scope.number)) this.#quota.remove(scope)
  }

  /** A scope is told anew, or another one has its number. @returns whether its client was told one of that number */
  protected replace(number: number): boolean {
    const scope = this.#all.get(number)
    if (!scope) return false
    const { isJoined } = scope
    if (isJoined) this.evict(scope, 'evicted')
    this.leave(scope)
    return isJoined
  }

  /** Its client must not keep what it has of a scope; that may have let go of it meanwhile. */
  protected evict(scope: Scope, how: 'evicted' | 'denied'): void {
    if (scope.isQuery || this.#quota.isShared(scope)) this.#take(scope, how)
  }

  /** What its client has of a scope is to be taken from it. */
  #take(scope: Scope, how: Left['how']): void {
    const { name, membership, isJoined } = scope
    // Up to where it was told counts.
    this.#feed.pause()
    const known = isJoined ? membership?.idsAt(scope.told) : undefined
    const ids = known ?? (isCollection(name) ? undefined : [name])
    if (ids || how === 'left') this.leaving.add({ scope, ids, how })
    this.#feed.stir()
  }

  #part(scope: Scope): void {
    const { name, membership } = scope
    scope.isJoined = false
    this.holdings.leave(scope)
    membership?.listeners.delete(this.#feed)
    if (!this.holdings.names(name)) this.#host.audience.leave(name, this.#feed)
  }
}
