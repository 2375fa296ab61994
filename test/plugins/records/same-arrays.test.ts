import assert from 'node:assert/strict'
import { itemsOf, list } from '../../../plugins/records/client/list.ts'
import { hasMember, members, membersOf } from '../../../plugins/records/client/members.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import type { ListOf, SetOf } from '../../../plugins/records/client.ts'
import { Stage } from '../../support/replica.ts'

interface Todo {
  readonly title: string
  readonly steps?: ListOf<string>
  readonly labels?: SetOf<string>
}

describe('records: arrays are the same until something in them changes', () => {
  let stage: Stage
  let records: Records<{ readonly 'todos/': Todo }>

  beforeEach(() => {
    stage = new Stage()
    records = new Records(stage.replica, error => {
      throw error
    })
  })

  afterEach(() => stage.replica.close())

  it('the items of a list, whoever asks', () => {
    const todo = records.get('todos/1')
    const items = () => list(todo, 'steps').items
    assert.deepEqual(items(), [])
    assert.equal(items(), items())
    todo.replace({ title: 'Tea' })
    list(todo, 'steps').push('Boil water')
    const before = items()
    assert.equal(before.length, 1)
    assert.ok(Object.isFrozen(before))
    todo.set('title', 'Green tea')
    assert.equal(items(), before)
    list(todo, 'steps').push('Wait')
    assert.notEqual(items(), before)
    assert.equal(items()[0], before[0])
    list(todo, 'steps').set(before[0]?.id ?? '', 'Boil milk')
    assert.notEqual(items()[0], before[0])
    assert.deepEqual(
      items().map(({ value }) => value),
      ['Boil milk', 'Wait']
    )
  })

  it('the items of a set', () => {
    const todo = records.get('todos/1')
    const items = () => members(todo, 'labels').items
    assert.equal(items(), items())
    todo.replace({ title: 'Tea' })
    members(todo, 'labels').add('hot')
    const before = items()
    assert.ok(Object.isFrozen(before))
    todo.set('title', 'Green tea')
    assert.equal(items(), before)
    members(todo, 'labels').add('green')
    assert.deepEqual(items(), ['green', 'hot'])
  })

  it('begin as an empty object, and all of it in one write', () => {
    const kept = records.collection('todos/').add({ title: 'Tea', steps: {}, labels: {} }, '7')
    assert.equal(kept.id, 'todos/7')
    list(records.get('todos/7'), 'steps').push('Boil water')
    const write = records.transaction(({ get }) => {
      const todo = get('todos/8')
      todo.replace({ title: 'Coffee', steps: {}, labels: {} })
      for (const step of ['Grind', 'Boil water']) list(todo, 'steps').push(step)
      members(todo, 'labels').add('hot')
    })
    assert.deepEqual(records.pending.at(-1), write)
    const [tea, coffee] = [records.get('todos/7'), records.get('todos/8')]
    const steps = [tea, coffee].map(todo => list(todo, 'steps').items.map(({ value }) => value))
    assert.deepEqual(steps, [['Boil water'], ['Grind', 'Boil water']])
    assert.deepEqual([members(tea, 'labels').items, members(coffee, 'labels').items], [[], ['hot']])
    list(tea, 'steps').push('Wait')
    tea.set('steps', undefined)
    assert.deepEqual(list(tea, 'steps').items, [])
    list(tea, 'steps').push('Again')
    assert.equal(list(tea, 'steps').length, 1)
  })

  it('a draft of a transaction shows what was done to it', () => {
    records.get('todos/1').replace({ title: 'Tea' })
    records.transaction(({ get }) => {
      const steps = list(get('todos/1'), 'steps')
      const labels = members(get('todos/1'), 'labels')
      steps.push('Boil water')
      labels.add('hot')
      assert.deepEqual([steps.items.length, labels.items], [1, ['hot']])
      steps.push('Wait')
      labels.delete('hot')
      assert.deepEqual([steps.items.length, labels.items], [2, []])
    })
  })

  it('a list and a set at one path are not taken for each other', () => {
    const todo = records.get<{ readonly steps: ListOf<string> & SetOf<string> }>('any/1')
    members(todo, 'steps').add('x')
    assert.deepEqual(list(todo, 'steps').items, [])
    assert.deepEqual(members(todo, 'steps').items, ['x'])
  })

  it('of plain values too: of what a rule or a query has', () => {
    const todo = records.get('todos/1')
    records.transaction(({ get }) => {
      get('todos/1').replace({ title: 'Tea', steps: {}, labels: {} })
      list(get('todos/1'), 'steps').push('Boil water')
      members(get('todos/1'), 'labels').add('hot')
    })
    const [result] = records.collection('todos/').query().get()
    const { steps, labels } = result?.value ?? {}
    assert.deepEqual(
      itemsOf(steps).map(({ value }) => value),
      ['Boil water']
    )
    assert.deepEqual([membersOf(labels), hasMember(labels, 'hot'), hasMember(labels, 'cold')], [['hot'], true, false])
    assert.equal(itemsOf(todo.get('steps')), list(todo, 'steps').items)
    assert.equal(membersOf(todo.get('labels')), members(todo, 'labels').items)
    assert.deepEqual([itemsOf(undefined), membersOf(undefined), hasMember(undefined, 'hot')], [[], [], false])
  })

  it('what waits to be committed, of all records and of one', () => {
    const [one, other] = [records.get('todos/1'), records.get('todos/2')]
    assert.equal(records.pending, records.pending)
    const write = one.replace({ title: 'Tea' })
    const [all, own] = [records.pending, one.pending]
    assert.deepEqual([all, own], [[write], [write]])
    assert.ok(Object.isFrozen(all) && Object.isFrozen(own))
    assert.deepEqual([records.pending === all, one.pending === own], [true, true])
    other.replace({ title: 'Milk' })
    assert.notEqual(records.pending, all)
    assert.equal(one.pending, own)
    assert.equal(records.pending, records.pending)
  })
})
