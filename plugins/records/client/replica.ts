import type { End } from '../../../lib/connection.ts'
import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_CLOSED, ERR_IDENTITY, ERR_NODE, ERR_PROTOCOL, ERR_STORE } from '../../../lib/failures.ts'
import { printLine } from '../../../lib/print.ts'
import type { Value } from '../../../lib/store.ts'
import { decodeFrame } from '../core/client-codec.ts'
import type { Delta, Mismatch, Notice, SchemaVersion } from '../core/frame.ts'
import { nearest } from '../core/path.ts'
import { showsBelow } from '../core/place.ts'
import type { RecordState } from '../core/record-state.ts'
import { apply } from './apply.ts'
import type { Engine } from './engine.ts'
import { forget } from './forget.ts'
import type { Keeper } from './keeper.ts'
import type { KeeperHost } from './keeper-host.ts'
import { mismatchError, unknownError } from './mismatch.ts'
import { IDENTITY, makeSecret, OFFSET } from './kept.ts'
import { NOWHERE } from './scope.ts'
import type { Scope } from './scope.ts'
import { Session } from './session.ts'
import type { Outbox } from './outbox.ts'
import type { ReplicaOptions } from './replica-options.ts'
import type { Send, SessionHost } from './session.ts'
import { Written } from './written.ts'

/** What clocks differ by otherwise is how long messages take, in milliseconds. */
const OFF = 1_000

/**
 * The engine of a client: keeps what the authority committed (base) and what waits to be (pending) apart, shows both together, and
 * catches up in each new session. Whoever owns the link calls `connected`, `receive`, `drained` and `disconnected`.
 */
export class Replica extends Written implements Engine, SessionHost, KeeperHost {
  readonly schema: SchemaVersion | undefined
  secret = makeSecret()
  identity: number | undefined
  readonly #collections: NonNullable<ReplicaOptions['collections']>
  readonly #makeKeeper: (() => Keeper) | undefined
  #closing: Promise<void> | undefined
  #link: Send | undefined
  /** The link to an authority that has somebody else's state: it is only heard whether that is so. */
  #foreign: Send | undefined
  limits: Engine['limits'] = { maxValue: 262_144, maxFrame: 1_048_576 }

  constructor(options: ReplicaOptions, outbox?: Outbox) {
    super(options, outbox)
    const { persist, collections = {}, schema, migrate, retryDelay = 1_000 } = options
    this.schema = schema
    this.#collections = collections
    this.#makeKeeper =
      persist && (() => persist(this, { schema, migrate, retryDelay, after: this.#closing?.catch(() => {}) }))
    this.keeper = this.#makeKeeper?.()
  }

  /** Resolves when what this device keeps is read: see `Keeper.read`. */
  get read(): Promise<void> {
    return this.keeper?.read ?? Promise.resolve()
  }

  /** Sessions will follow, again. */
  opened(): void {
    if (!this.over) return
    this.over = undefined
    if (this.keeper?.isClosed) this.keeper = this.#makeKeeper?.()
    for (const scope of this.scopes.all) {
      scope.begin()
      if (!scope.isLoaded) this.load(scope)
    }
  }

  /**
   * No session will follow: what waits for one is rejected with ERR_CLOSED.
   * @param cause - how the last one ended
   * @param isKept - what is kept on this device stays in use, so that it is only rejected what cannot wait there
   * @param leave - lets go of the store, with what waited
   */
  ended(cause?: End, isKept = false, leave?: (keeper: Keeper) => Promise<void>): void {
    const over = (this.over = new AnywireError(ERR_CLOSED, cause?.reason, cause))
    this.disconnected()
    this.retry.stop()
    if (!this.keeper) for (const entry of this.outbox.pending) this.unsendable(entry, over)
    else if (!isKept) this.#leave(this.keeper, over, leave)
    for (const scope of this.scopes.all) this.end(scope, over)
    this.emit('pending', this.outbox.waiting)
  }

  /** Whether what waits may yet be sent. */
  get isSending(): boolean {
    return !this.over && (!!this.#link || !this.keeper)
  }

  /** A new session began. */
  connected(send: Send): void {
    if (this.over) return
    this.#link = send
    this.#foreign = undefined
    this.isReachable = true
    if (!this.keeper) this.session = new Session(this, send)
    else void this.#begin(send, this.keeper)
  }

  /** A frame of the authority. What cannot be read is told as an error, and changes nothing. */
  receive(bytes: Uint8Array): void {
    try {
      if (this.session) return this.session.receive(bytes)
      const frame = this.#foreign && decodeFrame(bytes)
      if (frame?.type === 'notice') this.noticed(frame)
    } catch (error) {
      this.emit('error', new AnywireError(ERR_PROTOCOL, String(error), error))
    }
  }

  /** There is room again. */
  drained(): void {
    this.session?.drained()
  }

  /** The session ended. */
  disconnected(): void {
    this.session?.end()
    this.session = this.#link = this.#foreign = undefined
    for (const scope of this.scopes.all) {
      scope.stop()
      this.keeper?.leave(scope)
      if (scope.state === 'synced') this.become(scope, 'local')
    }
    this.scopes.unheard()
  }

  state(id: string): RecordState | undefined {
    return this.records.get(id)
  }

  look(id: string): Value | undefined {
    return this.visible(id) ? this.state(id)?.view() : undefined
  }

  version(id: string): number {
    return this.records.version(id)
  }

  visible(id: string, state = this.state(id)): boolean {
    if (!state) return false
    return state.isMade || (nearest(this.#collections, id, 'resurrect') === 'implicit' && showsBelow(state))
  }

  *ids(prefix: string): Iterable<string> {
    for (const id of this.records.ids()) if (id.startsWith(prefix)) yield id
  }

  /** Ends the session, and waits until the store has what it was given. */
  async close(): Promise<void> {
    this.ended()
    for (const { timer } of this.scopes.all) clearTimeout(timer)
    await this.#closing
  }

  /** Forgets all that is known here, on this device, and in its other tabs. */
  async clear(): Promise<void> {
    // One that is closed is opened once more.
    if (this.keeper?.isClosed) this.keeper = this.#makeKeeper?.()
    forget(this, keeper => keeper.clear())
    await this.#closing
    // Not before: whoever opens the client anew then, or loads the page, finds nothing.
    this.emit('cleared')
  }

  cleared(): void {
    forget(this)
    this.emit('cleared')
  }

  flush(): void {
    this.session?.flush()
  }

  welcomed(): void {
    if (this.mismatch) {
      this.mismatch = this.refusal = undefined
      for (const scope of this.scopes.all) scope.begin()
    }
    const changed = new Set<string>()
    for (const entry of this.outbox.correct(this.clock)) this.records.refresh(entry, changed)
    this.tell(changed)
    this.keeper?.others.heard()
    const { offset } = this.clock
    this.keeper?.note(OFFSET, Math.round(offset))
    if (Math.abs(offset) >= OFF) this.emit('offset', Math.round(offset))
  }

  changed(pages: readonly Delta[], epoch: string): void {
    const { scopes } = this
    const applied = apply(pages, { records: this.records, scopes, outbox: this.outbox })
    const { changed, resets, settled } = applied
    const cursor = { epoch, since: pages.at(-1)?.seq ?? 0 }
    const old = [...resets].filter(([{ cursor }, outcome]) => outcome === 'reset' && cursor.since > 0)
    // What adds to what is in doubt by now was asked for before that: all of it comes still.
    const told = [...applied.told].filter(scope => scope.error || !scope.isDoubtful || resets.has(scope))
    // A scope that is refused stays where it was.
    for (const scope of told) {
      if (scope.error) scope.stop()
      else scope.start(scopes.reach)
    }
    scopes.reach.cursor = cursor
    const session = this.session
    // Not before this end remembers them: else it asks again, and nobody knows any more.
    const confirm = (): void => {
      for (const [node, number] of applied.results)
        // Whoever wrote it may not know it yet.
        if (!this.keeper?.others.has(node)) session?.confirm(node, number)
    }
    if (this.keeper) this.keeper.changed(pages, applied, cursor, confirm)
    else confirm()
    const others = told.filter(scope => scope.become(scope.error ? 'refused' : 'synced', scope.error))
    for (const scope of scopes.own(applied.evicted)) this.#doubt(scope)
    this.tell(changed)
    for (const { name, error, users, quiet } of others) {
      this.emit('following', name)
      if (error && quiet < (users || 1) && !this.emit('refused', error, name)) printLine(error)
    }
    for (const [{ name }] of old) this.emit('reset', name)
    if (applied.denied.length) this.emit('evicted', applied.denied)
    for (const [entry, error, record] of applied.refused) this.reject(error, entry, record)
    if (settled.length) {
      this.retry.reset()
      this.emit('pending', this.outbox.waiting)
    }
    for (const { node, number, code } of applied.later) {
      if (code === ERR_NODE[0]) this.move(node)
      else this.hold(node, number)
    }
    this.session?.later()
  }

  mismatched(mismatch: Mismatch): void {
    const { advice, min, max } = mismatch
    const error = (this.mismatch = mismatchError(mismatch, this.schema))
    if (!this.emit('mismatch', advice, min, max)) printLine(error)
    this.refusal = advice === 'wait' ? undefined : error
    if (!this.refusal) this.retry.later(() => this.session?.hello())
    // What is kept waits for the application that is loaded next.
    else if (!this.keeper)
      for (const entry of this.outbox.pending) this.unsendable(entry, entry.wasSent ? unknownError(error) : error)
    for (const scope of this.scopes.all) this.end(scope, error)
  }

  noticed({ what, number }: Notice): void {
    if (what === 'versionchange') this.emit('versionchange', number)
    if (what === 'identity') this.#meet(number)
  }

  /**
   * The authority says whose state it has. With somebody else's nothing is mixed: what waits here is not sent, and what comes not taken, until it is
   * the right one again. What is empty is anybody's.
   */
  #meet(identity: number): void {
    const { identity: own, keeper } = this
    const send = this.#link ?? this.#foreign
    let isNew = !!this.#foreign
    if (own !== identity) {
      isNew = own !== undefined
      if (isNew && (keeper || this.outbox.count || [...this.records.ids()].length)) {
        this.disconnected()
        this.#foreign = send
        const error = new AnywireError(ERR_IDENTITY)
        if (!this.emit('error', error)) printLine(error)
        return
      }
      this.identity = identity
      keeper?.note(IDENTITY, identity)
    }
    // What was said before was said to somebody else.
    if (!isNew || !send) return
    this.disconnected()
    this.connected(send)
  }

  /** A record that is followed by its name is taken away: it may not be seen any more. How it is refused the authority says. */
  #doubt(scope: Scope): void {
    if (scope.isLive) {
      scope.stop(NOWHERE)
      this.keeper?.leave(scope)
      this.scopes.wanted.add(scope)
      this.become(scope, 'loading')
    } else if (!scope.error && scope.cursor.epoch) {
      // It was asked for with what is gone by now.
      scope.doubt()
      this.scopes.want(scope)
    }
  }

  /** Lets go of the store, and of what waits in it: whoever opens it next sends that. It is still shown, as it still waits. */
  #leave(keeper: Keeper, over: AnywireError, leave?: (keeper: Keeper) => Promise<void>): void {
    const { outbox } = this
    const left = outbox.leave()
    this.clock.node = outbox.own.node
    this.#closing = leave?.(keeper) ?? keeper.close(over, left)
    this.#closing.catch((error: unknown) => this.emit('error', new AnywireError(ERR_STORE, textOf(error), error)))
  }

  async #begin(send: Send, keeper: Keeper): Promise<void> {
    if ((await keeper.ready()) && this.#link === send) this.session = new Session(this, send)
  }
}
