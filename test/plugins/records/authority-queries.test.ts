import assert from 'node:assert/strict'
import type { Query } from '../../../plugins/records/core/query.ts'
import { at, contents, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

describe('an authority of records, and queries', () => {
  let world: World
  let ann: WireClient
  let time: number

  beforeEach(async () => {
    world = new World()
    await world.authority.open()
    ann = await world.welcomed('ann')
    time = 0
  })

  afterEach(() => world.end())

  const put = async (id: string, fields: Record<string, number | string>): Promise<void> => {
    const now = at(++time, 'ann')
    ann.write(id, [now.implicit(), ...Object.entries(fields).map(([path, value]) => now.set(path, value))])
    await world.pass()
  }

  const ask = async (query: Query, more = {}): Promise<WireClient> => {
    const client = world.client('bob')
    client.hello([scope(1, 'a/', { query, ...more })])
    await world.pass()
    return client
  }

  it('tell what matches and nothing else, and when it does not any more', async () => {
    await put('a/1', { n: 1, x: 'one' })
    await put('a/2', { n: 2 })
    await put('a/2/deep', { n: 1 })
    const bob = await ask({ where: [['n', '=', 1]] })
    assert.deepEqual(contents(bob.deltas), { 'a/1': { '': '{}', n: 1, x: 'one' } })
    await put('a/2', { y: 'changed' })
    assert.deepEqual(bob.news, [])
    await put('a/1', { x: 'two' })
    assert.deepEqual(contents([bob.delta]), { 'a/1': { x: 'two' } })
    await put('a/2', { n: 1 })
    const entered = bob.delta
    assert.deepEqual(contents([entered]), { 'a/2': { '': '{}', n: 1, y: 'changed' } })
    assert.deepEqual(entered.whole, [true])
    await put('a/1', { n: 5 })
    const { evicted, records } = bob.delta
    assert.deepEqual([evicted, records], [['a/1'], []])
    ann.write('a/2', [at(++time, 'ann').remove()])
    await world.pass()
    assert.deepEqual(bob.delta.evicted, ['a/2'])
  })

  it('keep the first ones of an order', async () => {
    for (const n of [5, 3, 1, 4]) await put(`a/${n}`, { n })
    const bob = await ask({ order: ['n'], limit: 2 })
    assert.deepEqual(Object.keys(contents(bob.deltas)), ['a/1', 'a/3'])
    await put('a/4', { n: 2 })
    const first = bob.delta
    assert.deepEqual([contents([first]), first.evicted], [{ 'a/4': { '': '{}', n: 2 } }, ['a/3']])
    // What comes into the first ones without having changed is told as a whole.
    await put('a/1', { n: 9 })
    const second = bob.delta
    assert.deepEqual([contents([second]), second.evicted], [{ 'a/3': { '': '{}', n: 3 } }, ['a/1']])
    await put('a/5', { n: 6 })
    assert.deepEqual(bob.news, [])
  })

  it('take nothing from who lets go of a scope, and has it of a query by now', async () => {
    for (const n of [1, 2]) await put(`a/${n}`, { n })
    const bob = world.client('bob')
    bob.hello([scope(1, 'a/', { query: { order: ['n'], limit: 1 } }), scope(2, 'a/2')])
    await world.pass()
    assert.deepEqual(Object.keys(contents(bob.deltas)).toSorted(), ['a/1', 'a/2'])
    ann.write('a/1', [at(++time, 'ann').remove()])
    await world.pass()
    assert.deepEqual(bob.delta.evicted, ['a/1'])
    bob.say({ type: 'unfollow', scopes: [2] })
    await world.pass()
    // Its client waits for the word that nothing is left.
    const [word] = bob.deltas
    assert.deepEqual([word?.scopes, word?.evicted], [[{ scope: 2, outcome: 'left' }], []])
    await put('a/3', { n: 0 })
    assert.deepEqual(bob.delta.evicted, ['a/2'])
  })

  it('say what is in none of them when another scope is let go of', async () => {
    for (const n of [1, 2, 3]) await put(`a/${n}`, { n })
    const bob = world.client('bob')
    const query = { order: ['n'], limit: 1 }
    bob.hello([scope(1, 'a/', { query }), scope(2, 'a/2'), scope(3, 'a/'), scope(4, 'b/1')])
    await world.pass()
    const taken = async (number: number): Promise<unknown[]> => {
      bob.say({ type: 'unfollow', scopes: [number] })
      await world.pass()
      return bob.deltas.flatMap(({ scopes, evicted }) => (scopes.length ? [[scopes, evicted]] : []))
    }
    assert.ok(bob.deltas.length)
    assert.deepEqual(await taken(4), [])
    assert.deepEqual(await taken(3), [[[{ scope: 3, outcome: 'left' }], ['a/3']]])
    assert.deepEqual(await taken(2), [[[{ scope: 2, outcome: 'left' }], ['a/2']]])
    bob.say({ type: 'follow', follows: [scope(5, 'a/2'), scope(6, 'a/3')] })
    await world.pass()
    assert.equal(bob.deltas.length, 1)
    bob.say({ type: 'unfollow', scopes: [5, 6] })
    await world.pass()
    const [page, last] = bob.deltas
    assert.deepEqual([page?.scopes.length, page?.evicted, last?.more], [2, ['a/2', 'a/3'], false])
    assert.deepEqual(await taken(1), [])
  })

  it('that are asked for anew name what others have, so that the rest can be dropped', async () => {
    for (const n of [1, 2, 3]) await put(`a/${n}`, { n })
    const bob = await ask({ where: [['n', '>=', 2]] })
    assert.equal(bob.deltas.length, 1)
    const follow = async (number: number, limit: number, epoch: string) => {
      bob.say({ type: 'follow', follows: [scope(number, 'a/', { query: { order: ['n'], limit }, epoch })] })
      await world.pass()
      return bob.delta.records.map(({ record, registers }) => [record, registers.length])
    }
    assert.deepEqual(await follow(2, 2, '?'), [
      ['a/3', 0],
      ['a/1', 2],
      ['a/2', 2]
    ])
    assert.deepEqual(await follow(3, 1, ''), [['a/1', 2]], 'who has nothing else drops nothing')
  })

  it('say what has changed to who comes back', async () => {
    await put('a/1', { n: 1 })
    await put('a/2', { n: 1 })
    await put('a/3', { n: 1 })
    const { epoch } = world.disk.entry('meta') as { epoch: string }
    await put('a/2', { n: 2 })
    await put('a/3', { x: 1 })
    const bob = await ask({ where: [['n', '=', 1]] }, { epoch, since: 3 })
    const { scopes, evicted, ...delta } = bob.delta
    assert.deepEqual(scopes, [{ scope: 1, outcome: 'delta' }])
    assert.deepEqual(evicted, ['a/2'])
    assert.deepEqual(contents([{ ...delta, scopes, evicted }]), { 'a/3': { '': '{}', n: 1, x: 1 } })
  })

  it('do not evict what another scope has', async () => {
    await put('a/1', { n: 1 })
    const bob = await ask({ where: [['n', '=', 1]] })
    bob.say({ type: 'follow', follows: [scope(2, 'a/1')] })
    await world.pass()
    assert.equal(bob.deltas.length, 2)
    await put('a/1', { n: 2 })
    const { evicted, ...delta } = bob.delta
    assert.deepEqual([evicted, contents([{ ...delta, evicted }])], [[], { 'a/1': { n: 2 } }])
    bob.say({ type: 'unfollow', scopes: [2] })
    await world.pass()
    assert.deepEqual(
      bob.deltas.flatMap(({ evicted }) => evicted),
      ['a/1']
    )
    await put('a/1', { n: 3 })
    assert.deepEqual(bob.news, [])
  })

  it('that differ in bytes and an object that looks like them are two', async () => {
    const now = at(++time, 'ann')
    ann.write('a/bytes', [now.implicit(), now.set('x', new Uint8Array([1]))])
    await world.pass()
    const bob = await ask({ where: [['x', '=', new Uint8Array([1])]] })
    const cid = await ask({ where: [['x', '=', { 0: 1 }]] })
    assert.deepEqual(
      [bob, cid].map(({ deltas }) => Object.keys(contents(deltas))),
      [['a/bytes'], []]
    )
  })

  it('with more to compare with than is allowed end the connection', async () => {
    const bob = await ask({ where: [['n', 'in', Array.from({ length: 1_001 }, (_, at) => at)]] })
    assert.deepEqual(bob.failures, ['ERR_PROTOCOL'])
  })

  it('may be asked for behind a hello that is not answered yet', async () => {
    await put('a/1', { n: 1 })
    const bob = world.client('bob')
    bob.hello([scope(1, 'a/1')])
    bob.say({ type: 'follow', follows: [scope(2, 'a/', { query: { where: [['n', '=', 1]] } })] })
    await world.pass()
    const { deltas, failures } = bob
    assert.deepEqual(failures, [])
    assert.deepEqual(
      deltas.flatMap(({ scopes }) => scopes.map(({ scope, outcome }) => [scope, outcome])),
      [
        [1, 'reset'],
        [2, 'reset']
      ]
    )
  })

  it('catch up who could not read for a while', async () => {
    await put('a/1', { n: 1 })
    await put('a/2', { n: 1 })
    const bob = await ask({ where: [['n', '=', 1]] })
    assert.equal(bob.deltas.length, 1)
    bob.room = 1
    await put('a/1', { x: 1 })
    assert.equal(bob.deltas.length, 1)
    await put('a/1', { x: 2 })
    await put('a/2', { n: 2 })
    await put('a/3', { n: 1 })
    await put('a/4', { n: 1 })
    await put('a/4', { n: 2 })
    assert.deepEqual(bob.news, [])
    bob.drained()
    await world.pass()
    const { evicted, ...delta } = bob.delta
    assert.deepEqual(evicted, ['a/2'])
    assert.deepEqual(contents([{ ...delta, evicted }]), { 'a/3': { '': '{}', n: 1 }, 'a/1': { x: 2 } })
  })
})
