import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_MISSING_PACKAGE } from '../../../lib/failures.ts'
import type { Store } from '../../../lib/store.ts'
import { keep, records } from '../../../plugins/records/index.ts'
import type { Records } from '../../../plugins/records/index.ts'
import { memory as store, MemoryDisk } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { turns } from '../../support/faults-wait.ts'
import { GatedStore } from '../../support/gated-store.ts'

interface Todo {
  readonly title: string
  readonly done: boolean
  readonly votes: number
}
type App = { readonly 'todos/': Todo }

/** What clients and servers have. */
type Surface = Pick<Records<App>, 'get' | 'collection' | 'snapshot' | 'has' | 'pending'>

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

  it('a client tells when what it keeps is read, so that it is known what waits; at once where it keeps nothing', async () => {
    const { network, end } = start()
    const disk = new MemoryDisk()
    const open = (kept: Store) =>
      connect('http://memory', {
        transformers: [network],
        open: false,
        plugins: [records<App>({ persist: keep(kept) })]
      })
    const before = open(store({ disk }))
    await before.records.ready
    await before.records.get('todos/1').replace(TODO).stored
    await before.records.close()
    const gate = new GatedStore(store({ disk }))
    gate.hold('entry')
    const after = open(gate)
    let isReady = false
    const ready = after.records.ready.then(() => (isReady = true))
    await turns(50)
    assert.deepEqual([isReady, after.records.pending.length], [false, 0])
    gate.release()
    await ready
    assert.equal(after.records.pending.length, 1)
    await after.records.close()
    await after.records.ready
    const none = connect('http://memory', { transformers: [network], open: false, plugins: [records<App>()] })
    await none.records.ready
    await end()
  })

  it('a client whose store cannot be read says so, also where it is tried again; and where it is closed before', async () => {
    const { network, end } = start()
    const open = (kept: Store) => {
      const client = connect('http://memory', {
        transformers: [network],
        open: false,
        plugins: [records<App>({ persist: keep(kept) })]
      })
      client.records.on('error', () => {})
      return client
    }
    const fails = open(Object.assign(store(), { open: () => Promise.reject(new Error('no disk')) }))
    await assert.rejects(fails.records.ready, { code: 'ERR_STORE' })
    const hangs = open(Object.assign(store(), { open: () => new Promise<void>(() => {}) }))
    const ready = assert.rejects(hangs.records.ready, { code: 'ERR_CLOSED' })
    await Promise.all([fails, hangs].map(({ records }) => records.close()))
    await ready
    await end()
  })

  it('a snapshot has what others have committed before it', async () => {
    const { clients, server, end } = start()
    const [one, two] = clients
    await one.records.get('todos/1').replace(TODO).durable
    for (let votes = 2; votes < 12; votes++) {
      await one.records.get('todos/1').set('votes', votes).durable
      const all = await Promise.all([two, server].map(({ records }) => records.snapshot('todos/1')))
      assert.deepEqual(all, [
        { ...TODO, votes },
        { ...TODO, votes }
      ])
    }
    await end()
  })

  it('what a client follows is as new as its wire, and says so', async () => {
    const { network, clients, end } = start()
    const todo = clients[0].records.get('todos/1')
    await todo.when.synced
    const statuses: string[] = []
    const isBack = new Promise<void>(resolve => {
      todo.on('change', () => {
        statuses.push(todo.status)
        if (todo.status === 'synced') resolve()
      })
    })
    network.cut()
    await isBack
    assert.deepEqual(statuses, ['local', 'synced'])
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

  describe('where no session follows', () => {
    const closed = { code: 'ERR_CLOSED' }

    /** All that waits, once more. */
    const asked = async ({ records }: { readonly records: Surface }, waiting = 0): Promise<void> => {
      const todo = records.get('todos/9')
      const query = records.collection('todos/').query({ limit: 1 })
      const first = async (of: AsyncIterable<unknown>): Promise<unknown> => {
        for await (const value of of) return value
        return undefined
      }
      await Promise.all([
        assert.rejects(todo.when.ready, closed),
        assert.rejects(todo.when.synced, closed),
        assert.rejects(query.when.ready, closed),
        assert.rejects(query.when.synced, closed),
        assert.rejects(first(todo), closed),
        assert.rejects(first(query), closed),
        assert.rejects(records.snapshot('todos/8'), closed),
        assert.rejects(records.has('todos/7'), closed),
        assert.rejects(todo.set('done', true).durable, closed)
      ])
      assert.equal(todo.get(), undefined)
      assert.equal(records.pending.length, waiting)
    }

    it('says how the last one ended', async () => {
      const { server, clients, end } = start()
      const [one] = clients
      const todo = one.records.get('todos/1')
      await todo.when.synced
      const ended = new Promise(resolve => one.on('close', resolve))
      const lost = todo.set('title', 'Milk')
      for (const peer of server.peers) peer.end(4_500, 'the month is over')
      const over = { code: 'ERR_CLOSED', message: /: the month is over$/, cause: await ended }
      await assert.rejects(lost.durable, over)
      await assert.rejects(todo.when.synced, over)
      await assert.rejects(one.records.get('todos/2').when.ready, over)
      await assert.rejects(todo.set('title', 'Tea').durable, over)
      await end()
    })

    it('rejects what waits and what is asked then, until the client is opened again', async () => {
      const { clients, end } = start()
      const [one, two] = clients
      const todo = one.records.get('todos/1')
      await todo.replace(TODO).durable
      const seen: unknown[] = []
      const reading = (async () => {
        for await (const value of todo) seen.push(value)
      })()
      const early = asked(one)
      const lost = todo.set('title', 'Milk')
      one.destroy()
      await Promise.all([early, asked(one), assert.rejects(reading, closed), assert.rejects(lost.durable, closed)])
      assert.equal(seen.length > 0, true)
      assert.equal(todo.status, 'local')
      assert.deepEqual(todo.get(), TODO)
      one.open()
      await todo.when.synced
      await todo.set('title', 'Juice').durable
      assert.deepEqual(await two.records.snapshot('todos/1'), { ...TODO, title: 'Juice' })
      await end()
    })

    it('rejects what waits when the server refuses the client', async () => {
      const network = memory()
      const server = createServer({
        transformers: [network],
        authenticate: () => false,
        plugins: [records({ store: store() })]
      })
      const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
      client.on('close', () => {})
      await asked(client)
      await server.close()
    })

    it('rejects what waits when the server closes', async () => {
      const { server, end } = start()
      const { records } = server
      const waits = records.get('todos/1').set('done', true)
      await end()
      await assert.rejects(waits.durable, closed)
      await asked({ records })
    })

    it('lets go of what it keeps, and goes on with it when it is opened again', async () => {
      const { network, clients, end } = start()
      const disk = new MemoryDisk()
      const persist = () => keep(store({ disk }))
      const client = connect('http://memory', {
        transformers: [network],
        open: false,
        plugins: [records<App>({ persist: persist() })]
      })
      const todo = client.records.get('todos/1')
      const write = todo.replace(TODO)
      await write.stored
      client.destroy()
      await assert.rejects(write.durable, closed)
      assert.equal(write.status, 'stored')
      await asked(client, 1)
      assert.equal(disk.user, undefined)
      const other = connect('http://memory', {
        transformers: [network],
        open: false,
        plugins: [records<App>({ persist: persist() })]
      })
      await other.records.close()
      client.open()
      await todo.when.synced
      for await (const value of clients[0].records.get('todos/1')) if (value) break
      client.destroy()
      await end()
    })

    it('what is kept and was not sent still waits, as `pending` says, until it is sent', async () => {
      const { network, end } = start()
      const client = connect('http://memory', {
        transformers: [network],
        plugins: [records<App>({ persist: keep(store()) })]
      })
      const todo = client.records.get('todos/1')
      await todo.when.synced
      const counts: number[] = []
      network.down = true
      network.cut()
      await Promise.all([todo.set('title', 'Milk').stored, todo.set('done', true).stored])
      client.records.on('pending', count => counts.push(count))
      const closed = new Promise(resolve => client.on('close', resolve))
      client.end()
      await client.records.close()
      client.destroy()
      await closed
      await client.records.close()
      assert.deepEqual([...new Set(counts)], [2])
      assert.deepEqual(
        client.records.pending.map(({ status }) => status),
        ['stored', 'stored']
      )
      network.down = false
      client.open()
      await new Promise<void>(resolve => client.records.on('pending', count => count || resolve()))
      assert.deepEqual(client.records.pending, [])
      client.destroy()
      assert.deepEqual(client.records.pending, [])
      await end()
    })

    it('forgets what is kept and was not sent when it is cleared', async () => {
      const { end } = start()
      const client = connect('http://memory', {
        transformers: [memory()],
        open: false,
        plugins: [records<App>({ persist: keep(store()) })]
      })
      const write = client.records.get('todos/1').replace(TODO)
      await write.stored
      client.destroy()
      await client.records.close()
      assert.deepEqual(client.records.pending, [write])
      const counts: number[] = []
      client.records.on('pending', count => counts.push(count))
      await client.records.clear()
      assert.deepEqual([client.records.pending, counts.at(-1)], [[], 0])
      await end()
    })
  })

  it('the end of a client comes behind what was written', async () => {
    const { network, server, end } = start()
    for (const mode of ['fresh', 'open', 'kept'] as const) {
      const client = connect('http://memory', {
        transformers: [network],
        plugins: [records<App>(mode === 'kept' ? { persist: keep(store()) } : {})]
      })
      if (mode !== 'fresh') await new Promise(resolve => client.once('open', resolve))
      const write = client.records.get(`todos/${mode}`).replace(TODO)
      const over = new Promise(resolve => client.once('close', resolve))
      client.end()
      await write.durable
      await over
      assert.deepEqual(await server.records.snapshot(`todos/${mode}`), TODO)
    }
    await end()
  })

  it('who signs out begins with nothing, as whoever is logged in then', async () => {
    const network = memory()
    let user = 'ada'
    const permit = ({ verb, context }: { readonly verb: string; readonly context: { readonly user: unknown } }) =>
      verb !== 'read' || context.user === user
    const server = createServer({
      transformers: [network],
      authenticate: ({ auth }) => ({ user: auth }),
      plugins: [records<App, { readonly user: unknown }>({ store: store(), permit })]
    })
    const client = connect('http://memory', {
      transformers: [network],
      auth: () => user,
      plugins: [records<App>({ persist: keep(store()) })]
    })
    const todo = client.records.get('todos/1')
    await todo.replace(TODO).durable
    client.records.on('cleared', () => {
      client.destroy()
      client.open()
    })
    user = 'bob'
    await client.records.clear()
    await todo.when.synced
    assert.deepEqual([todo.get(), todo.status], [TODO, 'synced'])
    await todo.set('title', 'of Bob').durable
    assert.equal((await server.records.snapshot('todos/1'))?.title, 'of Bob')
    client.destroy()
    await server.close()
  })

  it('a store that cannot be opened is told as what it is, once, and to who waits for it', async () => {
    const failing = (error: Error): Store => {
      const open = async (): Promise<void> => {
        throw error
      }
      return Object.assign(store(), { open })
    }
    for (const [error, code] of [
      [new Error('no such file'), 'ERR_STORE'],
      [new AnywireError(ERR_MISSING_PACKAGE, 'sqlite'), 'ERR_MISSING_PACKAGE']
    ] as const) {
      const server = createServer({ transformers: [memory()], plugins: [records({ store: failing(error) })] })
      const told: unknown[] = []
      server.on('error', ({ code }, { stage }) => told.push([code, stage]))
      await assert.rejects(server.records.ready, { code })
      await server.close()
      await turns()
      assert.deepEqual(told, [[code, 'records']])
    }
    const { server, end } = start()
    await server.records.ready
    await end()
  })

  it('what makes no sense is refused where it is said', () => {
    const network = memory()
    const option = { code: 'ERR_OPTION' }
    const serve = (more: object) =>
      createServer({ transformers: [network], plugins: [records({ store: store(), ...more })] })
    const join = (options: object) =>
      connect('http://memory', { transformers: [network], open: false, plugins: [records(options)] })
    assert.throws(() => serve({ collections: { todos: { validate: () => true } } }), option)
    assert.throws(() => join({ persist: store() }), option)
    assert.throws(() => join({ schema: { version: 1 } }), option)
    assert.throws(() => join({ store: store() }), { ...option, message: /persist: keep\(store\)/ })
  })

  it('who may not follow something is told', async () => {
    const network = memory()
    const server = createServer({
      transformers: [network],
      plugins: [records({ store: store(), permit: ({ record }) => record !== 'todos/' && record !== 'todos/1' })]
    })
    const client = connect('http://memory', { transformers: [network], plugins: [records<App>()] })
    const names: string[] = []
    const told = new Promise<void>(resolve =>
      client.records.on('refused', ({ code }, name) => {
        assert.equal(code, 'ERR_DENIED')
        if (names.push(name) === 2) resolve()
      })
    )
    client.records.get('todos/1')
    client.records.collection('todos/').query()
    await told
    assert.deepEqual(names.sort(), ['todos/', 'todos/1'])
    client.destroy()
    await server.close()
  })
})
