import { AnywireError } from '../../lib/errors.ts'
import { ERR_TOO_LARGE } from '../../lib/failures.ts'
import { decodeFrame, encodeFrame } from './records-codec.ts'
import type { ClientFrame, Delta, Registers, ServerFrame, WriteFrame } from '../../plugins/records/core/frame.ts'
import { DELETED, INCREMENT, LEAF, OBJECT } from '../../plugins/records/core/register.ts'
import type { Register, Write } from '../../plugins/records/core/register.ts'
import { ticksOf } from '../../plugins/records/core/clock.ts'
import { Keeper } from '../../plugins/records/client/keeper.ts'
import type { Keep } from '../../plugins/records/client/keep.ts'
import { migrations } from '../../plugins/records/client/migrate.ts'
import type { Migrations } from '../../plugins/records/client/migrate.ts'
import type { TabsOptions } from '../../plugins/records/client/tabs.ts'
import { Replica } from '../../plugins/records/client/replica.ts'
import type { ReplicaOptions } from '../../plugins/records/client/replica-options.ts'
import type { Store, Value } from '../../lib/store.ts'

/** 2026-01-01, in milliseconds since 1970. */
export const START = 1_767_225_600_000

/** The largest frame that goes through a link. */
const MOST_BYTES = 10_000

/** Those of a replica, with what keeps its data. */
export interface StageOptions extends Partial<Omit<ReplicaOptions, 'persist' | 'migrate'>> {
  readonly migrate?: Migrations
  readonly store?: Store
  readonly tabs?: TabsOptions | undefined
}

/** The other end of a replica, played by a test: it sees the replica's frames, and says what the test says. */
export class Stage {
  readonly replica: Replica
  /** What the replica sent and the test has not looked at. */
  readonly sent: ClientFrame[] = []
  /** The device's clocks, in milliseconds. */
  wall: number
  elapsed = 0
  /** Whether the link takes more. */
  isFull = false
  epoch = 'e1'

  /** @param wall - what the device's clock shows */
  constructor({ store, tabs, migrate, ...options }: StageOptions = {}, wall = START) {
    this.wall = wall
    const persist: Keep | undefined = store && ((host, rest) => new Keeper(store, host, { ...rest, tabs }))
    this.replica = new Replica({
      now: () => this.wall,
      monotonic: () => this.elapsed,
      persist,
      ...options,
      ...(migrate && { migrate: migrations(migrate) })
    })
  }

  pass(milliseconds: number): void {
    this.wall += milliseconds
    this.elapsed += milliseconds
  }

  connect(): void {
    this.replica.connected(bytes => {
      if (bytes.length > MOST_BYTES) throw new AnywireError(ERR_TOO_LARGE)
      const frame = decodeFrame(bytes)
      this.sent.push(frame as ClientFrame)
      return !this.isFull
    })
  }

  say(frame: ServerFrame): void {
    this.replica.receive(encodeFrame(frame))
  }

  /** Answers the hello. */
  welcome({ time = this.wall, asked = this.elapsed } = {}): void {
    this.say({ type: 'welcome', epoch: this.epoch, asked, time, maxValue: 1_000, maxFrame: 5_000 })
  }

  delta(delta: Partial<Delta>): void {
    const { records = [], seq = 1 } = delta
    this.say({
      type: 'delta',
      seq,
      more: false,
      scopes: [],
      records,
      versions: records.map(() => seq),
      whole: records.map(() => false),
      evicted: [],
      denied: [],
      acknowledged: [],
      results: [],
      digests: [],
      ...delta
    })
  }

  /** Connects, and is welcomed. */
  async open(): Promise<void> {
    this.connect()
    await turn()
    this.welcome()
    await turn()
    this.sent.length = 0
  }

  /** The frames that were sent since the last look. */
  take(): ClientFrame[] {
    return this.sent.splice(0)
  }

  takeWrites(): WriteFrame[] {
    return this.take().filter((frame): frame is WriteFrame => frame.type === 'write')
  }

  /** Follows, connected, and has what the authority says it has. */
  async synced(name: string, records: readonly Registers[] = []): Promise<void> {
    this.replica.follow(name)
    await this.open()
    this.delta({ scopes: [{ scope: 1, outcome: 'reset' }], records, whole: records.map(() => true) })
  }

  view(id: string): Value | undefined {
    return this.replica.visible(id) ? this.replica.state(id)?.view() : undefined
  }

  /** Writes into a record at a path. */
  set(record: string, path: string, value: Value): ReturnType<Replica['write']> {
    return this.write(record, { path, kind: LEAF, value })
  }

  write(record: string, ...writes: Omit<Write, 't' | 'node'>[]): ReturnType<Replica['write']> {
    const stamp = this.replica.tick()
    return this.replica.write([{ record, registers: writes.map(write => ({ ...write, ...stamp })) }])
  }
}

/** The end of a turn: what was put off to it is done. */
export const turn = async (): Promise<void> => {
  for (let at = 0; at < 100; at++) await Promise.resolve()
}

/** A stamp of another node, so many milliseconds behind `START`. */
export const stamp = (milliseconds: number): { t: number; node: string } => ({
  t: ticksOf(START + milliseconds),
  node: 'other'
})

export const leaf = (path: string, value: Value, milliseconds = 0): Register => ({
  path,
  kind: LEAF,
  value,
  ...stamp(milliseconds)
})

export const object = (path: string, milliseconds = 0): Register => ({
  path,
  kind: OBJECT,
  value: undefined,
  ...stamp(milliseconds)
})

export const deleted = (path: string, milliseconds = 0): Register => ({
  path,
  kind: DELETED,
  value: undefined,
  ...stamp(milliseconds)
})

export const increment = (path: string, by: number): Omit<Write, 't' | 'node'> => ({ path, kind: INCREMENT, value: by })
