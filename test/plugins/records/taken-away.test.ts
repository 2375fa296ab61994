import assert from 'node:assert/strict'
import type { Following } from '../../../plugins/records/client/engine.ts'
import { keep } from '../../../plugins/records/client/keep.ts'
import { Replica } from '../../../plugins/records/client/replica.ts'
import type { Query } from '../../../plugins/records/core/query.ts'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { Follower } from '../../../plugins/records/server/follower.ts'
import { memory, MemoryDisk } from '../../../stores/memory.ts'
import { at, peerOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

/** Milliseconds that a frame takes, each way. */
const LATENCY = 10

describe('records: what is taken away from a replica', () => {
  let world: World
  let root: WireClient
  let denied: Set<string>
  let disk: MemoryDisk
  let replica: Replica
  let follower: Follower | undefined

  const make = (): Replica => {
    const replica = new Replica({
      now: () => Date.now(),
      monotonic: () => Date.now(),
      discardDelay: 10,
      persist: keep(memory({ disk }))
    })
    replica.on('refused', () => {})
    return replica
  }

  const join = async (): Promise<void> => {
    const own = world.authority.connect({
      peer: peerOf('ann'),
      send: bytes => {
        setTimeout(() => own === follower && replica.receive(bytes), LATENCY)
        return true
      },
      fail: ([code]) => assert.fail(code)
    })
    follower = own
    replica.connected(bytes => {
      setTimeout(() => own.receive(bytes), LATENCY)
      return true
    })
    await world.pass(100)
  }

  const leave = async (): Promise<void> => {
    follower?.end()
    follower = undefined
    replica.disconnected()
    await world.pass(100)
  }

  const follow = (name: string, query?: Query): Following => {
    const following = replica.follow(name, query)
    for (const promise of [following.ready, following.synced]) promise.catch(() => {})
    return following
  }

  const refresh = async (): Promise<void> => {
    world.authority.refresh('', () => true)
    await world.pass(100)
  }

  const shown = (): Record<string, unknown> => {
    const found: Record<string, unknown> = {}
    for (const id of replica.ids('')) found[id] = replica.look(id)
    return found
  }

  const start = async (options: Partial<AuthorityOptions>): Promise<void> => {
    await world.make(options).open()
    root = await world.welcomed('root')
    for (let n = 1; n <= 2; n++) root.write(`a/${n}`, [at(n, 'root').make(), at(n, 'root').set('n', n)])
    await world.pass()
    replica = make()
    await join()
  }

  beforeEach(() => {
    world = new World()
    denied = new Set()
    disk = new MemoryDisk()
  })

  afterEach(async () => {
    follower?.end()
    const closing = replica.close()
    await world.pass(100)
    await closing
    await world.end()
  })

  const rules: Partial<AuthorityOptions> = { permit: ({ record, verb }) => verb !== 'read' || !denied.has(record) }

  for (const isAllowed of [false, true])
    it(`is gone from its store too, where it was let go of: a collection that is ${isAllowed ? 'allowed' : 'denied'} then`, async () => {
      denied.add('a/')
      await start(rules)
      const all = follow('a/')
      const one = follow('a/2')
      await world.pass(100)
      assert.deepEqual([all.state, one.state, shown()], ['refused', 'synced', { 'a/2': { n: 2 } }])
      replica.unfollow(one)
      await world.pass(100)
      assert.ok(disk.rows('a/2').length)
      denied.add('a/2')
      if (isAllowed) denied.delete('a/')
      else {
        replica.unfollow(all)
        await world.pass(100)
        follow('a/')
      }
      await refresh()
      assert.deepEqual([shown(), disk.rows('a/2')], [isAllowed ? { 'a/1': { n: 1 } } : {}, []])
      await leave()
      await replica.close()
      replica = make()
      follow('a/')
      await world.pass(100)
      assert.deepEqual(shown(), isAllowed ? { 'a/1': { n: 1 } } : {})
    })

  it('is fetched again where it was being asked for by its own name', async () => {
    let isDenied = false
    await start({ permissions: { check: ({ name }) => !(isDenied && name.endsWith('*')) } })
    const all = follow('a/')
    follow('a/', { where: [['n', '>', 1]] })
    await world.pass(100)
    const one = follow('a/2')
    isDenied = true
    await refresh()
    assert.deepEqual([all.state, one.state, shown()], ['refused', 'synced', { 'a/2': { n: 2 } }])
  })

  it('for want of room is fetched again when there is some', async () => {
    await start({ limits: { matches: 2 }, ...rules })
    const all = follow('a/')
    await world.pass(100)
    assert.deepEqual(shown(), { 'a/1': { n: 1 }, 'a/2': { n: 2 } })
    await leave()
    root.write('a/3', [at(9, 'root').make(), at(9, 'root').set('n', 3)])
    await join()
    // It may still be seen, so what is kept stays.
    assert.deepEqual([all.state, all.error?.code, shown()], ['refused', 'ERR_LIMIT', {}])
    assert.ok(disk.rows('a/1').length)
    root.write('a/3', [at(10, 'root').remove()])
    await leave()
    await join()
    assert.deepEqual([all.state, shown()], ['synced', { 'a/1': { n: 1 }, 'a/2': { n: 2 } }])
  })

  it('is removed as soon as the store takes it, and what comes back meanwhile is not', async () => {
    await start(rules)
    const all = follow('a/')
    await world.pass(100)
    for (const name of ['a/', 'a/1']) denied.add(name)
    await refresh()
    assert.deepEqual([all.state, shown()], ['refused', {}])
    denied.clear()
    await refresh()
    assert.deepEqual([all.state, shown()], ['synced', { 'a/1': { n: 1 }, 'a/2': { n: 2 } }])
    assert.ok(disk.rows('a/1').length && disk.rows('a/2').length)
  })
})
