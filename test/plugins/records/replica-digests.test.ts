import assert from 'node:assert/strict'
import { keep } from '../../../plugins/records/client/keep.ts'
import { Replica } from '../../../plugins/records/client/replica.ts'
import { digestOf } from '../../../plugins/records/core/digest.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import { memory, MemoryDisk } from '../../../stores/memory.ts'
import { at, NOW, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { copiedDisk } from '../../support/copied-disk.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'

describe('records: a replica that has something else than the authority', () => {
  const records = [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }]

  const digest = (): number => {
    const state = new RecordState()
    for (const register of records[0]?.registers ?? []) state.merge(register)
    return digestOf(state, 'a/1')
  }

  it('asks for all of it anew, once, and tells the application', async () => {
    const stage = new Stage({ store: memory() })
    const told: string[] = []
    stage.replica.on('divergence', name => told.push(name))
    await stage.synced('a/', records)
    stage.delta({ seq: 2, digests: [[1, digest()]] })
    await turn()
    assert.deepEqual(told, [])
    assert.deepEqual(
      stage.take().filter(({ type }) => type === 'follow'),
      []
    )
    stage.delta({ seq: 3, digests: [[1, digest() + 1]] })
    const following = stage.replica.follow('a/')
    assert.equal(following.state, 'local')
    stage.delta({ seq: 4, records: [{ record: 'a/2', registers: [object('')] }], digests: [[1, 7]] })
    await turn()
    assert.deepEqual(told, ['a/'])
    assert.deepEqual(
      stage.take().filter(({ type }) => type === 'follow'),
      [{ type: 'follow', follows: [scope(1, 'a/', { epoch: '?', digest: 2 })] }]
    )
    stage.delta({ seq: 5, scopes: [{ scope: 1, outcome: 'reset' }], records, whole: [true] })
    assert.equal(following.state, 'synced')
    assert.equal(stage.view('a/2'), undefined)
  })

  it('only compares what is kept, in each session', async () => {
    for (const store of [undefined, memory()]) {
      const stage = new Stage(store && { store })
      await stage.synced('a/', records)
      stage.replica.disconnected()
      stage.connect()
      await turn()
      const [hello] = stage.take()
      assert.deepEqual(hello?.type === 'hello' && hello.follows.map(({ digest }) => digest), [store ? 1 : 0])
    }
  })

  describe('and an authority', () => {
    let world: World
    let ann: WireClient

    beforeEach(async () => {
      world = new World()
      await world.authority.open()
      ann = await world.welcomed('ann')
      ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1), at(0, 'ann').set('o.y', 'deep')])
      ann.write('a/2', [at(0, 'ann').make(), at(0, 'ann').set('x', 2)])
      await world.pass()
    })

    afterEach(() => world.end())

    /** A device that follows `a/` and a query, is connected, and has all there is. */
    const device = async (
      disk: MemoryDisk
    ): Promise<{ replica: Replica; told: string[]; end: () => Promise<void> }> => {
      const replica = new Replica({ persist: keep(memory({ disk })), now: () => NOW, monotonic: () => 0 })
      const told: string[] = []
      replica.on('divergence', name => told.push(name))
      replica.follow('a/')
      replica.follow('a/', { where: [['x', '=', 2]] })
      const follower = world.authority.connect({
        peer: undefined,
        send: bytes => {
          queueMicrotask(() => replica.receive(bytes))
          return true
        },
        fail: () => {}
      })
      replica.connected(bytes => {
        follower.receive(bytes)
        return true
      })
      await world.pass(100)
      const end = (): Promise<void> => {
        follower.end()
        return replica.close()
      }
      return { replica, told, end }
    }

    const heals = async (disk: MemoryDisk, names = ['a/']): Promise<void> => {
      const { replica, told, end } = await device(disk)
      assert.deepEqual(told, names)
      assert.deepEqual(replica.look('a/1'), { x: 1, o: { y: 'deep' } })
      assert.deepEqual(replica.look('a/2'), { x: 2 })
      assert.equal(replica.look('a/3'), undefined)
      await world.pass(100)
      await end()
      assert.deepEqual([...disk.ids('')], ['a/1', 'a/2'])
      const again = await device(disk)
      assert.deepEqual(again.told, [], 'the store has it now')
      await again.end()
    }

    for (const [what, damage] of [
      ['lost', (disk: MemoryDisk) => disk.commit({ rows: [], removed: [['a/1', 'o.y']], entries: [] })],
      [
        'wrong',
        (disk: MemoryDisk) => {
          const [row] = disk.rows('a/1').slice(-1)
          assert(row)
          disk.commit({ rows: [{ ...row, value: 3 }], removed: [], entries: [] })
        }
      ],
      [
        'too much',
        (disk: MemoryDisk) => {
          const rows = disk.rows('a/1').map(row => ({ ...row, record: 'a/3' }))
          disk.commit({ rows, removed: [], entries: [] })
        }
      ],
      [
        'hidden',
        (disk: MemoryDisk) => {
          const rows = disk.rows('a/1').map(row => ({ ...row, record: 'a/3', t: row.path ? row.t - 1 : row.t }))
          disk.commit({ rows, removed: [], entries: [] })
        }
      ]
    ] as const)
      it(`mends what is ${what} in its store`, async () => {
        const disk = new MemoryDisk()
        const { told, end } = await device(disk)
        await end()
        assert.deepEqual(told, [])
        damage(disk)
        await heals(disk)
        assert.equal(world.authority.counters.diverged, 1)
      })

    it('mends a query by itself', async () => {
      const disk = new MemoryDisk()
      const { end } = await device(disk)
      await end()
      disk.commit({ rows: [], removed: [['a/2', 'x']], entries: [] })
      await heals(disk, ['a/', 'a/'])
    })

    it('has what the authority has, after that went back to an older store and on from there', async () => {
      const old = copiedDisk(world.disk)
      ann.write('a/1', [at(1, 'ann').set('x', 'lost')])
      await world.pass()
      const disk = new MemoryDisk()
      const { end } = await device(disk)
      await end()
      ann.end()
      await world.authority.close()
      const { rows, entries } = { rows: [...old.ids('')].flatMap(id => old.rows(id)), entries: old.keys('') }
      world.disk.commit({ rows, removed: [], entries: entries.map(key => [key, old.entry(key)]) })
      await world.make().open()
      const bob = await world.welcomed('bob')
      for (let n = 0; n < 3; n++) bob.write('a/2', [at(2, 'bob', n).set('x', 2)])
      await world.pass()
      await heals(disk, ['a/', 'a/'])
    })
  })
})
