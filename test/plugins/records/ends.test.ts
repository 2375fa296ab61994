import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import { records } from '../../../plugins/records/index.ts'
import { memory as store } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'

interface Todo {
  readonly title: string
  readonly done: boolean
  readonly votes: number
}
type App = { readonly 'todos/': Todo }

const TODO = { title: 'Tea', done: false, votes: 1 }

const start = () => {
  const network = memory()
  const server = createServer({ transformers: [network], plugins: [records<App>({ store: store() })] })
  const join = () => connect('http://memory', { transformers: [network], plugins: [records<App>()] })
  const clients = [join(), join()] as const
  return {
    network,
    server,
    clients,
    end: async () => {
      for (const client of clients) client.destroy()
      await server.close()
    }
  }
}

describe('records: both ends', () => {
  it('what one client writes, the other one and the server see', async () => {
    const { server, clients, end } = start()
    const [one, two] = clients
    const todo = one.records.get('todos/1')
    await todo.replace(TODO).durable
    const theirs = two.records.get('todos/1')
    await theirs.when.synced
    assert.deepEqual(theirs.get(), TODO)
    const own = server.records.get('todos/1')
    await own.when.synced
    assert.deepEqual(own.get(), TODO)
    await own.set('done', true).durable
    await Promise.all([todo.increment('votes').durable, theirs.increment('votes').durable])
    for (const each of [todo, theirs, own]) {
      for await (const value of each) if (value?.votes === 3 && value.done) break
    }
    await end()
  })

  it('goes on after the wire was cut, and after the session was lost', async () => {
    const { network, server, clients, end } = start()
    const [one, two] = clients
    const [mine, theirs] = [one.records.get('todos/1'), two.records.get('todos/1')]
    await mine.replace(TODO).durable
    await theirs.when.synced
    network.cut()
    const write = mine.set('title', 'Milk')
    await write.durable
    for await (const value of theirs) if (value?.title === 'Milk') break
    for (const peer of server.peers) peer.destroy(4_000)
    await mine.set('title', 'Juice').durable
    for await (const value of theirs) if (value?.title === 'Juice') break
    await end()
  })

  it('a query has what matches, as others change it', async () => {
    const { clients, end } = start()
    const [one, two] = clients
    const todos = two.records.collection('todos/')
    const open = todos.query({ where: [['done', '=', false]], order: ['title'], limit: 2 })
    await open.when.synced
    const mine = one.records.collection('todos/')
    for (const title of ['c', 'a', 'b']) await mine.add({ ...TODO, title }, title).write.durable
    const titles = (results: ReturnType<typeof open.get>) => results.map(({ value }) => value.title).join('')
    for await (const results of open) if (titles(results) === 'ab') break
    await mine.get('a').set('done', true).durable
    for await (const results of open) if (titles(results) === 'bc') break
    await end()
  })

  it('who edits what somebody else deleted is told, and may make it again', async () => {
    const { network, clients, end } = start()
    const [one, two] = clients
    const [mine, theirs] = [one.records.get('todos/1'), two.records.get('todos/1')]
    await mine.replace(TODO).durable
    await theirs.when.synced
    network.cut()
    const deletion = mine.delete()
    await deletion.durable
    const blind = theirs.set('title', 'Milk')
    const rejected: unknown[] = []
    two.records.on('rejected', error => rejected.push(error.code))
    await assert.rejects(blind.durable, { code: 'ERR_CONFLICT' })
    assert.deepEqual(rejected, ['ERR_CONFLICT'])
    assert.equal(theirs.get(), undefined)
    await theirs.replace({ ...TODO, title: 'Anew' }).durable
    for await (const value of mine) if (value?.title === 'Anew') break
    await end()
  })
})
