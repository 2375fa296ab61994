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

/** For so many scopes of a client it is found out at a time which records are in them. */
const MOST = 4

/** Finds out which of its scopes a client may follow, and which records are in them. */
export class Loading {
  readonly #host: LoadingHost
  readonly #asker: Asker
  #count = 0
  /** What goes on as soon as less is found out at the same time. */
  readonly #waiting: (() => void)[] = []

  constructor(host: LoadingHost, asker: Asker) {
    this.#host = host
    this.#asker = asker
  }

  /** Whether a scope may be followed, whatever is in it. */
  allows({ name }: Scope): Maybe<boolean> {
    return this.#host.gate.allowsFollowing(this.#asker.peer, name)
  }

  /** Whether a scope may begin; by then it is known what is in it. Rejects when the authority is closed. */
  prepare(scope: Scope): Maybe<boolean> {
    const { peer } = this.#asker
    return after(this.allows(scope), allowed => {
      if (!allowed || !this.#asker.has(scope) || !this.#host.memberships.concerns(scope, peer)) return allowed
      return this.#load(scope)
    })
  }

  async #load(scope: Scope): Promise<boolean> {
    const { memberships } = this.#host
    const { peer } = this.#asker
    while (this.#count === MOST) await new Promise<void>(resolve => this.#waiting.push(resolve))
    this.#count++
    try {
      if (!this.#asker.has(scope)) return false
      await memberships.join(scope, peer)
      if (!this.#asker.has(scope) || !this.#asker.holds(scope)) return false
      return await memberships.allows(scope, peer)
    } finally {
      this.#count--
      this.#waiting.shift()?.()
    }
  }
}
