import type { Peer } from '../../lib/server/peer.ts'
import type { Commit, Store, Value } from '../../lib/store.ts'
import { ticksOf } from '../../plugins/records/core/clock.ts'
import { decodeFrame } from './records-codec.ts'
import { pick } from '../../plugins/records/core/pick.ts'
import type { Kind } from '../../plugins/records/core/register.ts'
import { RecordState } from '../../plugins/records/core/record-state.ts'
import { sealOf } from '../../lib/server/seal.ts'
import { Authority } from '../../plugins/records/server/authority.ts'
import type { AuthorityOptions } from '../../plugins/records/server/authority.ts'
import type { Follower } from '../../plugins/records/server/follower.ts'
import type { WriteTransaction } from '../../plugins/records/server/hook.ts'
import { memory, MemoryDisk } from '../../stores/memory.ts'
import type { Dice } from './dice.ts'
import { SlowStore } from './slow-store.ts'

/** How long it is remembered what was deleted, in milliseconds: short, so that a history sees it forgotten. */
export const HORIZON = 240_000

export const COLLECTIONS = { 'i/': { resurrect: 'implicit' } } as const

/** Where its hook counts what is written. */
export const COUNT = 'hook/0'

export interface SimulatedServerOptions {
  readonly dice: Dice
  readonly now: () => number
  /** Whether permissions are asked for, also those to read, which change; otherwise values are validated. */
  readonly isPermitted: boolean
  /** How likely the store fails. */
  readonly failures: () => number
  /** For tests of the simulation itself: makes a mistake somewhere. */
  readonly wrap?: ((store: Store) => Store) | undefined
}

/** A server, whose process dies now and then, and whose disk does not. */
export class SimulatedServer {
  readonly disk = new MemoryDisk()
  /** All that was ever committed, merged: what is right, however much is forgotten. */
  readonly truth = new Map<string, RecordState>()
  /** Text that was ever committed as a value. */
  readonly values = new Set<unknown>()
  /** The least stamp with which each write came; the time at which it came, where that is less: it is given another one. */
  readonly stamps = new Map<string, number>()
  readonly errors: unknown[] = []
  readonly #options: SimulatedServerOptions
  #authority: Authority | undefined
  readonly #cuts = new Set<() => void>()
  readonly #followers = new Set<Follower>()
  readonly #sends = new WeakMap<Peer, (bytes: Uint8Array) => boolean>()
  /** Records whose `x` or `y` ends with it may not be read, for now; '': all may. */
  #hidden = ''

  constructor(options: SimulatedServerOptions) {
    this.#options = options
  }

  get isUp(): boolean {
    return !!this.#authority
  }

  start(): void {
    if (this.#authority) return
    const { dice, now, failures, wrap = store => store } = this.#options
    const store = new SlowStore(memory({ disk: this.disk }), {
      dice,
      latency: 60,
      failures,
      done: commit => this.#committed(commit)
    })
    const authority = new Authority(wrap(store), {
      now,
      seal: sealOf,
      ...this.#rules(dice),
      onWrite: (_write, tx) => this.#count(tx),
      horizon: HORIZON,
      limits: { frame: 500 },
      multicast: (peers, bytes) => new Set(peers.filter(peer => !this.#sends.get(peer)?.(bytes))),
      failed: error => this.errors.push(error)
    })
    this.#authority = authority
    authority.open().catch(() => {
      if (this.#authority !== authority) return
      this.crash()
      setTimeout(() => this.start(), 1_000)
    })
  }

  /** The process dies. */
  crash(): void {
    for (const cut of this.#cuts) cut()
    this.#authority = undefined
    // Whoever had the disk open has it no more.
    void memory({ disk: this.disk }).open()
  }

  /** Other records may be read from here on. */
  hide(): void {
    if (this.#options.isPermitted) this.#hidden = this.#options.dice.pick(['', '1', '2', '3'] as const)
    for (const follower of this.#followers) follower.refresh()
  }

  /** Whether clients may read a record as it is. */
  shows(value: Value | undefined): boolean {
    const hidden = this.#hidden
    const isHidden = (path: string): boolean => {
      const text = pick(value, path)
      return typeof text === 'string' && text.endsWith(hidden)
    }
    return !hidden || !(isHidden('x') || isHidden('y'))
  }

  collect(): void {
    this.#authority?.collect().catch(() => {})
  }

  /** @param cut - called when the server dies, or does not want the session any more */
  accept(send: (bytes: Uint8Array) => boolean, cut: () => void): Follower | undefined {
    const peer = { ...PEER }
    this.#sends.set(peer, send)
    const follower = this.#authority?.connect({ peer, send, fail: cut })
    this.#cuts.add(cut)
    if (follower) this.#followers.add(follower)
    return follower
  }

  /** A frame comes from a client. */
  heard(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes)
    if (frame.type !== 'write') return
    const key = `${frame.node}/${frame.number}`
    for (const { registers } of frame.records)
      for (const { t } of registers)
        if (t) this.stamps.set(key, Math.min(t, ticksOf(this.#options.now()), this.stamps.get(key) ?? t))
  }

  gone(cut: () => void, follower: Follower | undefined): void {
    this.#cuts.delete(cut)
    if (follower) this.#followers.delete(follower)
  }

  /** What is committed of a record. */
  state(id: string): RecordState {
    const state = new RecordState()
    for (const { path, kind, value, t, node } of this.disk.rows(id))
      state.merge({ path, kind: kind as Kind, value, t, node })
    return state
  }

  /** What is refused, in one way or the other: whoever is asked about reading cannot go by cursors. */
  #rules(dice: Dice): Pick<AuthorityOptions, 'collections' | 'permit'> {
    const soon = (allowed: boolean, often = 0.2): boolean | Promise<boolean> =>
      !dice.chance(often) ? allowed : new Promise(resolve => setTimeout(() => resolve(allowed), dice.below(500)))
    const hasSecret = (value: unknown): boolean => typeof value === 'object' && value !== null && 'secret' in value
    if (this.#options.isPermitted) {
      const collections = COLLECTIONS
      return {
        collections,
        permit: ({ path, verb, value }) =>
          verb === 'read' ? soon(this.shows(value), 0.5) : soon(path !== 'secret' && !hasSecret(value))
      }
    }
    const validate = (value: Value): boolean | Promise<boolean> => soon(!hasSecret(value))
    return { collections: { 'a/': { validate }, 'i/': { ...COLLECTIONS['i/'], validate } } }
  }

  /** Counts writes in the same commit, in the way that goes wrong where others count meanwhile. */
  async #count(tx: WriteTransaction): Promise<void> {
    const { dice } = this.#options
    const count = pick(await tx.get<{ readonly [key: string]: Value }>(COUNT), 'n')
    if (dice.chance(0.2)) await new Promise<void>(resolve => setTimeout(resolve, dice.below(300)))
    await tx.set(COUNT, 'n', Number(count ?? 0) + 1)
  }

  #committed({ rows }: Commit): void {
    for (const { record, path, kind, value, t, node } of rows) {
      const state = this.truth.get(record) ?? new RecordState()
      this.truth.set(record, state)
      state.merge({ path, kind: kind as Kind, value, t, node })
      this.values.add(value)
    }
  }
}

/** Only its being there counts: the process itself may do everything. */
const PEER = { context: undefined } as unknown as Peer
