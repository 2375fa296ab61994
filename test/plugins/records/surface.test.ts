import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { history } from '../../../plugins/records/client/history.ts'
import { list } from '../../../plugins/records/client/list.ts'
import { members } from '../../../plugins/records/client/members.ts'
import { Records } from '../../../plugins/records/client/surface.ts'
import type { AnyRecord, Fields, ListOf, SetOf } from '../../../plugins/records/client.ts'
import { deleted, leaf, object, Stage, turn } from '../../support/replica.ts'

interface Todo {
  readonly title: string
  readonly done: boolean
  readonly votes: number
  readonly due?: { readonly day: string; readonly time?: string }
  readonly tags?: readonly string[]
  readonly steps?: ListOf<{ readonly text: string }>
  readonly labels?: SetOf<string>
}

type App = { readonly 'todos/': Todo }

const TODO = { title: 'Tea', done: false, votes: 1 }

const errors: unknown[] = []
/** Those of a test, which ends them. */
const stages: Stage[] = []

const surface = (stage: Stage): Records<App> => new Records<App>(stage.replica, error => errors.push(error))

const start = () => {
  const stage = new Stage()
  stages.push(stage)
  const records = surface(stage)
  return { stage, records, todo: records.get('todos/1'), steps: history(records) }
}

describe('records: what applications use', () => {
  beforeEach(() => {
    errors.length = 0
  })

  afterEach(async () => {
    for (const { replica } of stages.splice(0)) await replica.close()
  })

  describe('a record', () => {
    it('shows at once what is written, and nothing before that', () => {
      const { todo } = start()
      assert.equal(todo.get(), undefined)
      assert.equal(todo.exists, false)
      todo.patch(TODO)
      assert.deepEqual(todo.get(), TODO)
      todo.set('due.day', 'Monday')
      assert.equal(todo.get('due.day'), 'Monday')
      todo.set('due', undefined)
      assert.deepEqual(todo.get(), TODO)
      todo.increment('votes', 2)
      assert.equal(todo.get('votes'), 3)
      todo.replace({ title: 'Milk', done: true, votes: 0 })
      assert.deepEqual(todo.get(), { title: 'Milk', done: true, votes: 0 })
      todo.delete()
      assert.equal(todo.get(), undefined)
    })

    it('is not deleted by mistake, nor written to by what comes too late', () => {
      const { records, todo } = start()
      todo.replace(TODO)
      for (const wrong of [undefined, null, [], 1, 'text'] as never[]) {
        assert.throws(() => todo.patch(wrong), { code: 'ERR_ENCODE' })
        // Text would be a path.
        if (wrong !== 'text') assert.throws(() => todo.replace(wrong), { code: 'ERR_ENCODE' })
      }
      // @ts-expect-error -- it must not be asynchronous
      const late = () => records.transaction(async ({ get }) => get('todos/1').set('done', true))
      assert.throws(late, { code: 'ERR_OPTION' })
      assert.deepEqual(todo.get(), TODO)
    })

    it('refuses what is written to a transaction that is over', () => {
      const { records, todo } = start()
      const kept: Partial<Record<'draft' | 'other', Fields<Todo, void>>> = {}
      records.transaction(({ get }) => {
        kept.draft = get('todos/1')
        kept.draft.replace(TODO)
      })
      assert.throws(() =>
        records.transaction(({ get }) => {
          kept.other = get('todos/2')
          throw new Error('changed my mind')
        })
      )
      for (const draft of [kept.draft, kept.other])
        assert.throws(() => draft?.set('title', 'Milk'), { code: 'ERR_OPTION', message: /the transaction .* is over$/ })
      assert.deepEqual([todo.get(), kept.draft?.get()], [TODO, TODO])
    })

    it('gives the same objects until something in them changes, all frozen', () => {
      const { todo } = start()
      todo.replace({ ...TODO, due: { day: 'Monday' }, tags: ['a'] })
      const before = todo.get()
      assert.equal(todo.get(), before)
      todo.set('title', 'Milk')
      const after = todo.get()
      assert.notEqual(after, before)
      assert.equal(after?.due, before?.due)
      assert.equal(after?.tags, before?.tags)
      todo.set('title', 'Milk')
      assert.equal(todo.get(), after)
      assert.ok([after, after?.due, after?.tags].every(Object.isFrozen))
    })

    it('stays the same object while the server commits what was written', async () => {
      const { stage, todo } = start()
      await stage.open()
      stage.delta({ seq: 1, scopes: [{ scope: 1, outcome: 'reset' }] })
      let told = 0
      todo.subscribe(() => told++)
      const write = todo.replace({ ...TODO, tags: ['a'] })
      const seen = todo.get()
      await turn()
      const [sent] = stage.takeWrites()
      assert.ok(sent)
      stage.delta({
        seq: 2,
        records: sent.records.map(({ record, registers }) => ({ record, registers: registers as never })),
        acknowledged: [[sent.node, sent.number]]
      })
      await write.durable
      assert.equal(write.status, 'durable')
      assert.equal(todo.get(), seen)
      assert.equal(told, 2, 'once with nothing, once with what was written')
      assert.deepEqual(todo.pending, [])
    })

    it('tells subscribers when it is known, and then only of real change', async () => {
      const { stage, todo } = start()
      const titles: (string | undefined)[] = []
      const days: (string | undefined)[] = []
      todo.subscribe('title', title => titles.push(title))
      const undo = todo.subscribe('due.day', day => days.push(day))
      assert.deepEqual(titles, [])
      await stage.open()
      stage.delta({
        scopes: [{ scope: 1, outcome: 'reset' }],
        records: [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea'), leaf('done', false)] }],
        whole: [true]
      })
      assert.deepEqual([titles, days], [['Tea'], [undefined]])
      todo.set('done', true)
      todo.set('title', 'Tea')
      assert.deepEqual([titles, days], [['Tea'], [undefined]])
      todo.set('due', { day: 'Monday' })
      undo()
      todo.set('due.day', 'Tuesday')
      assert.deepEqual([titles, days], [['Tea'], [undefined, 'Monday']])
      const late: (string | undefined)[] = []
      todo.subscribe('title', title => late.push(title))
      assert.deepEqual(late, ['Tea'])
    })

    it('tells once of what comes in one frame', async () => {
      const { stage, todo } = start()
      await stage.open()
      const seen: unknown[] = []
      todo.subscribe(value => seen.push(value))
      const registers = [object(''), leaf('title', 'Tea'), leaf('done', false), leaf('votes', 1)]
      stage.delta({
        scopes: [{ scope: 1, outcome: 'reset' }],
        records: [{ record: 'todos/1', registers }],
        whole: [true]
      })
      assert.deepEqual(seen, [TODO])
    })

    it('a listener that throws or rejects is reported, and harms nobody', async () => {
      const { todo } = start()
      todo.subscribe(() => {
        throw new Error('thrown')
      })
      todo.subscribe(() => Promise.reject(new Error('rejected')))
      let told = 0
      todo.subscribe(() => told++)
      todo.patch(TODO)
      await turn()
      assert.equal(told, 1)
      assert.deepEqual(errors.map(String), ['Error: thrown', 'Error: rejected'])
    })

    it('is iterated: what it is, then what it becomes', async () => {
      const { stage, todo } = start()
      await stage.open()
      stage.delta({ scopes: [{ scope: 1, outcome: 'reset' }] })
      const titles: unknown[] = []
      const done = (async () => {
        for await (const value of todo) titles.push(value?.title)
      })()
      await turn()
      todo.patch(TODO)
      todo.set('title', 'Milk')
      await turn()
      todo.release()
      await done
      assert.deepEqual(titles, [undefined, 'Milk'])
    })

    it('is one object for all who ask, until the last one releases it', () => {
      const { records, todo } = start()
      assert.equal(records.get('todos/1'), todo)
      todo.release()
      assert.equal(records.get('todos/1'), todo)
      todo.release()
      todo.release()
      assert.notEqual(records.get('todos/1'), todo)
    })

    it('writes nothing where nothing would change', async () => {
      const { todo, records } = start()
      todo.patch(TODO)
      assert.equal(records.pending.length, 1)
      const write = todo.patch({ title: 'Tea' })
      assert.equal(records.pending.length, 1)
      assert.equal(write.status, 'durable')
      assert.deepEqual(await write.durable, { restamped: false })
    })

    it('names the version that must still be there', async () => {
      const { stage, todo } = start()
      await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }])
      assert.equal(todo.version, 1)
      todo.set('title', 'Milk', { ifVersion: todo.version })
      await turn()
      assert.deepEqual(
        stage.takeWrites().map(({ conditions }) => conditions),
        [[['todos/1', 1]]]
      )
    })

    it('asks the server about the version also where nothing is changed here', async () => {
      const { stage, records, todo, steps } = start()
      await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }])
      const writes = [
        todo.patch({ title: 'Tea' }, { ifVersion: 1 }),
        records.transaction(({ get }) => get('todos/1').patch({ title: 'Tea' }, { ifVersion: 1 }))
      ]
      assert.equal(todo.patch({ title: 'Tea' }).status, 'durable')
      assert.equal(steps.canUndo, false)
      await turn()
      assert.deepEqual(
        stage.takeWrites().map(({ conditions, records }) => [conditions, records]),
        writes.map(() => [[['todos/1', 1]], [{ record: 'todos/1', registers: [] }]])
      )
      assert.deepEqual(
        writes.map(({ status }) => status),
        ['stored', 'stored']
      )
    })

    it('refuses ids that are none', () => {
      const { records } = start()
      for (const id of ['', 'todos/', 'a\0b', 'x'.repeat(300)]) {
        assert.throws(() => records.get(id), { code: 'ERR_OPTION' })
      }
      assert.throws(() => records.collection('todos'), { code: 'ERR_OPTION' })
    })
  })

  describe('a list', () => {
    it('keeps its order while items are inserted, moved, changed and taken out', () => {
      const { todo } = start()
      todo.replace(TODO)
      const steps = list(todo, 'steps')
      const texts = () => steps.items.map(({ value }) => value.text).join('')
      const idOf = (text: string) => steps.items.find(({ value }) => value.text === text)?.id ?? ''
      for (const text of ['a', 'b', 'c', 'd']) steps.push({ text })
      assert.equal(texts(), 'abcd')
      steps.insert(1, { text: 'x' })
      assert.equal(texts(), 'axbcd')
      steps.move(idOf('d'), 0)
      assert.equal(texts(), 'daxbc')
      steps.move(idOf('d'), 4)
      assert.equal(texts(), 'axbcd')
      steps.set(idOf('x'), { text: 'y' })
      steps.delete(idOf('b'))
      assert.equal(texts(), 'aycd')
      assert.equal(steps.length, 4)
      assert.throws(() => steps.move('nobody', 0), { code: 'ERR_OPTION' })
      assert.throws(() => steps.set('nobody', { text: 'z' }), { code: 'ERR_OPTION' })
    })

    it('keeps what two people do to it at the same time', () => {
      const { stage, todo } = start()
      todo.patch(TODO)
      const other = new Stage()
      stages.push(other)
      const theirs = surface(other).get('todos/1')
      const exchange = () => {
        for (const each of [stage, other]) each.pass(1)
        const [mine, their] = [stage, other].map(({ replica }) => [...(replica.state('todos/1')?.registers() ?? [])])
        for (const register of mine ?? []) other.replica.state('todos/1')?.merge(register)
        for (const register of their ?? []) stage.replica.state('todos/1')?.merge(register)
      }
      list(todo, 'steps').push({ text: 'a' })
      list(theirs, 'steps').push({ text: 'b' })
      exchange()
      const [first, second] = list(todo, 'steps').items
      assert.ok(first && second)
      list(todo, 'steps').move(first.id, 1)
      list(theirs, 'steps').set(first.id, { text: 'changed' })
      exchange()
      const items = list(todo, 'steps').items
      assert.deepEqual(
        items.map(({ id }) => id),
        [second.id, first.id]
      )
      assert.equal(items[1]?.value.text, 'changed')
      assert.deepEqual(list(theirs, 'steps').items, items)
    })
  })

  it('a set has each item once, by its value', () => {
    const { todo } = start()
    todo.replace(TODO)
    const labels = members(todo, 'labels')
    for (const label of ['red', 'a.b', '"', 'red', 'x\\y']) labels.add(label)
    assert.deepEqual([...labels.items].sort(), ['"', 'a.b', 'red', 'x\\y'])
    assert.ok(labels.has('a.b'))
    labels.delete('a.b')
    assert.equal(labels.has('a.b'), false)
    assert.equal(labels.size, 3)
  })

  describe('a collection', () => {
    it('has its records in order, and tells when the results change', () => {
      const { records } = start()
      const todos = records.collection('todos/')
      const seen: string[] = []
      const undo = todos.subscribe({ where: [['done', '=', false]], order: ['title'], limit: 2 }, results =>
        seen.push(results.map(({ value }) => value.title).join())
      )
      const { id } = todos.add({ ...TODO, title: 'b' })
      todos.add({ ...TODO, title: 'c' })
      todos.add({ ...TODO, title: 'z', done: true })
      todos.add({ ...TODO, title: 'a' })
      records.get(id).set('done', true)
      undo()
      records.get(id).set('done', false)
      assert.deepEqual(seen, ['b', 'b,c', 'a,b', 'a,c'])
    })

    it('gives the same results until one of them changes', () => {
      const { records } = start()
      const todos = records.collection('todos/')
      todos.add(TODO, '1')
      todos.add(TODO, '2')
      const query = todos.query()
      const before = query.get()
      assert.equal(before.length, 2)
      todos.get('1').set('done', true)
      const after = query.get()
      assert.notEqual(after, before)
      assert.equal(after[1], before[1])
      records.get<{ x: number }>('others/1').patch({ x: 1 })
      assert.equal(query.get(), after)
    })

    it('replaces nothing by a counter, a list or a set', () => {
      const { records } = start()
      const record = records.get<AnyRecord>('others/1')
      const fields = { text: 'x', bytes: new Uint8Array(1), none: null, object: { a: 1 } }
      record.replace(fields)
      const path = { code: 'ERR_PATH', message: /'text' is no (number|list|set)/ }
      assert.throws(() => record.increment('text'), path)
      assert.throws(() => record.increment('object'), { code: 'ERR_PATH' })
      for (const add of [(at: string) => list(record, at).push(1), (at: string) => members(record, at).add(1)]) {
        assert.throws(() => add('text'), path)
        assert.throws(() => add('bytes'), { code: 'ERR_PATH' })
      }
      assert.deepEqual([record.get(), records.pending.length], [fields, 1])
      record.increment('none')
      list(record, 'list').push(1)
      assert.deepEqual([record.get('none'), list(record, 'list').length], [1, 1])
    })

    it('gives a record by its key and by its id, and none of another collection', () => {
      const { records } = start()
      const todos = records.collection('todos/')
      const { id } = todos.add(TODO, '1')
      assert.equal(id, 'todos/1')
      for (const record of [todos.get('1'), todos.get(id)]) assert.deepEqual([record.id, record.get()], [id, TODO])
      const option = { code: 'ERR_OPTION', message: /'(old|others)\/2' is no key of 'todos\/'/ }
      for (const key of ['old/2', 'others/2']) {
        assert.throws(() => todos.get(key), option)
        assert.throws(() => todos.add(TODO, key), option)
      }
      assert.throws(() => todos.get('todos/old/2'), { code: 'ERR_OPTION' })
      assert.equal(records.pending.length, 1)
    })

    it('has the records of its own collection, and none of those below it', () => {
      const { records } = start()
      records.collection('todos/').add(TODO, '1')
      records.get('todos/old/2').replace(TODO)
      const found = (limit?: number): string[] =>
        records
          .collection('todos/')
          .query({ order: ['title'], limit })
          .get()
          .map(({ id }) => id)
      assert.deepEqual([found(), found(1)], [['todos/1'], ['todos/1']])
    })

    it('makes a record once', () => {
      const { records } = start()
      records.collection('todos/').add(TODO, '1')
      assert.throws(() => records.collection('todos/').add(TODO, '1'), { code: 'ERR_CONFLICT' })
    })
  })

  describe('a transaction', () => {
    it('is one write with all that was done, and sees itself', async () => {
      const { stage, records } = start()
      await stage.open()
      const write = records.transaction(({ get }) => {
        get('todos/1').replace(TODO)
        get('todos/1').increment('votes')
        get('todos/1').increment('votes', -3)
        assert.equal(get('todos/1').get('votes'), -1)
        get('todos/2').patch({ ...TODO, title: get('todos/1').get('title') ?? '' })
      })
      assert.equal(records.pending.length, 1)
      assert.deepEqual(
        write.records.map(({ record }) => record),
        ['todos/1', 'todos/2']
      )
      assert.equal(records.get('todos/1').get('votes'), -1)
      await turn()
      const [sent] = stage.takeWrites()
      assert.ok(sent?.atomic)
    })

    it('may depend on a record that it leaves as it is', async () => {
      const { stage, records } = start()
      await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }])
      const same = records.transaction(({ get }) => get('todos/1').patch({ title: 'Tea' }))
      assert.equal(same.status, 'durable')
      records.transaction(({ get }) => {
        get('todos/1').patch({ title: 'Tea' }, { ifVersion: 1 })
        get('todos/2').replace(TODO)
      })
      await turn()
      const [sent, ...more] = stage.takeWrites()
      assert.deepEqual(more, [])
      assert.deepEqual(sent?.conditions, [['todos/1', 1]])
      assert.deepEqual(
        sent?.records.map(({ record, registers }) => [record, registers.length > 0]),
        [
          ['todos/1', false],
          ['todos/2', true]
        ]
      )
    })

    it('writes nothing when it throws', () => {
      const { records, todo } = start()
      const act = () =>
        records.transaction(({ get }) => {
          get('todos/1').replace(TODO)
          throw new Error('no')
        })
      assert.throws(act, /no/)
      assert.equal(todo.get(), undefined)
      assert.equal(records.pending.length, 0)
    })
  })

  describe('undo', () => {
    it('takes back one step after the other, and does them again', () => {
      const { todo, steps } = start()
      todo.replace(TODO)
      todo.set('title', 'Milk')
      todo.set('due', { day: 'Monday', time: '10:00' })
      todo.increment('votes', 5)
      const full = todo.get()
      assert.ok(steps.canUndo && !steps.canRedo)
      steps.undo()
      assert.equal(todo.get('votes'), 1)
      steps.undo()
      assert.equal(todo.get('due'), undefined)
      steps.undo()
      assert.equal(todo.get('title'), 'Tea')
      steps.undo()
      assert.equal(todo.get(), undefined)
      assert.equal(steps.undo(), undefined)
      for (let step = 0; step < 4; step++) assert.ok(steps.redo()?.write)
      assert.deepEqual(todo.get(), full)
      assert.equal(steps.redo(), undefined)
    })

    it('brings back a record that was deleted, as a whole', () => {
      const { todo, steps } = start()
      todo.replace({ ...TODO, due: { day: 'Monday' } })
      const before = todo.get()
      todo.delete()
      steps.undo()
      assert.deepEqual(todo.get(), before)
    })

    it('leaves what somebody else wrote since', async () => {
      const { stage, todo, steps } = start()
      await stage.synced('todos/1', [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }])
      todo.patch({ title: 'Milk', done: true })
      stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [leaf('title', 'Theirs', 5_000)] }] })
      const undone = steps.undo()
      assert.deepEqual(undone?.skipped, [['todos/1', 'title']])
      assert.deepEqual(todo.get(), { title: 'Theirs' })
    })

    it('takes back that a record was made, in whatever way, unless somebody else has written into it since', async () => {
      for (const make of ['set', 'patch', 'replace'] as const) {
        const { stage, todo, steps } = start()
        await stage.synced('todos/1')
        const fields = { title: 'Tea', done: false, votes: 1 }
        if (make === 'set') todo.set('title', 'Tea')
        else todo[make](fields)
        const made = todo.get()
        assert.deepEqual(steps.undo()?.skipped, [])
        assert.equal(todo.exists, false)
        steps.redo()
        assert.deepEqual(todo.get(), made)
        stage.delta({ seq: 2, records: [{ record: 'todos/1', registers: [leaf('note', 'Theirs', 5_000)] }] })
        assert.deepEqual(steps.undo(), { write: undefined, skipped: [['todos/1', '']] })
        assert.deepEqual(todo.get(), { ...made, note: 'Theirs' })
      }
    })

    it('takes off what was added first, and not what others have added since', async () => {
      const { stage, todo, steps } = start()
      await stage.synced('todos/1')
      todo.increment('votes', 2)
      await turn()
      const { node = '', number = 0 } = stage.takeWrites().at(-1) ?? {}
      const registers = [object('', 1), leaf('votes', 5, 5_000)]
      stage.delta({ seq: 2, acknowledged: [[node, number]], records: [{ record: 'todos/1', registers }] })
      steps.undo()
      assert.deepEqual(todo.get(), { votes: 3 })
    })

    it('is a step for a whole transaction', () => {
      const { records, steps } = start()
      const texts = () => [1, 2].map(key => records.get(`todos/${key}`).get('title'))
      records.get('todos/1').patch(TODO)
      records.transaction(({ get }) => {
        get('todos/1').set('title', 'x')
        get('todos/1').set('title', 'Milk')
        get('todos/2').replace(TODO)
      })
      assert.deepEqual(texts(), ['Milk', 'Tea'])
      steps.undo()
      assert.deepEqual(texts(), ['Tea', undefined])
      steps.redo()
      assert.deepEqual(texts(), ['Milk', 'Tea'])
    })

    it('forgets what was refused, and what can be redone when something new is written', async () => {
      const { stage, todo, steps, records } = start()
      await stage.open()
      todo.patch(TODO)
      steps.undo()
      assert.ok(steps.canRedo)
      todo.patch(TODO)
      assert.ok(!steps.canRedo)
      const write = todo.set('title', 'Milk')
      const rejected: unknown[] = []
      records.on('rejected', error => rejected.push(error.code))
      await turn()
      const { node = '', number = 0 } = stage.takeWrites().at(-1) ?? {}
      const left = () => {
        let count = 0
        while (steps.undo()?.write) count++
        return count
      }
      stage.delta({
        seq: 9,
        acknowledged: [[node, number]],
        results: [{ node, number, record: 'todos/1', code: 'ERR_DENIED', hint: '' }]
      })
      await assert.rejects(write.durable, { code: 'ERR_DENIED' })
      assert.deepEqual(rejected, ['ERR_DENIED'])
      assert.ok(left() <= 3)
      assert.notEqual(todo.get('title'), 'Milk')
    })
  })

  it('a snapshot is what the server has, and is not followed any further', async () => {
    const { stage, records } = start()
    await stage.open()
    const snapshot = records.snapshot('todos/2')
    await turn()
    const follow = stage.take().find(({ type }) => type === 'follow')
    assert.ok(follow?.type === 'follow')
    const [{ scope } = { scope: 0 }] = follow.follows
    const registers = [object(''), leaf('title', 'Tea')]
    stage.delta({ scopes: [{ scope, outcome: 'reset' }], records: [{ record: 'todos/2', registers }], whole: [true] })
    assert.deepEqual(await snapshot, { title: 'Tea' })
    await assert.rejects(records.snapshot('todos/3', { signal: AbortSignal.abort() }), { code: 'ERR_CANCELLED' })
  })

  it('a snapshot of what is followed is asked for all the same: something may be on its way', async () => {
    const { stage, records } = start()
    await stage.synced('todos/2', [])
    stage.delta({ scopes: [1, 2].map(scope => ({ scope, outcome: 'delta' })) })
    stage.take()
    const snapshot = records.snapshot('todos/2')
    await turn()
    const [follow, ...more] = stage.take().flatMap(frame => (frame.type === 'follow' ? frame.follows : []))
    assert.deepEqual([follow?.name, follow?.epoch, more.length], ['todos/2', stage.epoch, 0])
    const registers = [object(''), leaf('title', 'Milk')]
    stage.delta({
      scopes: [{ scope: follow?.scope ?? 0, outcome: 'delta' }],
      records: [{ record: 'todos/2', registers }],
      seq: 2
    })
    assert.deepEqual(await snapshot, { title: 'Milk' })
    const lost = records.snapshot('todos/2')
    stage.replica.ended()
    await assert.rejects(lost, { code: 'ERR_CLOSED' })
    await assert.rejects(records.snapshot('todos/2'), { code: 'ERR_CLOSED' })
  })

  it('refuses a query that no server takes', () => {
    const { records } = start()
    const todos = records.collection('todos/')
    const titles = Array.from({ length: 1_001 }, (_, at) => `${at}`)
    assert.throws(() => todos.query({ where: [['title', 'in', titles]] }), {
      code: 'ERR_OPTION',
      message: /the query: where: more than 1000 values to compare with$/
    })
    assert.throws(() => todos.subscribe({ limit: 0 }, () => {}), /the query: limit: a whole number from 1$/)
    todos.query({ where: [['title', 'in', titles.slice(1)]] }).release()
  })

  it('a snapshot leaves nothing at its signal', async () => {
    const { stage, records } = start()
    await stage.synced('todos/2', [])
    const { signal } = new AbortController()
    const snapshot = records.snapshot('todos/2', { signal })
    assert.equal(getEventListeners(signal, 'abort').length, 1)
    await turn()
    stage.delta({ scopes: [1, 2, 3].map(scope => ({ scope, outcome: 'delta' })) })
    await snapshot
    assert.equal(getEventListeners(signal, 'abort').length, 0)
  })

  it('has tells whether there is a record', async () => {
    const { stage, records } = start()
    await stage.synced('todos/2', [{ record: 'todos/2', registers: [deleted('')] }])
    const has = records.has('todos/2')
    await turn()
    stage.delta({ scopes: [1, 2, 3].map(scope => ({ scope, outcome: 'delta' })) })
    assert.equal(await has, false)
  })

  it('what waits can be seen, and taken back', async () => {
    const { records, todo } = start()
    const write = todo.patch(TODO)
    assert.deepEqual(records.pending, [write])
    assert.deepEqual(todo.pending, [write])
    assert.ok(records.discard(write))
    assert.equal(todo.get(), undefined)
    await assert.rejects(write.durable, { code: 'ERR_CANCELLED' })
    assert.deepEqual(records.pending, [])
  })
})
