import assert from 'node:assert/strict'
import { Branch } from '../../../plugins/records/core/place.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import { INCREMENT } from '../../../plugins/records/core/register.ts'
import type { Write } from '../../../plugins/records/core/register.ts'
import { missingItem, wholeItems } from '../../../plugins/records/server/items.ts'
import { at } from '../../support/authority.ts'

const stateOf = (writes: readonly Write[]): RecordState => {
  const state = new RecordState()
  for (const write of writes) if (write.kind !== INCREMENT) state.merge(write)
  return state
}

const item = (time: number, path: string, value: number): readonly Write[] => [
  at(time, 'ann').set(`${path}.@pos`, 'V'),
  at(time, 'ann').set(`${path}.@value`, value)
]

/** How many places are gone through. */
const visits = (work: () => unknown): number => {
  let count = 0
  const counted = function* <T>(all: Iterable<T>): Generator<T> {
    for (const each of all) {
      count++
      yield each
    }
  }
  const { values, entries } = Map.prototype
  const own = {
    values(this: Branch) {
      return counted(values.call(this))
    },
    [Symbol.iterator](this: Branch) {
      return counted(entries.call(this))
    }
  }
  for (const key of Reflect.ownKeys(own))
    Object.defineProperty(Branch.prototype, key, { value: Reflect.get(own, key), configurable: true })
  try {
    work()
  } finally {
    for (const key of Reflect.ownKeys(own)) Reflect.deleteProperty(Branch.prototype, key)
  }
  return count
}

const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at))

describe('records: what the server does about items before it asks anybody', () => {
  const ITEMS = 300
  const WRITES = 1_000
  const list = [at(1, 'ann').make(), ...times(ITEMS, n => item(5, `steps.k${n}`, n)).flat()]
  const way = (depth: number): string => times(depth, () => 'a').join('.')
  const deep = [
    at(1, 'ann').make(),
    ...times(ITEMS, n => at(5, 'ann').set(`${way(58)}.x${n}`, n)),
    ...item(5, `${way(58)}.k`, 1)
  ]

  const floods: Record<string, readonly [registers: readonly Write[], writes: readonly Write[]]> = {
    'one deletion many times': [list, times(WRITES, () => at(3, 'eve').remove('steps'))],
    'deletions that are later and later': [list, times(WRITES, n => at(3, 'eve', n).remove('steps'))],
    'deletions that are earlier and earlier': [list, times(WRITES, n => at(3, 'eve', WRITES - n).remove('steps'))],
    'deletions and objects': [
      list,
      times(WRITES, n => (n % 2 ? at(3, 'eve', n).remove('steps') : at(3, 'eve', n).make('steps')))
    ],
    'positions of each item, many times': [
      list,
      times(WRITES, n => at(6, 'eve', n).remove(`steps.k${n % ITEMS}.@pos`))
    ],
    'one deletion of many fields far below': [deep, times(WRITES, () => at(3, 'eve').remove('a'))],
    'deletions of all that leads there': [
      deep.slice(0, -2),
      times(WRITES, n => at(3, 'eve', n).remove(way(1 + (n % 58))))
    ]
  }

  for (const [name, [registers, writes]] of Object.entries(floods))
    it(`goes through a record a few times, whatever is written: ${name}`, () => {
      const state = stateOf(registers)
      const count = visits(() => {
        wholeItems(state, writes)
        missingItem(state, writes)
      })
      assert.ok(count > 0)
      assert.ok(count <= 12 * (state.size + writes.length), `${count} places for ${state.size} registers`)
    })

  it('finds what is left of items that were written later, in lists within items too', () => {
    const state = stateOf([
      at(1, 'ann').make(),
      ...item(1, 'steps.k', 1),
      at(5, 'bob').set('steps.k.@value', 2),
      at(1, 'ann').set('steps.m.@pos', 'W'),
      ...item(1, 'steps.m.@value.sub.n', 1),
      at(5, 'bob').set('steps.m.@value.sub.n.@value', 2)
    ])
    const added = (writes: readonly Write[]): readonly string[] =>
      wholeItems(state, writes)
        .slice(writes.length)
        .map(({ path }) => path)
    assert.deepEqual(added([at(3, 'eve').remove('steps')]), ['steps.k', 'steps.m'])
    assert.deepEqual(added([at(3, 'eve').remove('steps'), at(3, 'eve').remove('steps.m.@value.sub')]), [
      'steps.k',
      'steps.m',
      'steps.m.@value.sub.n'
    ])
    assert.deepEqual(added([at(3, 'eve').remove('steps.m.@value.sub')]), ['steps.m.@value.sub.n'])
    assert.deepEqual(added([at(6, 'eve').remove('steps')]), [])
    // What is deleted first and inserted anew stays.
    assert.deepEqual(added([at(6, 'eve').remove('steps.k.@pos'), at(6, 'eve', 1).set('steps.k.@pos', 'X')]), [])
  })
})
