import assert from 'node:assert/strict'
import { Records } from '../../../plugins/records/client/surface.ts'
import { memory, MemoryDisk } from '../../../stores/memory.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'

interface Todo {
  readonly title: string
}

const TEA = { record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }

const stages: Stage[] = []

const start = (disk?: MemoryDisk) => {
  const stage = new Stage(disk && { store: memory({ disk }) })
  stages.push(stage)
  const records = new Records<{ readonly 'todos/': Todo }>(stage.replica, error => {
    throw error
  })
  records.on('refused', () => {})
  return { stage, records }
}

interface Seen {
  readonly status: string
  get(): unknown
  on(event: 'change', listener: () => unknown): () => void
}

/** What a view shows: what there is with its status, each time that it is told. */
const show = (live: Seen): unknown[] => {
  const shown: unknown[] = []
  live.on('change', () => shown.push([live.status, live.get()]))
  return shown
}

/** A disk on which a client has kept a record and its collection. */
const kept = async (): Promise<MemoryDisk> => {
  const disk = new MemoryDisk()
  const { stage, records } = start(disk)
  records.collection('todos/').query()
  await stage.open()
  stage.delta({ scopes: [{ scope: 1, outcome: 'reset' }], records: [TEA], whole: [true] })
  await stage.replica.close()
  return disk
}

describe('records: the status of what is followed', () => {
  afterEach(async () => {
    for (const { replica } of stages.splice(0)) await replica.close()
  })

  it('is told with what came, once, and not where nothing is different', async () => {
    const { stage, records } = start()
    const todo = records.get('todos/1')
    const told = [show(todo), show(records.collection('todos/').query())]
    await stage.open()
    const scopes = [1, 2].map(scope => ({ scope, outcome: 'reset' as const }))
    stage.delta({ scopes, records: [TEA], whole: [true] })
    assert.deepEqual(told, [[['synced', { title: 'Tea' }]], [['synced', [{ id: 'todos/1', value: { title: 'Tea' } }]]]])
    todo.set('title', 'Tea')
    stage.delta({ seq: 2, records: [{ record: 'todos/2', registers: [object('')] }] })
    assert.equal(told[0]?.length, 1)
    todo.set('title', 'Milk')
    assert.deepEqual(told[0]?.at(-1), ['synced', { title: 'Milk' }])
  })

  it('subscribers find it as new as what they are told', async () => {
    const { stage, records } = start()
    const todo = records.get('todos/1')
    const seen: unknown[] = []
    todo.subscribe(() => seen.push(todo.status))
    const todos = records.collection('todos/').query()
    todos.subscribe(results => seen.push([todos.status, results.length]))
    await stage.open()
    const scopes = [1, 2].map(scope => ({ scope, outcome: 'reset' as const }))
    stage.delta({ scopes, records: [TEA], whole: [true] })
    assert.deepEqual(seen, ['synced', ['synced', 1]])
  })

  it('is told where nothing is there: of a record that does not exist, and of one that is refused', async () => {
    const { stage, records } = start()
    const told = [show(records.get('todos/1')), show(records.get('todos/2'))]
    await stage.open()
    stage.delta({
      scopes: [
        { scope: 1, outcome: 'reset' },
        { scope: 2, outcome: 'ERR_DENIED' }
      ]
    })
    assert.deepEqual(told, [[['synced', undefined]], [['refused', undefined]]])
  })

  for (const kind of ['record', 'query'] as const) {
    it(`goes from what this device has kept to what the server has, although that is the same: of a ${kind}`, async () => {
      const { stage, records } = start(await kept())
      const live: Seen = kind === 'record' ? records.get('todos/1') : records.collection('todos/').query()
      const value = kind === 'record' ? { title: 'Tea' } : [{ id: 'todos/1', value: { title: 'Tea' } }]
      const told = show(live)
      await turn()
      assert.deepEqual(told, [['local', value]])
      await stage.open()
      stage.delta({ scopes: [{ scope: 1, outcome: 'delta' }] })
      assert.deepEqual(told, [
        ['local', value],
        ['synced', value]
      ])
    })
  }

  it('is local while there is no wire, and synced again when the session goes on', async () => {
    const { stage, records } = start()
    const [todo, other] = [records.get('todos/1'), records.get('todos/2')]
    const told = [show(todo), show(other)]
    await stage.open()
    stage.delta({ scopes: [{ scope: 1, outcome: 'reset' }], records: [TEA], whole: [true] })
    stage.replica.reachable(false)
    assert.equal(todo.status, 'local')
    let isSynced = false
    void todo.when.synced.then(() => (isSynced = true))
    await turn()
    assert.equal(isSynced, false)
    stage.replica.reachable(true)
    await turn()
    assert.deepEqual([isSynced, todo.status, other.status], [true, 'synced', 'loading'])
    assert.deepEqual(told, [
      [
        ['synced', { title: 'Tea' }],
        ['local', { title: 'Tea' }],
        ['synced', { title: 'Tea' }]
      ],
      []
    ])
  })

  it('what is removed is told no more', async () => {
    const { stage, records } = start()
    const todo = records.get('todos/1')
    let told = 0
    const undo = todo.on('change', () => told++)
    undo()
    undo()
    await stage.open()
    stage.delta({ scopes: [{ scope: 1, outcome: 'reset' }], records: [TEA], whole: [true] })
    assert.deepEqual([told, todo.status], [0, 'synced'])
  })
})
