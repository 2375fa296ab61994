import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import { Replica } from '../../plugins/records/client/replica.ts'
import { Records } from '../../plugins/records/client/surface.ts'
import { pick } from '../../plugins/records/core/pick.ts'
import { compareBy, matches } from '../../plugins/records/core/query.ts'
import type { QueryOf } from '../../plugins/records/client/types.ts'
import type { LiveQuery } from '../../plugins/records/client/live-query.ts'
import type { LiveRecord } from '../../plugins/records/client/live-record.ts'
import { sealOf } from '../../lib/server/seal.ts'
import type { Value } from '../../lib/store.ts'
import { Authority } from '../../plugins/records/server/authority.ts'
import type { Follower } from '../../plugins/records/server/follower.ts'
import type { PermitQuestion } from '../../plugins/records/server/options.ts'
import { memory } from '../../stores/memory.ts'
import { NOW, peerOf, userOf } from './authority.ts'
import { Dice } from './dice.ts'

/** What records have. */
type Fields = Partial<Record<(typeof FIELDS)[number], number>>

const FIELDS = ['x', 'y', 'level'] as const
const ORDERS = ['x', '-x', 'y', '-y'] as const

/** Frames on their way in one direction, in order. */
const way = (dice: Dice, latency: number, deliver: (bytes: Uint8Array) => void) => {
  let free = 0
  return (bytes: Uint8Array): true => {
    free = Math.max(free, Date.now() + dice.below(latency))
    setTimeout(() => deliver(bytes), free - Date.now())
    return true
  }
}

const copyOf = (entries: Iterable<{ readonly id: string; readonly value: unknown }>): unknown[] =>
  [...entries].map(({ id, value }) => ({ id, value }))

/**
 * Plays a history of one who writes, and one who reads: it follows queries and records of a collection and lets go of them, while what it may
 * see changes. In the end it must see all that it follows as it is, and nothing else must be left.
 */
export const playReading = async (seed: number): Promise<void> => {
  const dice = new Dice(seed)
  const clock = useFakeTimers({
    now: NOW,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'setImmediate', 'clearImmediate', 'Date'],
    shouldClearNativeTimers: true
  })
  const isJudged = dice.chance(0.7)
  let highest = 3
  const mayRead = (value: Value | undefined): boolean => !isJudged || Number(pick(value, 'level') ?? 0) <= highest
  const permit = (question: PermitQuestion): boolean | Promise<boolean> => {
    if (userOf(question) === 'writer') return true
    const { verb, value } = question
    const answer = verb === 'read' && mayRead(value)
    const delay = dice.below(12)
    return delay < 4 ? answer : new Promise(resolve => setTimeout(() => resolve(answer), delay))
  }
  const failed: unknown[] = []
  const authority = new Authority(memory(), {
    now: () => Date.now(),
    seal: sealOf,
    limits: { frame: 400 },
    ...(isJudged && { permit }),
    failed: error => failed.push(error)
  })
  const latency = dice.pick([1, 10])
  const connect = (
    user: string
  ): { readonly records: Records; readonly replica: Replica; readonly follower: Follower } => {
    const replica = new Replica({ now: () => Date.now(), monotonic: () => Date.now(), discardDelay: 1 })
    replica.on('refused', () => {})
    // Who sets a field of what it has just deleted, or never saw, is refused.
    replica.on('rejected', error => error.code !== 'ERR_CONFLICT' && failed.push(error))
    const follower = authority.connect({
      peer: peerOf(user),
      send: way(dice, latency, bytes => replica.receive(bytes)),
      fail: failure => failed.push(failure)
    })
    replica.connected(way(dice, latency, bytes => follower.receive(bytes)))
    return { replica, follower, records: new Records(replica, error => failed.push(error)) }
  }
  try {
    await authority.open()
    const writer = connect('writer')
    const reader = connect('reader')
    await clock.tickAsync(50)
    const queries: { readonly query: QueryOf<Fields>; readonly live: LiveQuery<Fields> }[] = []
    const records: { readonly id: string; readonly live: LiveRecord<Fields> }[] = []
    const numbers = (): Fields =>
      Object.fromEntries(FIELDS.flatMap(field => (dice.chance(0.8) ? [[field, dice.below(6)]] : [])))
    const act = (): void => {
      const choice = dice.below(100)
      const id = `a/${dice.below(6)}`
      const record = writer.records.get<Fields>(id)
      if (choice < 25) record.set(dice.pick(FIELDS), dice.below(6))
      else if (choice < 35) record.delete()
      else if (choice < 55) record.replace(numbers())
      else if (choice < 67) {
        const query: QueryOf<Fields> = {
          where: dice.chance(0.3) ? [[dice.pick(FIELDS), '>=', dice.below(5)]] : [],
          order: dice.chance(0.7) ? [dice.pick(ORDERS)] : [],
          ...(dice.chance(0.7) && { limit: 1 + dice.below(3) })
        }
        queries.push({ query, live: reader.records.collection<Fields>('a/').query(query) })
      } else if (choice < 75) queries.splice(dice.below(queries.length), 1)[0]?.live.release()
      else if (choice < 85) records.push({ id, live: reader.records.get<Fields>(id) })
      else if (choice < 95) records.splice(dice.below(records.length), 1)[0]?.live.release()
      else {
        highest = 2 + dice.below(4)
        reader.follower.refresh()
      }
      record.release()
    }
    for (let count = 10 + dice.below(50); count; count--) {
      act()
      await clock.tickAsync(dice.below(6))
    }
    await clock.tickAsync(500)
    const all = writer.records.collection('a/').query()
    await clock.tickAsync(200)
    const seen = copyOf(all.get()).filter((entry): entry is { id: string; value: Value } =>
      mayRead((entry as { value: Value }).value)
    )
    const wanted = new Set<string>()
    for (const { query, live } of queries) {
      const right = seen
        .filter(({ value }) => matches(query, value))
        .sort(compareBy(query.order))
        .slice(0, query.limit)
      for (const { id } of right) wanted.add(id)
      assert.deepEqual(copyOf(live.get()), right, JSON.stringify(query))
    }
    for (const { id, live } of records) {
      wanted.add(id)
      // It is asked for again in the next session.
      if (live.status === 'refused' && live.get() === undefined) continue
      assert.deepEqual(live.get(), seen.find(entry => entry.id === id)?.value, id)
    }
    const left = [...reader.replica.ids('')].filter(id => reader.replica.look(id) !== undefined && !wanted.has(id))
    assert.deepEqual(left, [], 'nothing is left that nobody follows')
    assert.deepEqual(failed, [])
  } catch (error) {
    throw new Error(`history ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  } finally {
    const closing = authority.close()
    await clock.tickAsync(100)
    await closing
    clock.restore()
  }
}
