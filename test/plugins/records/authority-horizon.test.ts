import assert from 'node:assert/strict'
import type { Store } from '../../../lib/store.ts'
import { at, contents, scope, World } from '../../support/authority.ts'

const HORIZON = 600_000

describe('an authority of records, and what is long ago', () => {
  let world: World

  beforeEach(async () => {
    world = new World({ horizon: HORIZON })
    await world.authority.open()
  })

  afterEach(() => world.end())

  /** A record that was deleted, and is forgotten by now. */
  const forgotten = async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1)])
    await world.pass()
    const before = ann.delta.seq
    ann.write('a/1', [at(10, 'ann').remove()])
    await world.pass()
    await world.pass(HORIZON)
    assert.equal(await world.authority.collect(), 0, 'it is not time yet')
    await world.pass(120_000)
    const collecting = world.authority.collect()
    await world.pass(100)
    assert.equal(await collecting, 1)
    return { ann, before }
  }

  it('forgets what was deleted, and tells those who have it a cursor that is good', async () => {
    const idle = await world.welcomed('idle', [scope(1, 'z/')])
    const { ann } = await forgotten()
    const { records, seq } = idle.delta
    assert.deepEqual([records, seq], [[], 3])
    assert.deepEqual(contents(ann.deltas), { 'a/1': { '': '-' } })
    assert.deepEqual([...world.disk.keys('grave')], ['graves'])
    assert.deepEqual(world.disk.entry('graves'), [])
    assert.deepEqual(world.disk.rows('a/1'), [])
    ann.write('a/2', [at(HORIZON, 'ann').make()])
    await world.pass()
    assert.deepEqual(contents(ann.deltas), { 'a/2': { '': '{}' } })
  })

  it('resets who has not heard of it, and not who has', async () => {
    const { before } = await forgotten()
    await world.authority.close()
    await world.make({ horizon: HORIZON }).open()
    const { epoch } = world.disk.entry('meta') as { epoch: string }
    const late = await world.welcomed('bob', [scope(1, 'a/', { epoch, since: before })])
    const good = world.client('eve')
    good.hello([
      scope(1, 'a/', { epoch, since: 3 }),
      scope(2, 'a/', { epoch: 'other', since: 3 }),
      scope(3, 'a/', { epoch, since: 99 })
    ])
    await world.pass()
    const [news] = late.frames.flatMap(frame => (frame.type === 'delta' ? [frame.scopes] : []))
    assert.deepEqual(news, [{ scope: 1, outcome: 'reset' }])
    assert.deepEqual(
      good.deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome)),
      ['delta', 'reset', 'reset']
    )
  })

  it('refuses writes from before to what is not there, and no others', async () => {
    const { ann } = await forgotten()
    ann.write('b/1', [at(HORIZON + 120_000, 'ann').make(), at(HORIZON + 120_000, 'ann').set('old', 1)])
    await world.pass()
    assert.equal(ann.deltas.length > 0, true)
    ann.write('a/1', [at(5, 'ann').implicit(), at(5, 'ann').set('x', 2)])
    ann.write('b/1', [at(5, 'ann').set('new', 2)])
    ann.write('b/1', [at(5, 'ann').set('old', 2)])
    ann.write('b/1', [at(5, 'ann').remove('new')])
    await world.pass()
    const { results, acknowledged } = ann.delta
    assert.deepEqual(
      results.map(({ number, record, code }) => [number, record, code]),
      [
        [4, 'a/1', 'ERR_STALE'],
        [5, 'b/1', 'ERR_STALE']
      ]
    )
    assert.deepEqual(acknowledged, [['ann', 7]])
  })

  it('knows that what is forgotten has no version, but is not there', async () => {
    await forgotten()
    await world.authority.close()
    await world.make({ horizon: HORIZON }).open()
    const bob = await world.welcomed('bob', [scope(1, 'a/')])
    const now = at(HORIZON + 120_000, 'bob')
    for (const version of [1, 2, 0]) {
      bob.write('a/1', [now.make(), now.set('x', version)], { conditions: [['a/1', version]] })
    }
    await world.pass()
    const { results, records } = bob.delta
    assert.deepEqual(
      results.map(({ number, code }) => [number, code]),
      [
        [1, 'ERR_CONFLICT'],
        [2, 'ERR_CONFLICT']
      ]
    )
    assert.equal(records.length, 1)
    bob.write('a/1', [at(HORIZON + 120_001, 'bob').remove()])
    bob.write('a/1', [at(HORIZON + 120_002, 'bob').make()], { conditions: [['a/1', 0]] })
    bob.write('a/1', [at(HORIZON + 120_003, 'bob').make()], { conditions: [['a/1', 0]] })
    await world.pass()
    assert.deepEqual(
      bob.deltas.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [[6, 'ERR_CONFLICT']]
    )
  })

  it('knows the version of a record still when the change that gave it is forgotten', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1), at(0, 'ann').set('y', 1)])
    await world.pass()
    ann.write('a/1', [at(10, 'ann').remove('x')])
    await world.pass()
    ann.write('a/1', [at(20, 'ann').remove('y')])
    await world.pass()
    assert.equal(ann.deltas.at(-1)?.versions[0], 3)
    await world.pass(HORIZON + 120_000)
    const collecting = world.authority.collect()
    await world.pass(100)
    assert.equal(await collecting, 2)
    assert.deepEqual(
      ann.deltas.flatMap(({ records }) => records),
      [],
      'nobody is told'
    )
    for (const restart of [false, true]) {
      if (restart) {
        await world.authority.close()
        await world.make({ horizon: HORIZON }).open()
      }
      const bob = await world.welcomed('bob', [scope(1, 'a/')])
      assert.deepEqual(
        bob.frames.flatMap(frame => (frame.type === 'delta' ? frame.versions : [])),
        [3]
      )
      const now = at(HORIZON + 120_000, 'bob')
      // Those before it are not met: that is what the record was like once.
      for (const version of [1, 2, 4, 0]) {
        bob.write('a/1', [now.set('x', version)], {
          conditions: [['a/1', version]],
          number: (bob.number += restart ? 9 : 1)
        })
      }
      await world.pass()
      assert.deepEqual(
        bob.delta.results.map(({ code }) => code),
        Array.from({ length: 4 }, () => 'ERR_CONFLICT')
      )
    }
    const eve = await world.welcomed('eve')
    eve.write('a/1', [at(HORIZON + 120_000, 'eve').set('x', 2)], { conditions: [['a/1', 3]] })
    await world.pass()
    assert.deepEqual(eve.delta.results, [])
  })

  it('gives what comes from the future a stamp of its own, and says so', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(59_000, 'ann').make(), at(59_000, 'ann').set('x', 1)])
    ann.write('a/2', [at(61_000, 'ann').make(), at(61_001, 'ann').set('x', 1), at(61_000, 'ann').set('y', 1)])
    await world.pass()
    const { records, results } = ann.delta
    assert.deepEqual(
      results.map(({ record, code }) => [record, code]),
      [['a/2', 'restamp']]
    )
    const [first, second] = records.map(({ registers }) => registers.map(({ t }) => t))
    const latest = at(59_000, 'ann').make().t
    assert.deepEqual(first, [latest, latest])
    // Later than all that was seen, and in the order that they had.
    assert.deepEqual(second, [latest + 1, latest + 2, latest + 1])
  })

  it('forgets writers that were not heard of', async () => {
    const { ann } = await forgotten()
    const bob = await world.welcomed('bob')
    bob.write('a/3', [at(HORIZON + 120_000, 'bob').make()])
    ann.end()
    await world.pass()
    const collect = async () => {
      const collecting = world.authority.collect()
      await world.pass(100)
      await collecting
    }
    await collect()
    assert.deepEqual(world.disk.keys('last/'), ['last/bob'])
    bob.end()
    await world.pass(HORIZON + 1)
    await collect()
    assert.deepEqual(world.disk.keys('last/'), [])
  })

  for (const closes of [false, true])
    it(`forgets them also where the store takes its time${closes ? ', unless it is closed meanwhile' : ''}`, async () => {
      const slow = (store: Store): Store => {
        const { entries } = store
        return Object.assign(store, {
          entries: async (prefix: string) => {
            await new Promise<void>(resolve => setTimeout(() => resolve(), 10))
            return entries.call(store, prefix)
          }
        })
      }
      await world.authority.close()
      const opening = world.make({ horizon: HORIZON }, slow).open()
      await world.pass(100)
      await opening
      const ann = world.client('ann')
      ann.hello()
      ann.write('a/1', [at(0, 'ann').make()])
      await world.pass(100)
      ann.end()
      await world.pass(HORIZON + 1)
      const collecting = world.authority.collect()
      await world.pass(closes ? 305 : 2_000)
      if (!closes) {
        await collecting
        assert.deepEqual(world.disk.keys('last/'), [])
        return
      }
      const cancelled = assert.rejects(collecting, { code: 'ERR_CLOSED' })
      await world.authority.close()
      await world.pass(2_000)
      await cancelled
    })
})
