import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import { Records } from '../../../plugins/records/client/surface.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'

interface Todo {
  readonly title: string
}

/** The other end has one record: whoever asks for it, or for its collection, is told. */
const answer = (stage: Stage, title: string): void => {
  for (const frame of stage.take()) {
    if (frame.type !== 'follow' && frame.type !== 'hello') continue
    stage.delta({
      scopes: frame.follows.map(({ scope }) => ({ scope, outcome: 'reset' as const })),
      records: [{ record: 'todos/1', registers: [object(''), leaf('title', title)] }],
      whole: [true]
    })
  }
}

interface Shown {
  on(event: 'change', listener: () => unknown): () => void
  release(): void
}

/**
 * What a component does that is shown, hidden and shown again, as strict mode has each do: effects, their ends, effects.
 * @param isEarly - it releases what it asked for at once, and not at the end of its effect
 */
const mount = (
  ask: () => Shown,
  isEarly: boolean
): { readonly rendered: () => number; readonly unmount: () => void } => {
  let rendered = 0
  const live = ask()
  if (isEarly) live.release()
  const effect = (): (() => void) => {
    const undo = live.on('change', () => rendered++)
    return () => {
      undo()
      if (!isEarly) live.release()
    }
  }
  effect()()
  return { rendered: () => rendered, unmount: effect() }
}

describe('records: how long something is followed', () => {
  let stage: Stage
  let records: Records<{ readonly 'todos/': Todo }>
  let timers: ReturnType<typeof useFakeTimers>

  beforeEach(async () => {
    timers = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
    stage = new Stage()
    records = new Records(stage.replica, error => {
      throw error
    })
    await stage.open()
  })

  afterEach(async () => {
    await stage.replica.close()
    timers.restore()
  })

  /** So long that nothing is left of what nobody follows. */
  const pass = async (): Promise<void> => {
    await turn()
    timers.tick(1_000)
    await turn()
  }

  it('what is released says that it knows nothing, and who waits for it is told so', async () => {
    const todo = records.get('todos/1')
    const { ready } = todo.when
    todo.release()
    await pass()
    await assert.rejects(ready, { code: 'ERR_CANCELLED' })
    await assert.rejects(todo.when.synced, { code: 'ERR_CANCELLED' })
    assert.deepEqual([todo.status, todo.get()], ['loading', undefined])
  })

  it('who listens to a path that is none holds nothing', async () => {
    const todo = records.get('todos/1')
    const path = 'a..b' as 'title'
    assert.throws(() => todo.subscribe(path, () => {}), { code: 'ERR_PATH' })
    todo.release()
    await pass()
    assert.deepEqual([...stage.replica.scopes.all], [])
  })

  it('a record that was released is followed again while somebody listens', async () => {
    const todo = records.get('todos/1')
    await turn()
    answer(stage, 'Tea')
    todo.release()
    await pass()
    stage.take()
    const seen: unknown[] = []
    const undo = todo.subscribe(value => seen.push(value))
    await turn()
    answer(stage, 'Milk')
    assert.deepEqual([seen, todo.status, todo.get()], [[{ title: 'Milk' }], 'synced', { title: 'Milk' }])
    undo()
    undo()
    await pass()
    assert.deepEqual(
      stage.take().map(({ type }) => type),
      ['unfollow']
    )
    assert.deepEqual([todo.status, todo.get()], ['loading', undefined])
  })

  it('a query that was released is followed again while somebody listens, and shows nothing of before', async () => {
    const query = records.collection('todos/').query({ where: [['title', '!=', '']] })
    await turn()
    answer(stage, 'Tea')
    query.release()
    await pass()
    stage.take()
    const seen: unknown[] = []
    const undo = query.subscribe(results => seen.push(results.map(({ value }) => value.title)))
    await turn()
    assert.deepEqual([seen, query.get()], [[], []])
    answer(stage, 'Milk')
    assert.deepEqual([seen, query.status], [[['Milk']], 'synced'])
    undo()
    await pass()
    assert.deepEqual(
      stage.take().map(({ type }) => type),
      ['unfollow']
    )
  })

  for (const kind of ['record', 'query'] as const) {
    for (const isEarly of [true, false]) {
      const when = isEarly ? 'and releases it at once' : 'and releases it at its end'
      it(`a component that asks for a ${kind}, listens, ${when}, is right also in strict mode`, async () => {
        const ask = () => (kind === 'record' ? records.get('todos/1') : records.collection('todos/').query())
        const { rendered, unmount } = mount(ask, isEarly)
        await pass()
        answer(stage, 'Tea')
        assert.equal(rendered(), 1)
        await pass()
        stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [leaf('title', 'Milk', 1)] }] })
        assert.equal(rendered(), 2)
        unmount()
        await pass()
        assert.equal(stage.take().at(-1)?.type, 'unfollow')
      })
    }
  }

  it('one object that is followed again, and another one that was made since, are both told', async () => {
    const before = records.get('todos/1')
    before.release()
    const after = records.get('todos/1')
    assert.notEqual(after, before)
    const seen: unknown[] = []
    const undo = before.subscribe('title', title => seen.push(['before', title]))
    after.subscribe('title', title => seen.push(['after', title]))
    await turn()
    answer(stage, 'Tea')
    assert.deepEqual(seen.splice(0), [
      ['after', 'Tea'],
      ['before', 'Tea']
    ])
    undo()
    after.set('title', 'Milk')
    assert.deepEqual(seen, [['after', 'Milk']])
    assert.equal(records.get('todos/1'), after)
  })

  it('writes of what was released are done', async () => {
    const todo = records.get('todos/1')
    todo.release()
    await pass()
    stage.take()
    todo.replace({ title: 'Tea' })
    assert.deepEqual(todo.get(), { title: 'Tea' })
    await turn()
    assert.equal(stage.takeWrites().length, 1)
  })

  it('an iteration ends when what it goes through is released, known or not', async () => {
    const todo = records.get('todos/1')
    const seen: unknown[] = []
    const done = (async () => {
      for await (const value of todo) seen.push(value)
    })()
    await turn()
    todo.release()
    await pass()
    await done
    assert.deepEqual(seen, [])
  })

  it('shows nothing in a query that was refused once the record that had it is let go of', async () => {
    records.on('refused', () => {})
    records.on('rejected', () => {})
    const query = records.collection('todos/').query({ where: [['title', '=', 'Tea']] })
    await turn()
    const told = [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }]
    stage.delta({ scopes: [{ scope: 1, outcome: 'reset' }], records: told, whole: [true] })
    assert.equal(query.get().length, 1)
    const todo = records.get('todos/1')
    await turn()
    stage.delta({ scopes: [{ scope: 1, outcome: 'ERR_DENIED' }] })
    todo.release()
    timers.tick(1_000)
    assert.deepEqual([query.status, query.get()], ['refused', []])
    stage.delta({ scopes: [{ scope: 1, outcome: 'anew' }] })
    assert.deepEqual([query.status, query.get()], ['synced', []])
  })
})
