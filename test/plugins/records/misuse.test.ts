import assert from 'node:assert/strict'
import { spy } from 'sinon'
import { keep, list } from '../../../plugins/records/index.ts'
import type { AnyRecord, ListOf } from '../../../plugins/records/index.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import { indexeddb } from '../../../stores/indexeddb/client.ts'
import { memory } from '../../../stores/memory.ts'
import { Stage } from '../../support/replica.ts'

type App = { readonly 'todos/': { readonly title: string; readonly steps: ListOf<string> } }

/** Calls a method as JavaScript does: with anything. */
const pass = (target: object, method: string, ...args: readonly unknown[]): unknown => {
  const found = Reflect.get(target, method) as (...args: readonly unknown[]) => unknown
  return Reflect.apply(found, target, args)
}

const refused = (code: string, message: RegExp, call: () => unknown): void => {
  assert.throws(call, { name: 'AnywireError', code, message })
}

describe('records, called as JavaScript may', () => {
  let stage: Stage
  let all: Records<App>

  beforeEach(() => {
    stage = new Stage()
    all = new Records<App>(stage.replica, error => assert.fail(String(error)))
  })

  afterEach(() => stage.replica.close())

  it('a path is a text', () => {
    const todo = all.get('todos/1')
    for (const path of [5, null, true, Symbol('path'), Number.NaN]) {
      const message = new RegExp(`'${String(path).replaceAll(/[[\]()]/g, '\\$&')}'$`)
      for (const method of ['set', 'delete', 'increment', 'get'])
        refused('ERR_PATH', message, () => pass(todo, method, path, 1))
    }
    assert.equal(all.pending.length, 0)
  })

  it('an item of a list is put at a number', () => {
    const steps = list(all.get('todos/1'), 'steps')
    steps.push('a')
    const [item] = steps.items
    for (const index of [Number.NaN, undefined, 'first', {}]) {
      refused('ERR_OPTION', / is no index of a list$/, () => pass(steps, 'insert', index, 'b'))
      refused('ERR_OPTION', / is no index of a list$/, () => pass(steps, 'move', item?.id, index))
    }
    assert.deepEqual(steps.items, [item])
    steps.insert(-1, 'first')
    steps.insert(Infinity, 'last')
    assert.deepEqual(
      steps.items.map(({ value }) => value),
      ['first', 'a', 'last']
    )
  })

  it('who listens says how', () => {
    const [follow, unfollow] = [spy(stage.replica, 'follow'), spy(stage.replica, 'unfollow')]
    const todo = all.get('todos/1')
    const query = all.collection('todos/').query()
    refused('ERR_OPTION', /'subscribe' needs a function/, () => pass(todo, 'subscribe', 'title'))
    for (const live of [todo, query]) {
      refused('ERR_OPTION', /'subscribe' needs a function/, () => pass(live, 'subscribe'))
      refused('ERR_OPTION', /'change' needs a function/, () => pass(live, 'on', 'change'))
      live.release()
    }
    refused('ERR_OPTION', /'subscribe' needs a function/, () =>
      pass(all.collection('todos/'), 'subscribe', { limit: 1 })
    )
    refused('ERR_OPTION', /'transaction' needs a function/, () => pass(all, 'transaction'))
    // Nothing is followed that nobody can end.
    assert.equal(unfollow.callCount, follow.callCount)
  })

  it('a collection is listened to without a query', () => {
    const seen: unknown[] = []
    const undo = all.collection('todos/').subscribe(results => seen.push(results.map(({ id }) => id)))
    all.get<AnyRecord>('todos/1').set('title', 'Tea')
    undo()
    assert.deepEqual(seen, [['todos/1']])
  })

  it('keep is given a store, in Node', () => {
    for (const store of [undefined, null, 'data.db', {}, { name: 'x' }, indexeddb])
      refused('ERR_OPTION', /the argument of 'keep' must be a store, such as sqlite\('data.db'\), not /, () =>
        Reflect.apply(keep, undefined, [store])
      )
    assert.equal(typeof keep(memory()), 'function')
  })
})
