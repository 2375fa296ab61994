import { Emitter } from '../../../lib/emitter.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_CANCELLED } from '../../../lib/failures.ts'
import { LONGEST } from '../../../lib/timer.ts'
import type { Behind } from '../core/frame.ts'
import type { Query } from '../core/query.ts'
import type { EngineEvents, Following, FollowingState } from './engine.ts'
import type { Keeper } from './keeper.ts'
import type { Outbox } from './outbox.ts'
import type { Records } from './records.ts'
import { Scope } from './scope.ts'
import { Scopes } from './scopes.ts'
import type { Session } from './session.ts'

/** What a replica follows: from when it is asked for until a moment after nobody follows it any more. */
export abstract class Followed extends Emitter<EngineEvents> {
  abstract readonly outbox: Outbox
  abstract readonly records: Records
  readonly scopes = new Scopes()
  protected keeper: Keeper | undefined
  protected session: Session | undefined
  /** Why no session will follow, until `opened`: what waits for one is rejected with it. */
  protected over: AnywireError | undefined
  /** Why the authority says nothing but that its schema is another one, as long as it does not serve this one. */
  protected mismatch: AnywireError | undefined
  /** Whether the session has a wire. */
  protected isReachable = true
  readonly #discardDelay: number

  constructor(discardDelay = 500) {
    super()
    this.#discardDelay = discardDelay
  }

  follow(name: string, query?: Query, quiet = 0): Following {
    const scope = this.scopes.hold(name, query)
    scope.users++
    scope.quiet += quiet
    clearTimeout(scope.timer)
    scope.timer = undefined
    if (!scope.isLoaded) this.load(scope)
    else if (scope.state === 'refused') {
      scope.become('loading')
      this.scopes.want(scope)
    }
    this.#endOver(scope)
    this.session?.later()
    return scope
  }

  unfollow(following: Following, quiet = 0): void {
    if (!(following instanceof Scope)) return
    following.quiet -= quiet
    if (--following.users === 0) this.#release(following)
  }

  async ask(name: string): Promise<void> {
    const over = this.over ?? this.mismatch
    if (over) throw over
    const scope = this.scopes.hold(name, undefined)
    // The authority has it already, and tells it as it changes: some of that may be on its way.
    if (scope.isLive) this.scopes.wanted.add(scope)
    this.session?.later()
    await scope.answered
  }

  /** A scope changed its state, and records look different: who is told of one sees the other. */
  become(scope: Scope, state: FollowingState, error?: AnywireError, changed?: ReadonlySet<string>): void {
    const isOther = scope.become(state, error)
    if (changed) this.tell(changed)
    if (isOther) this.emit('following', scope.name)
    if (!error) this.#endOver(scope)
  }

  /** The session has no wire for now, or one again: what the authority follows in it is as new as that. */
  reachable(isReachable: boolean): void {
    this.isReachable = isReachable
    if (this.isHearing) this.keeper?.others.heard()
    for (const scope of this.scopes.all) if (scope.isLive) this.become(scope, isReachable ? 'synced' : 'local')
    // Meanwhile this device may have slept.
    if (isReachable) this.session?.ping()
  }

  /** Whether the authority tells of commits. */
  get isHearing(): boolean {
    return !!this.session && this.isReachable
  }

  hear(node: string, number: number): boolean {
    return this.session?.hear(node, number) ?? false
  }

  named(most: number): readonly Behind[] {
    return this.keeper?.others.named(most) ?? []
  }

  /** Records may look different. */
  tell(changed: ReadonlySet<string>): void {
    if (changed.size) this.emit('change', [...changed])
  }

  /** What is asked of a scope cannot be answered, but for what the store may still tell. */
  protected end(scope: Scope, over: AnywireError): void {
    const { error } = scope
    const isKnown = scope.isLoaded || !!this.keeper?.isClosed
    if (over === this.mismatch && isKnown && scope.state === 'loading') scope.become('refused', over)
    else scope.end(over, isKnown)
    if (!error) this.emit('following', scope.name)
  }

  #endOver(scope: Scope): void {
    const over = this.over ?? this.mismatch
    if (over) this.end(scope, over)
  }

  /** Brings what is known of a scope into memory. */
  protected load(scope: Scope): void {
    const outer = this.scopes.outer(scope)
    if (this.keeper && !outer) {
      this.keeper.load(scope)
      return
    }
    scope.isLoaded = true
    this.scopes.want(scope)
    if (!outer) return
    scope.stop(outer.cursor)
    this.become(scope, 'local')
  }

  /** Nobody follows it any more. */
  #release(scope: Scope): void {
    clearTimeout(scope.timer)
    scope.timer = setTimeout(
      () => {
        // What waits to be committed stays in view until the authority's word on it is there.
        if (this.outbox.pending.some(({ records }) => records.some(({ record }) => scope.mayHave(record)))) {
          this.#release(scope)
          return
        }
        this.scopes.remove(scope)
        this.session?.release(scope)
        this.keeper?.leave(scope)
        const left = this.scopes.left(scope, this.records, !!this.session)
        for (const id of left) this.records.unload(id)
        // What was refused may have shown them as long as somebody else followed them.
        this.tell(new Set(left))
        scope.become('loading')
        scope.end(new AnywireError(ERR_CANCELLED, `'${scope.name}' was released`), true)
      },
      Math.min(LONGEST, this.#discardDelay)
    )
    // While a write waits it goes on for ever, and is no reason for a process in Node to go on. Browsers' timers are numbers.
    scope.timer.unref?.()
  }
}
