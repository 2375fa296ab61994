import assert from 'node:assert/strict'
import { stub, useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import { increment, leaf, object, Stage, turn } from '../../support/replica.ts'

describe('records: a replica', () => {
  let clock: SinonFakeTimers
  beforeEach(() => {
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
  })
  afterEach(() => clock.restore())

  it('asks for what it follows in its hello, and has it after the delta', async () => {
    const stage = new Stage()
    const following = stage.replica.follow('todos/1')
    stage.connect()
    const [hello] = stage.take()
    assert.equal(hello?.type, 'hello')
    assert.deepEqual(
      hello.follows.map(({ name, epoch, since }) => [name, epoch, since]),
      [['todos/1', '', 0]]
    )
    stage.welcome()
    assert.equal(following.state, 'loading')
    stage.delta({
      seq: 7,
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'todos/1', registers: [object(''), leaf('title', 'Tea')] }],
      whole: [true]
    })
    await following.synced
    assert.deepEqual(stage.view('todos/1'), { title: 'Tea' })
    assert.equal(stage.replica.version('todos/1'), 7)
    stage.replica.disconnected()
    assert.equal(following.state, 'local')
    stage.connect()
    const [again] = stage.take()
    assert.equal(again?.type, 'hello')
    assert.deepEqual(
      again.follows.map(({ epoch, since }) => [epoch, since]),
      [['e1', 7]]
    )
  })

  it('asks for what is followed later in one frame a turn, and shares what is followed twice', async () => {
    const stage = new Stage()
    await stage.open()
    const first = stage.replica.follow('a/1')
    stage.replica.follow('a/')
    const second = stage.replica.follow('a/1')
    await turn()
    const frames = stage.take()
    assert.equal(frames.length, 1)
    assert.equal(frames[0]?.type, 'follow')
    assert.deepEqual(
      frames[0].follows.map(({ name }) => name),
      ['a/1', 'a/']
    )
    stage.replica.unfollow(first)
    clock.tick(10_000)
    await turn()
    assert.deepEqual(stage.take(), [])
    stage.replica.unfollow(second)
    clock.tick(499)
    await turn()
    assert.deepEqual(stage.take(), [])
    clock.tick(1)
    await turn()
    assert.deepEqual(stage.take(), [{ type: 'unfollow', scopes: [1] }])
  })

  it('takes queries for two that compare with bytes, and with an object that looks like them', () => {
    const stage = new Stage()
    for (const value of [new Uint8Array([1]), { 0: 1 }, new Uint8Array([1])])
      stage.replica.follow('todos/', { where: [['x', '=', value]] })
    stage.connect()
    const [hello] = stage.take()
    assert.deepEqual(hello?.type === 'hello' && hello.follows.map(({ scope }) => scope), [1, 2])
  })

  it('asks for much in several frames, and for what may have the same records in one', async () => {
    const stage = new Stage()
    await stage.open()
    const asked = (): (readonly string[])[] =>
      stage.take().map(frame => ('follows' in frame ? frame.follows.map(({ name }) => name) : []))
    const names = Array.from({ length: 300 }, (_, at) => `lists/${at}/${'x'.repeat(100)}`)
    for (const name of [...names, 'b/1', 'b/2']) stage.replica.follow(name)
    stage.replica.follow('b/', { limit: 1 })
    await turn()
    assert.ok(asked().length > 3)
    stage.replica.disconnected()
    stage.connect()
    assert.equal(stage.sent[0]?.type, 'hello')
    const pieces = asked()
    assert.deepEqual(pieces.flat(), [...names, 'b/1', 'b/2', 'b/'])
    assert.ok(pieces.find(piece => piece.includes('b/'))?.includes('b/1'))
  })

  it('asks anew for what does not fit into a frame with what may have the same records', async () => {
    const stage = new Stage()
    await stage.synced('a/', [])
    const names = Array.from({ length: 100 }, (_, at) => `a/${at}`)
    for (const name of names) stage.replica.follow(name)
    await turn()
    stage.replica.disconnected()
    stage.take()
    stage.connect()
    const pieces = stage.take().map(frame => ('follows' in frame ? frame.follows : []))
    assert.ok(pieces.length > 1)
    const epochs = pieces.map(piece => new Set(piece.map(({ epoch }) => epoch)))
    assert.deepEqual(
      epochs,
      pieces.map((_, at) => new Set([at ? '?' : 'e1']))
    )
  })

  it('keeps what is followed again within the delay, and forgets it after', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    const again = stage.replica.follow('a/1')
    stage.replica.unfollow(again)
    stage.replica.unfollow(stage.replica.follow('a/1'))
    clock.tick(10_000)
    // `synced` follows it as well.
    assert.deepEqual(stage.view('a/1'), { x: 1 })
  })

  it('sees its own write at once, sends it, and lets the authority have the last word', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    const changes: string[][] = []
    stage.replica.on('change', changed => changes.push([...changed]))
    const write = stage.set('a/1', 'x', 2)
    assert.equal(write.status, 'stored')
    assert.deepEqual(stage.view('a/1'), { x: 2 })
    assert.deepEqual(changes, [['a/1']])
    await turn()
    const [frame] = stage.takeWrites()
    assert.equal(frame?.number, 1)
    assert.equal(frame.records[0]?.registers[0]?.value, 2)
    // Somebody else's later write won meanwhile: the effects are what counts.
    stage.delta({
      seq: 2,
      records: [{ record: 'a/1', registers: [leaf('x', 3, 5_000)] }],
      acknowledged: [[frame.node, 1]]
    })
    assert.deepEqual(stage.view('a/1'), { x: 3 })
    assert.equal(write.status, 'durable')
    assert.deepEqual(await write.durable, { restamped: false })
    assert.deepEqual(changes, [['a/1'], ['a/1']])
    assert.deepEqual(stage.replica.pending, [])
  })

  it('never takes its own accepted write for what is committed', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    stage.set('a/1', 'x', 2)
    await turn()
    const [frame] = stage.takeWrites()
    // It was deleted by a later write, whose tombstone is collected already: so nothing comes.
    stage.delta({ seq: 3, acknowledged: [[frame?.node ?? '', 1]] })
    assert.deepEqual(stage.view('a/1'), { x: 1 })
  })

  it('undoes a refused write, and only that one', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1), leaf('y', 1)] }])
    const rejected: unknown[] = []
    stage.replica.on('rejected', (error, write, record) => rejected.push([error.code, write.number, record]))
    const bad = stage.set('a/1', 'x', 2)
    const good = stage.set('a/1', 'y', 2)
    await turn()
    const node = stage.takeWrites()[0]?.node ?? ''
    stage.delta({
      seq: 2,
      records: [{ record: 'a/1', registers: [{ ...leaf('y', 2), t: good.records[0]?.registers[0]?.t ?? 0, node }] }],
      acknowledged: [[node, 2]],
      results: [{ node, number: 1, record: 'a/1', code: 'ERR_DENIED', hint: 'no' }]
    })
    assert.deepEqual(stage.view('a/1'), { x: 1, y: 2 })
    await assert.rejects(bad.durable, { code: 'ERR_DENIED' })
    await good.durable
    assert.deepEqual(rejected, [['ERR_DENIED', 1, 'a/1']])
    // The authority may forget the result.
    assert.deepEqual(stage.take(), [{ type: 'confirm', node, number: 1 }])
  })

  it('sends again in a new session what was not acknowledged, in order', async () => {
    const stage = new Stage()
    await stage.open()
    stage.set('a/1', 'x', 1)
    stage.set('a/1', 'x', 2)
    await turn()
    assert.deepEqual(
      stage.takeWrites().map(({ number }) => number),
      [1, 2]
    )
    stage.delta({ seq: 1, acknowledged: [[stage.replica.pending[0]?.node ?? '', 1]] })
    stage.replica.disconnected()
    stage.set('a/1', 'x', 3)
    await stage.open()
    stage.replica.disconnected()
    stage.connect()
    stage.welcome()
    await turn()
    assert.deepEqual(
      stage.takeWrites().map(({ number }) => number),
      [2, 3]
    )
  })

  it('waits when the link is full', async () => {
    const stage = new Stage()
    await stage.open()
    stage.isFull = true
    for (let value = 1; value <= 3; value++) stage.set('a/1', 'x', value)
    await turn()
    assert.equal(stage.takeWrites().length, 1)
    stage.isFull = false
    stage.replica.drained()
    assert.equal(stage.takeWrites().length, 2)
  })

  it('applies a delta of several pages as one', async () => {
    const stage = new Stage()
    await stage.synced('a/')
    let changes = 0
    stage.replica.on('change', () => changes++)
    stage.delta({
      seq: 2,
      more: true,
      records: [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }],
      whole: [true]
    })
    assert.equal(stage.view('a/1'), undefined)
    stage.delta({ seq: 3, records: [{ record: 'a/1', registers: [leaf('y', 1)] }] })
    assert.deepEqual(stage.view('a/1'), { x: 1, y: 1 })
    assert.equal(changes, 1)
  })

  it('replaces what it has by a reset, and keeps what waits', async () => {
    const stage = new Stage()
    await stage.synced('a/', [
      { record: 'a/1', registers: [object(''), leaf('x', 1)] },
      { record: 'a/2', registers: [object(''), leaf('x', 1), leaf('y', 1)] }
    ])
    const resets: string[] = []
    stage.replica.on('reset', name => resets.push(name))
    stage.set('a/1', 'z', 9)
    stage.epoch = 'e2'
    stage.replica.disconnected()
    await stage.open()
    stage.delta({
      seq: 1,
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'a/2', registers: [object(''), leaf('x', 2)] }],
      whole: [true]
    })
    assert.deepEqual(stage.view('a/2'), { x: 2 })
    assert.equal(stage.view('a/1'), undefined)
    assert.deepEqual(stage.replica.state('a/1')?.view(), { z: 9 })
    assert.deepEqual(resets, ['a/'])
  })

  it('is replaced without a word where that says nothing of how old it was', async () => {
    const stage = new Stage()
    await stage.synced('a/', [{ record: 'a/1', registers: [object('')] }])
    const resets: string[] = []
    stage.replica.on('reset', name => resets.push(name))
    stage.replica.disconnected()
    await stage.open()
    const records = [{ record: 'a/2', registers: [object('')] }]
    stage.delta({ seq: 2, scopes: [{ scope: 1, outcome: 'anew' }], records, whole: [true] })
    assert.deepEqual([stage.view('a/1'), stage.view('a/2')], [undefined, {}])
    assert.equal(stage.replica.follow('a/').state, 'synced')
    assert.deepEqual(resets, [])
  })

  it('leaves alone at a reset what another scope has', async () => {
    const stage = new Stage()
    stage.replica.follow('a/', { where: [['x', '=', 1]] })
    stage.replica.follow('a/2')
    await stage.open()
    stage.delta({
      seq: 1,
      scopes: [
        { scope: 1, outcome: 'reset' },
        { scope: 2, outcome: 'reset' }
      ],
      records: [
        { record: 'a/1', registers: [object(''), leaf('x', 1)] },
        { record: 'a/2', registers: [object(''), leaf('x', 2)] }
      ],
      whole: [true, true]
    })
    stage.delta({ seq: 2, scopes: [{ scope: 1, outcome: 'reset' }] })
    assert.equal(stage.view('a/1'), undefined)
    assert.deepEqual(stage.view('a/2'), { x: 2 })
  })

  it('keeps at hand what nobody follows any more for as long as it is asked to', async () => {
    const stage = new Stage({ discardDelay: Infinity })
    const following = stage.replica.follow('a/1')
    await stage.open()
    stage.delta({
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [{ record: 'a/1', registers: [object('')] }],
      whole: [true]
    })
    stage.replica.unfollow(following)
    clock.tick(1_000)
    assert.deepEqual(stage.view('a/1'), {})
  })

  it('lets go of what nobody follows when the authority says that no query has it', async () => {
    const stage = new Stage({ discardDelay: 0 })
    const evicted: string[] = []
    stage.replica.on('evicted', ids => evicted.push(...ids))
    stage.replica.follow('a/', { limit: 2 })
    const one = stage.replica.follow('a/1')
    const other = stage.replica.follow('a/2')
    await stage.open()
    const record = (id: string) => ({ record: id, registers: [object(''), leaf('x', 1)] })
    stage.delta({
      scopes: [1, 2, 3].map(scope => ({ scope, outcome: 'reset' })),
      records: [record('a/1'), record('a/2')],
      whole: [true, true]
    })
    for (const following of [one, other]) stage.replica.unfollow(following)
    clock.tick(1)
    assert.deepEqual([stage.view('a/1'), stage.view('a/2')], [{ x: 1 }, { x: 1 }], 'the query may have them')
    stage.delta({ seq: 2, scopes: [{ scope: 2, outcome: 'left' }], evicted: ['a/1'] })
    assert.deepEqual([stage.view('a/1'), stage.view('a/2')], [undefined, { x: 1 }])
    assert.deepEqual(evicted, [], 'it was let go of here')
    // What is named stays.
    stage.delta({
      seq: 3,
      scopes: [{ scope: 1, outcome: 'anew' }],
      records: [record('a/3'), { record: 'a/2', registers: [] }],
      whole: [true, false]
    })
    assert.deepEqual(stage.view('a/2'), { x: 1 })
    stage.delta({ seq: 4, scopes: [{ scope: 1, outcome: 'anew' }], records: [record('a/3')], whole: [true] })
    assert.deepEqual([stage.view('a/2'), stage.view('a/3')], [undefined, { x: 1 }])
  })

  it('takes nothing of a scope that it has not been told of', async () => {
    const stage = new Stage()
    stage.replica.follow('a/1')
    await stage.open()
    const records = [{ record: 'a/1', registers: [leaf('x', 2)] }]
    stage.delta({ seq: 1, records })
    assert.equal(stage.replica.records.base('a/1'), undefined)
    stage.delta({ seq: 2, scopes: [{ scope: 1, outcome: 'reset' }], records, whole: [true] })
    assert.deepEqual(stage.replica.records.base('a/1')?.view(), { x: 2 })
  })

  it('forgets what is evicted, and what it is refused', async () => {
    const stage = new Stage()
    const following = stage.replica.follow('a/')
    await stage.open()
    const evicted: string[] = []
    stage.replica.on('refused', () => {})
    stage.replica.on('evicted', ids => evicted.push(...ids))
    stage.delta({
      scopes: [{ scope: 1, outcome: 'reset' }],
      records: [
        { record: 'a/1', registers: [object('')] },
        { record: 'a/2', registers: [object('')] },
        { record: 'a/3', registers: [object('')] }
      ],
      whole: [true, true, true]
    })
    stage.delta({ seq: 2, evicted: ['a/3'], denied: ['a/1'] })
    assert.deepEqual(
      ['a/1', 'a/3'].map(id => stage.view(id)),
      [undefined, undefined]
    )
    stage.delta({ seq: 3, scopes: [{ scope: 1, outcome: 'ERR_DENIED' }] })
    assert.equal(stage.view('a/2'), undefined)
    assert.deepEqual(evicted, ['a/1', 'a/2'])
    assert.equal(following.state, 'refused')
    await assert.rejects(following.synced, { code: 'ERR_DENIED' })
    // It is asked for again in the next session.
    stage.replica.disconnected()
    stage.connect()
    const [hello] = stage.take()
    // From the beginning: nothing of it is here any more.
    assert.deepEqual(hello?.type === 'hello' && hello.follows.map(({ epoch, since }) => [epoch, since]), [['', 0]])
    stage.welcome()
    stage.delta({ seq: 4, scopes: [{ scope: 1, outcome: 'reset' }] })
    await following.synced
    assert.equal(following.error, undefined)
  })

  it('forgets what a query does not bring any more, also where it may not follow that by itself', async () => {
    const stage = new Stage()
    stage.replica.on('refused', () => {})
    stage.replica.follow('a/', { limit: 5 })
    stage.replica.follow('a/1')
    await stage.open()
    const reset = { scope: 1, outcome: 'reset' } as const
    stage.delta({
      scopes: [reset, { scope: 2, outcome: 'ERR_DENIED' }],
      records: [{ record: 'a/1', registers: [object('')] }],
      whole: [true]
    })
    assert.deepEqual(stage.view('a/1'), {})
    stage.delta({ seq: 2, scopes: [reset] })
    assert.equal(stage.view('a/1'), undefined)
  })

  it('shows a number with what was added to it, whatever becomes of the number', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('n', 5)] }])
    stage.write('a/1', increment('n', 2))
    stage.write('a/1', increment('n', -1))
    assert.deepEqual(stage.view('a/1'), { n: 6 })
    stage.delta({ seq: 2, records: [{ record: 'a/1', registers: [leaf('n', 15, 1)] }] })
    assert.deepEqual(stage.view('a/1'), { n: 16 })
    await turn()
    const node = stage.takeWrites()[0]?.node ?? ''
    stage.delta({
      seq: 3,
      records: [{ record: 'a/1', registers: [leaf('n', 17, 2)] }],
      acknowledged: [[node, 1]]
    })
    assert.deepEqual(stage.view('a/1'), { n: 16 })
  })

  it('sends again after a while what was refused for now', async () => {
    const stage = new Stage()
    await stage.open()
    stage.set('a/1', 'x', 1)
    stage.set('a/1', 'x', 2)
    await turn()
    const node = stage.takeWrites()[0]?.node ?? ''
    const late = { node, record: '', code: 'ERR_LIMIT', hint: '' }
    stage.delta({ acknowledged: [[node, 1]], results: [{ ...late, number: 2 }] })
    await turn()
    assert.deepEqual(stage.take(), [])
    stage.set('a/1', 'x', 3)
    await turn()
    assert.deepEqual(stage.take(), [])
    clock.tick(1_000)
    assert.deepEqual(
      stage.takeWrites().map(({ number }) => number),
      [2, 3]
    )
    assert.equal(stage.replica.pending.length, 2)
  })

  it('takes back what was not sent; the number goes all the same', async () => {
    const stage = new Stage()
    const counts: number[] = []
    stage.replica.on('pending', count => counts.push(count))
    const first = stage.set('a/1', 'x', 1)
    const second = stage.set('a/1', 'x', 2)
    assert.equal(stage.replica.discard(first), true)
    assert.equal(stage.replica.discard(first), false)
    await assert.rejects(first.durable, { code: 'ERR_CANCELLED' })
    assert.deepEqual(stage.replica.pending, [second])
    stage.connect()
    stage.welcome()
    await turn()
    assert.deepEqual(
      stage.takeWrites().map(({ number, records }) => [number, records.length]),
      [
        [1, 0],
        [2, 1]
      ]
    )
    assert.equal(stage.replica.discard(second), false)
    stage.delta({ acknowledged: [[second.node, 2]] })
    assert.deepEqual(counts, [1, 2, 1, 0])
  })

  it('refuses what is larger than the authority takes, and goes on', async () => {
    const stage = new Stage()
    await stage.open()
    stage.replica.on('rejected', () => {})
    const large = stage.set('a/1', 'x', 'x'.repeat(20_000))
    stage.set('a/1', 'y', 1)
    await turn()
    assert.deepEqual(
      stage.takeWrites().map(({ number, records }) => [number, records.length]),
      [
        [1, 0],
        [2, 1]
      ]
    )
    await assert.rejects(large.durable, { code: 'ERR_TOO_LARGE' })
    assert.deepEqual(stage.replica.state('a/1')?.view(), { y: 1 })
  })

  it('refuses what cannot be encoded, and goes on', async () => {
    const stage = new Stage()
    await stage.open()
    stage.replica.on('rejected', () => {})
    const wrong = stage.set('a/1', 'x', Infinity)
    stage.set('a/1', 'y', 1)
    await turn()
    assert.deepEqual(
      stage.takeWrites().map(({ number, records }) => [number, records.length]),
      [
        [1, 0],
        [2, 1]
      ]
    )
    await assert.rejects(wrong.durable, { code: 'ERR_ENCODE' })
    assert.deepEqual(stage.replica.state('a/1')?.view(), { y: 1 })
    for (const ifVersion of [-1, 0.5, NaN])
      assert.throws(() => stage.replica.write([], { conditions: [['a/1', ifVersion]] }), { code: 'ERR_OPTION' })
  })

  it('tells of bytes that are no frame, and goes on', async () => {
    const stage = new Stage()
    const errors: string[] = []
    stage.replica.on('error', error => errors.push(error.code))
    await stage.open()
    stage.replica.receive(new Uint8Array([255, 255, 255]))
    assert.deepEqual(errors, ['ERR_PROTOCOL'])
  })

  it('prints that its schema is not served, where nobody listens for it', () => {
    const printed = stub(console, 'error')
    const stage = new Stage({ schema: { id: 'app', version: 3 } })
    const mismatch = () => stage.say({ type: 'mismatch', advice: 'upgrade', min: 4, max: 5 })
    stage.connect()
    mismatch()
    stage.replica.on('mismatch', () => {})
    mismatch()
    printed.restore()
    assert.deepEqual(
      printed.args.map(([line]) => String(line)),
      ["anywire: ERR_SCHEMA The two ends have different schema versions: this is 3, the server has 4 to 5: 'upgrade'"]
    )
  })

  it('prints that a write was refused, where nobody listens, nor waits for it', async () => {
    const printed = stub(console, 'error')
    const stage = new Stage()
    await stage.open()
    const { node } = stage.replica.outbox.own
    let number = 0
    const refused = async (path: string, use: (write: ReturnType<Stage['set']>) => void = () => {}): Promise<void> => {
      use(stage.set('a/1', path, 1))
      await turn()
      const result = { node, number: ++number, record: 'a/1', code: 'ERR_DENIED', hint: path === 'stored' ? '' : path }
      stage.delta({ seq: number, acknowledged: [[node, number]], results: [result] })
      await turn()
    }
    await refused('printed')
    await refused('awaited', write => void write.durable.catch(() => {}))
    await refused('stored', write => void write.stored)
    stage.replica.on('rejected', () => {})
    await refused('heard')
    printed.restore()
    assert.deepEqual(
      printed.args.map(([line]) => String(line)),
      ['printed', 'the server refused it'].map(why => `anywire: ERR_DENIED 'a/1' is not written: ${why}`)
    )
  })

  it('prints that something cannot be followed, where nobody listens', async () => {
    const printed = stub(console, 'error')
    const stage = new Stage()
    for (const name of ['a/1', 'a/2']) stage.replica.follow(name)
    await stage.open()
    stage.delta({ scopes: [{ scope: 1, outcome: 'ERR_DENIED' }] })
    stage.delta({ scopes: [{ scope: 2, outcome: "ERR_LIMIT: 'limits.scopes' is 1" }] })
    printed.restore()
    assert.deepEqual(
      printed.args.map(([line]) => String(line)),
      [
        "anywire: ERR_DENIED 'a/1' cannot be followed",
        "anywire: ERR_LIMIT 'a/2' cannot be followed: 'limits.scopes' is 1"
      ]
    )
  })

  it('prints nothing of what the application has ended itself', async () => {
    const printed = stub(console, 'error')
    const stage = new Stage()
    stage.replica.discard(stage.set('a/1', 'x', 1))
    stage.set('a/1', 'x', 1)
    await stage.replica.close()
    stage.set('a/1', 'x', 1)
    await turn()
    printed.restore()
    assert.deepEqual(printed.args, [])
  })

  it('says hello again when the authority asks it to wait', () => {
    const stage = new Stage({ schema: { id: 'app', version: 3 } })
    const told: unknown[] = []
    stage.replica.on('mismatch', (...what) => told.push(what))
    stage.replica.follow('a/1')
    stage.connect()
    stage.take()
    stage.say({ type: 'mismatch', advice: 'wait', min: 1, max: 2 })
    assert.deepEqual(told, [['wait', 1, 2]])
    clock.tick(1_000)
    const [hello] = stage.take()
    assert.equal(hello?.type, 'hello')
    assert.deepEqual(hello.schema, { id: 'app', version: 3 })
    assert.equal(hello.follows.length, 1)
  })

  it('has a query anew that came to be in doubt while it was asked for, whatever answers what was asked before', async () => {
    const stage = new Stage()
    const { replica } = stage
    replica.on('refused', () => {})
    const query = replica.follow('a/', { where: [['x', '>', 0]] })
    const other = replica.follow('a/', { order: ['x'], limit: 2 })
    for (const { ready, synced } of [query, other]) for (const promise of [ready, synced]) promise.catch(() => {})
    await stage.open()
    const records = [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }]
    stage.delta({ scopes: [1, 2].map(scope => ({ scope, outcome: 'reset' })), records, whole: [true] })
    assert.equal(query.state, 'synced')
    replica.disconnected()
    await stage.open()
    stage.delta({ seq: 2, scopes: [{ scope: 2, outcome: 'ERR_DENIED' }] })
    stage.delta({ seq: 2, scopes: [{ scope: 1, outcome: 'delta' }] })
    await turn()
    assert.notEqual(query.state, 'synced')
    const asked = stage.take().flatMap(frame => (frame.type === 'follow' ? frame.follows : []))
    assert.deepEqual(
      asked.map(({ scope, epoch }) => [scope, epoch]),
      [[1, '?']]
    )
    stage.delta({ seq: 2, scopes: [{ scope: 1, outcome: 'reset' }], records, whole: [true] })
    assert.deepEqual([query.state, stage.view('a/1')], ['synced', { x: 1 }])
  })
})
