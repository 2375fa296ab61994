import assert from 'node:assert/strict'
import { AnywireError } from '../../lib/errors.ts'
import { keep } from '../../plugins/records/client/keep.ts'
import { Replica } from '../../plugins/records/client/replica.ts'
import type { Following, WriteHandle } from '../../plugins/records/client/engine.ts'
import { LEAF } from '../../plugins/records/core/register.ts'
import { canCount, Edit } from '../../plugins/records/core/edit.ts'
import type { Query } from '../../plugins/records/core/query.ts'
import { memory, MemoryDisk } from '../../stores/memory.ts'
import { copiedDisk } from './copied-disk.ts'
import type { Dice } from './dice.ts'
import { SimulatedLink } from './simulation-link.ts'
import { COLLECTIONS } from './simulation-server.ts'
import type { SimulatedServer } from './simulation-server.ts'
import { SlowStore } from './slow-store.ts'

/** What can be followed. */
export interface Target {
  readonly name: string
  readonly query?: Query
}

/** All there is. */
export const ALL: readonly Target[] = [{ name: 'a/' }, { name: 'i/' }, { name: 'n/' }, { name: 'hook/' }]

/** Some of it. */
export const SOME: readonly Target[] = [
  { name: 'a/', query: { where: [['x', '>=', 'B']], order: ['-x'], limit: 2 } },
  { name: 'a/', query: { where: [['y', '!=', 'none']] } },
  { name: 'i/', query: { order: ['o.x'], limit: 1 } },
  { name: 'n/' }
]
const RECORDS = ['a/0', 'a/1', 'a/2', 'a/3', 'i/0', 'i/1'] as const
const TARGETS = [...ALL, ...SOME, ...RECORDS.map(name => ({ name }))]
const PATHS = ['x', 'y', 'o.x', 'o.y', 'o', 'secret'] as const

/** What became of a write, as its author was told. */
export interface Tracked {
  readonly key: string
  readonly write: WriteHandle
  /** 'durable', or the code of an error; once for each process that was told. */
  readonly outcomes: string[]
}

export interface SimulatedClientOptions {
  readonly dice: Dice
  /** The right time, in milliseconds since 1970. */
  readonly now: () => number
  readonly failures: () => number
  readonly server: SimulatedServer
  readonly name: string
  /** What it follows most of the time. */
  readonly targets: readonly Target[]
  readonly disk?: MemoryDisk
}

/** A device: its process dies now and then, its clock is wrong, its link is lost; its disk stays. */
export class SimulatedClient {
  readonly disk: MemoryDisk
  readonly writes = new Map<string, Tracked>()
  replica: Replica | undefined
  skew: number
  /** How often it was noticed that what is kept is not what the server has. */
  diverged = 0
  /** Whether something on its disk was ever damaged. */
  isDamaged = false
  readonly #options: SimulatedClientOptions
  readonly targets: readonly Target[]
  readonly #followings = new Map<Target, Following>()
  #cut: (() => void) | undefined
  /** What waited here and on another disk too, when that was copied. */
  readonly shared = new Set<string>()
  #count = 0

  constructor(options: SimulatedClientOptions) {
    this.#options = options
    this.targets = options.targets
    this.disk = options.disk ?? new MemoryDisk()
    this.skew = options.dice.below(7_200_000) - 3_600_000
  }

  get isConnected(): boolean {
    return !!this.#cut
  }

  start(): void {
    if (this.replica) return
    const { dice, now, failures } = this.#options
    const began = now()
    const store = new SlowStore(memory({ disk: this.disk }), { dice, latency: 40, failures })
    const replica = new Replica({
      persist: keep(store),
      collections: COLLECTIONS,
      now: () => now() + this.skew,
      monotonic: () => now() - began
    })
    this.replica = replica
    replica.on('change', changed => {
      for (const id of changed)
        assert.equal(replica.records.base(id)?.view('secret'), undefined, 'a refused write is seen')
    })
    // What an authority refuses is in the states that are compared in the end.
    replica.on('refused', () => {})
    replica.on('divergence', name => {
      assert.ok(this.isDamaged, `'${name}' differs, though nothing was damaged`)
      this.diverged++
    })
    replica.on('pending', () => replica === this.replica && this.#track(replica))
    for (const target of this.targets) if (dice.chance(0.8)) this.follow(target)
  }

  /** A device with what is on the disk of this one now, whose process may be running. Both live on. */
  copy(name: string): SimulatedClient {
    const copy = new SimulatedClient({ ...this.#options, name, disk: copiedDisk(this.disk) })
    copy.isDamaged = this.isDamaged
    for (const key of this.disk.keys('outbox/')) {
      const [, node, number] = key.split('/')
      for (const { shared } of [this, copy]) shared.add(`${node}/${Number(number)}`)
    }
    return copy
  }

  /** The process dies. */
  crash(): void {
    this.#cut?.()
    this.replica = undefined
    this.#followings.clear()
    void memory({ disk: this.disk }).open()
  }

  /** Something that was committed is lost from its disk, or becomes something else. For one whose process is dead. */
  damage(): void {
    const { dice } = this.#options
    const rows = [...this.disk.ids('')].flatMap(id => this.disk.rows(id))
    const row = rows[dice.below(rows.length)]
    if (!row) return
    this.isDamaged = true
    if (dice.chance(0.5)) this.disk.commit({ rows: [], removed: [[row.record, row.path]], entries: [] })
    else
      this.disk.commit({
        rows: [{ ...row, value: row.kind === LEAF ? 'damaged' : undefined, t: row.t && row.t - 1 }],
        removed: [],
        entries: []
      })
  }

  connect(): void {
    const { dice, server } = this.#options
    const { replica } = this
    if (!server.isUp || this.#cut || !replica) return
    const cut = (): void => {
      if (this.#cut !== cut) return
      this.#cut = undefined
      link.cut()
      follower?.end()
      server.gone(cut, follower)
      replica.disconnected()
    }
    const link = new SimulatedLink(
      dice,
      () => replica,
      () => ({
        receive: bytes => {
          server.heard(bytes)
          follower?.receive(bytes)
        },
        drained: () => follower?.drained()
      })
    )
    this.#cut = cut
    const follower = server.accept(bytes => link.down(bytes), cut)
    replica.connected(bytes => link.up(bytes))
  }

  disconnect(): void {
    this.#cut?.()
  }

  follow(target: Target): void {
    if (this.replica && !this.#followings.has(target))
      this.#followings.set(target, this.replica.follow(target.name, target.query))
  }

  /** Follows what it should, and nothing else. */
  settle(): void {
    for (const target of this.targets) this.follow(target)
    for (const [target, following] of this.#followings) {
      if (this.targets.includes(target)) continue
      this.replica?.unfollow(following)
      this.#followings.delete(target)
    }
  }

  /** Does something that an application could do. */
  act(): void {
    const { dice, name } = this.#options
    const { replica } = this
    if (!replica) return
    const choice = dice.below(20)
    if (choice === 0) {
      const target = TARGETS[dice.below(TARGETS.length)] ?? { name: 'n/' }
      const following = this.#followings.get(target)
      if (!following) this.follow(target)
      else {
        replica.unfollow(following)
        this.#followings.delete(target)
      }
      return
    }
    if (choice === 1) {
      const [write] = replica.pending
      if (write) replica.discard(write)
      return
    }
    const record = choice < 5 ? 'n/0' : dice.pick(RECORDS)
    // What this device has of it was damaged, and is not mended yet: nobody can add to that.
    if (choice < 5 && !canCount(replica.state(record)?.view('n'))) return
    const edit = new Edit(replica.state(record), replica.tick(), 10_000)
    const value = `${name}${this.#count++}`
    if (choice < 5) edit.increment('n', 1)
    else if (choice < 7) edit.delete('')
    else if (choice < 9) edit.replace('', { x: value })
    else if (choice < 11) edit.delete(dice.pick(PATHS))
    else edit.set(dice.pick(PATHS), value)
    if (edit.writes.length) replica.write([{ record, registers: edit.writes }])
  }

  /** Follows what becomes of each write that outlives its process. */
  #track(replica: Replica): void {
    for (const write of replica.outbox.entries) {
      if (known.has(write)) continue
      known.add(write)
      const keep = (): Tracked => {
        const key = `${write.node}/${write.number}`
        const tracked = this.writes.get(key) ?? { key, write, outcomes: [] }
        this.writes.set(key, tracked)
        return tracked
      }
      const told = (outcome: string): void => void keep().outcomes.push(outcome)
      void write.stored.then(() => replica === this.replica && keep())
      write.durable.then(
        () => told('durable'),
        (error: unknown) => told(error instanceof AnywireError ? error.code : 'ERR')
      )
    }
  }
}

const known = new WeakSet<WriteHandle>()
