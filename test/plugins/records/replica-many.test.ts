import assert from 'node:assert/strict'
import { stub, useFakeTimers } from 'sinon'
import type { SinonFakeTimers } from 'sinon'
import { FrameReader } from '../../../plugins/records/core/frame-bytes.ts'
import { decodeFrame } from '../../../plugins/records/core/server-codec.ts'
import { LIMITS } from '../../../plugins/records/server/options.ts'
import { leaf, object, Stage, turn } from '../../support/replica.ts'

describe('records: a replica that follows many records one by one', () => {
  let clock: SinonFakeTimers
  beforeEach(() => {
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldClearNativeTimers: true })
  })
  afterEach(() => clock.restore())

  it('goes through none of the others for a delta, a write, one more and one less', async () => {
    const stage = new Stage()
    const { replica } = stage
    const ids = Array.from({ length: 50 }, (_, at) => `a/${at}`)
    const followed = ids.map(id => replica.follow(id))
    await stage.open()
    const outcome = 'reset'
    stage.delta({
      scopes: ids.map((_, at) => ({ scope: at + 1, outcome })),
      records: ids.map(record => ({ record, registers: [object(''), leaf('x', 1)] })),
      whole: ids.map(() => true)
    })
    assert.ok(followed.every(({ state }) => state === 'synced'))

    const all = stub(replica.scopes, 'all').get(() => assert.fail('all that is followed is gone through'))
    const every = stub(replica.records, 'ids').throws(new Error('all records are gone through'))
    replica.on('error', error => assert.fail(error))
    stage.delta({ seq: 2, records: [{ record: 'a/7', registers: [leaf('x', 2, 5_000)] }] })
    assert.deepEqual(stage.view('a/7'), { x: 2 })
    stage.set('a/8', 'x', 3)
    const more = replica.follow('a/more')
    await turn()
    assert.deepEqual(
      stage.take().map(({ type }) => type),
      ['follow', 'write']
    )
    stage.delta({
      seq: 3,
      scopes: [{ scope: 51, outcome }],
      records: [{ record: 'a/more', registers: [object('')] }],
      whole: [true]
    })
    assert.equal(more.state, 'synced')
    replica.unfollow(more)
    clock.tick(500)
    await turn()
    assert.equal(stage.view('a/more'), undefined)
    all.restore()
    every.restore()

    // Each of them goes on from the last delta in the next session.
    replica.disconnected()
    stage.connect()
    const hello = stage.take().find(frame => frame.type === 'hello')
    assert.deepEqual([...new Set(hello?.follows.map(({ since }) => since))], [3])
  })
})

describe('records: a replica that has much to send', () => {
  it('has so much of it on its way that no server takes it for a flood', async () => {
    const stage = new Stage()
    const { replica } = stage
    const value = 'x'.repeat(200_000)
    for (let n = 0; n < 60; n++) stage.set(`a/${n}`, 'x', value)
    let bytes = 0
    let count = -1
    const connect = async (): Promise<void> => {
      bytes = 0
      count = -1
      replica.connected(frame => {
        bytes += frame.length
        count++
        return true
      })
      await turn()
      stage.welcome()
      await turn()
    }
    await connect()
    assert.ok(bytes > 500_000 && bytes < 1_000_000, `${bytes} bytes`)
    const before = count
    stage.delta({ acknowledged: [[replica.outbox.own.node, 2]] })
    await turn()
    assert.equal(count, before + 2)
    replica.disconnected()
    await connect()
    assert.equal(count, before)
    stage.delta({ acknowledged: [[replica.outbox.own.node, 58]] })
    await turn()
    assert.equal(count, before + 2)
  })

  it('also where it takes much more memory than bytes', async () => {
    const stage = new Stage()
    const empties = Array.from({ length: 12_000 }, () => [])
    for (let n = 0; n < 200; n++) stage.set(`a/${n}`, 'x', empties)
    let weight = 0
    stage.replica.connected(bytes => {
      const from = new FrameReader(bytes)
      decodeFrame(bytes, from)
      weight += bytes.length + from.weight
      return true
    })
    await turn()
    stage.welcome()
    await turn()
    assert.ok(weight > LIMITS.bytes / 10 && weight < LIMITS.bytes, `${weight} bytes`)
  })
})
