import type { Value } from '../../lib/store.ts'
import type { Clock } from '../../plugins/records/core/clock.ts'
import type { digestOf } from '../../plugins/records/core/digest.ts'
import type { RecordState } from '../../plugins/records/core/record-state.ts'
import type { Kind, Register } from '../../plugins/records/core/register.ts'
import { DELETED, LEAF, OBJECT } from '../../plugins/records/core/register.ts'
import type { collect } from '../../plugins/records/core/tombstones.ts'

/** The code that is tested: the project's, or a copy of it with a mistake. */
export interface Core {
  readonly RecordState: typeof RecordState
  readonly Clock: typeof Clock
  readonly collect: typeof collect
  readonly digestOf: typeof digestOf
}

/** Numbers that look random, the same ones for a seed (mulberry32, Tommy Ettinger, public domain). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed
  }

  /** 0 ≤ number < 1 */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0, less than `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('there is nothing to pick from')
    return item
  }

  /** A copy in any order. */
  shuffle<T>(items: readonly T[]): T[] {
    return items
      .map(item => ({ item, at: this.next() }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item)
  }
}

const KEYS = ['a', 'b', 'c', '7', 'x\\.y']
const VALUES: readonly Value[] = [
  0,
  1,
  -2.5,
  '',
  'text',
  null,
  true,
  [],
  [1, 'two'],
  [{ one: 1, two: 2 }],
  Uint8Array.of(1, 2),
  Uint8Array.of(1, 3)
]

/** One who writes: a state, a clock that is wrong, and how far the others are. */
export interface Replica {
  readonly state: RecordState
  readonly clock: Clock
  /** The number of its last change. */
  seq: number
}

/** What happened to one record. */
export interface History {
  readonly replicas: readonly Replica[]
  /** All that was ever written, in the order of writing. */
  readonly written: readonly Register[]
}

/** Some paths are more likely than others, so that many meet. */
const pathOf = (dice: Dice): string =>
  Array.from({ length: dice.below(4) }, () => KEYS[Math.floor(KEYS.length * dice.next() ** 2)] ?? 'a').join('.')

const below = (path: string, key: string): string => (path ? `${path}.${key}` : key)

/** What one act writes: all of it with one stamp. */
const act = (dice: Dice): readonly Pick<Register, 'path' | 'kind' | 'value'>[] => {
  const path = pathOf(dice)
  const part = (path: string, kind: Kind, value?: Value) => ({ path, kind, value })
  const fields = dice.shuffle(KEYS).slice(0, dice.below(4))
  const leaves = fields.map(key => part(below(path, key), LEAF, dice.pick(VALUES)))
  const kind = dice.below(10)
  if (kind < 5) return [part(path, LEAF, dice.pick(VALUES))]
  if (kind < 7) return [part(path, OBJECT), ...leaves]
  if (kind < 9) return [part(path, DELETED)]
  return leaves
}

/**
 * A few replicas write and tell each other. Time goes slowly, so that many stamps are close, or equal but for the node; and in
 * one of five histories two replicas have one node, as copied storage has.
 */
export const play = ({ RecordState, Clock }: Core, seed: number): History => {
  const dice = new Dice(seed)
  let time = 1_000
  const nodes = dice.chance(0.2) ? ['twin', 'twin', 'other'] : ['one', 'two', 'three']
  // Twins that run on one machine give the same stamps to different things.
  const skews = new Map(nodes.map(node => [node, dice.below(7) - 3]))
  const replicas = nodes.map((node): Replica => {
    const skew = skews.get(node) ?? 0
    return { state: new RecordState(), clock: new Clock(node, () => time + skew), seq: 0 }
  })
  const written: Register[] = []
  for (let step = 0, steps = 2 + dice.below(40); step < steps; step++) {
    if (dice.chance(0.3)) time++
    const replica = dice.pick(replicas)
    if (dice.chance(0.7)) {
      const stamp = replica.clock.tick()
      for (const part of act(dice)) {
        const register = { ...part, ...stamp }
        written.push(register)
        replica.state.merge(register, ++replica.seq)
      }
    } else {
      for (const register of dice.pick(replicas).state.registers()) {
        if (dice.chance(0.2)) continue
        replica.clock.saw(register.t)
        replica.state.merge(register, ++replica.seq)
      }
    }
    // What was looked at is remembered: it must not be wrong later.
    if (dice.chance(0.3)) replica.state.view()
  }
  return { replicas, written }
}
