import assert from 'node:assert/strict'
import { stub, useFakeTimers } from 'sinon'
import { keep } from '../../plugins/records/client/keep.ts'
import { Replica } from '../../plugins/records/client/replica.ts'
import { DELETED, LEAF } from '../../plugins/records/core/register.ts'
import { compareBy, matches } from '../../plugins/records/core/query.ts'
import type { RecordState } from '../../plugins/records/core/record-state.ts'
import { memory } from '../../stores/memory.ts'
import { Dice } from './dice.ts'
import { ALL, SimulatedClient, SOME } from './simulation-client.ts'
import type { Target, Tracked } from './simulation-client.ts'
import { COLLECTIONS, COUNT, HORIZON, SimulatedServer } from './simulation-server.ts'
import type { SimulatedServerOptions } from './simulation-server.ts'

/** When a history begins, in milliseconds since 1970. */
const START = 1_767_225_600_000

const realTurn = setImmediate
const turn = (): Promise<void> => new Promise(resolve => realTurn(resolve))

/** What happened in a history, so that a test can tell that it saw something. */
export interface Seen {
  writes: number
  crashes: number
  refused: number
  stale: number
  /** Devices whose storage was copied, with writes that waited. */
  copies: number
  /** How often a device noticed that what it keeps was damaged. */
  diverged: number
}

export interface HistoryOptions {
  /** How long clients are busy, in milliseconds of the history's time. */
  readonly duration: number
  readonly clients: number
  readonly wrap?: SimulatedServerOptions['wrap']
}

/** Registers that count: what was deleted may be forgotten here and remembered there. */
const live = (state: RecordState | undefined): unknown[] =>
  [...(state?.registers() ?? [])]
    .filter(({ kind }) => kind !== DELETED)
    .sort((a, b) => (a.path < b.path ? -1 : 1))
    .map(({ path, kind, value, t, node }) => [path, kind, value, t, node])

const isVisible = (id: string, state: RecordState): boolean =>
  id.startsWith('i/') ? state.view() !== undefined : state.isMade

/** What a target has, in its order, by what somebody knows. */
const found = (
  { name, query = {} }: Target,
  ids: readonly string[],
  stateOf: (id: string) => RecordState | undefined
): unknown[] =>
  ids
    .filter(id => id.startsWith(name))
    .map(id => ({ id, state: stateOf(id) }))
    .flatMap(({ id, state }) => (state && isVisible(id, state) ? [{ id, value: state.view() }] : []))
    .filter(({ value }) => matches(query, value))
    .sort(compareBy(query.order))
    .slice(0, query.limit)

/**
 * Plays a history of clients and a server, all of whom fail in all ways, and then lets all of them work: everybody must see the
 * same, and what everybody was told must be true.
 */
export const play = async (seed: number, { duration, clients: count, wrap }: HistoryOptions): Promise<Seen> => {
  const dice = new Dice(seed)
  const clock = useFakeTimers({
    now: START,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate'],
    shouldClearNativeTimers: true
  })
  const random = stub(crypto, 'getRandomValues').callsFake(bytes => {
    if (bytes instanceof Uint8Array) for (let at = 0; at < bytes.length; at++) bytes[at] = dice.below(256)
    return bytes
  })
  const seen: Seen = { writes: 0, crashes: 0, refused: 0, stale: 0, copies: 0, diverged: 0 }
  let isHealed = false
  const now = (): number => clock.now
  const failures = (): number => (isHealed ? 0 : 0.02)
  const server = new SimulatedServer({ dice, now, failures, wrap, isPermitted: seed % 2 === 0 })
  const clients = Array.from(
    { length: count },
    (_, at) =>
      new SimulatedClient({
        dice,
        now,
        failures,
        server,
        name: String.fromCharCode(65 + at),
        targets: at % 3 === 2 ? SOME : ALL
      })
  )

  const sometimes = (mean: number, run: () => void): void => {
    setTimeout(
      () => {
        if (isHealed) return
        run()
        sometimes(mean, run)
      },
      dice.below(2 * mean)
    )
  }
  const pass = async (time: number): Promise<void> => {
    const end = clock.now + time
    while (clock.now < end) {
      if (clock.countTimers()) clock.next()
      else clock.tick(end - clock.now)
      await turn()
    }
  }

  try {
    server.start()
    sometimes(60_000, () => {
      seen.crashes++
      server.crash()
      setTimeout(() => server.start(), dice.below(20_000))
    })
    sometimes(20_000, () => server.collect())
    sometimes(30_000, () => server.hide())
    const live = (client: SimulatedClient): void => {
      client.start()
      sometimes(1_500, () => client.act())
      sometimes(8_000, () => client.connect())
      sometimes(25_000, () => client.disconnect())
      sometimes(70_000, () => {
        seen.crashes++
        client.crash()
        if (dice.chance(0.6)) client.damage()
        setTimeout(() => client.start(), dice.below(dice.chance(0.1) ? 2 * HORIZON : 20_000))
      })
      sometimes(150_000, () => (client.skew = dice.below(7_200_000) - 3_600_000))
    }
    for (const client of clients) live(client)
    sometimes(100_000, () => {
      const original = clients[dice.below(clients.length)]
      if (!original || clients.length >= 2 * count) return
      if (original.replica?.pending.length) seen.copies++
      const copy = original.copy(String.fromCharCode(65 + clients.length))
      clients.push(copy)
      live(copy)
    })
    await pass(duration)
    isHealed = true
    await pass(2 * HORIZON + 30_000)
    for (const client of clients) client.settle()
    for (let round = 0; round < 20; round++) {
      for (const client of clients) client.connect()
      await pass(10_000)
    }
    check(server, clients, seen)
    // What goes wrong while sessions go on, the next session would mend.
    for (let act = 0; act < 500; act++) {
      clients[dice.below(clients.length)]?.act()
      await pass(dice.below(100))
    }
    for (const client of clients) client.settle()
    await pass(60_000)
    check(server, clients, seen)
    for (const { diverged } of clients) seen.diverged += diverged
    for (const client of clients) {
      await checkColdStart(server, client, pass)
    }
    return seen
  } catch (error) {
    throw new Error(`history ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    server.crash()
    for (const client of clients) client.crash()
    // What was put off to the end of the turn is done, as others rely on it.
    await pass(1_000)
    random.restore()
    clock.restore()
  }
}

/** Everybody sees the same, and what everybody was told is true. Counts anew. */
const check = (server: SimulatedServer, clients: readonly SimulatedClient[], seen: Seen): void => {
  const ids = [...server.truth.keys()]
  for (const id of ids) {
    const state = server.state(id)
    // What is forgotten counts as long as it has not been: so nothing that was deleted comes back.
    assert.deepEqual(live(state), live(server.truth.get(id)), `${id} at the server is what was committed`)
    for (const { replica, targets } of clients) {
      if (!replica || targets !== ALL) continue
      const isThere = isVisible(id, state) && server.shows(state.view())
      assert.equal(replica.visible(id), isThere, `${id} is there, or not, for a client as for the server`)
      // What is below something that was deleted, a client need not know.
      if (!isThere) continue
      assert.deepEqual(live(replica.records.base(id)), live(state), `${id} at a client is what it is at the server`)
      assert.deepEqual(replica.state(id)?.view(), state.view(), `${id} looks the same`)
    }
  }
  for (const { replica, targets } of clients)
    for (const target of replica && targets === SOME ? SOME : []) {
      const shown = ids.filter(id => server.shows(server.state(id).view()))
      const right = found(target, shown, id => server.state(id))
      const own = found(target, replica ? [...replica.ids('')] : [], id => replica?.state(id))
      assert.deepEqual(own, right, `a client finds what the server finds: ${JSON.stringify(target)}`)
    }
  seen.writes = seen.refused = seen.stale = 0
  const added = new Set<string>()
  const done = new Set<string>()
  for (const { replica, writes, shared } of clients) {
    assert.ok(replica)
    assert.deepEqual(replica.outbox.entries, [], 'nothing waits')
    for (const tracked of writes.values()) {
      seen.writes++
      const [outcome] = tracked.outcomes
      // Who takes back what was never sent is sure of it, and does not know that another device has it too.
      if (outcome !== 'ERR_CANCELLED' || !shared.has(tracked.key)) checkWrite(server, tracked)
      if (outcome === 'ERR_DENIED' || outcome === 'ERR_INVALID') seen.refused++
      if (outcome === 'ERR_STALE') seen.stale++
      if (!tracked.outcomes.includes('durable')) continue
      done.add(tracked.key)
      if (tracked.write.records[0]?.record === 'n/0') added.add(tracked.key)
    }
  }
  assert.equal(server.state('n/0').view('n') ?? 0, added.size, 'each increment counts once')
  assert.equal(server.state(COUNT).view('n') ?? 0, done.size, 'a hook has counted each write once')
}

const checkWrite = (server: SimulatedServer, { key, write, outcomes }: Tracked): void => {
  const [outcome] = outcomes
  assert.ok(outcome, `write ${key} has an outcome`)
  assert.deepEqual([...new Set(outcomes)], [outcome], `write ${key} has one outcome`)
  if (outcome === 'ERR_CANCELLED') return
  for (const { record, registers } of write.records) {
    const truth = server.truth.get(record)
    for (const { path, value, kind } of registers) {
      if (kind !== LEAF) continue
      const isThere = server.values.has(value)
      if (outcome !== 'durable') assert.ok(!isThere, `write ${key} was refused, and is there`)
      // Its stamp when it was sent, which is not the one that its author would give it now.
      else
        assert.ok(isThere || hides(truth, path, server.stamps.get(key) ?? 0), `write ${key} was accepted, and is lost`)
    }
  }
}

/** Whether something at a path, or above it, was written later. */
const hides = (state: RecordState | undefined, path: string, t: number): boolean =>
  ['', path.split('.')[0] ?? '', path].some(above => (state?.get(above)?.t ?? 0) >= t)

/** What a device knows when it is started without a link. */
const checkColdStart = async (
  server: SimulatedServer,
  { disk, targets }: SimulatedClient,
  pass: (time: number) => Promise<void>
): Promise<void> => {
  const replica = new Replica({
    persist: keep(memory({ disk })),
    collections: COLLECTIONS,
    now: () => START,
    monotonic: () => 0
  })
  for (const { name } of ALL) replica.follow(name)
  await pass(1)
  assert.deepEqual(replica.pending, [], 'nothing waits in the store of a client')
  for (const id of targets === ALL ? server.truth.keys() : []) {
    const state = server.state(id)
    if (isVisible(id, state) && server.shows(state.view()))
      assert.deepEqual(live(replica.state(id)), live(state), `${id} is in the store of a client`)
    else assert.ok(!replica.visible(id), `${id} is not there in the store of a client`)
  }
}
