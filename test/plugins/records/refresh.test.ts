import assert from 'node:assert/strict'
import { connect, createServer } from '../../../index.ts'
import type { Client } from '../../../index.ts'
import { hasMember, members, pathOf, records } from '../../../plugins/records/index.ts'
import type { SetOf } from '../../../plugins/records/index.ts'
import { memory as store } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'

interface Board {
  readonly owner: string
  readonly title: string
  readonly members: SetOf<string>
}
interface Card {
  readonly text: string
}

const start = () => {
  const network = memory()
  /** Who was asked about. */
  const asked = new Set<string>()
  const server = createServer({
    client: false,
    transformers: [network],
    authenticate: ({ auth }) => ({ user: String(auth) }),
    plugins: [
      records<{ 'boards/': Board; 'cards/': Card }, { readonly user: string }>({
        store: store(),
        permit: async ({ record, context, records }) => {
          if (!record.startsWith('cards/')) return true
          asked.add(context.user)
          const board = await records.get(`boards/${record.split('/')[1] ?? ''}`)
          return board?.owner === context.user || hasMember(board?.members, context.user)
        }
      })
    ]
  })
  const clients: Client[] = []
  const open = (user: string) => {
    const client = connect('http://memory', {
      transformers: [network],
      auth: user,
      plugins: [records<{ 'boards/': Board; 'cards/': Card }>()]
    })
    clients.push(client)
    return client.records
  }
  const close = async (): Promise<void> => {
    for (const client of clients) client.destroy()
    await server.close()
  }
  return { server, open, close, asked }
}

/** Resolves when a condition holds. */
const until = (live: { on(event: 'change', listener: () => void): () => void }, holds: () => boolean): Promise<void> =>
  new Promise(resolve => {
    const look = (): void => {
      if (!holds()) return
      undo()
      resolve()
    }
    const undo = live.on('change', look)
    queueMicrotask(look)
  })

describe('records: rules about others', () => {
  it('are asked again when those have changed', async () => {
    const { server, open, close, asked } = start()
    server.records.watch('boards/', (board, paths) => {
      const changed = paths.filter(path => path !== 'title')
      const isForAll = changed.some(path => !path.startsWith('members.'))
      if (changed.length)
        server.records.refresh(
          `cards/${board.split('/')[1] ?? ''}/`,
          ({ context }) => isForAll || changed.includes(pathOf(['members', JSON.stringify(context.user)]))
        )
    })
    // What a path has to say in another way.
    const name = 'bob "b" @example.org'
    const [ada, bob] = [open('ada'), open(name)]
    const refused: string[] = []
    for (const each of [ada, bob]) each.on('refused', ({ code }) => refused.push(code))
    const [own, others] = [ada, bob].map(each => each.collection('cards/b1/').query({}))
    assert(own && others)
    await Promise.all([own, others].map(cards => until(cards, () => cards.status === 'refused')))
    const board = ada.get('boards/b1')
    board.replace({ owner: 'ada', title: 'Tea', members: {} })
    ada.collection('cards/b1/').add({ text: 'Boil' })
    await until(own, () => own.status === 'synced' && own.get().length === 1)
    assert.equal(others.status, 'refused')
    await members(board, 'members').add('eve').durable
    asked.clear()
    members(board, 'members').add(name)
    await until(others, () => others.status === 'synced' && others.get().length === 1)
    await members(board, 'members').delete(name).durable
    await until(others, () => others.status === 'refused' && others.get().length === 0)
    assert.deepEqual([...asked], [name], 'nobody else')
    assert.deepEqual(refused, ['ERR_DENIED', 'ERR_DENIED', 'ERR_DENIED'])
    await close()
  })

  describe('on an authority', () => {
    let world: World
    let asked: string[]
    let gates: (() => void)[]
    let isSlow: boolean
    let isAllowed: boolean

    beforeEach(async () => {
      ;[asked, gates, isSlow, isAllowed] = [[], [], false, true]
      world = new World({
        permit: ({ record, verb }) => {
          if (verb !== 'read') return true
          asked.push(record)
          if (!isSlow) return isAllowed
          return new Promise(resolve => gates.push(() => resolve(isAllowed)))
        }
      })
      await world.authority.open()
      const root = await world.welcomed('root')
      for (const id of ['a/1', 'b/x/1']) root.write(id, [at(1, 'root').make()])
      await world.pass()
    })

    afterEach(() => world.end())

    it('are asked about what the names begin with, and whom', async () => {
      const follows = [scope(1, 'a/'), scope(2, 'b/x/'), scope(3, 'a/1')]
      await world.welcomed('ann', follows, peerOf('ann'))
      await world.welcomed('bob', follows, peerOf('bob'))
      const refreshed = async (prefix: string): Promise<readonly string[]> => {
        asked = []
        world.authority.refresh(prefix, ({ id }) => id === 'ann')
        await world.pass(10)
        return asked.toSorted()
      }
      // Once for each scope that has it.
      assert.deepEqual(await refreshed('b/'), ['b/x/', 'b/x/1'])
      assert.deepEqual(await refreshed('a/1'), ['a/', 'a/1', 'a/1'])
      assert.deepEqual(await refreshed('c/'), [])
      assert.deepEqual(await refreshed(''), ['a/', 'a/1', 'a/1', 'b/x/', 'b/x/1'])
    })

    it('are asked about all that has not been answered, when they are asked again about some of it', async () => {
      const ann = await world.welcomed('ann', [scope(1, 'a/'), scope(2, 'b/x/')], peerOf('ann'))
      assert.equal(ann.deltas.length, 0)
      isSlow = true
      isAllowed = false
      world.authority.refresh('', () => true)
      world.authority.refresh('b/', () => true)
      isSlow = false
      for (const answer of gates.splice(0)) answer()
      await world.pass()
      assert.deepEqual(
        ann.deltas.flatMap(({ scopes }) => scopes.map(({ scope, outcome }) => [scope, outcome])),
        [
          [1, 'ERR_DENIED'],
          [2, 'ERR_DENIED']
        ]
      )
    })

    it('are told of each commit once, also by who watches anew each time, and not by who has ended', async () => {
      const told: string[] = []
      const again = (record: string): void => {
        told.push(`again ${record}`)
        assert(told.length < 10, 'it ends')
        undo()
        undo = world.authority.watch('a/', again)
      }
      let undo = world.authority.watch('a/', again)
      world.authority.watch('a/', record => {
        told.push(`first ${record}`)
        end()
      })
      const end = world.authority.watch('a/', record => told.push(`ended ${record}`))
      const root = await world.welcomed('other')
      for (const id of ['a/2', 'a/3']) {
        root.write(id, [at(2, 'other').make()])
        await world.pass()
      }
      assert.deepEqual(told, ['again a/2', 'first a/2', 'first a/3', 'again a/3'])
    })

    it('are told what was committed, and of nothing else', async () => {
      const told: unknown[] = []
      const undo = world.authority.watch('a/', (record, paths) => {
        told.push([record, ...paths, world.disk.rows(record).length])
      })
      world.authority.watch('a/', () => {
        throw new Error('at once')
      })
      world.authority.watch('a/', () => Promise.reject(new Error('later')))
      const root = await world.welcomed('other', [scope(1, 'a/')])
      root.write('a/2', [at(2, 'other').make(), at(2, 'other').set('n', 1)])
      root.write('b/2', [at(2, 'other').make()])
      await world.pass()
      assert.deepEqual(told, [['a/2', '', 'n', 2]])
      assert.deepEqual(
        world.failed.map(error => error instanceof Error && error.message),
        ['at once', 'later']
      )
      undo()
      root.write('a/2', [at(3, 'other').set('n', 2)])
      await world.pass()
      assert.equal(told.length, 1)
      assert.deepEqual(contents(root.deltas.slice(-1)), { 'a/2': { n: 2 } })
    })
  })
})
