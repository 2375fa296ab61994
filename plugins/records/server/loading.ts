import type { Peer } from '../../../lib/server/peer.ts'
import { after } from './maybe.ts'
import type { Maybe } from './maybe.ts'
import type { Memberships } from './memberships.ts'
import type { Gate } from './permissions.ts'
import type { Scope } from './scope.ts'

export interface LoadingHost {
  readonly gate: Gate
  readonly memberships: Memberships
}

/** Whoever follows. */
interface Asker {
  readonly peer: Peer | undefined
  /** Whether a scope is followed still. */
  has(scope: Scope): boolean
  /** Whether there is room for what is remembered for a scope. */
  holds(scope: Scope): boolean
}

/** For so many scopes of a client it is found out at a time which records are in them, and for so many who may see those by now. */
const MOST = 4

/** Finds out which of its scopes a client may follow, and which records are in them. */
export class Loading {
  readonly #host: LoadingHost
  readonly #asker: Asker
  readonly #loads = new Gangway(MOST)
  readonly #renewals = new Gangway(MOST)

  constructor(host: LoadingHost, asker: Asker) {
    this.#host = host
    this.#asker = asker
  }

  /** Whether a scope may be followed, whatever is in it. */
  allows({ name }: Scope): Maybe<boolean> {
    return this.#host.gate.allowsFollowing(this.#asker.peer, name)
  }

  /** The same, asked again: nothing of it is due any more. */
  asks(scope: Scope): Maybe<boolean> {
    scope.due = []
    return this.allows(scope)
  }

  /** Whether a scope may begin; by then it is known what is in it. Rejects when the authority is closed. */
  prepare(scope: Scope): Maybe<boolean> {
    const { peer } = this.#asker
    return after(this.allows(scope), allowed => {
      if (!allowed || !this.#asker.has(scope) || !this.#host.memberships.concerns(scope, peer)) return allowed
      return this.#loads.pass(() => this.#load(scope))
    })
  }

  /**
   * Whether a scope may be followed still, or after all: asks again for what is due of it, and knows by then what is in it. Rejects when the
   * authority is closed.
   */
  async renew(scope: Scope): Promise<boolean> {
    const { due } = scope
    scope.due = []
    if (!scope.membership) return this.prepare(scope)
    if (!(await this.allows(scope))) return false
    return this.#renewals.pass(async () => {
      if (!this.#asker.has(scope)) return false
      const isAllowed = await this.#host.memberships.renew(scope, this.#asker.peer, due)
      return isAllowed && this.#asker.has(scope) && this.#asker.holds(scope)
    })
  }

  async #load(scope: Scope): Promise<boolean> {
    const { memberships } = this.#host
    const { peer } = this.#asker
    if (!this.#asker.has(scope)) return false
    await memberships.join(scope, peer)
    if (!this.#asker.has(scope) || !this.#asker.holds(scope)) return false
    return await memberships.allows(scope, peer)
  }
}

/** Lets some at a time do something, and the others wait, in their order. */
class Gangway {
  readonly #most: number
  #count = 0
  readonly #waiting: (() => void)[] = []

  constructor(most: number) {
    this.#most = most
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    while (this.#count === this.#most) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#count++
    try {
      return await work()
    } finally {
      this.#count--
      this.#waiting.shift()?.()
    }
  }
}
