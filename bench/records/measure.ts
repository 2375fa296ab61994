import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FIELDS, RECORDS, ops } from './contestant.ts'
import type { Contestant, Op, Replica } from './contestant.ts'

const SETS = 100_000
const DIVERGED = 10_000
/** So many sets are under way until the others have them. */
const SETTLE = 1_000
/**
 * How often something is done in a round: as long as it took no time, because once would say nothing. The threads that compile count
 * for the CPU time of the process, and one compilation takes as long as a hundred thousand sets. In microseconds.
 */
const REPEATS = 10
const ENOUGH = 300_000

/**
 * set, apply, merge: microseconds of CPU time for one set, one message, and both ways of a merge; wire: bytes of a message;
 * snapshot: bytes; heap: bytes of heap for one field.
 */
export const measures = ['set', 'apply', 'merge', 'wire', 'snapshot', 'heap'] as const
export type Measure = (typeof measures)[number]
/** What is measured in each round: heap is measured once, behind all of them. */
export type Round = Readonly<Record<Exclude<Measure, 'heap'>, number>>
export type Outcome = Readonly<Record<Measure, number>>

setFlagsFromString('--expose-gc')
// Collecting garbage that often would throw compiled code away, which nothing that runs for long does.
setFlagsFromString('--no-flush-bytecode')
const collectGarbage = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void

const cpu = (act: () => void): number => {
  const before = process.cpuUsage()
  act()
  const { user, system } = process.cpuUsage(before)
  return user + system
}

/**
 * Moves what was made so far out of the way of what is timed next. Otherwise every other merge has to copy twenty thousand
 * diverged fields, because the space for new objects happens to be full by then, which takes three times as long as to merge them.
 */
const settleGarbage = (): void => {
  // An object has to outlive two collections.
  collectGarbage({ type: 'minor' })
  collectGarbage({ type: 'minor' })
}

const heap = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** A contestant that is wrong is out, however fast it is. */
const expect = (name: string, replica: Replica, op: Op | undefined): void => {
  if (!op) throw new Error(`${name} was given nothing to do`)
  const { record, field, value } = op
  if (replica.get(record, field) !== value) throw new Error(`${name}: ${record} ${field} is not ${value}`)
}

/** Two replicas with the same state, each of which then sets fields on its own. */
const diverge = ({ create, most = DIVERGED }: Contestant, snapshot: Uint8Array): readonly [Replica, Replica] => {
  const pair = [create(false), create(false)] as const
  const count = Math.min(DIVERGED, most)
  for (const [at, replica] of pair.entries()) {
    replica.load(snapshot)
    replica.mark()
    for (const op of ops(count, SETS + (at * count) / 2)) replica.set(op)
    replica.rest?.()
  }
  return pair
}

const setAll = (replica: Replica, sets: readonly Op[]): number => {
  let took = 0
  for (let at = 0; at < sets.length; at += SETTLE) {
    const some = sets.slice(at, at + SETTLE)
    took += cpu(() => {
      for (const op of some) replica.set(op)
    })
    replica.settle()
  }
  return took
}

/**
 * Does something once, and then measures how long it takes. Collecting all garbage throws compiled code away, with the last object of
 * each kind; what runs for long has some of each, and so it has to be compiled again for what is measured.
 */
const warm = (
  create: Contestant['create'],
  act: (replica: Replica) => number
): { readonly replica: Replica; readonly took: number } => {
  collectGarbage()
  act(create(false))
  const times: number[] = []
  for (;;) {
    const replica = create(false)
    settleGarbage()
    times.push(act(replica))
    if (isEnough(times)) return { replica, took: median(times) }
  }
}

const isEnough = (times: readonly number[]): boolean =>
  times.length === REPEATS || times.reduce((sum, time) => sum + time, 0) > ENOUGH

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** One round of one contestant. */
export const measure = (contestant: Contestant): Round => {
  const { name, create, most = SETS, converges = true } = contestant
  const sets = ops(Math.min(SETS, most))
  const author = warm(create, replica => setAll(replica, sets))
  expect(name, author.replica, sets.at(-1))

  const sender = create(true)
  for (const op of sets) sender.set(op)
  const messages = sender.messages()
  const reader = warm(create, replica =>
    cpu(() => {
      for (const message of messages) replica.apply(message)
    })
  )
  expect(name, reader.replica, sets.at(-1))

  const base = create(false)
  const all = ops(Math.min(RECORDS * FIELDS, most))
  for (const op of all) base.set(op)
  base.rest?.()
  const snapshot = base.snapshot()
  // The first ones are for the compiler again.
  collectGarbage()
  const times: number[] = []
  while (!isEnough(times)) {
    const [one, other] = diverge(contestant, snapshot)
    settleGarbage()
    times.push(
      cpu(() => {
        const [ours, theirs] = [one.changes(), other.changes()]
        one.merge(theirs)
        other.merge(ours)
      })
    )
    for (const { record, field } of converges ? all : []) {
      expect(name, one, { record, field, value: Number(other.get(record, field)) })
    }
  }
  const merge = median(times.slice(times.length >> 1))

  return {
    set: author.took / sets.length,
    apply: reader.took / messages.length,
    merge,
    wire: messages.reduce((sum, { length }) => sum + length, 0) / messages.length,
    snapshot: snapshot.length
  }
}

/**
 * Bytes of heap for one field. One replica after the other is loaded, because at the first one something from before may go meanwhile, which would
 * count against it. To be called when nothing is timed any more: it collects all garbage again and again, and compiled code goes with it.
 */
export const measureHeap = ({ name, create, most = SETS }: Contestant): number => {
  const all = ops(Math.min(RECORDS * FIELDS, most))
  const base = create(false)
  for (const op of all) base.set(op)
  base.rest?.()
  const snapshot = base.snapshot()
  const kept: Replica[] = []
  const sizes = [1, 2, 3].map(() => {
    const before = heap()
    const replica = create(false)
    replica.load(snapshot)
    kept.push(replica)
    return heap() - before
  })
  for (const replica of kept) expect(name, replica, all.at(-1))
  return median(sizes) / all.length
}
