import { Emitter } from '../../../lib/emitter.ts'
import type { Undo } from '../../../lib/emitter.ts'
import { AnywireError, textOf } from '../../../lib/errors.ts'
import { ERR_CANCELLED, ERR_CLOSED, ERR_ENCODE, ERR_NODE, ERR_OPTION, ERR_PROTOCOL } from '../../../lib/failures.ts'
import { isCount } from '../../../lib/handshake.ts'
import type { Value } from '../../../lib/store.ts'
import type { Delta, Mismatch, Notice, Registers, SchemaVersion } from '../core/frame.ts'
import { collectionOf, keysOf } from '../core/path.ts'
import type { Query } from '../core/query.ts'
import type { RecordState } from '../core/record-state.ts'
import type { Stamp, Write } from '../core/register.ts'
import { apply } from './apply.ts'
import type { Engine, EngineEvents, Following, FollowingState, WriteHandle, WriteOptions } from './engine.ts'
import { Entry } from './entry.ts'
import { ServerClock } from './offset.ts'
import type { Keeper, KeeperHost } from './keeper.ts'
import { Outbox } from './outbox.ts'
import { makeNode, makeSecret } from './kept.ts'
import { Records } from './records.ts'
import { followerOf } from './scope.ts'
import type { Scope } from './scope.ts'
import { Scopes } from './scopes.ts'
import { Session } from './session.ts'
import type { ReplicaOptions } from './replica-options.ts'
import type { Send, SessionHost } from './session.ts'

const MOST_DELAY = 30_000
/** What clocks differ by otherwise is how long messages take, in milliseconds. */
const OFF = 1_000
const NO_OPTIONS: WriteOptions = {}

/**
 * The engine of a client: keeps what the authority committed (base) and what waits to be (pending) apart, shows both together, and
 * catches up in each new session. Whoever owns the link calls `connected`, `receive`, `drained` and `disconnected`.
 */
export class Replica extends Emitter<EngineEvents> implements Engine, SessionHost, KeeperHost {
  readonly clock: ServerClock
  readonly outbox: Outbox
  readonly scopes = new Scopes()
  readonly schema: SchemaVersion | undefined
  secret = makeSecret()
  readonly records: Records
  readonly #collections: NonNullable<ReplicaOptions['collections']>
  readonly #discardDelay: number
  readonly #retryDelay: number
  readonly #keeper: Keeper | undefined
  #link: Send | undefined
  #session: Session | undefined
  #retries = 0
  #retryTimer: ReturnType<typeof setTimeout> | undefined
  limits: Engine['limits'] = { maxValue: 262_144, maxFrame: 1_048_576 }

  constructor({
    persist,
    collections = {},
    schema,
    migrate,
    discardDelay = 500,
    retryDelay = 1_000,
    ...clocks
  }: ReplicaOptions) {
    super()
    const node = makeNode()
    this.clock = new ServerClock(node, clocks)
    this.outbox = new Outbox(node)
    this.schema = schema
    this.records = new Records(t => this.clock.saw(t), !!persist)
    this.#collections = collections
    this.#discardDelay = discardDelay
    this.#retryDelay = retryDelay
    this.#keeper = persist?.(this, { schema, migrate, retryDelay })
  }

  /** A new session began. */
  connected(send: Send): void {
    this.#link = send
    if (!this.#keeper) this.#session = new Session(this, send)
    else void this.#begin(send, this.#keeper)
  }

  /** A frame of the authority. What cannot be read is told as an error, and changes nothing. */
  receive(bytes: Uint8Array): void {
    try {
      this.#session?.receive(bytes)
    } catch (error) {
      this.emit('error', new AnywireError(ERR_PROTOCOL, String(error), error))
    }
  }

  /** There is room again. */
  drained(): void {
    this.#session?.drained()
  }

  /** The session ended. */
  disconnected(): void {
    this.#session?.end()
    this.#session = this.#link = undefined
    for (const scope of this.scopes.all) {
      scope.isLive = false
      this.#keeper?.leave(scope)
      if (scope.state === 'synced') this.become(scope, 'local')
    }
  }

  follow(name: string, query?: Query): Following {
    const scope = this.scopes.hold(name, query)
    scope.users++
    clearTimeout(scope.timer)
    scope.timer = undefined
    if (!scope.isLoaded) this.#load(scope)
    this.#session?.later()
    return followerOf(scope, () => {
      if (--scope.users === 0) this.#release(scope)
    })
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
    const { resurrect } = this.#collections[collectionOf(id)] ?? {}
    return resurrect === 'implicit' ? state.view() !== undefined : state.isMade
  }

  *ids(prefix: string): Iterable<string> {
    for (const id of this.records.ids()) if (id.startsWith(prefix)) yield id
  }

  tick(): Stamp {
    return this.clock.tick()
  }

  write(records: readonly Registers<Write>[], options = NO_OPTIONS): WriteHandle {
    // It would be shown, and neither stored nor sent.
    if (this.#keeper?.isClosed) throw new AnywireError(ERR_CLOSED, 'what keeps records was closed')
    for (const { registers } of records) for (const { path } of registers) keysOf(path)
    for (const [, version] of options.conditions ?? [])
      if (!isCount(version)) throw new AnywireError(ERR_OPTION, 'ifVersion')
    const entry = this.outbox.add(records, options, this.#session?.isTimed ? undefined : this.clock.moment)
    const changed = this.records.write(entry)
    if (this.#keeper) this.#keeper.keep(entry)
    else entry.keep()
    this.#session?.later()
    this.emit('change', changed)
    this.emit('pending', this.outbox.count)
    return entry
  }

  /** Ends the session, and waits until the store has what it was given. */
  async close(): Promise<void> {
    this.disconnected()
    clearTimeout(this.#retryTimer)
    for (const { timer } of this.scopes.all) clearTimeout(timer)
    await this.#keeper?.close()
  }

  get pending(): readonly WriteHandle[] {
    return this.outbox.pending
  }

  discard(write: WriteHandle): boolean {
    if (!(write instanceof Entry) || !this.outbox.isUnsent(write) || this.#keeper?.isClosed) return false
    this.#takeBack(write, write.isSecret ? new AnywireError(ERR_CANCELLED, 'it was taken back') : undefined)
    return true
  }

  /** @param listener - called with the ids of records that may look different now, once per frame or local write */
  onChange(listener: (changed: Iterable<string>) => void): Undo {
    return this.on('change', listener)
  }

  flush(): void {
    this.#session?.flush()
  }

  welcomed(): void {
    const changed = new Set<string>()
    for (const entry of this.outbox.correct(this.clock)) this.records.refresh(entry, changed)
    this.tell(changed)
    const { offset } = this.clock
    this.#keeper?.offset(offset)
    if (Math.abs(offset) >= OFF) this.emit('offset', Math.round(offset))
  }

  changed(pages: readonly Delta[], epoch: string): void {
    const { scopes } = this
    const applied = apply(pages, { records: this.records, scopes, outbox: this.outbox })
    const { changed, resets, settled } = applied
    const cursor = { epoch, since: pages.at(-1)?.seq ?? 0 }
    const old = [...resets].filter(([{ cursor }, outcome]) => outcome === 'reset' && cursor.since > 0)
    for (const scope of scopes.all) if (scope.isLive) scope.cursor = cursor
    const session = this.#session
    // Not before this end remembers them: else it asks again, and nobody knows any more.
    const confirm = (): void => {
      for (const [node, number] of applied.results) session?.confirm(node, number)
    }
    if (this.#keeper) this.#keeper.changed(pages, applied, cursor, confirm)
    else confirm()
    this.tell(changed)
    for (const scope of applied.told) this.become(scope, scope.isLive ? 'synced' : 'refused', scope.error)
    for (const [{ name }] of old) this.emit('reset', name)
    if (applied.evicted.length) this.emit('evicted', applied.evicted)
    for (const refusal of applied.refused) this.emit('rejected', refusal[1], refusal[0], refusal[2])
    if (settled.length) {
      this.#retries = 0
      this.emit('pending', this.outbox.count)
    }
    for (const { node, number, code } of applied.later) {
      if (code === ERR_NODE[0]) this.#move(node)
      else this.#retry(node, number)
    }
    this.#session?.later()
  }

  mismatched({ advice, min, max }: Mismatch): void {
    this.emit('mismatch', advice, min, max)
    if (advice === 'wait') this.#again(() => this.#session?.hello())
  }

  noticed({ what, version }: Notice): void {
    if (what === 'versionchange') this.emit('versionchange', version)
  }

  unsendable(entry: Entry, error: unknown): void {
    this.#takeBack(entry, error instanceof AnywireError ? error : new AnywireError(ERR_ENCODE, textOf(error), error))
  }

  /** Only the number of a write is sent: those behind it need it. @param error - what becomes of it, if that is certain */
  #takeBack(entry: Entry, error: AnywireError | undefined): void {
    const changed = new Set<string>()
    this.records.settle(entry, changed)
    entry.isVoid = true
    // Not before the store has it: else the next process would send the write.
    const kept = (): void => {
      if (!error || entry.isSettled) return
      entry.error = error
      entry.settle()
      this.emit('rejected', error, entry, '')
    }
    if (this.#keeper) this.#keeper.keep(entry, kept)
    else kept()
    this.tell(changed)
    this.emit('pending', this.outbox.count)
  }

  /** The authority takes nothing of a node from here: what waits goes on under another one. */
  #move(node: string): void {
    const { outbox } = this
    const entries = outbox.take(node)
    this.#keeper?.move(entries)
    outbox.put(entries)
    this.clock.node = outbox.own.node
    for (const entry of entries) this.#keeper?.keep(entry)
  }

  /** The authority refused a write for now. */
  #retry(node: string, number: number): void {
    this.outbox.hold(node, number)
    this.#again(() => {
      this.outbox.resume()
      this.#session?.flush()
    })
  }

  #again(run: () => void): void {
    clearTimeout(this.#retryTimer)
    this.#retryTimer = setTimeout(run, Math.min(MOST_DELAY, this.#retryDelay * 2 ** this.#retries++))
  }

  /** Brings what is known of a scope into memory. */
  #load(scope: Scope): void {
    const outer = this.scopes.outer(scope)
    if (this.#keeper && !outer) {
      this.#keeper.load(scope)
      return
    }
    scope.isLoaded = true
    if (!outer) return
    scope.cursor = outer.cursor
    this.become(scope, 'local')
  }

  async #begin(send: Send, keeper: Keeper): Promise<void> {
    if ((await keeper.ready()) && this.#link === send) this.#session = new Session(this, send)
  }

  /** Nobody follows it any more. */
  #release(scope: Scope): void {
    clearTimeout(scope.timer)
    scope.timer = setTimeout(() => {
      // What waits to be committed stays in view until the authority's word on it is there.
      if (this.outbox.pending.some(({ records }) => records.some(({ record }) => scope.mayHave(record)))) {
        this.#release(scope)
        return
      }
      const gone = this.scopes.only(new Set([scope]), this.records)
      this.scopes.remove(scope)
      this.#session?.release(scope)
      this.#keeper?.leave(scope)
      for (const id of gone) this.records.unload(id)
    }, this.#discardDelay)
    // While a write waits it goes on for ever, and is no reason for a process in Node to go on. Browsers' timers are numbers.
    scope.timer.unref?.()
  }

  /** A scope changed its state. */
  become(scope: Scope, state: FollowingState, error?: AnywireError): void {
    if (scope.become(state, error)) this.emit('following', scope.name)
  }

  /** Records may look different. */
  tell(changed: ReadonlySet<string>): void {
    if (changed.size) this.emit('change', changed)
  }
}
