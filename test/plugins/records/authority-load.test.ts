import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Store } from '../../../lib/store.ts'
import { ERR_SERVER } from '../../../lib/failures.ts'
import type { FollowerLink } from '../../../plugins/records/server/feed.ts'
import { ownReplica } from '../../../plugins/records/server/own-replica.ts'
import { Within } from '../../../plugins/records/server/within.ts'
import type { WriteTransaction } from '../../../plugins/records/server/hook.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import { GatedStore } from '../../support/gated-store.ts'

describe('an authority of records, and what is too much', () => {
  let world: World
  let store: GatedStore

  const gated = (inner: Store): Store => (store = new GatedStore(inner))

  const opened = async (...[options]: ConstructorParameters<typeof World>): Promise<World> => {
    world = new World(options, gated)
    await world.authority.open()
    return world
  }

  afterEach(async () => {
    store.release()
    await world.end()
  })

  it('has one writer of a node, also where two sessions wait for it', async () => {
    await opened()
    store.hold('entry')
    const one = world.client('dev')
    one.hello()
    await world.pass()
    one.end()
    const two = world.client('dev')
    two.hello()
    await world.pass()
    store.release('entry')
    await world.pass()
    store.hold('commit')
    const now = at(1, 'dev')
    two.write('d/1', [now.implicit(), now.add('n', 1)])
    await world.pass()
    two.end()
    const three = world.client('dev')
    three.hello([scope(1, 'd/1')])
    await world.pass()
    three.write('d/1', [now.implicit(), now.add('n', 1)])
    await world.pass()
    store.release('commit')
    await world.pass(10)
    assert.deepEqual(contents(three.deltas), { 'd/1': { '': '{}', n: 1 } })
    assert.equal(world.authority.counters.writes, 1)
  })

  it('refuses a write of more records than one may have', async () => {
    let asked = 0
    await opened({ limits: { batch: 3 }, permit: ({ path }) => path !== '' || !!++asked })
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    const now = at(1, 'ann')
    const parts = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ record: `d/${n}`, registers: [now.make(), now.set('n', n)] }))
    ann.write('', [], { records: parts(4) })
    ann.write('', [], { records: parts(3) })
    ann.write('', [], { records: [], conditions: parts(4).map(({ record }) => [record, 0]) })
    await world.pass()
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ number, record, code }) => [number, record, code])),
      [
        [1, '', 'ERR_LIMIT'],
        [3, '', 'ERR_LIMIT']
      ]
    )
    assert.equal(asked, 3)
    assert.equal(world.authority.counters.cached, 3)
  })

  it('refuses queries beyond so many, and those that find too much, until others are let go of', async () => {
    await opened({ limits: { queries: 2, matches: 5 } })
    const ann = await world.welcomed('ann')
    for (let n = 0; n < 3; n++) ann.write(`d/${n}`, [at(1, 'ann').make(), at(1, 'ann').set('n', n)])
    await world.pass()
    const bob = await world.welcomed('bob')
    const ask = async (number: number, least: number): Promise<string | undefined> => {
      bob.say({ type: 'follow', follows: [scope(number, 'd/', { query: { where: [['n', '>=', least]] } })] })
      await world.pass()
      return bob.deltas.flatMap(({ scopes }) => scopes).find(({ scope }) => scope === number)?.outcome
    }
    assert.equal(await ask(1, 0), 'reset')
    assert.equal(await ask(2, -1), "ERR_LIMIT: 'limits.matches' is 5", 'three and three are more than five')
    assert.equal(await ask(3, 1), 'reset')
    assert.equal(await ask(4, 2), "ERR_LIMIT: 'limits.queries' is 2", 'it is the third')
    bob.say({ type: 'unfollow', scopes: [1] })
    assert.equal(await ask(5, -1), 'reset')
    bob.say({ type: 'follow', follows: [scope(6, 'd/1'), scope(7, 'd/')] })
    await world.pass()
    assert.deepEqual(
      bob.deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome)),
      ['reset', 'reset']
    )
  })

  it('refuses no query that it follows already, and that has grown since, when permissions are asked about again', async () => {
    await opened({ limits: { matches: 2 }, permit: () => true })
    const ann = await world.welcomed('ann')
    const bob = await world.welcomed('bob', [scope(1, 'd/', { query: { where: [] } }), scope(2, 'e/')], peerOf('bob'))
    for (const collection of ['d', 'e'])
      for (let n = 0; n < 3; n++) ann.write(`${collection}/${n}`, [at(1, 'ann').make()])
    await world.pass()
    assert.equal(Object.keys(contents(bob.deltas)).length, 6)
    bob.refresh()
    await world.pass(10)
    ann.write('d/0', [at(2, 'ann').set('n', 1)])
    await world.pass()
    const told = bob.deltas
    assert.deepEqual(
      [contents(told), told.flatMap(({ scopes, evicted }) => [...scopes, ...evicted])],
      [{ 'd/0': { n: 1 } }, []]
    )
    bob.say({ type: 'follow', follows: [scope(3, 'd/', { query: { where: [['n', '=', 1]] } })] })
    await world.pass()
    assert.equal(bob.delta.scopes[0]?.outcome, "ERR_LIMIT: 'limits.matches' is 2", 'what begins is')
  })

  it('refuses a write of more fields than a record may have, and asks nobody about them', async () => {
    let asked = 0
    await opened({ limits: { fields: 3 }, permit: () => !!++asked })
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    const now = at(1, 'ann')
    const fields = (count: number) => Array.from({ length: count }, (_, n) => now.set(`f${n}`, n))
    ann.write('d/1', [now.make()])
    await world.pass()
    assert.equal(asked, 1)
    ann.write('d/1', fields(4))
    await world.pass()
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ record, code }) => [record, code])),
      [['d/1', 'ERR_LIMIT']]
    )
    assert.equal(asked, 1)
    ann.write('d/1', fields(2))
    await world.pass()
    assert.equal(asked, 3)
  })

  it('ends the connection of who leaves out many numbers, and heeds nothing of it', async () => {
    await opened()
    const ann = await world.welcomed('ann')
    const eve = world.client('eve')
    eve.secret = ann.secret
    eve.hello()
    const now = at(1, 'ann')
    ann.write('d/1', [now.make(), now.set('n', 1)])
    await world.pass()
    eve.write('d/2', [now.make()], { node: 'ann', number: 2 ** 52 })
    await world.pass()
    assert.deepEqual(eve.failures, ['ERR_PROTOCOL'])
    ann.write('d/1', [at(2, 'ann').set('n', 2)])
    await world.pass()
    assert.deepEqual(ann.deltas.at(-1)?.acknowledged, [['ann', 2]])
    assert.equal(world.authority.counters.writes, 2)
    assert.deepEqual(ann.failures, [])
  })

  it('has the writes of who confirms no refusals wait, and forgets them with the session', async () => {
    await opened({ permit: ({ verb }) => verb === 'read' })
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    const reached = async (): Promise<number | undefined> => {
      await world.pass(10)
      return ann.deltas.flatMap(({ acknowledged }) => acknowledged.map(([, number]) => number)).at(-1)
    }
    const write = (count: number): void => {
      for (let n = 0; n < count; n++) ann.write('d/1', [at(1, 'ann').make()])
    }
    write(2_500)
    assert.equal(await reached(), 1_001)
    write(1)
    assert.equal(await reached(), undefined)
    ann.say({ type: 'confirm', node: 'ann', number: 1_001 })
    assert.equal(await reached(), 2_002)
    ann.end()
    const again = await world.welcomed('ann', [], peerOf('ann'))
    const results = again.frames.flatMap(frame => (frame.type === 'delta' ? frame.results : []))
    // A hundred of those that were confirmed, for a copy of the storage, and all others.
    assert.deepEqual([results[0]?.number, results.at(-1)?.number, results.length], [902, 2_002, 1_101])
    again.say({ type: 'confirm', node: 'ann', number: 2_002 })
    again.write('d/1', [at(1, 'ann').make()], { number: 2_003 })
    await world.pass(10)
    assert.deepEqual(again.deltas.at(-1)?.acknowledged, [['ann', 2_003]])
    assert.equal(world.authority.counters.results.get('ERR_DENIED'), 2_003)
  })

  it('heeds confirmations of who writes for the node, of what there is', async () => {
    await opened({ permit: ({ verb }) => verb === 'read' })
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    const eve = await world.welcomed('eve', [], peerOf('eve'))
    ann.say({ type: 'confirm', node: 'ann', number: 2 ** 40 })
    ann.room = 1
    ann.write('d/1', [at(1, 'ann').make()])
    await world.pass()
    eve.say({ type: 'confirm', node: 'ann', number: 1 })
    await world.pass()
    ann.end()
    const again = await world.welcomed('ann', [], peerOf('ann'))
    assert.deepEqual(
      again.frames.flatMap(frame => (frame.type === 'delta' ? frame.results.map(({ code }) => code) : [])),
      ['ERR_DENIED']
    )
  })

  it('counts what waits for a writer that is read', async () => {
    await opened({ limits: { writes: 10 } })
    const ann = world.client('ann')
    store.hold('entry')
    ann.hello()
    for (let n = 0; n < 11; n++) ann.write(`d/${n}`, [at(1, 'ann').make()])
    assert.deepEqual(ann.failures, ['ERR_RATE'])
  })

  it('counts writes until they are committed', async () => {
    await opened({ limits: { writes: 10 } })
    const ann = await world.welcomed('ann')
    const write = (n: number): void => ann.write(`d/${n}`, [at(1, 'ann').make()])
    for (let n = 0; n < 30; n++) {
      write(n)
      await world.pass()
    }
    store.hold('commit')
    for (let n = 0; n < 10; n++) {
      write(n)
      await world.pass()
    }
    assert.deepEqual(ann.failures, [])
    write(10)
    assert.deepEqual(ann.failures, ['ERR_RATE'])
  })

  it('counts their bytes', async () => {
    await opened({ limits: { bytes: 10_000 } })
    const ann = await world.welcomed('ann')
    const write = (n: number): void =>
      ann.write(`d/${n}`, [at(1, 'ann').make(), at(1, 'ann').set('x', 'x'.repeat(3_000))])
    for (let n = 0; n < 10; n++) {
      write(n)
      await world.pass()
    }
    assert.deepEqual(ann.failures, [])
    store.hold('commit')
    for (let n = 0; n < 4; n++) {
      write(n)
      await world.pass()
    }
    assert.deepEqual(ann.failures, ['ERR_RATE'])
  })

  it('frees what it counts of frames that are sent again', async () => {
    await opened({ limits: { writes: 10 } })
    const ann = await world.welcomed('ann')
    for (let n = 0; n < 30; n++) ann.write('d/1', [at(1, 'ann').make()], { number: 1 })
    await world.pass()
    assert.deepEqual(ann.failures, [])
  })

  it('keeps few refusals for who does not read', async () => {
    await opened({ limits: { scopes: 2 } })
    const ann = await world.welcomed('ann')
    ann.room = 1
    ann.say({ type: 'follow', follows: [scope(1, 'd/')] })
    await world.pass()
    ann.say({ type: 'follow', follows: Array.from({ length: 15 }, (_, n) => scope(100 + n, '/')) })
    await world.pass()
    assert.deepEqual(ann.failures, [])
    ann.say({ type: 'follow', follows: Array.from({ length: 15 }, (_, n) => scope(200 + n, '/')) })
    await world.pass()
    assert.deepEqual(ann.failures, ['ERR_RATE'])
  })

  it('has one session write for few nodes', async () => {
    await opened({ limits: { nodes: 3 } })
    const ann = await world.welcomed('ann')
    for (const node of ['a', 'b', 'a', 'b']) ann.write('d/1', [at(1, node).make()], { node })
    await world.pass()
    assert.deepEqual(ann.failures, [])
    ann.write('d/1', [at(1, 'c').make()], { node: 'c' })
    await world.pass()
    assert.deepEqual(ann.failures, ['ERR_RATE'])
  })

  it('stops reading what nobody follows any more', async () => {
    await opened({ limits: { scopes: 2 } })
    const ann = await world.welcomed('ann')
    for (let n = 0; n < 3_000; n++) ann.write(`d/${n}`, [at(1, 'ann').make()])
    await world.pass(10)
    const before = store.begun.records
    for (let n = 1; n <= 500; n++) ann.say({ type: 'follow', follows: [scope(1, 'd/', { query: { limit: n } })] })
    await world.pass(10)
    const one = store.begun.records - before
    assert(one < 20, `${one} pieces were read`)
    store.hold('records')
    ann.say({ type: 'follow', follows: [scope(1, 'd/', { query: { limit: 501 } })] })
    await world.pass()
    ann.say({ type: 'unfollow', scopes: [1] })
    const begun = store.begun.records
    store.release('records')
    await world.pass(10)
    assert.equal(store.begun.records, begun)
  })

  it('connects the records of the process again when they are not told anything any more', async () => {
    await opened()
    const links: FollowerLink[] = []
    const { authority } = world
    const connect = (link: FollowerLink) => {
      links.push(link)
      return authority.connect(link)
    }
    let end: () => unknown = () => {}
    const replica = ownReplica(
      { connect },
      { now: () => Date.now(), monotonic: () => Date.now(), within: new Within(new AsyncLocalStorage()) },
      start => (end = start())
    )
    await world.pass()
    links[0]?.fail(ERR_SERVER)
    const write = replica.write([{ record: 'd/1', registers: [at(1, 'own').make(), at(1, 'own').set('n', 1)] }])
    await world.pass(200)
    assert.equal(links.length, 2)
    assert.equal(write.status, 'durable')
    end()
    links[1]?.fail(ERR_SERVER)
    await world.pass(200)
    assert.equal(links.length, 2)
  })

  it('refuses a write about which the application does not decide in time', async () => {
    let hangs = true
    let late: WriteTransaction | undefined
    await opened({
      timeout: 5_000,
      onWrite: async (_, tx) => {
        await tx.get('d/other')
        late ??= tx
        if (hangs) await new Promise(() => {})
      }
    })
    const ann = await world.welcomed('ann')
    const bob = await world.welcomed('bob')
    ann.write('d/1', [at(1, 'ann').make()])
    await world.pass()
    hangs = false
    bob.write('d/1', [at(2, 'bob').make()])
    await world.pass(490)
    assert.deepEqual([...ann.deltas, ...bob.deltas], [])
    await world.pass(20)
    assert.deepEqual(bob.delta.acknowledged, [['bob', 1]])
    await world.pass(4_450)
    assert.deepEqual(ann.deltas, [])
    await world.pass(50)
    assert.deepEqual(
      ann.delta.results.map(({ number, code }) => [number, code]),
      [[1, 'ERR_TIMEOUT']]
    )
    assert.match(String(world.failed[0]), /permit, validate or onWrite, of 'd\/1'/)
    assert.equal(world.failed.length, 1)
    await assert.rejects(async () => late?.set('d/1', 'n', 1), { code: 'ERR_CANCELLED' })
    await assert.rejects(async () => late?.get('d/1'), { code: 'ERR_CANCELLED' })
  })

  it('finds out for four queries of a client at a time what is in them, and for none that is taken back', async () => {
    await opened()
    store.hold('records')
    const bob = world.client('bob')
    const query = (n: number) => ({ where: [['n', '=', n]] as const })
    bob.hello(Array.from({ length: 20 }, (_, n) => scope(n, `q${n}/`, { query: query(n) })))
    await world.pass()
    assert.equal(store.begun.records, 4)
    bob.say({ type: 'unfollow', scopes: [4, 5, 6, 7, 8, 9] })
    store.release('records')
    await world.pass(10)
    assert.equal(store.begun.records, 14)
    assert.deepEqual(
      bob.deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome)),
      Array.from({ length: 14 }, () => 'reset')
    )
  })
})
