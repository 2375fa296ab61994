import type { Audience } from './audience.ts'
import type { Feed } from './feed.ts'
import { Holdings } from './holdings.ts'
import type { Scope } from './scope.ts'

/** The scopes of a client that have begun. */
export class Joined {
  readonly #audience: Audience
  readonly #feed: Feed
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
    const isFirst = !this.holdings.names(name)
    this.holdings.join(scope)
    membership?.listeners.add(this.#feed.stir)
    if (isFirst) this.#audience.join(name, this.#feed)
  }

  /** It is not, any more. */
  protected part(scope: Scope): void {
    const { name, membership, isJoined } = scope
    if (!isJoined) return
    scope.isJoined = false
    this.holdings.leave(scope)
    membership?.listeners.delete(this.#feed.stir)
    if (!this.holdings.names(name)) this.#audience.leave(name, this.#feed)
  }
}
