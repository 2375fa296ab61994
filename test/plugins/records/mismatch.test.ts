import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import type { Mismatch, Registers } from '../../../plugins/records/core/frame.ts'
import { memory, MemoryDisk } from '../../../stores/memory.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'

const REFUSED = { code: 'ERR_SCHEMA' }

describe('records: a schema that is not served', () => {
  let clock: SinonFakeTimers
  beforeEach(() => {
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
  })
  afterEach(() => clock.restore())

  const told = (stage: Stage, advice: Mismatch['advice']): void => {
    stage.replica.on('mismatch', () => {})
    stage.say({ type: 'mismatch', advice, min: 1, max: 2 })
  }

  for (const advice of ['upgrade', 'other', 'wait'] as const)
    it(`refuses what is followed, '${advice}', and goes on where it is served`, async () => {
      const stage = new Stage({ schema: { id: 'app', version: 3 } })
      const before = stage.replica.follow('a/1')
      stage.connect()
      told(stage, advice)
      const behind = stage.replica.follow('a/2')
      for (const following of [before, behind]) {
        assert.equal(following.state, 'refused')
        await assert.rejects(following.ready, REFUSED)
        await assert.rejects(following.synced, REFUSED)
      }
      await stage.open()
      stage.delta({
        scopes: [
          { scope: 1, outcome: 'reset' },
          { scope: 2, outcome: 'reset' }
        ]
      })
      for (const following of [before, behind]) {
        assert.equal(following.state, 'synced')
        await following.synced
      }
    })

  it('undoes what is written and will not be sent, without a store', async () => {
    for (const advice of ['upgrade', 'other'] as const) {
      const stage = new Stage()
      stage.replica.on('rejected', () => {})
      const before = stage.set('a/1', 'x', 1)
      stage.connect()
      told(stage, advice)
      const behind = stage.set('a/1', 'y', 1)
      await assert.rejects(before.durable, REFUSED)
      await assert.rejects(behind.durable, REFUSED)
      assert.equal(stage.view('a/1'), undefined)
      await stage.open()
      stage.set('a/1', 'z', 1)
      await turn()
      assert.equal(stage.takeWrites().at(-1)?.records.length, 1)
    }
  })

  it('does not say of what was sent that it is not done, without a store, as only the server knows', async () => {
    const stage = new Stage()
    const rejected: string[] = []
    stage.replica.on('rejected', ({ code }) => rejected.push(code))
    await stage.synced('a/1', [{ record: 'a/1', registers: [object('')] }])
    const sent = stage.set('a/1', 'x', 1)
    await turn()
    const [frame] = stage.takeWrites()
    assert.ok(frame)
    // Its answer is lost, and what is behind it was never sent.
    stage.replica.disconnected()
    const unsent = stage.set('a/1', 'y', 1)
    stage.connect()
    told(stage, 'upgrade')
    await assert.rejects(sent.durable, { code: 'ERR_OUTCOME_UNKNOWN' })
    await assert.rejects(unsent.durable, REFUSED)
    assert.deepEqual(rejected, ['ERR_OUTCOME_UNKNOWN', 'ERR_SCHEMA'])
    assert.deepEqual(stage.view('a/1'), {})
    // It was done: that comes as what is committed.
    stage.replica.disconnected()
    await stage.open()
    stage.delta({
      seq: 2,
      scopes: [{ scope: 1, outcome: 'delta' }],
      records: frame.records as readonly Registers[],
      acknowledged: [[frame.node, frame.number]]
    })
    assert.deepEqual(stage.view('a/1'), { x: 1 })
    assert.equal(rejected.length, 2)
  })

  it('keeps what is written for a server that is only older, also where it was too new before', async () => {
    const stage = new Stage()
    stage.replica.on('rejected', () => {})
    stage.connect()
    told(stage, 'upgrade')
    assert.equal(stage.set('a/1', 'x', 1).status, 'refused')
    stage.replica.disconnected()
    stage.connect()
    told(stage, 'wait')
    assert.equal(stage.set('a/1', 'y', 1).status, 'stored')
    told(stage, 'other')
    assert.equal(stage.set('a/1', 'z', 1).status, 'refused')
  })

  it('keeps what is written where the server is to be of the same version soon', async () => {
    const stage = new Stage()
    const before = stage.set('a/1', 'x', 1)
    stage.connect()
    told(stage, 'wait')
    const behind = stage.set('a/1', 'y', 1)
    assert.deepEqual([before.status, behind.status], ['stored', 'stored'])
    clock.tick(1_000)
    stage.welcome()
    await turn()
    assert.equal(stage.takeWrites().length, 2)
  })

  it('shows what is kept, and keeps what is written for the version that is loaded next', async () => {
    const disk = new MemoryDisk()
    const first = new Stage({ store: memory({ disk }) })
    await first.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1)] }])
    await first.replica.close()
    const stage = new Stage({ store: memory({ disk }) })
    const known = stage.replica.follow('a/1')
    const unknown = stage.replica.follow('b/1')
    await known.ready
    stage.connect()
    await turn()
    told(stage, 'upgrade')
    assert.deepEqual([known.state, unknown.state], ['local', 'refused'])
    await assert.rejects(known.synced, REFUSED)
    const write = stage.set('a/1', 'x', 2)
    await write.stored
    assert.equal(write.status, 'stored')
    assert.deepEqual(stage.view('a/1'), { x: 2 })
    await stage.replica.close()
    const next = new Stage({ store: memory({ disk }) })
    await next.open()
    assert.equal(next.replica.pending.length, 1)
    await next.replica.close()
  })
})
