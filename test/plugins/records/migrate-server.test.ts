import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from '../../../index.ts'
import type { Commit, Store } from '../../../lib/store.ts'
import { keep, migrations, records } from '../../../plugins/records/index.ts'
import type { RecordsOptions } from '../../../plugins/records/index.ts'
import { memory as store, MemoryDisk } from '../../../stores/memory.ts'
import { postgres } from '../../../stores/postgres/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { World } from '../../support/authority.ts'
import { PrivatePostgres } from '../../support/postgres.ts'
import { sqlite } from '../../support/sqlite.ts'

interface Old {
  readonly title: string
  readonly done: boolean
}
interface New {
  readonly name: string
  readonly done: boolean
}

/** `title` becomes `name`. */
const rename = migrations({
  2: (_record, write) => [write.path === 'title' ? { ...write, path: 'name' } : write]
})

const at = (version: number) => ({ schema: { id: 'app', version } })

const serve = (options: RecordsOptions) => {
  const network = memory()
  const server = createServer({ client: false, transformers: [network], plugins: [records(options)] })
  return { server, network }
}

/** A server of version 1 and a device that edits without it; then both are of version 2. @returns what all come to see */
const renamed = async (make: () => Store): Promise<unknown> => {
  const device = new MemoryDisk()
  const first = serve({ store: make(), ...at(1) })
  const before = connect('http://memory', {
    transformers: [first.network],
    plugins: [records<{ 'todos/': Old }>({ persist: keep(store({ disk: device })), ...at(1) })]
  })
  const todo = before.records.get('todos/1')
  await todo.replace({ title: 'Tea', done: false }).durable
  await before.records.get('todos/2').replace({ title: 'Milk', done: true }).durable
  await first.server.close()
  await todo.set('title', 'Green tea').stored
  before.destroy()
  await before.records.close()

  const second = serve({ store: make(), ...at(2), migrate: rename })
  await second.server.records.ready
  const after = connect('http://memory', {
    transformers: [second.network],
    plugins: [records<{ 'todos/': New }>({ persist: keep(store({ disk: device })), ...at(2), migrate: rename })]
  })
  const written = new Promise<void>(resolve => after.records.on('pending', count => count || resolve()))
  const todos = after.records.collection('todos/').query({ order: ['name'] })
  await todos.when.synced
  await written
  const seen = [todos.get(), await second.server.records.snapshot('todos/1')]
  after.destroy()
  await after.records.close()
  await second.server.close()
  return seen
}

const EXPECTED = [
  [
    { id: 'todos/1', value: { name: 'Green tea', done: false } },
    { id: 'todos/2', value: { name: 'Milk', done: true } }
  ],
  { name: 'Green tea', done: false }
]

describe('records of a server, and a later version of them', () => {
  describe('what was edited offline before wins against what was migrated', () => {
    it('in memory', async () => {
      const disk = new MemoryDisk()
      assert.deepEqual(await renamed(() => store({ disk })), EXPECTED)
    })

    it('in SQLite', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
      try {
        assert.deepEqual(await renamed(() => sqlite(join(folder, 'data.db'))), EXPECTED)
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })

    it('in PostgreSQL', async function () {
      const { url } = await PrivatePostgres.start(this)
      assert.deepEqual(await renamed(() => postgres({ url, schema: 'migrated' })), EXPECTED)
    })
  })

  describe('in a store', () => {
    let world: World
    /** What was committed, and how many commits are taken before all fail. */
    let commits: Commit[]
    let room = Infinity
    const wrap = (inner: Store): Store => ({
      name: 'bounded',
      open: () => inner.open(),
      close: () => inner.close(),
      rows: (...args) => inner.rows(...args),
      records: (...args) => inner.records(...args),
      entry: key => inner.entry(key),
      entries: prefix => inner.entries(prefix),
      commit: async commit => {
        if (--room < 0) throw new Error('no disk')
        commits.push(commit)
        return inner.commit(commit)
      }
    })

    const start = (version: number, migrate?: RecordsOptions['migrate']): Promise<void> =>
      world.make({ ...at(version), migrate }, wrap).open()

    /** What the records have at a path, in their order. */
    const fields = (path: string): unknown[] =>
      [...world.disk.ids('')].map(id => world.disk.rows(id).find(row => row.path === path)?.value)

    const fill = async (count: number): Promise<void> => {
      const disk = store({ disk: world.disk })
      await disk.open()
      const row = { kind: 0, t: 5, node: 'ann' } as const
      await disk.commit({
        rows: Array.from({ length: count }, (_, n) => `a/${1000 + n}`).flatMap((record, n) => [
          { ...row, record, path: '', kind: 1, value: undefined, seq: 1 },
          { ...row, record, path: 'title', value: n, seq: 2 },
          { ...row, record, path: 'note', value: 'x', seq: 3 }
        ]),
        removed: [],
        entries: [['meta', { epoch: 'first', seq: 3, floor: 0, schema: { id: 'app', version: 1 } }]]
      })
      await disk.close()
    }

    const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

    beforeEach(() => {
      world = new World()
      commits = []
      room = Infinity
    })

    afterEach(() => world.end())

    it('goes on from where it was killed, before a later version begins', async () => {
      await fill(250)
      room = 1
      const dies = start(2, rename)
      const died = assert.rejects(dies, { code: 'ERR_CLOSED' })
      await world.pass()
      await world.authority.close()
      await died
      assert.equal(fields('name').filter(value => value !== undefined).length, 100)
      room = Infinity
      await assert.rejects(start(1), { code: 'ERR_SCHEMA' })
      await assert.rejects(start(2), { code: 'ERR_SCHEMA', message: /some records are of a former version/ })
      const asked = new Map<number, number>()
      const steps = migrations({
        2: (_record, write) => {
          asked.set(2, (asked.get(2) ?? 0) + 1)
          return [write.path === 'title' ? { ...write, path: 'name' } : write]
        },
        3: (_record, write) => {
          asked.set(3, (asked.get(3) ?? 0) + 1)
          return [write.path === 'name' ? { ...write, path: 'label' } : write]
        }
      })
      await start(3, steps)
      assert.deepEqual(
        [...asked],
        [
          // Once to find out whether it can be done, and once to do it.
          [2, 2 * 150 * 3],
          [3, 2 * 250 * 3]
        ]
      )
      assert.deepEqual(fields('label'), numbers(250))
      await world.authority.close()
      await start(3, () => assert.fail('all of it is migrated'))
      assert.deepEqual(fields('label'), numbers(250))
    })

    it('keeps stamps, and writes only what is another one', async () => {
      await fill(2)
      await start(2, rename)
      assert.deepEqual(world.disk.rows('a/1001'), [
        { record: 'a/1001', path: '', kind: 1, value: undefined, t: 5, node: 'ann', seq: 1 },
        { record: 'a/1001', path: 'name', kind: 0, value: 1, t: 5, node: 'ann', seq: 2 },
        { record: 'a/1001', path: 'note', kind: 0, value: 'x', t: 5, node: 'ann', seq: 3 }
      ])
      assert.deepEqual(
        commits.map(({ rows, removed }) => [rows.map(({ record, path }) => [record, path]), removed]),
        [
          [
            [
              ['a/1000', 'name'],
              ['a/1001', 'name']
            ],
            [
              ['a/1000', 'title'],
              ['a/1001', 'title']
            ]
          ]
        ]
      )
    })

    it('leaves a record its version, also without the field that made it', async () => {
      await fill(1)
      await start(2, migrations({ 2: (_record, write) => (write.path === 'note' ? [] : [write]) }))
      assert.equal(Math.max(...world.disk.rows('a/1000').map(({ seq }) => seq)), 3)
      assert.deepEqual(fields('note'), [undefined])
    })

    it('tells clients all of it anew', async () => {
      await fill(1)
      await start(2, rename)
      const { epoch } = world.disk.entry('meta') as { readonly epoch: string }
      assert.notEqual(epoch, 'first')
      await world.authority.close()
      await start(2, rename)
      assert.equal((world.disk.entry('meta') as { readonly epoch: string }).epoch, epoch)
    })

    it('moves nothing before it is known that all can be moved, and says which record cannot', async () => {
      await fill(250)
      const bad = migrations({
        2: (record, write) => {
          if (record === 'a/1180' && write.path === 'title') throw new TypeError('unforeseen')
          return [write]
        }
      })
      await assert.rejects(start(2, bad), {
        code: 'ERR_SCHEMA',
        message: /migrate 'a\/1180' to 2: TypeError: unforeseen$/
      })
      assert.deepEqual(commits, [])
      await world.authority.close()
      await start(1)
      assert.deepEqual(fields('title'), numbers(250))
      await world.authority.close()
      await start(2, rename)
      assert.deepEqual(fields('name'), numbers(250))
    })

    it('holds no more than a hundred records at a time', async () => {
      await fill(250)
      const sizes: number[] = []
      await start(2, async (piece, versions, outbox, meta) => {
        sizes.push(new Set((await piece.rows([{ prefix: '' }])).map(({ record }) => record)).size)
        await rename(piece, versions, outbox, meta)
      })
      assert.deepEqual(sizes, [100, 100, 50, 100, 100, 50])
    })

    it('keeps nobody from closing the server where it never ends', async () => {
      await fill(1)
      const opening = assert.rejects(
        start(2, () => new Promise(() => {})),
        { code: 'ERR_CLOSED' }
      )
      await world.pass()
      await world.authority.close()
      await opening
      assert.deepEqual(commits, [])
    })

    it('opens nothing where it fails, and says what with', async () => {
      await fill(1)
      const bad = migrations({
        2: () => {
          throw new TypeError('no such thing')
        }
      })
      await assert.rejects(start(2, bad), {
        code: 'ERR_SCHEMA',
        message: /migrate 'a\/1000' to 2: TypeError: no such thing$/
      })
      assert.deepEqual(commits, [])
    })
  })
})
