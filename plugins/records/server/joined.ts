import type { Audience } from './audience.ts'
import type { Feed } from './feed.ts'
import { decrease, increase } from './counts.ts'
import { Holdings } from './holdings.ts'
import type { Scope } from './scope.ts'

/** The scopes of a client that have begun. */
export class Joined {
  readonly #audience: Audience
  readonly #feed: Feed
  /** How many joined scopes have a name. */
  readonly #names = new Map<string, number>()
  readonly holdings = new Holdings()

  constructor(audience: Audience, feed: Feed) {
    this.#audience = audience
    this.#feed = feed
  }

  /** It is told from here on what is committed. */
  protected join(scope: Scope): void {
    const { name, membership } = scope
    scope.isJoined = true
    scope.isRefused = false
    this.holdings.join(scope)
    membership?.listeners.add(this.#feed.stir)
    if (increase(this.#names, name) === 1) this.#audience.join(name, this.#feed)
  }

  /** It is not, any more. */
  protected part(scope: Scope): void {
    const { name, membership, isJoined } = scope
    if (!isJoined) return
    scope.isJoined = false
    this.holdings.leave(scope)
    membership?.listeners.delete(this.#feed.stir)
    if (decrease(this.#names, name) === 0) this.#audience.leave(name, this.#feed)
  }
}
