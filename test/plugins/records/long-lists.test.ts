import assert from 'node:assert/strict'
import fc from 'fast-check'
import { list } from '../../../plugins/records/client/list.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import type { ListOf } from '../../../plugins/records/client.ts'
import { Branch } from '../../../plugins/records/core/place.ts'
import type { Place } from '../../../plugins/records/core/place.ts'
import { Stage } from '../../support/replica.ts'

interface Todo {
  readonly title: string
  readonly steps: ListOf<number>
}

type App = { readonly 'todos/': Todo }

/** How many places are looked at. */
const visitsOf = (work: () => void): number => {
  let visits = 0
  const { get } = Branch.prototype
  const all = Map.prototype[Symbol.iterator]
  function* counted(this: Branch): MapIterator<[string, Place]> {
    for (const entry of all.call(this) as MapIterator<[string, Place]>) {
      visits++
      yield entry
    }
    return undefined
  }
  Object.assign(Branch.prototype, {
    [Symbol.iterator]: counted,
    *values(this: Branch): Generator<Place> {
      for (const [, place] of counted.call(this)) yield place
    },
    get(this: Branch, key: string): Place | undefined {
      visits++
      return get.call(this, key)
    }
  })
  try {
    work()
  } finally {
    for (const key of ['get', 'values', Symbol.iterator]) Reflect.deleteProperty(Branch.prototype, key)
  }
  return visits
}

describe('records: long lists', () => {
  let stage: Stage
  let records: Records<App>

  beforeEach(() => {
    stage = new Stage()
    records = new Records<App>(stage.replica, error => assert.fail(String(error)))
  })

  afterEach(() => stage.replica.close())

  const ways: Record<string, (count: number, id: 'todos/1' | 'todos/2') => void> = {
    'at the end': (count, id) => {
      const steps = list(records.get(id), 'steps')
      for (let step = 0; step < count; step++) steps.push(step)
    },
    'in front': (count, id) => {
      const steps = list(records.get(id), 'steps')
      for (let step = 0; step < count; step++) steps.insert(0, step)
    },
    'in one transaction': (count, id) => {
      records.transaction(({ get }) => {
        const steps = list(get(id), 'steps')
        for (let step = 0; step < count; step++) steps.push(step)
      })
    },
    'while others are changed, moved and taken out': (count, id) => {
      const steps = list(records.get(id), 'steps')
      for (let step = 0; step < count; step++) {
        steps.insert(0, step, `i${step}`)
        if (step % 3 === 1) steps.move(`i${step - 1}`, steps.length >> 1)
        if (step % 5 === 1) steps.set(`i${step}`, -1)
        if (step % 7 === 1) steps.delete(`i${step - 1}`)
      }
    }
  }

  for (const [way, insert] of Object.entries(ways))
    it(`grow ${way} without all of them being looked at`, () => {
      for (const id of ['todos/1', 'todos/2'] as const) records.get(id).replace({ title: 'Tea', steps: {} })
      const few = visitsOf(() => insert(100, 'todos/1'))
      const many = visitsOf(() => insert(1_600, 'todos/2'))
      assert.ok(few > 100)
      assert.ok(many < 20 * few, `${many} visits, and ${few} of a 16th`)
    })

  it('have the order of their positions, whatever is done to them in whatever way', () => {
    const step = fc.record({
      what: fc.constantFrom('push', 'insert', 'move', 'set', 'delete', 'path', 'list', 'record', 'transaction'),
      at: fc.nat(8),
      to: fc.nat(8)
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), script => {
        const todo = records.get('todos/1')
        todo.replace({ title: 'Tea', steps: {} })
        const steps = list(todo, 'steps')
        const expected: number[] = []
        let count = 0
        for (const { what, at, to } of script) {
          const { items } = steps
          const index = at % Math.max(1, items.length)
          const item = items[index]
          const value = ++count
          if (what === 'push') {
            steps.push(value)
            expected.push(value)
          } else if (what === 'insert') {
            steps.insert(to, value)
            expected.splice(to, 0, value)
          } else if (what === 'list') {
            todo.replace('steps', todo.get('steps') ?? {})
          } else if (what === 'record' && at === 0) {
            todo.replace({ title: 'Tea', steps: {} })
            expected.length = 0
          } else if (what === 'transaction')
            records.transaction(({ get }) => {
              const draft = list(get('todos/1'), 'steps')
              draft.insert(at, value)
              draft.insert(to, -value)
              expected.splice(at, 0, value)
              expected.splice(to, 0, -value)
              assert.equal(draft.length, expected.length)
            })
          else if (!item) continue
          else if (what === 'set') {
            steps.set(item.id, value)
            expected[index] = value
          } else if (what === 'path') {
            todo.set(`steps.${item.id}.@value`, value)
            expected[index] = value
          } else if (what === 'delete') {
            steps.delete(item.id)
            expected.splice(index, 1)
          } else if (what === 'move') {
            steps.move(item.id, to)
            expected.splice(to, 0, ...expected.splice(index, 1))
          }
          assert.equal(steps.length, expected.length)
        }
        assert.deepEqual(
          steps.items.map(({ value }) => value),
          expected
        )
      })
    )
  })
})
