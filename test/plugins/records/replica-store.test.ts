import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import type { AnywireError } from '../../../lib/errors.ts'
import type { Store } from '../../../lib/store.ts'
import { timeOf } from '../../../plugins/records/core/clock.ts'
import { DELETED, OBJECT } from '../../../plugins/records/core/register.ts'
import type { Register } from '../../../plugins/records/core/register.ts'
import { memory, MemoryDisk } from '../../../stores/memory.ts'
import { GatedStore } from '../../support/gated-store.ts'
import { deleted, leaf, object, stamp, Stage, START, turn } from '../../support/replica.ts'

const HOUR = 3_600_000

/** A store whose methods fail as long as the test wants them to. */
const failing = (disk: MemoryDisk): { store: Store; fails: Set<keyof Store> } => {
  const fails = new Set<keyof Store>()
  const store = new Proxy(memory({ disk }), {
    get(target, key: keyof Store) {
      const member = target[key]
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown =>
        fails.has(key) ? Promise.reject(new Error('disk is full')) : Reflect.apply(member, target, args)
    }
  })
  return { store, fails }
}

describe('records: a replica with a store', () => {
  let clock: SinonFakeTimers
  beforeEach(() => {
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
  })
  afterEach(() => clock.restore())

  it('tells what becomes of a write that was taken back before the store was open', async () => {
    const { store, fails } = failing(new MemoryDisk())
    fails.add('open')
    const stage = new Stage({ store })
    await turn()
    const write = stage.set('a/1', 'x', 1)
    assert.ok(stage.replica.discard(write))
    fails.clear()
    await clock.tickAsync(1_000)
    await assert.rejects(write.durable, { code: 'ERR_CANCELLED' })
  })

  it('reads of a collection that is at hand for another query only what is not', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/', [
      { record: 'a/1', registers: [object(''), leaf('x', 1)] },
      { record: 'a/2', registers: [object(''), leaf('x', 2)] }
    ])
    await before.replica.close()
    const store = new GatedStore(memory({ disk }))
    const after = new Stage({ store })
    const { replica } = after
    await replica.follow('a/1').ready
    assert.equal(store.begun.rows, 1)
    await replica.follow('a/', { limit: 1 }).ready
    assert.deepEqual([after.view('a/1'), after.view('a/2')], [{ x: 1 }, { x: 2 }])
    assert.equal(store.begun.rows, 2)
    await replica.follow('a/').ready
    assert.equal(store.begun.rows, 2)
    await replica.close()
  })

  it('forgets what was deleted long ago, and what is shown stays the same', async () => {
    const disk = new MemoryDisk()
    const [old, now] = [-31 * 24 * HOUR, -HOUR]
    const gone = (path: string, milliseconds: number): Register => {
      return { path, kind: DELETED, value: undefined, ...stamp(milliseconds) }
    }
    const records = [
      { record: 'a/1', registers: [object('', 2 * old), gone('x', old), gone('y', now), leaf('z', 1)] },
      { record: 'a/2', registers: [gone('', old)] },
      { record: 'a/3', registers: [gone('', now)] },
      { record: 'a/4', registers: [gone('', old), leaf('x', 1, now)] }
    ]
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/', records)
    const shown = (stage: Stage) => records.map(({ record }) => stage.view(record))
    const seen = shown(before)
    await before.replica.close()
    const after = new Stage({ store: memory({ disk }) })
    await after.replica.follow('a/').ready
    assert.deepEqual(shown(after), seen)
    await after.open()
    after.delta({ scopes: [{ scope: 1, outcome: 'delta' }] })
    await after.replica.close()
    const store = memory({ disk })
    await store.open()
    assert.deepEqual(
      (await store.rows([{ prefix: 'a/' }])).map(({ record, path }) => `${record} ${path}`),
      ['a/1 ', 'a/1 y', 'a/1 z', 'a/3 ', 'a/4 ', 'a/4 x']
    )
  })

  it('does not show what was deleted long ago, because it had written there before and was not answered', async () => {
    const disk = new MemoryDisk()
    const [old, older] = [-31 * 24 * HOUR, -32 * 24 * HOUR]
    const before = new Stage({ store: memory({ disk }) }, START + older)
    await before.synced('a/', [
      { record: 'a/1', registers: [object('', 2 * older)] },
      { record: 'a/2', registers: [object('', 2 * older)] }
    ])
    before.write('a/1', { path: '', kind: OBJECT, value: undefined })
    before.set('a/2', 'x', 1)
    before.delta({
      seq: 2,
      records: [
        { record: 'a/1', registers: [deleted('', old)] },
        { record: 'a/2', registers: [deleted('x', old)] }
      ]
    })
    const shown = (stage: Stage) => ['a/1', 'a/2'].map(id => stage.view(id))
    assert.deepEqual(shown(before), [undefined, {}])
    await before.replica.close()
    const after = new Stage({ store: memory({ disk }) })
    await after.replica.follow('a/').ready
    assert.deepEqual(shown(after), [undefined, {}])
    await after.replica.close()
  })

  it('refuses what cannot be encoded, and keeps what comes behind it', async () => {
    for (const early of [true, false]) {
      const disk = new MemoryDisk()
      const stage = new Stage({ store: memory({ disk }) })
      if (!early) await turn()
      const wrong = stage.set('a/1', 'x', Infinity)
      const write = stage.set('a/1', 'y', 1)
      await assert.rejects(wrong.durable, { code: 'ERR_ENCODE' })
      await write.stored
      await stage.replica.close()
      const after = new Stage({ store: memory({ disk }) })
      await turn()
      assert.deepEqual(
        after.replica.pending.map(({ number }) => number),
        [2]
      )
      await after.replica.close()
    }
  })

  it('tells of what waits and cannot be read, sets it aside, and goes on with the rest', async () => {
    for (const schema of [undefined, { id: 'app', version: 2 }]) {
      const disk = new MemoryDisk()
      const before = new Stage({ store: memory({ disk }), ...(schema && { schema: { ...schema, version: 1 } }) })
      await turn()
      for (const n of [1, 2, 3]) await before.set(`a/${n}`, 'x', n).stored
      await before.replica.close()
      const [, key = ''] = disk.keys('outbox/')
      const store = memory({ disk })
      await store.open()
      const damage = [`?${String(await store.entry(key))}`, null, 0]
      await store.commit({ rows: [], removed: [], entries: [[key, damage]] })
      await store.close()
      for (const times of [1, 0]) {
        const errors: AnywireError[] = []
        const after = new Stage({ store: memory({ disk }), ...(schema && { schema, migrate: {} }) })
        after.replica.on('error', error => errors.push(error))
        await turn()
        assert.deepEqual(
          errors.map(({ code, message }) => [code, message.includes(key)]),
          Array.from({ length: times }, () => ['ERR_STORE', true])
        )
        assert.deepEqual(
          after.replica.pending.map(({ number }) => number),
          [1, 3]
        )
        assert.deepEqual(disk.entry(`damaged/${key}`), damage)
        await after.open()
        after.replica.flush()
        await after.replica.close()
      }
      const last = new Stage({ store: memory({ disk }), ...(schema && { schema, migrate: {} }) })
      await turn()
      last.connect()
      await turn()
      last.welcome()
      assert.deepEqual(
        last.takeWrites().map(({ number, records }) => [number, records.length]),
        [
          [1, 1],
          [2, 0],
          [3, 1]
        ]
      )
      await last.replica.close()
    }
  })

  it('refuses what is not in the store when it is closed', async () => {
    const { store, fails } = failing(new MemoryDisk())
    fails.add('open')
    const stage = new Stage({ store })
    await turn()
    const write = stage.set('a/1', 'x', 1)
    await stage.replica.close()
    await assert.rejects(write.durable, { code: 'ERR_CLOSED' })
    await assert.rejects(write.stored, { code: 'ERR_CLOSED' })
    assert.equal(write.status, 'refused')
  })

  it('has at a cold start, without a link, what was there, and what waits', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/', [{ record: 'a/1', registers: [object(''), leaf('x', 1), leaf('y', 1)] }])
    const write = before.set('a/1', 'x', 2)
    await write.stored
    const after = new Stage({ store: memory({ disk }) })
    const following = after.replica.follow('a/')
    assert.equal(following.state, 'loading')
    await following.ready
    assert.equal(following.state, 'local')
    assert.deepEqual(after.view('a/1'), { x: 2, y: 1 })
    assert.equal(after.replica.version('a/1'), 1)
    assert.deepEqual(
      after.replica.pending.map(({ node, number, status }) => [node, number, status]),
      [[write.node, 1, 'stored']]
    )
    after.connect()
    await turn()
    const [hello] = after.take()
    assert.equal(hello?.type, 'hello')
    assert.deepEqual(hello.nodes, [[write.node, 1]])
    assert.deepEqual(
      hello.follows.map(({ epoch, since }) => [epoch, since]),
      [['e1', 1]]
    )
    after.welcome()
    assert.deepEqual(
      after.takeWrites().map(({ node, number }) => [node, number]),
      [[write.node, 1]]
    )
  })

  it('has what it tells of at a cold start, as far as anybody looks at the state then', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    await before.replica.close()
    for (const [name, query] of [
      ['a/', undefined],
      ['a/1', undefined],
      ['a/', { limit: 1 }]
    ] as const) {
      const after = new Stage({ store: memory({ disk }) })
      const following = after.replica.follow(name, query)
      const states: string[] = []
      after.replica.on('change', () => states.push(following.state))
      await following.ready
      await turn()
      assert.deepEqual(states, ['local'])
      await after.replica.close()
    }
  })

  it('sends what it wrote itself when the authority has what former processes wrote', async () => {
    const disk = new MemoryDisk()
    const nodes: string[] = []
    for (const value of [1, 2]) {
      const stage = new Stage({ store: memory({ disk }) }, START + value)
      const write = stage.set('a/1', 'x', value)
      await write.stored
      nodes.push(write.node)
    }
    const last = new Stage({ store: memory({ disk }) })
    await last.open()
    const own = last.set('a/1', 'x', 3)
    await own.stored
    assert.deepEqual(
      last.replica.pending.map(({ node }) => node),
      [...nodes, own.node]
    )
    for (const [at, node] of [...nodes, own.node].entries()) {
      assert.deepEqual(
        last.takeWrites().map(write => [write.node, write.number]),
        at ? [[node, 1]] : []
      )
      last.delta({ seq: at + 1, acknowledged: [[node, 1]] })
      await turn()
    }
    assert.deepEqual(last.replica.pending, [])
  })

  it('forgets nodes that nothing is left of, and not how far what they followed is', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/1', [{ record: 'a/1', registers: [object('')] }])
    await turn()
    for (let start = 0; start < 3; start++) {
      const after = new Stage({ store: memory({ disk }) })
      await turn()
      assert.deepEqual(disk.keys('node/'), [`node/${after.replica.outbox.own.node}`])
      assert.deepEqual(disk.entry('cursor/["a/1"]'), ['e1', 1])
    }
  })

  it('sends a write when it is stored, and not before', async () => {
    const { store, fails } = failing(new MemoryDisk())
    const stage = new Stage({ store })
    const errors: string[] = []
    stage.replica.on('error', error => errors.push(error.code))
    await stage.synced('a/1', [{ record: 'a/1', registers: [object('')] }])
    await turn()
    fails.add('commit')
    const write = stage.set('a/1', 'x', 1)
    await turn()
    assert.equal(write.status, 'local')
    assert.deepEqual(stage.view('a/1'), { x: 1 })
    assert.deepEqual(stage.takeWrites(), [])
    assert.deepEqual(errors, ['ERR_STORE'])
    fails.clear()
    await clock.tickAsync(500)
    assert.equal(write.status, 'stored')
    assert.equal(stage.takeWrites().length, 1)
  })

  it('removes a write in the same commit that keeps its effects and the cursor', async () => {
    const disk = new MemoryDisk()
    const { store, fails } = failing(disk)
    const stage = new Stage({ store })
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    await stage.set('a/1', 'x', 2).stored
    const node = stage.takeWrites()[0]?.node ?? ''
    fails.add('commit')
    stage.delta({ seq: 5, records: [{ record: 'a/1', registers: [leaf('x', 3, 9)] }], acknowledged: [[node, 1]] })
    assert.deepEqual(stage.view('a/1'), { x: 3 })
    await turn()
    // The process dies before the store has it: all is as it was.
    const early = new Stage({ store: memory({ disk }) })
    await early.replica.follow('a/1').ready
    assert.deepEqual(early.view('a/1'), { x: 2 })
    assert.equal(early.replica.pending.length, 1)
    early.connect()
    await turn()
    const [hello] = early.take()
    assert.equal(hello?.type === 'hello' && hello.follows[0]?.since, 1)
    early.welcome()
    early.delta({
      seq: 5,
      scopes: [{ scope: 1, outcome: 'delta' }],
      records: [{ record: 'a/1', registers: [leaf('x', 3, 9)] }],
      acknowledged: [[node, 1]]
    })
    await turn()
    const late = new Stage({ store: memory({ disk }) })
    const following = late.replica.follow('a/1')
    await following.ready
    assert.deepEqual(late.view('a/1'), { x: 3 })
    assert.deepEqual(late.replica.pending, [])
  })

  it('shows what is written before the store is open on top of what is in it', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.set('a/1', 'x', 1).stored
    const after = new Stage({ store: memory({ disk }) })
    const write = after.set('a/1', 'x', 2)
    await write.stored
    assert.deepEqual(after.replica.pending[1], write)
    assert.deepEqual(after.replica.state('a/1')?.view(), { x: 2 })
  })

  it('corrects what former processes wrote by the time that the device showed, and by the offset of today', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) }, START + HOUR)
    await before.set('a/1', 'x', 1).stored
    const after = new Stage({ store: memory({ disk }) }, START + HOUR + 5_000)
    await after.set('a/1', 'x', 2).stored
    after.connect()
    await turn()
    after.welcome({ time: START + 5_000 })
    await turn()
    assert.deepEqual(
      after.replica.pending.map(({ records }) => timeOf(records[0]?.registers[0]?.t ?? 0) - START),
      [0, 5_000]
    )
    // The next process knows how far the clock is off, before it hears from anybody.
    const last = new Stage({ store: memory({ disk }) }, START + HOUR + 9_000)
    await last.set('a/1', 'x', 3).stored
    assert.equal(timeOf(last.replica.tick().t) - START, 9_000)
  })

  it('is never empty because the store cannot be read', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/', [{ record: 'a/1', registers: [object('')] }])
    await turn()
    const { store, fails } = failing(disk)
    fails.add('rows')
    const stage = new Stage({ store })
    const errors: string[] = []
    stage.replica.on('error', error => errors.push(error.code))
    const following = stage.replica.follow('a/')
    await assert.rejects(following.ready, { code: 'ERR_STORE' })
    assert.equal(following.state, 'refused')
    assert.deepEqual(errors, ['ERR_STORE'])
    fails.clear()
    await clock.tickAsync(1_000)
    assert.equal(following.state, 'local')
    assert.deepEqual(stage.view('a/1'), {})
  })

  it('opens the store as soon as it can', async () => {
    const { store, fails } = failing(new MemoryDisk())
    fails.add('open')
    const stage = new Stage({ store })
    const following = stage.replica.follow('a/')
    const write = stage.set('a/1', 'x', 1)
    stage.connect()
    await assert.rejects(following.ready, { code: 'ERR_STORE' })
    assert.deepEqual(stage.take(), [])
    fails.clear()
    await clock.tickAsync(1_000)
    assert.equal(write.status, 'stored')
    assert.equal(following.state, 'loading')
    assert.equal(stage.take().length, 1)
  })

  it('keeps what is not followed any more as far as it was, while others go on', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    const first = before.replica.follow('a/1')
    before.replica.follow('b/1')
    before.connect()
    await turn()
    before.welcome()
    before.delta({
      seq: 1,
      scopes: [1, 2].map(scope => ({ scope, outcome: 'reset' })),
      records: ['a/1', 'b/1'].map(record => ({ record, registers: [object('')] })),
      whole: [true, true]
    })
    before.replica.unfollow(first)
    await clock.tickAsync(500)
    before.delta({ seq: 9 })
    await turn()
    const after = new Stage({ store: memory({ disk }) })
    after.replica.follow('a/1')
    after.replica.follow('b/1')
    after.connect()
    await turn()
    const [hello] = after.take()
    assert.equal(hello?.type, 'hello')
    assert.deepEqual(
      hello.follows.map(({ since }) => since),
      [1, 9]
    )
    assert.deepEqual(after.view('a/1'), {})
  })

  it('removes what a reset did not bring, and what is evicted', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    await before.synced('a/', [
      { record: 'a/1', registers: [object(''), leaf('x.y', 1)] },
      { record: 'a/2', registers: [object('')] },
      { record: 'a/3', registers: [object('')] }
    ])
    before.delta({ seq: 2, records: [{ record: 'a/1', registers: [leaf('x', 2, 5)] }], evicted: ['a/3'] })
    before.replica.disconnected()
    before.connect()
    await turn()
    before.welcome()
    before.delta({
      seq: 3,
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'a/1', registers: [object(''), leaf('z', 3)] }],
      whole: [true]
    })
    await turn()
    const store = memory({ disk })
    await store.open()
    assert.deepEqual(
      (await store.rows([{ prefix: '' }])).map(({ record, path }) => [record, path]),
      [
        ['a/1', ''],
        ['a/1', 'z']
      ]
    )
  })

  it('removes what it let go of just before it is taken away', async () => {
    const disk = new MemoryDisk()
    const stage = new Stage({ store: memory({ disk }) })
    stage.replica.on('refused', () => {})
    const one = stage.replica.follow('a/1')
    await stage.open()
    const registers = [object(''), leaf('x', 1)]
    stage.delta({
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'a/1', registers }],
      whole: [true]
    })
    stage.replica.follow('a/', {})
    await turn()
    stage.replica.unfollow(one)
    await clock.tickAsync(500)
    stage.delta({ seq: 2, scopes: [{ scope: 2, outcome: 'reset' }], records: [{ record: 'a/1', registers: [] }] })
    stage.delta({ seq: 3, more: true, scopes: [{ scope: 1, outcome: 'left' }], evicted: ['a/1'] })
    stage.delta({ seq: 3 })
    await turn()
    assert.deepEqual([stage.view('a/1'), disk.rows('a/1').length], [undefined, 2])
    stage.delta({ seq: 4, scopes: [{ scope: 2, outcome: 'ERR_DENIED' }] })
    await turn()
    assert.deepEqual(disk.rows('a/1'), [])
    await stage.replica.close()
  })

  it('keeps what it has of a collection where a query of that is refused, but not denied', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    const registers = [object(''), leaf('x', 1)]
    await before.synced('a/', [
      { record: 'a/1', registers },
      { record: 'a/2', registers }
    ])
    await before.replica.close()
    const stage = new Stage({ store: memory({ disk }) })
    stage.replica.on('refused', () => {})
    const query = stage.replica.follow('a/', { limit: 1 })
    query.synced.catch(() => {})
    await query.ready
    await stage.open()
    stage.delta({ seq: 7, scopes: [{ scope: 1, outcome: "ERR_LIMIT: 'limits.queries' is 1" }] })
    await turn()
    assert.deepEqual([query.state, stage.view('a/1')], ['refused', undefined])
    await stage.replica.close()
    assert.deepEqual([disk.rows('a/1').length, disk.rows('a/2').length], [2, 2])
  })

  it('removes a record that it has no more when it is taken away, and nothing of what is at hand', async () => {
    const disk = new MemoryDisk()
    const { store, fails } = failing(disk)
    const stage = new Stage({ store })
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    await turn()
    stage.replica.records.unload('a/1')
    fails.add('rows')
    stage.replica.on('error', () => {})
    stage.delta({ seq: 2, denied: ['a/1'] })
    await turn()
    assert.equal(disk.rows('a/1').length, 2)
    stage.delta({ seq: 3, records: [{ record: 'a/1', registers: [object(''), leaf('x', 2)] }], whole: [true] })
    fails.clear()
    await clock.tickAsync(1_000)
    assert.deepEqual([stage.view('a/1'), disk.rows('a/1').length], [{ x: 2 }, 2])
    stage.replica.records.unload('a/1')
    stage.delta({ seq: 4, denied: ['a/1'] })
    await turn()
    assert.deepEqual(disk.rows('a/1'), [])
    await stage.replica.close()
  })

  it('fetches anew what something was taken out of while it was not followed', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    const collection = before.replica.follow('a/')
    before.replica.follow('a/1')
    before.connect()
    await turn()
    before.welcome()
    before.delta({
      seq: 1,
      scopes: [1, 2].map(scope => ({ scope, outcome: 'reset' })),
      records: [{ record: 'a/1', registers: [object('')] }],
      whole: [true]
    })
    before.replica.unfollow(collection)
    await clock.tickAsync(500)
    before.delta({ seq: 2, evicted: ['a/1'] })
    await turn()
    const after = new Stage({ store: memory({ disk }) })
    after.replica.follow('a/')
    after.connect()
    await turn()
    const [hello] = after.take()
    assert.equal(hello?.type === 'hello' && hello.follows[0]?.since, 0)
  })

  it('keeps that a write was taken back', async () => {
    const disk = new MemoryDisk()
    const before = new Stage({ store: memory({ disk }) })
    const write = before.set('a/1', 'x', 1)
    await write.stored
    assert.equal(before.replica.discard(write), true)
    await turn()
    const after = new Stage({ store: memory({ disk }) })
    const counts: number[] = []
    after.replica.on('pending', count => counts.push(count))
    after.connect()
    await turn()
    assert.deepEqual(after.replica.pending, [])
    after.set('a/1', 'y', 1)
    assert.deepEqual(counts, [0, 1])
    after.welcome()
    assert.deepEqual(
      after.takeWrites().map(({ number, records }) => [number, records]),
      [[1, []]]
    )
  })

  for (const method of ['open', 'commit'] as const)
    it(`closes at once, and leaves no timer, while the store fails to ${method}`, async () => {
      const { store, fails } = failing(new MemoryDisk())
      fails.add(method)
      const stage = new Stage({ store })
      stage.set('a/1', 'x', 1)
      await turn()
      assert.equal(clock.countTimers(), 1)
      await stage.replica.close()
      await turn()
      assert.equal(clock.countTimers(), 0)
    })

  it('writes what it has before it closes', async () => {
    const disk = new MemoryDisk()
    const stage = new Stage({ store: memory({ disk }) })
    await turn()
    stage.set('a/1', 'x', 1)
    await stage.replica.close()
    const after = new Stage({ store: memory({ disk }) })
    await turn()
    assert.equal(after.replica.pending.length, 1)
  })
})
