import assert from 'node:assert/strict'
import { history } from '../../../plugins/records/client/history.ts'
import type { HistoryOptions } from '../../../plugins/records/client/history.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import type { Store } from '../../../lib/store.ts'
import { memory } from '../../../stores/memory.ts'
import { deleted, leaf, object, Stage, turn } from '../../support/replica.ts'

interface Todo {
  readonly title: string
  readonly note?: string
  readonly votes?: number
}

const stages: Stage[] = []

const start = (options?: HistoryOptions, store?: Store) => {
  const stage = new Stage({ ...(store && { store }) })
  stages.push(stage)
  const records = new Records<{ readonly 'todos/': Todo }>(stage.replica, error => {
    throw error
  })
  const todo = records.get('todos/1')
  const steps = history(records, options)
  return {
    stage,
    records,
    todo,
    steps,
    /** Writes a title letter by letter. */
    type: (text: string, pause = 100): void => {
      for (let at = 1; at <= text.length; at++) {
        stage.pass(pause)
        todo.set('title', text.slice(0, at))
      }
    },
    /** What is there after each undo, as long as there is one. */
    undoAll: (): unknown[] => {
      const seen: unknown[] = []
      while (steps.undo()) seen.push(todo.get())
      return seen
    }
  }
}

describe('records: writes that are one step of undo', () => {
  afterEach(async () => {
    for (const { replica } of stages.splice(0)) await replica.close()
  })

  it('those of one field that follow each other, also where the first one makes the record', async () => {
    const { stage, todo, steps, type, undoAll } = start()
    await stage.synced('todos/1')
    type('milk')
    steps.undo()
    assert.equal(todo.exists, false)
    steps.redo()
    assert.deepEqual(todo.get(), { title: 'milk' })
    assert.deepEqual(undoAll(), [undefined])
  })

  it('not what was written after a pause, in another field, or in the same one before and after another', () => {
    const { stage, todo, type, undoAll } = start()
    todo.replace({ title: '' })
    type('tea')
    stage.pass(500)
    type('milk')
    todo.set('note', 'x')
    todo.set('title', 'juice')
    assert.deepEqual(undoAll(), [
      { title: 'milk', note: 'x' },
      { title: 'milk' },
      { title: 'tea' },
      { title: '' },
      undefined
    ])
  })

  it('as long as it is said, or never', () => {
    const slow = start({ merge: 2_000 })
    slow.type('milk', 1_500)
    assert.equal(slow.undoAll().length, 1)
    const never = start({ merge: 0 })
    never.type('milk', 0)
    assert.equal(never.undoAll().length, 4)
  })

  it('not what is added, which is done several times on purpose', () => {
    const { todo, undoAll } = start()
    todo.replace({ title: 'Tea', votes: 0 })
    todo.increment('votes')
    todo.increment('votes')
    assert.deepEqual(undoAll(), [{ title: 'Tea', votes: 1 }, { title: 'Tea', votes: 0 }, undefined])
  })

  it('not what follows an undo', () => {
    const { todo, steps, type, undoAll } = start()
    todo.replace({ title: '' })
    type('tea')
    todo.set('note', 'x')
    steps.undo()
    todo.set('title', 'teapot')
    assert.deepEqual(undoAll(), [{ title: 'tea' }, { title: '' }, undefined])
  })

  it('not where somebody else has written meanwhile: that is not taken back', async () => {
    const { stage, todo, steps, type } = start()
    await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', '')] }])
    type('tea')
    stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [leaf('title', 'Theirs', 350)] }] })
    type('milk')
    steps.undo()
    assert.deepEqual(todo.get(), { title: 'Theirs' })
  })

  it('and what somebody else wrote between two steps stays when both are taken back', async () => {
    const { stage, todo, steps, type } = start()
    await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', '')] }])
    type('tea')
    stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [leaf('title', 'Theirs', 350)] }] })
    type('milk')
    for (const again of [false, true]) {
      if (again) steps.redo()
      assert.deepEqual([steps.undo()?.skipped, todo.get()], [[], { title: 'Theirs' }])
    }
    assert.deepEqual([steps.undo()?.skipped, todo.get()], [[['todos/1', 'title']], { title: 'Theirs' }])
  })

  it('also where the later one had taken away, or replaced, all of it', async () => {
    for (const act of ['delete', 'replace'] as const) {
      const { stage, todo, steps } = start()
      await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', '')] }])
      stage.pass(100)
      todo.patch({ title: 'Mine', note: 'Mine' })
      stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [leaf('title', 'Theirs', 350)] }] })
      stage.pass(1_000)
      if (act === 'delete') todo.delete()
      else todo.replace({ title: 'Other' })
      for (const again of [false, true]) {
        if (again) steps.redo()
        assert.deepEqual([steps.undo()?.skipped, todo.get()], [[], { title: 'Theirs', note: 'Mine' }])
      }
      assert.deepEqual([steps.undo()?.skipped, todo.get()], [[['todos/1', 'title']], { title: 'Theirs' }])
    }
  })

  it('also where it was that nothing is there', async () => {
    const { stage, todo, steps } = start()
    const registers = [object(''), leaf('title', 'Tea'), leaf('note', '')]
    await stage.synced('todos/1', [{ record: 'todos/1', registers }])
    stage.pass(100)
    todo.set('note', 'Mine')
    stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [deleted('note', 350)] }] })
    stage.pass(1_000)
    todo.set('note', 'Mine again')
    assert.deepEqual([steps.undo()?.skipped, todo.get()], [[], { title: 'Tea' }])
    assert.deepEqual([steps.undo()?.skipped, todo.get()], [[['todos/1', 'note']], { title: 'Tea' }])
  })

  it('without those that were refused', async () => {
    const { stage, todo, records, undoAll } = start()
    await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', '')] }])
    const writes = ['m', 'mi', 'mil'].map(title => {
      stage.pass(100)
      return todo.set('title', title)
    })
    await turn()
    const { node, number } = writes.at(-1) ?? assert.fail()
    records.on('rejected', () => {})
    stage.delta({
      seq: 2,
      acknowledged: [[node, number]],
      results: [{ node, number, record: 'todos/1', code: 'ERR_DENIED', hint: '' }],
      records: [{ record: 'todos/1', registers: [{ ...leaf('title', 'mi', 200), node }] }]
    })
    assert.deepEqual(todo.get(), { title: 'mi' })
    assert.deepEqual(undoAll(), [{ title: '' }])
  })

  it('are still its own when a client was ended, and opened again', async () => {
    const { stage, todo, type, undoAll } = start({ merge: 0 }, memory())
    await stage.synced('todos/1')
    await turn()
    type('ab')
    await stage.replica.close()
    stage.replica.opened()
    await turn()
    type('c')
    assert.deepEqual(undoAll(), [{ title: 'ab' }, { title: 'a' }, undefined])
    todo.release()
  })
})
