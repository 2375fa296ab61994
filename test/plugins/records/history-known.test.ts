import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import { history } from '../../../plugins/records/client/history.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import { deleted, leaf, object, Stage, turn } from '../../support/replica.ts'

interface Todo {
  readonly title: string
  readonly note?: string
  readonly done?: boolean
}

const THEIRS = [object(''), leaf('title', 'Tea'), leaf('note', 'Theirs')]

describe('records: undo of what is not at hand', () => {
  let stage: Stage
  let records: Records<{ readonly 'todos/': Todo }>
  let timers: ReturnType<typeof useFakeTimers>

  beforeEach(async () => {
    timers = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
    stage = new Stage({ discardDelay: 1 })
    records = new Records(stage.replica, error => {
      throw error
    })
    await stage.open()
  })

  afterEach(async () => {
    await stage.replica.close()
    timers.restore()
  })

  /** Writes without reading: nobody follows the record. */
  const tick = (): void => {
    records.transaction(({ get }) => get('todos/1').set('done', true))
  }

  const scopesOf = (): number[] =>
    stage.sent.flatMap(frame => (frame.type === 'follow' ? frame.follows.map(({ scope }) => scope) : []))

  /** What was asked for is there; and all that was written is committed. */
  const answer = async (...registers: Parameters<Stage['delta']>[0]['records'] & object): Promise<void> => {
    await turn()
    const scopes = scopesOf().map(scope => ({ scope, outcome: 'reset' as const }))
    const acknowledged = stage.takeWrites().map(({ node, number }) => [node, number] as const)
    stage.delta({ seq: 2, scopes, acknowledged, records: registers, whole: registers.map(() => scopes.length > 0) })
    await turn()
  }

  /** A title of ours in a record of theirs, committed; and the steps that began before it. */
  const writeMine = async () => {
    const todo = records.get('todos/1')
    await answer({ record: 'todos/1', registers: THEIRS })
    const steps = history(records)
    todo.set('title', 'Mine')
    await answer({
      record: 'todos/1',
      registers: [{ ...leaf('title', 'Mine', 1), node: records.pending[0]?.node ?? '' }]
    })
    return { todo, steps }
  }

  it('leaves a record alone that was there, with what others had written before, whatever the stamps', async () => {
    const steps = history(records)
    tick()
    const done = { ...leaf('done', true, 1), node: records.pending[0]?.node ?? '' }
    await answer({ record: 'todos/1', registers: [...THEIRS, done] })
    assert.deepEqual(steps.undo(), { write: undefined, skipped: [['todos/1', '']] })
    assert.ok(!steps.canUndo && !steps.canRedo)
  })

  it('leaves it alone where others made it at the same time, and wrote into it before', async () => {
    const todo = records.get('todos/1')
    await answer()
    const steps = history(records)
    todo.set('done', true)
    stage.delta({ seq: 3, records: [{ record: 'todos/1', registers: [leaf('note', 'Theirs', -5_000)] }] })
    assert.deepEqual(steps.undo(), { write: undefined, skipped: [['todos/1', '']] })
    assert.deepEqual(todo.get(), { note: 'Theirs', done: true })
  })

  it('but not where they had only deleted', async () => {
    const todo = records.get('todos/1')
    await answer()
    const steps = history(records)
    todo.set('done', true)
    stage.delta({ seq: 3, records: [{ record: 'todos/1', registers: [deleted('note', -5_000)] }] })
    assert.deepEqual(steps.undo()?.skipped, [])
    assert.equal(todo.exists, false)
  })

  it('takes back what it has written, and no more, where it is not known whether there is more', async () => {
    const steps = history(records)
    tick()
    const undone = steps.undo()
    assert.deepEqual(undone?.skipped, [])
    const paths = undone?.write?.records.flatMap(({ registers }) => registers.map(({ path, kind }) => [path, kind]))
    assert.deepEqual(paths, [['done', 2]])
    steps.redo()
    assert.equal(records.get('todos/1').get('done'), true)
  })

  it('knows what others have written since, also where nobody else follows the record any more', async () => {
    const { todo, steps } = await writeMine()
    todo.release()
    timers.tick(10)
    stage.delta({ seq: 3, records: [{ record: 'todos/1', registers: [leaf('title', 'Theirs', 5_000)] }] })
    assert.deepEqual(steps.undo(), { write: undefined, skipped: [['todos/1', 'title']] })
  })

  it('leaves alone what this end may not see any more', async () => {
    const { steps } = await writeMine()
    stage.delta({ seq: 3, evicted: ['todos/1'] })
    assert.deepEqual(steps.undo(), { write: undefined, skipped: [['todos/1', 'title']] })
  })

  it('follows nothing any more when its steps are forgotten', async () => {
    const steps = history(records)
    tick()
    await answer({ record: 'todos/1', registers: [object('')] })
    stage.take()
    timers.tick(10)
    await turn()
    assert.deepEqual(stage.take(), [])
    steps.clear()
    timers.tick(10)
    await turn()
    assert.deepEqual(
      stage.take().map(({ type }) => type),
      ['unfollow']
    )
  })

  it('leaves room for what else is followed, however many records its steps are about', async () => {
    const steps = history(records)
    for (let step = 1; step <= 8; step++) {
      records.transaction(({ get }) => {
        for (let at = 0; at < 300; at++) get(`todos/${step}-${at}`).set('done', true)
      })
      await answer()
    }
    timers.tick(10)
    await turn()
    const released = stage.take().flatMap(frame => (frame.type === 'unfollow' ? frame.scopes : []))
    assert.equal(released.length, 5 * 300)
    for (let step = 8; step > 5; step--) assert.equal(steps.undo()?.write?.records.length, 300)
    assert.ok(!steps.canUndo)
  })

  it('remembers the last step whatever it is about', () => {
    const steps = history(records)
    // It is too large for the wire of this test.
    records.on('rejected', () => {})
    records.transaction(({ get }) => {
      for (let at = 0; at < 1_001; at++) get(`todos/${at}`).set('done', true)
    })
    assert.equal(steps.undo()?.write?.records.length, 1_001)
  })
})
