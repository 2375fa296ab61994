import type { Audience } from './audience.ts'
import type { Feed } from './feed.ts'
import type { Moves } from './journal.ts'
import type { Membership } from './membership.ts'
import type { Scope } from './scope.ts'

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

/** The scopes of a client that have begun, and what is in them. */
export class Joined {
  readonly #audience: Audience
  readonly #feed: Feed
  /** How many joined scopes have a name. */
  readonly #names = new Map<string, number>()
  /** How many of them have all that it stands for. */
  readonly #full = new Map<string, number>()
  /** Joined scopes that have only some of what their name stands for. */
  readonly #partial = new Set<Scope>()

  constructor(audience: Audience, feed: Feed) {
    this.#audience = audience
    this.#feed = feed
  }

  get partial(): ReadonlySet<Scope> {
    return this.#partial
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

  /** It is told from here on what is committed. */
  protected join(scope: Scope): void {
    const { name, membership } = scope
    scope.isJoined = true
    scope.isRefused = false
    if (membership) {
      this.#partial.add(scope)
      membership.listeners.add(this.#feed.stir)
    } else increase(this.#full, name)
    if (increase(this.#names, name) === 1) this.#audience.join(name, this.#feed)
  }

  /** It is not, any more. */
  protected part(scope: Scope): void {
    const { name, membership, isJoined } = scope
    if (!isJoined) return
    scope.isJoined = false
    this.#partial.delete(scope)
    membership?.listeners.delete(this.#feed.stir)
    if (!membership) decrease(this.#full, name)
    if (decrease(this.#names, name) === 0) this.#audience.leave(name, this.#feed)
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
