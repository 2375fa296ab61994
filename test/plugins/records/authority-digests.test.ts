import assert from 'node:assert/strict'
import { AnywireError } from '../../../lib/errors.ts'
import type { Store } from '../../../lib/store.ts'
import { add, digestOf } from '../../../plugins/records/core/digest.ts'
import { COMPARES, DIFFERS } from '../../../plugins/records/core/frame.ts'
import type { Follow } from '../../../plugins/records/core/frame.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import type { Kind } from '../../../plugins/records/core/register.ts'
import { at, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { GatedStore } from '../../support/gated-store.ts'

const codeOf = (error: unknown): unknown => (error instanceof AnywireError ? error.code : error)

describe('an authority of records, and digests', () => {
  let world: World
  let store: GatedStore
  let ann: WireClient

  const open = async (...[options]: ConstructorParameters<typeof World>): Promise<void> => {
    world = new World(options, (inner: Store) => (store = new GatedStore(inner)))
    await world.authority.open()
    ann = await world.welcomed('ann', [], peerOf('ann'))
    for (const id of ['a/1', 'a/2', 'a/3', 'b/1']) ann.write(id, [at(0, 'ann').make(), at(0, 'ann').set('x', id)])
    await world.pass()
  }

  afterEach(async () => {
    store.release()
    await world.end()
  })

  const epoch = (): string => (world.disk.entry('meta') as { epoch: string }).epoch

  /** A scope of which the client has all that was committed first. */
  const known = (number: number, name: string, more: Partial<Follow> = {}): Follow =>
    scope(number, name, { epoch: epoch(), since: 1, digest: COMPARES, ...more })

  /** Of what is committed. */
  const digest = (...ids: readonly string[]): number => {
    let sum = 0
    for (const id of ids) {
      const state = new RecordState()
      for (const row of world.disk.rows(id)) state.merge({ ...row, kind: row.kind as Kind })
      sum = add(sum, digestOf(state, id))
    }
    return sum
  }

  const told = (client: WireClient) => client.deltas.flatMap(({ digests, seq }) => digests.map(one => [seq, ...one]))

  it('tells the digest of what goes on, to who asks for it', async () => {
    await open()
    const query = { where: [['x', '!=', 'a/2']] } as const
    const bob = await world.welcomed('bob')
    bob.hello([
      known(1, 'a/'),
      known(2, 'b/1'),
      known(3, 'a/', { query }),
      known(4, 'c/'),
      known(5, 'a/', { digest: 0 }),
      known(6, 'a/', { epoch: 'another' }),
      known(7, 'a/', { query: { limit: 1 } }),
      scope(8, 'a/', { digest: COMPARES })
    ])
    await world.pass(20)
    assert.deepEqual(told(bob), [
      [1, 1, digest('a/1', 'a/2', 'a/3')],
      [1, 3, digest('a/1', 'a/3')],
      [1, 2, digest('b/1')],
      [1, 4, 0]
    ])
  })

  it('tells it as it is when it is told, whatever is committed meanwhile', async () => {
    await open()
    const bob = world.client('bob')
    // The digest is the second thing that it reads.
    store.hold('records')
    bob.hello([known(1, 'a/')])
    await world.pass()
    store.hold('rows')
    store.release('records')
    await world.pass()
    ann.write('a/1', [at(1, 'ann').set('x', 'new')])
    await world.pass()
    ann.write('a/3', [at(1, 'ann').remove()])
    await world.pass()
    assert.deepEqual(told(bob), [])
    store.release()
    await world.pass()
    assert.deepEqual(told(bob), [[3, 1, digest('a/1', 'a/2')]])
  })

  it('reads once for all who ask at a time, one name after the other, and not without a break', async () => {
    await open()
    store.hold('records')
    const clients = Array.from({ length: 20 }, (_, at) => world.client(`bob${at}`))
    for (const client of clients) client.hello([known(1, 'a/'), known(2, 'b/'), known(3, 'a/')])
    await world.pass(100)
    assert.equal(store.begun.records, 1)
    store.release()
    await world.pass(800)
    assert.equal(store.begun.records, 1)
    for (const client of clients)
      assert.deepEqual(told(client), [
        [1, 1, digest('a/1', 'a/2', 'a/3')],
        [1, 3, digest('a/1', 'a/2', 'a/3')]
      ])
    await world.pass(200)
    assert.equal(store.begun.records, 2)
    for (const client of clients) assert.deepEqual(told(client), [[1, 2, digest('b/1')]])
  })

  it('lets others go on while it sums up much', async () => {
    await open()
    for (let n = 0; n < 6; n++) {
      ann.write(`a/much${n}`, [at(0, 'ann').make(), at(0, 'ann').set('x', 'x'.repeat(60_000))])
    }
    await world.pass()
    const bob = await world.welcomed('bob', [known(1, 'a/', { since: 2 })])
    assert.deepEqual(told(bob), [])
    ann.write('a/1', [at(1, 'ann').set('x', 'new')])
    await world.pass(50)
    const many = Array.from({ length: 6 }, (_, n) => `a/much${n}`)
    assert.deepEqual(told(bob), [[3, 1, digest('a/1', 'a/2', 'a/3', ...many)]])
  })

  it('goes on with other names where one cannot be summed up, and tells that once', async () => {
    await open()
    const rows = store.rows.bind(store)
    store.rows = async (...wanted) =>
      (await rows(...wanted)).map(row => (row.record === 'a/2' ? { ...row, path: 'x..y' } : row))
    const bob = world.client('bob')
    bob.hello([known(1, 'a/'), known(2, 'b/')])
    await world.pass(100)
    assert.deepEqual(told(bob), [[1, 2, digest('b/1')]])
    assert.deepEqual(world.failed.map(codeOf), ['ERR_PATH'])
    bob.say({ type: 'follow', follows: [known(3, 'b/1')] })
    await world.pass(100)
    assert.deepEqual(told(bob), [[1, 3, digest('b/1')]])
  })

  it('reads nothing for who does not follow it any more', async () => {
    await open()
    const bob = await world.welcomed('bob')
    store.hold('records')
    bob.hello([known(1, 'a/'), known(2, 'b/'), known(3, 'c/')])
    await world.pass()
    bob.say({ type: 'unfollow', scopes: [1, 2] })
    const { records } = store.begun
    store.release()
    await world.pass(100)
    assert.equal(store.begun.records, records + 1)
    assert.deepEqual(told(bob), [[1, 3, 0]])
    store.hold('records')
    bob.hello([known(1, 'a/')])
    await world.pass()
    bob.end()
    store.release()
    await world.pass(100)
    assert.equal(store.begun.records, records + 2)
  })

  it('tells it later to who has to be told something else, and not for ever', async () => {
    await open()
    const bob = world.client('bob')
    bob.hello([known(1, 'a/')])
    bob.room = 2
    await world.pass(10)
    assert.deepEqual(told(bob), [])
    ann.write('a/1', [at(1, 'ann').set('x', 'new')])
    await world.pass()
    bob.drained()
    await world.pass(10)
    assert.deepEqual(told(bob), [[2, 1, digest('a/1', 'a/2', 'a/3')]])
    const eve = world.client('eve')
    eve.hello([known(1, 'a/', { since: 2 })])
    eve.room = 2
    for (let n = 0; n < 5; n++) {
      await world.pass(10)
      ann.write('a/1', [at(2, 'ann', n).set('x', n)])
      await world.pass(10)
      eve.drained(1)
    }
    await world.pass(10)
    eve.drained()
    await world.pass(10)
    assert.deepEqual(told(eve), [])
  })

  it('is not asked where each record is judged, as all is told anew', async () => {
    await open({ permit: () => true })
    const bob = world.client('bob', peerOf('bob'))
    bob.hello([known(1, 'a/')])
    await world.pass(10)
    assert.deepEqual(
      bob.deltas.map(({ scopes, digests }) => [scopes[0]?.outcome, digests]),
      [['anew', []]]
    )
  })

  it('counts who has something else', async () => {
    await open()
    const bob = await world.welcomed('bob')
    bob.say({ type: 'follow', follows: [scope(1, 'a/', { digest: DIFFERS })] })
    await world.pass()
    assert.equal(bob.delta.scopes[0]?.outcome, 'reset')
    assert.equal(world.authority.counters.diverged, 1)
  })
})
