import assert from 'node:assert/strict'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_MISSING_PACKAGE, ERR_TOO_LARGE } from '../../../lib/failures.ts'
import type { Commit, Store, Value } from '../../../lib/store.ts'
import { at, contents, scope, World } from '../../support/authority.ts'

/** A store that is slow, fails, and counts, as it is told. */
class Hindrance {
  fails = false
  /** A value that it cannot keep, and what it says then. */
  poison: Value | undefined
  error: Error = new Error('cannot keep it')
  /** How many commits of records it keeps, and rejects, as if its answer was lost. */
  lost = 0
  delay = 0
  reads = 0
  commits: Commit[] = []
  readonly wrap = (store: Store): Store => {
    const hinder = async <T>(act: () => Promise<T>): Promise<T> => {
      if (this.delay) await new Promise(resolve => setTimeout(resolve, this.delay))
      if (this.fails) throw new Error('no disk')
      return act()
    }
    return {
      name: 'hindered',
      open: () => store.open(),
      close: () => store.close(),
      rows: (...args) => {
        this.reads++
        return hinder(() => store.rows(...args))
      },
      records: (...args) => hinder(() => store.records(...args)),
      entry: key => hinder(() => store.entry(key)),
      entries: prefix => hinder(() => store.entries(prefix)),
      commit: commit => {
        this.commits.push(commit)
        const { poison, error } = this
        return hinder(async () => {
          if (poison !== undefined && commit.rows.some(({ value }) => value === poison)) throw error
          await store.commit(commit)
          if (commit.rows.length && this.lost-- > 0) throw new Error('no answer')
        })
      }
    }
  }
}

describe('an authority of records, and its store', () => {
  let world: World
  let store: Hindrance

  beforeEach(async () => {
    store = new Hindrance()
    world = new World({}, store.wrap)
    await world.authority.open()
    store.commits = []
  })

  afterEach(async () => {
    store.fails = false
    await world.end()
  })

  it('is opened again when that fails, unless it never will', async () => {
    await world.authority.close()
    let attempts = 0
    const opens =
      (error: Error) =>
      (inner: Store): Store => ({
        ...store.wrap(inner),
        open: async () => {
          if (++attempts < 3) throw error
          return inner.open()
        }
      })
    const missing = new AnywireError(ERR_MISSING_PACKAGE, 'npm install it')
    await assert.rejects(world.make({}, opens(missing)).open(), missing)
    assert.equal(attempts, 1)
    world.make({}, opens(new Error('locked')))
    const early = world.client('ann')
    early.hello([scope(1, 'a/')])
    const opening = world.authority.open()
    await world.pass(1_000)
    await opening
    assert.deepEqual(
      early.news.map(({ type }) => type),
      ['welcome', 'delta']
    )
    assert.equal(attempts, 3)
    assert.equal(world.failed.length, 1)
  })

  it('is closed with the authority, also while it is opened, or where what is in it is not served', async () => {
    await world.authority.close()
    const states: string[] = []
    let isSlow = true
    const watched = (inner: Store): Store => ({
      ...store.wrap(inner),
      open: async () => {
        if (isSlow) await new Promise(resolve => setTimeout(resolve, 50))
        await inner.open()
        states.push('open')
      },
      close: async () => {
        await inner.close()
        states.push('closed')
      }
    })
    const opening = world.make({ schema: { id: 'app', version: 2 } }, watched).open()
    await world.pass(10)
    const closing = world.authority.close()
    await world.pass(100)
    await Promise.all([opening, closing])
    assert.deepEqual(states, ['open', 'closed'])
    isSlow = false
    await assert.rejects(world.make({ schema: { id: 'app', version: 1 } }, watched).open(), { code: 'ERR_SCHEMA' })
    await world.authority.close()
    assert.deepEqual(states, ['open', 'closed', 'open', 'closed'])
  })

  it('is given nothing behind that, also where it is slow', async () => {
    const ann = await world.welcomed('ann')
    store.delay = 20
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    await world.authority.close()
    await world.pass(100)
    assert.deepEqual([store.reads, store.commits, world.failed], [1, [], []])
  })

  it('tells nothing before it is committed, and commits together what comes meanwhile', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    const bob = await world.welcomed('bob', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    assert.deepEqual(ann.deltas.length, 1)
    store.delay = 50
    for (let n = 1; n <= 20; n++) ann.write('a/1', [at(n, 'ann').set('n', n)])
    for (let n = 1; n <= 20; n++) bob.write('a/2', [at(n, 'bob').implicit(), at(n, 'bob').set('n', n)])
    await world.pass(40)
    store.commits.splice(0, 1)
    assert.deepEqual([ann.news, bob.deltas.length], [[], 1])
    await world.pass(300)
    assert.deepEqual(ann.deltas.flatMap(({ acknowledged }) => acknowledged).at(-1), ['ann', 21])
    assert.deepEqual(contents(bob.deltas), { 'a/1': { n: 20 }, 'a/2': { '': '{}', n: 20 } })
    assert(store.commits.length <= 3, `${store.commits.length} commits`)
  })

  it('does not have one record wait for the commit of another', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/1')])
    const bob = await world.welcomed('bob')
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    assert.equal(ann.deltas.length, 1)
    store.delay = 1_000
    bob.write('b/1', [at(0, 'bob').make()])
    await world.pass(10)
    store.delay = 0
    const eve = await world.welcomed('eve', [scope(1, 'a/1')])
    assert.deepEqual(contents(eve.frames.flatMap(frame => (frame.type === 'delta' ? [frame] : []))), {
      'a/1': { '': '{}' }
    })
    await world.pass(3_000)
  })

  it('tries again what fails, acknowledges nothing meanwhile, and loses nothing', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    store.fails = true
    ann.write('a/1', [at(0, 'ann').make()])
    ann.write('b/1', [at(0, 'ann').implicit(), at(0, 'ann').add('n', 1)])
    await world.pass(20_000)
    assert.deepEqual(ann.news, [])
    assert(world.failed.length > 3)
    assert(world.failed.every(error => error instanceof Error && 'code' in error && error.code === 'ERR_STORE'))
    // Who follows something while nothing can be read is told nothing, rather than that there is nothing.
    ann.say({ type: 'follow', follows: [scope(2, 'b/')] })
    await world.pass(1_000)
    assert.deepEqual(ann.news, [])
    store.fails = false
    await world.pass(10_000)
    const { deltas } = ann
    assert.deepEqual(contents(deltas), { 'a/1': { '': '{}' }, 'b/1': { '': '{}', n: 1 } })
    assert.deepEqual(deltas.at(-1)?.acknowledged, [['ann', 2]])
  })

  it('counts once what it keeps without saying so, again and again', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    for (const lost of [1, 4, 5]) {
      store.lost = lost
      ann.write('a/1', [at(lost, 'ann').add('n', 1)])
      ann.write('a/2', [at(lost, 'ann').implicit(), at(lost, 'ann').add('n', 1)])
      await world.pass(20_000)
      assert.equal(store.lost < lost, true)
      store.lost = 0
    }
    const { deltas } = ann
    assert.deepEqual(contents(deltas), { 'a/1': { '': '{}', n: 3 }, 'a/2': { '': '{}', n: 3 } })
    assert.deepEqual([deltas.flatMap(({ results }) => results), deltas.at(-1)?.acknowledged], [[], [['ann', 7]]])
    assert.equal((world.disk.entry('meta') as { seq: number }).seq, 4)
  })

  describe('that cannot keep something', () => {
    it('refuses that alone, keeps and tells all the rest, and each write once', async () => {
      const ann = await world.welcomed('ann', [scope(1, 'a/')])
      const bob = await world.welcomed('bob')
      store.poison = 'poison'
      const write = (client: typeof ann, node: string): void => {
        client.write('a/1', [at(0, node).implicit(), at(0, node).add('n', 1)])
        client.write(`a/${node}`, [at(1, node).make(), at(1, node).set('x', 1)])
      }
      write(ann, 'ann')
      ann.write('a/1', [at(2, 'ann').set('x', 'poison'), at(2, 'ann').add('n', 100)])
      ann.write('a/new', [at(2, 'ann').make(), at(2, 'ann').set('x', 'poison')])
      ann.write('a/new', [at(3, 'ann').set('y', 1)])
      write(ann, 'ann')
      write(bob, 'bob')
      await world.pass(1)
      assert.deepEqual([ann.news, bob.news], [[], []])
      await world.pass(20_000)
      const { deltas } = ann
      assert.deepEqual(contents(deltas), {
        'a/1': { '': '{}', n: 3 },
        'a/ann': { '': '{}', x: 1 },
        'a/bob': { '': '{}', x: 1 }
      })
      assert.deepEqual(
        deltas.flatMap(({ results }) => results).map(({ number, record, code }) => [number, record, code]),
        [
          [3, '', 'ERR_STORE'],
          [4, '', 'ERR_STORE'],
          [5, 'a/new', 'ERR_CONFLICT']
        ]
      )
      assert.deepEqual(deltas.at(-1)?.acknowledged, [['ann', 7]])
      assert.deepEqual(bob.deltas.at(-1)?.acknowledged, [['bob', 2]])
      assert.deepEqual(world.disk.rows('a/new'), [])
      // It goes on, from what the store has.
      ann.write('a/1', [at(9, 'ann').add('n', 1)])
      await world.pass(10)
      assert.deepEqual(contents(ann.deltas), { 'a/1': { n: 4 } })
      const eve = await world.welcomed('eve', [scope(1, 'a/')])
      assert.deepEqual(contents(eve.frames.flatMap(frame => (frame.type === 'delta' ? [frame] : []))), {
        'a/1': { '': '{}', n: 4 },
        'a/ann': { '': '{}', x: 1 },
        'a/bob': { '': '{}', x: 1 }
      })
    })

    it('refuses what was written into an item of a list that it has refused', async () => {
      const ann = await world.welcomed('ann', [scope(1, 'a/')])
      store.poison = 'poison'
      const item = (time: number, value: string) => [
        at(time, 'ann').set('l.k.@pos', 'V'),
        at(time, 'ann').set('l.k.@value.x', value)
      ]
      ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').make('l')])
      await world.pass()
      ann.write('a/1', item(1, 'poison'))
      ann.write('a/1', [at(2, 'ann').set('l.k.@pos', 'W')])
      ann.write('a/1', [{ ...at(3, 'ann').implicit(), path: 'l.k.@pos' }, at(3, 'ann').set('l.k.@value.y', 1)])
      await world.pass(20_000)
      const { deltas } = ann
      assert.deepEqual(contents(deltas), { 'a/1': { '': '{}', l: '{}' } })
      assert.deepEqual(
        deltas.flatMap(({ results }) => results).map(({ number, code }) => [number, code]),
        [
          [2, 'ERR_STORE'],
          [3, 'ERR_CONFLICT'],
          [4, 'ERR_CONFLICT']
        ]
      )
    })

    it('refuses it at once where the store says that it never will keep it', async () => {
      const ann = await world.welcomed('ann')
      store.poison = 'poison'
      store.error = new AnywireError(ERR_TOO_LARGE, 'a value')
      ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 'poison')])
      await world.pass(10)
      assert.deepEqual(
        ann.delta.results.map(({ number, code }) => [number, code]),
        [[1, 'ERR_STORE']]
      )
    })

    it('refuses nothing while it keeps nothing at all', async () => {
      const ann = await world.welcomed('ann')
      store.fails = true
      store.poison = 'poison'
      ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 'poison')])
      ann.write('a/2', [at(0, 'ann').make()])
      await world.pass(600_000)
      assert.deepEqual(ann.news, [])
      store.fails = false
      store.poison = undefined
      await world.pass(20_000)
      const { acknowledged, results } = ann.delta
      assert.deepEqual([acknowledged, results], [[['ann', 2]], []])
    })

    it('has a batch that is broken up again when the process died meanwhile', async () => {
      const ann = await world.welcomed('ann')
      store.poison = 'poison'
      const writes = (client: typeof ann): void => {
        client.write('a/1', [at(0, 'ann').implicit(), at(0, 'ann').add('n', 1)], { number: 1 })
        client.write('a/2', [at(0, 'ann').make(), at(0, 'ann').set('x', 'poison')], { number: 2 })
        client.write('a/3', [at(0, 'ann').implicit(), at(0, 'ann').add('n', 1)], { number: 3 })
      }
      writes(ann)
      // One half is kept when the other one is tried.
      await world.pass(800)
      assert.equal((world.disk.entry('last/ann') as { number: number }).number, 1)
      await world.authority.close()
      world.make({}, store.wrap)
      await world.authority.open()
      const again = await world.welcomed('ann', [scope(1, 'a/')])
      const deltasOf = ({ frames }: typeof again) => frames.flatMap(frame => (frame.type === 'delta' ? [frame] : []))
      assert.deepEqual(contents(deltasOf(again)), { 'a/1': { '': '{}', n: 1 } })
      writes(again)
      await world.pass(20_000)
      const deltas = deltasOf(again)
      assert.deepEqual(contents(deltas), { 'a/1': { '': '{}', n: 1 }, 'a/3': { '': '{}', n: 1 } })
      assert.deepEqual(deltas.at(-1)?.acknowledged, [['ann', 3]])
    })
  })

  it('commits the writes, how far they are, and what became of them together', async () => {
    const ann = await world.welcomed('ann')
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x.y', 1)])
    ann.write('a/\0', [at(0, 'ann').make()])
    await world.pass()
    const [commit, ...more] = store.commits
    assert(commit && !more.length)
    assert.deepEqual(
      commit.rows.map(({ record, path, seq }) => [record, path, seq]),
      [
        ['a/1', '', 1],
        ['a/1', 'x.y', 1]
      ]
    )
    const entries = new Map(commit.entries)
    const { number } = entries.get('last/ann') as { number: number }
    const results = entries.get('results/ann/2') as unknown[][]
    assert.deepEqual(
      [number, results.map(([number, record, code]) => [number, record, code])],
      [2, [[2, 'a/\0', 'ERR_PATH']]]
    )
    assert.equal((entries.get('meta') as { seq: number }).seq, 1)
  })

  it('removes what is hidden for good', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x.y', 1), at(0, 'ann').set('z', 1)])
    await world.pass()
    ann.write('a/1', [at(5, 'ann').set('x.q', 1)])
    ann.write('a/1', [at(6, 'ann').make('x')])
    ann.write('a/1', [at(7, 'ann').set('x.y', 2)])
    await world.pass()
    assert.deepEqual(
      world.disk.rows('a/1').map(({ path, value }) => [path, value]),
      [
        ['', undefined],
        ['x', undefined],
        ['x.y', 2],
        ['z', 1]
      ]
    )
    assert.deepEqual(
      ann.deltas.map(delta => contents([delta])),
      [{ 'a/1': { '': '{}', 'x.y': 1, z: 1 } }, { 'a/1': { x: '{}', 'x.y': 2 } }]
    )
  })

  it('reads once for a thousand records of one who comes back', async () => {
    const ann = await world.welcomed('ann')
    for (let n = 0; n < 1_000; n++) ann.write(`a/${n}`, [at(0, 'ann').make(), at(0, 'ann').set('n', n)])
    await world.pass(10)
    ann.write('a/500', [at(1, 'ann').set('n', -1)])
    await world.pass(10)
    await world.authority.close()
    world.make({}, store.wrap)
    await world.authority.open()
    store.reads = 0
    const { epoch } = world.disk.entry('meta') as { epoch: string }
    const back = world.client('bob')
    back.hello(Array.from({ length: 1_000 }, (_, n) => scope(n, `a/${n}`, { epoch, since: 1 })))
    await world.pass()
    assert.equal(store.reads, 1)
    const { scopes, more, ...delta } = back.delta
    assert.equal(scopes.length, 1_000)
    assert.deepEqual(contents([{ ...delta, scopes, more }]), { 'a/500': { n: -1 } })
  })
})
