import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import { keep, records } from '../../../plugins/records/index.ts'
import { memory as store, MemoryDisk } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'

interface Todo {
  readonly n: number
  readonly isDone: boolean
  readonly isOpen: boolean
}
type App = { readonly 'todos/': Todo; readonly 'other/': Todo }

const TODO = { n: 0, isDone: false, isOpen: true }

const UNDONE = { where: [['isDone', '=', false]] } as const

/** Whether somebody is asked who may see what, at once or not. */
const JUDGES = ['no rule', 'a rule', 'a rule that takes its time'] as const

describe('records: the event `evicted`', () => {
  for (const judge of JUDGES)
    it(`is not for what merely leaves a query, or is deleted: ${judge}`, async () => {
      const network = memory()
      const permit = judge === 'a rule' ? () => true : () => Promise.resolve(true)
      const rules = records<App>({ store: store(), ...(judge === 'no rule' ? {} : { permit }) })
      const server = createServer({ transformers: [network], plugins: [rules] })
      for (const n of [1, 2, 3]) await server.records.get(`todos/${n}`).replace({ ...TODO, n }).durable
      const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
      const told: string[] = []
      client.records.on('evicted', ids => told.push(...ids))
      const todos = client.records.collection('todos/')
      const undone = todos.query(UNDONE)
      const top = todos.query({ order: ['-n'], limit: 2 })
      await Promise.all([undone.when.synced, top.when.synced])
      const shown = (): unknown[] =>
        [undone, top].map(query =>
          query
            .get()
            .map(({ id }) => id)
            .toSorted()
        )
      const becomes = async (undone: readonly string[], top: readonly string[]): Promise<void> => {
        for await (const _ of all()) if (JSON.stringify(shown()) === JSON.stringify([undone, top])) break
        assert.deepEqual(told, [])
      }
      const all = async function* (): AsyncGenerator<void, void, undefined> {
        for (;;) {
          yield
          await client.records.snapshot('todos/1')
        }
      }
      await server.records.get('todos/1').set('isDone', true).durable
      await becomes(['todos/2', 'todos/3'], ['todos/2', 'todos/3'])
      await server.records.get('todos/9').replace({ ...TODO, n: 9, isDone: true }).durable
      await server.records.get('todos/2').set('isDone', true).durable
      await becomes(['todos/3'], ['todos/3', 'todos/9'])
      assert.equal(client.records.get('todos/2').get(), undefined)
      await server.records.get('todos/3').delete().durable
      await becomes([], ['todos/2', 'todos/9'])
      client.destroy()
      await server.close()
    })

  for (const isSlow of [false, true])
    it(`is for what may not be seen any more, by a change or as permissions change${isSlow ? ', however long that takes' : ''}`, async () => {
      const network = memory()
      const denied = new Set<string>()
      const rules = records<App>({
        store: store(),
        permit: ({ verb, record, current }) => {
          const isOpen = current?.isOpen ?? true
          const may = verb !== 'read' || (!denied.has(record) && isOpen)
          return isSlow ? Promise.resolve(may) : may
        }
      })
      const server = createServer({ transformers: [network], plugins: [rules] })
      for (const name of ['todos/1', 'todos/2', 'todos/3', 'other/1', 'other/2'] as const)
        await server.records.get(name).replace(TODO).durable
      const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
      let told: string[] = []
      let wake = (): void => {}
      client.records.on('evicted', ids => {
        told.push(...ids)
        wake()
      })
      client.records.on('refused', () => {})
      const tells = async (...ids: string[]): Promise<void> => {
        while (told.length < ids.length) await new Promise<void>(resolve => (wake = resolve))
        assert.deepEqual(told.toSorted(), ids)
        told = []
      }
      const undone = client.records.collection('todos/').query(UNDONE)
      const other = client.records.collection('other/').query()
      await Promise.all([undone.when.synced, other.when.synced])
      await server.records.get('todos/1').set('isOpen', false).durable
      await tells('todos/1')
      denied.add('todos/2')
      server.records.refresh('todos/')
      await tells('todos/2')
      denied.add('other/')
      server.records.refresh('other/')
      await tells('other/1', 'other/2')
      assert.deepEqual([undone.get().map(({ id }) => id), other.get()], [['todos/3'], []])
      client.destroy()
      await server.close()
    })

  it('has what is kept and was not followed go from the device when it is asked for, and not before', async () => {
    const network = memory()
    let may = true
    const rules = records<App>({ store: store(), permit: ({ verb }) => verb !== 'read' || may })
    const server = createServer({ client: false, transformers: [network], plugins: [rules] })
    for (const name of ['todos/1', 'todos/2', 'other/1'] as const) await server.records.get(name).replace(TODO).durable
    const disk = new MemoryDisk()
    const open = () =>
      connect('http://memory', { transformers: [network], plugins: [records<App>({ persist: keep(store({ disk })) })] })
    const kept = (): string[] => [...disk.ids('')]
    const before = open()
    const undone = before.records.collection('todos/').query(UNDONE)
    await undone.when.synced
    await before.records.get('other/1').when.synced
    await before.records.close()
    before.destroy()
    may = false
    const after = open()
    after.records.on('refused', () => {})
    await assert.rejects(after.records.snapshot('other/1'), { code: 'ERR_DENIED' })
    assert.deepEqual(
      kept().filter(id => id.startsWith('todos/')),
      ['todos/1', 'todos/2']
    )
    const all = after.records.collection('todos/').query()
    await assert.rejects(all.when.synced, { code: 'ERR_DENIED' })
    await after.records.close()
    after.destroy()
    assert.deepEqual(kept(), [])
    await server.close()
  })
})
