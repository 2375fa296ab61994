import assert from 'node:assert/strict'
import type { Store } from '../../../lib/store.ts'
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
    await opened({ limits: { batch: 3 }, permit: () => !!++asked })
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
})
