import assert from 'node:assert/strict'
import fc from 'fast-check'
import { history } from '../../../plugins/records/client/history.ts'
import { list } from '../../../plugins/records/client/list.ts'
import type { ListOf } from '../../../plugins/records/client.ts'
import { TICKS } from '../../../plugins/records/core/clock.ts'
import { isClaim } from '../../../plugins/records/core/item.ts'
import { DELETED } from '../../../plugins/records/core/register.ts'
import { isFields } from '../../../plugins/records/core/value.ts'
import { HOUR, MINUTE, RecordsWorld } from '../../support/records-world.ts'
import type { WorldClient } from '../../support/records-world.ts'

interface Step {
  readonly text?: string
  readonly done?: boolean
  readonly sub?: Record<string, never>
}

interface Todo {
  readonly title: string
  readonly steps?: ListOf<Step>
}

const ID = 'todos/1'

/** Somebody who follows the record. */
const join = (client: WorldClient) => {
  const todo = client.record<Todo>(ID)
  const steps = list(todo, 'steps')
  const rejected: string[] = []
  client.records.on('rejected', ({ code, message }) => rejected.push(`${code} ${message}`))
  return {
    client,
    todo,
    steps,
    rejected,
    undo: history(client.records),
    texts: () => steps.items.map(({ value }) => value.text).join(''),
    /** What there is of the list beside tombstones, as paths. */
    live: () =>
      [...(client.records.engine.state(ID)?.registers() ?? [])]
        .filter(({ kind }) => kind !== DELETED)
        .map(({ path }) => path)
        .filter(path => path.startsWith('steps.'))
  }
}

type User = ReturnType<typeof join>

const DELETED_ITEM = "ERR_CONFLICT The record has changed since: the item 'steps.k' was deleted"

describe('records: an item of a list that is deleted', () => {
  let world: RecordsWorld
  let ann: User
  let bob: User

  beforeEach(async () => {
    world = new RecordsWorld()
    await world.start()
    const clients = [world.client(), world.client()] as const
    ann = join(clients[0])
    bob = join(clients[1])
    await world.join(...clients)
    ann.todo.replace({ title: 'Tea', steps: {} })
    ann.steps.insert(0, { text: 'k', done: false }, 'k')
    ann.steps.push({ text: 'm', done: false })
    await world.settle()
    ann.undo.clear()
    assert.equal(bob.texts(), 'km')
  })

  afterEach(() => world.end())

  /** One writes without a connection, the other one meanwhile or before that; both are told in the end. */
  const apart = async (first: () => unknown, second: () => unknown, late: User): Promise<void> => {
    late.client.leave()
    first()
    await world.settle()
    second()
    await world.settle()
    await world.join(late.client)
  }

  const edits = {
    set: ({ steps }: User) => steps.set('k', { text: 'new', done: false }),
    move: ({ steps }: User) => steps.move('k', 1),
    'move and set': ({ steps }: User) => {
      steps.move('k', 1)
      steps.set('k', { text: 'new', done: true })
    },
    'set by path': ({ todo }: User) => todo.set('steps.k.@value.text' as 'title', 'new'),
    'patch of the record': ({ todo }: User) => todo.patch({ steps: { k: { '@value': { text: 'new' } } } }),
    'move and set in one transaction': ({ client }: User) =>
      client.records.transaction(({ get }) => {
        const steps = list(get<Todo>(ID), 'steps')
        steps.move('k', 1)
        steps.set('k', { text: 'new', done: false })
      })
  }

  const deletions = {
    delete: ({ steps }: User) => steps.delete('k'),
    'delete of the list': ({ todo }: User) => todo.delete('steps'),
    'replacement of the list': ({ todo, steps }: User) => {
      const { k: _k, ...rest } = todo.get()?.steps ?? {}
      assert.ok(steps.length)
      todo.replace('steps', rest)
    },
    'replacement of the record': ({ todo }: User) => {
      const { k: _k, ...rest } = todo.get()?.steps ?? {}
      todo.replace({ title: 'Tea', steps: rest })
    }
  }

  for (const [deletion, take] of Object.entries(deletions))
    for (const [edit, change] of Object.entries(edits)) {
      const isGone = () => {
        for (const user of [ann, bob]) {
          assert.equal(user.texts(), deletion === 'delete of the list' ? '' : 'm')
          assert.equal(user.todo.get()?.steps?.['k'], undefined)
          assert.deepEqual(
            user.live().filter(path => path === 'steps.k' || path.startsWith('steps.k.')),
            []
          )
        }
        assert.deepEqual(ann.todo.get(), bob.todo.get())
      }

      it(`stays so when another one who did not know wrote later: ${deletion}, ${edit}`, async () => {
        await apart(
          () => take(ann),
          () => change(bob),
          bob
        )
        isGone()
        assert.deepEqual(new Set(bob.rejected.map(text => text.replace(/^.*?: '.*?': /, 'ERR_CONFLICT '))).size, 1)
        assert.ok(bob.rejected.every(text => text.startsWith('ERR_CONFLICT') && text.includes("'steps.k'")))
      })

      it(`is gone also when it is told after a later write: ${deletion}, ${edit}`, async () => {
        await apart(
          () => take(ann),
          () => change(bob),
          ann
        )
        if (deletion === 'delete') isGone()
        else {
          // Who has written all of it since keeps it.
          const left = ann.todo.get()?.steps?.['k']
          assert.ok(
            left === undefined ||
              (left['@pos'] && left['@value'].text !== undefined && left['@value'].done !== undefined)
          )
          assert.deepEqual(ann.todo.get(), bob.todo.get())
        }
      })
    }

  it('tells who has changed it without knowing', async () => {
    await apart(
      () => ann.steps.delete('k'),
      () => bob.steps.set('k', { text: 'new', done: true }),
      bob
    )
    assert.deepEqual(bob.rejected, [DELETED_ITEM])
  })

  it('comes back by undo, as it was, and goes again by redo', async () => {
    await apart(
      () => ann.steps.delete('k'),
      () => bob.steps.set('k', { text: 'new', done: true }),
      ann
    )
    assert.equal(bob.texts(), 'm')
    ann.undo.undo()
    await world.settle()
    for (const user of [ann, bob]) assert.equal(user.texts(), 'km')
    bob.steps.set('k', { text: 'b', done: true })
    bob.steps.move('k', 1)
    await world.settle()
    for (const user of [ann, bob]) assert.equal(user.texts(), 'mb')
    assert.deepEqual([ann.rejected, bob.rejected], [[], []])
    // Bob has written there since.
    assert.deepEqual(ann.undo.redo()?.skipped, [[ID, 'steps.k']])
  })

  it('may be inserted again under its id', async () => {
    ann.steps.delete('k')
    await world.settle()
    bob.steps.insert(1, { text: 'again', done: false }, 'k')
    bob.steps.set('k', { text: 'b', done: true })
    await world.settle()
    ann.steps.move('k', 0)
    await world.settle()
    for (const user of [ann, bob]) assert.equal(user.texts(), 'bm')
    assert.deepEqual([ann.rejected, bob.rejected], [[], []])
  })

  it('is not left in half by a client that does not say that there must be one', async () => {
    const { engine } = bob.client.records
    const write = engine.write.bind(engine)
    engine.write = (records, options) =>
      write(
        records.map(part => ({ ...part, registers: part.registers.filter(register => !isClaim(register)) })),
        options
      )
    await apart(
      () => ann.steps.delete('k'),
      () => bob.steps.set('k', { text: 'new' }),
      bob
    )
    assert.deepEqual(bob.rejected, [DELETED_ITEM])
    for (const user of [ann, bob]) assert.deepEqual(Object.keys(user.todo.get()?.steps ?? {}).length, 1)
    ann.undo.undo()
    await world.settle()
    for (const user of [ann, bob]) assert.equal(user.texts(), 'km')
  })

  it('is no item where the position is no text', async () => {
    interface Note {
      readonly cursor?: { readonly '@pos': number; readonly line: number }
    }
    const [note, theirs] = [ann, bob].map(({ client }) => client.record<Note>('a/1'))
    note?.replace({})
    await world.settle()
    for (const line of [1, 2]) {
      note?.set('cursor', { '@pos': 3, line })
      await world.settle()
      assert.deepEqual(theirs?.get(), { cursor: { '@pos': 3, line } })
      note?.delete('cursor')
      await world.settle()
      assert.deepEqual(theirs?.get(), {})
    }
    assert.deepEqual(ann.rejected, [])
  })

  for (const value of [{}, { sub: {} }, { sub: {}, text: 't' }])
    it(`comes to all where its value has no more than ${JSON.stringify(value)}, in a list of whomever`, async () => {
      for (const user of [ann, bob]) {
        const id = `of${user === ann ? 'Ann' : 'Bob'}`
        user.steps.insert(0, value, id)
        await world.settle()
        for (const { steps } of [ann, bob]) assert.deepEqual(steps.items[0], { id, value })
        user.steps.delete(id)
        await world.settle()
        const other = user === ann ? bob : ann
        other.steps.insert(0, value, id)
        await world.settle()
        for (const { steps } of [ann, bob]) assert.deepEqual(steps.items[0], { id, value })
        other.client.records.transaction(({ get }) => list(get<Todo>(ID), 'steps').push(value))
        await world.settle()
        for (const { steps } of [ann, bob]) assert.deepEqual(steps.items.at(-1)?.value, value)
      }
      assert.deepEqual([ann.rejected, bob.rejected], [[], []])
    })

  it('is inserted when it was, with an empty value too, whatever the clock says', async () => {
    const late = join(world.client({ skew: -10 * MINUTE }))
    await world.join(late.client)
    late.client.leave()
    world.pass(HOUR)
    const { time } = world
    late.steps.insert(0, {}, 'e')
    world.pass(HOUR)
    await world.join(late.client)
    const stamp = ann.client.records.engine.state(ID)?.get('steps.e.@pos')?.t ?? 0
    assert.equal(Math.round((stamp / TICKS - time) / MINUTE), 0)
    assert.deepEqual(ann.steps.items[0], { id: 'e', value: {} })
  })

  it('leaves nothing behind, whoever does what when, and all see the same', async function () {
    this.timeout(60_000)
    await world.end()
    const step = fc.record({
      who: fc.nat(2),
      what: fc.constantFrom(
        'push',
        'insert',
        'bare',
        'move',
        'set',
        'text',
        'delete',
        'undo',
        'redo',
        'both',
        'list',
        'link',
        'link',
        'pass'
      ),
      at: fc.nat(5),
      to: fc.nat(5)
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async script => {
        world = new RecordsWorld()
        await world.start()
        const clients = [world.client(), world.client(), world.client()]
        const users = clients.map(join)
        const online = new Set(users)
        await world.join(...clients)
        users[0]?.todo.replace({ title: 'Tea', steps: {} })
        users[0]?.undo.clear()
        await world.settle()
        let count = 0
        for (const { who, what, at, to } of script) {
          const user = users[who]
          assert(user)
          world.pass(1)
          const { steps, todo, client, undo } = user
          const item = steps.items[at % Math.max(1, steps.length)]
          const value: Step = { text: `${++count}`, done: false }
          // Of these nothing is said that could be a leaf.
          const bare: Step = to % 2 ? {} : { sub: {} }
          if (what === 'link') {
            if (online.delete(user)) client.leave()
            else {
              online.add(user)
              await world.join(client)
            }
          } else if (what === 'pass') await world.settle()
          else if (what === 'push') steps.push(value)
          else if (what === 'insert') steps.insert(to, value)
          else if (what === 'bare') steps.insert(at, bare, `bare${count}`)
          else if (what === 'undo') undo.undo()
          else if (what === 'redo') undo.redo()
          else if (what === 'list' && at === 0) todo.replace('steps', {})
          else if (!item) continue
          else if (what === 'move') steps.move(item.id, to)
          else if (what === 'set') steps.set(item.id, { ...value, done: true })
          else if (what === 'text') todo.set(`steps.${item.id}.@value.text` as 'title', String(count))
          else if (what === 'delete') steps.delete(item.id)
          else if (what === 'both')
            client.records.transaction(({ get }) => {
              const draft = list(get<Todo>(ID), 'steps')
              draft.move(item.id, to)
              draft.set(item.id, value)
            })
        }
        await world.join(...clients.filter((_client, at) => !online.has(users[at] as User)))
        await world.settle()
        const [first] = users
        assert(first)
        for (const user of users) {
          assert.deepEqual(user.todo.get(), first.todo.get())
          assert.deepEqual(user.live(), first.live())
          for (const [id, item] of Object.entries(user.todo.get()?.steps ?? {})) {
            assert.equal(typeof item['@pos'], 'string', id)
            assert.ok(isFields(item['@value']), id)
            if (!id.startsWith('bare')) assert.deepEqual(Object.keys(item['@value']).sort(), ['done', 'text'], id)
          }
          const ids = new Set(user.steps.items.map(({ id }) => id))
          for (const path of user.live()) assert.ok(ids.has(path.split('.')[1] ?? ''), path)
          for (const text of user.rejected) assert.match(text, /^ERR_CONFLICT .*the item 'steps\.[\w-]+' was deleted$/)
        }
        await world.end()
      }),
      { numRuns: 100 }
    )
    world = new RecordsWorld()
    await world.start()
  })
})
