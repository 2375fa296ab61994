import assert from 'node:assert/strict'
import { at, peerOf, scope, World } from '../../support/authority.ts'

describe('an authority of records, and its server', () => {
  let world: World

  beforeEach(async () => {
    world = new World()
    await world.authority.open()
  })

  afterEach(() => world.end())

  it('tells providers what clients follow', async () => {
    const told: string[] = []
    const records: string[] = []
    const provide = (name: string, signal: AbortSignal): unknown => {
      told.push(`+${name}`)
      signal.addEventListener('abort', () => told.push(`-${name}`))
      if (name === 'live/bad') throw new Error('sync')
      if (name === 'live/worse') return Promise.reject(new Error('async'))
      return undefined
    }
    const undo = world.authority.listen('live/', provide, { collections: true })
    world.authority.listen('live/', name => records.push(name))
    const ann = await world.welcomed('ann', [scope(1, 'live/1'), scope(2, 'other/1')], peerOf('ann'))
    const bob = await world.welcomed('bob', [scope(1, 'live/1'), scope(2, 'live/')], peerOf('bob'))
    await world.welcomed('process', [scope(1, 'live/9')])
    assert.deepEqual(told.splice(0), ['+live/1', '+live/'])
    ann.say({ type: 'unfollow', scopes: [1, 2] })
    assert.deepEqual(told, [])
    bob.end()
    assert.deepEqual(told.splice(0), ['-live/1', '-live/'])
    ann.say({ type: 'follow', follows: [scope(3, 'live/bad'), scope(4, 'live/worse')] })
    await world.pass()
    assert.deepEqual(told.splice(0), ['+live/bad', '+live/worse'])
    assert.deepEqual(
      world.failed.map(error => error instanceof Error && error.message),
      ['sync', 'async']
    )
    undo()
    assert.deepEqual(records, ['live/1', 'live/bad', 'live/worse'])
    assert.deepEqual(told.splice(0), ['-live/bad', '-live/worse'])
    const late: string[] = []
    world.authority.listen('', name => late.push(name))
    assert.deepEqual(late, ['live/bad', 'live/worse'])
  })

  it('calls a provider once for a record, also where that comes while another one is called; not one that has gone', async () => {
    const told: string[] = []
    const serve =
      (who: string, more: () => void = () => {}) =>
      (name: string, signal: AbortSignal): void => {
        told.push(`${who} +${name}`)
        signal.addEventListener('abort', () => told.push(`${who} -${name}`))
        more()
      }
    const begin = (): void => {
      end()
      world.authority.listen('live/', serve('late'))
    }
    world.authority.listen('live/', serve('first', begin))
    const end = world.authority.listen('live/', serve('gone'))
    const ann = await world.welcomed('ann', [scope(1, 'live/1')], peerOf('ann'))
    assert.deepEqual(told.splice(0), ['first +live/1', 'late +live/1'])
    ann.end()
    assert.deepEqual(told, ['first -live/1', 'late -live/1'])
  })

  it('announces a newer version, and counts', async () => {
    const ann = await world.welcomed('ann')
    world.client('silent')
    world.authority.announce(7)
    assert.deepEqual(ann.news, [{ type: 'notice', what: 'versionchange', number: 7 }])
    ann.write('a/1', [at(0, 'ann').make()])
    ann.write('a/\0', [at(0, 'ann').make()])
    await world.pass()
    const { results, ...counters } = world.authority.counters
    assert.deepEqual(counters, { followers: 2, cached: 1, commits: 1, writes: 2, collected: 0, diverged: 0 })
    assert.deepEqual([...results], [['ERR_PATH', 1]])
  })

  it('keeps in memory what was used last, and forgets no record that is written', async () => {
    await world.authority.close()
    await world.make({ limits: { cache: 10 } }).open()
    const ann = await world.welcomed('ann')
    for (let n = 0; n < 50; n++) ann.write(`a/${n}`, [at(n, 'ann').implicit(), at(n, 'ann').add('n', n)])
    await world.pass(5)
    assert.equal(world.authority.counters.cached, 10)
    for (let n = 0; n < 50; n++) ann.write(`a/${n}`, [at(100, 'ann').add('n', 1)])
    await world.pass(5)
    assert.equal(world.authority.counters.cached, 10)
    for (let n = 0; n < 50; n++) {
      assert.equal(world.disk.rows(`a/${n}`).find(({ path }) => path === 'n')?.value, n + 1)
    }
  })

  it('commits what was decided when it is closed', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass(0)
    ann.write('a/1', [at(1, 'ann').set('x', 1)])
    await world.authority.close()
    assert.deepEqual(
      world.disk.rows('a/1').map(({ path }) => path),
      ['', 'x']
    )
    await world.make().open()
  })
})
