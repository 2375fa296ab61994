import assert from 'node:assert/strict'
import { timeOf } from '../../../plugins/records/core/clock.ts'
import { memory } from '../../../stores/memory.ts'
import { leaf, object, Stage, START, turn } from '../../support/replica.ts'

const HOUR = 3_600_000

/** When what was written was, in milliseconds behind `START`. */
const times = (stage: Stage): number[] =>
  stage.takeWrites().map(({ records }) => timeOf(records[0]?.registers[0]?.t ?? 0) - START)

describe('records: the clock of a replica', () => {
  it('corrects what was never sent by the measured error', async () => {
    const stage = new Stage()
    stage.wall += HOUR
    stage.set('a/1', 'x', 1)
    stage.pass(5_000)
    // Changing the clock has no effect any more.
    stage.wall -= 3 * HOUR
    stage.set('a/1', 'x', 2)
    stage.pass(5_000)
    stage.connect()
    const asked = stage.elapsed
    stage.pass(100)
    stage.welcome({ asked, time: START + 10_050 })
    await turn()
    assert.deepEqual(times(stage), [0, 5_000])
    stage.set('a/1', 'x', 3)
    await turn()
    assert.deepEqual(times(stage), [10_100])
  })

  it('keeps the order of the author, and puts a write behind all that was seen', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1, 30_000)] }])
    stage.replica.disconnected()
    stage.set('a/1', 'x', 2)
    stage.set('a/1', 'x', 3)
    await stage.open()
    const [first, second] = stage.replica.pending.map(({ records }) => records[0]?.registers[0]?.t ?? 0)
    assert.ok(first !== undefined && second !== undefined && first < second)
    assert.equal(timeOf(first) - START, 30_000)
    assert.deepEqual(stage.view('a/1'), { x: 3 })
  })

  it('does not change what was sent', async () => {
    const stage = new Stage()
    await stage.open()
    stage.replica.disconnected()
    stage.pass(1_000)
    stage.set('a/1', 'x', 1)
    await stage.open()
    const before = stage.replica.pending[0]?.records
    stage.replica.disconnected()
    stage.connect()
    stage.welcome({ time: START + HOUR })
    assert.equal(stage.replica.pending[0]?.records, before)
  })

  it('asks again up to eight times when answers take more than a second, and goes by the fastest', async () => {
    const stage = new Stage()
    stage.set('a/1', 'x', 1)
    stage.connect()
    stage.take()
    let asked = stage.elapsed
    stage.pass(4_000)
    // All of the time was needed for the way there, so the middle is wrong by 2 s.
    stage.welcome({ asked, time: START + 4_000 })
    await turn()
    for (let count = 2; count <= 8; count++) {
      const [ping, ...none] = stage.take()
      assert.equal(ping?.type, 'ping')
      assert.deepEqual(none, [])
      asked = stage.elapsed
      stage.pass(count === 3 ? 1_200 : 4_000)
      const time = START + stage.elapsed - (count === 3 ? 600 : 0)
      stage.say({ type: 'pong', asked, time })
    }
    assert.deepEqual(times(stage), [0])
  })

  it('does not believe stamps of the far future, once it knows the time', async () => {
    const stage = new Stage()
    await stage.synced('a/1', [{ record: 'a/1', registers: [object(''), leaf('x', 1, HOUR)] }])
    assert.equal(timeOf(stage.replica.tick().t) - START, 0)
  })

  it('tells how far the clock of the device is off', async () => {
    const stage = new Stage()
    const offsets: number[] = []
    stage.replica.on('offset', offset => offsets.push(offset))
    stage.connect()
    stage.welcome({ time: START - HOUR })
    assert.deepEqual(offsets, [-HOUR])
    stage.replica.disconnected()
    for (const time of [START - HOUR - 900, START - HOUR - 2_000]) {
      stage.wall = time
      stage.connect()
      stage.welcome({ time: START - HOUR })
      stage.replica.disconnected()
    }
    assert.deepEqual(offsets, [-HOUR, 2_000])
  })

  it('knows what was written before a device slept, where its monotonic clock stands still then', async () => {
    const stage = new Stage()
    await stage.open()
    stage.replica.disconnected()
    stage.pass(60_000)
    stage.set('a/1', 'x', 1)
    stage.pass(60_000)
    stage.wall += 8 * HOUR
    stage.set('a/1', 'x', 2)
    stage.pass(60_000)
    stage.wall += HOUR
    stage.pass(60_000)
    stage.set('a/1', 'x', 3)
    await stage.open()
    assert.deepEqual(
      stage.replica.pending.map(({ records }) => timeOf(records[0]?.registers[0]?.t ?? 0) - START),
      [60_000, 120_000 + 8 * HOUR, 240_000 + 9 * HOUR]
    )
  })

  it('does not take a clock that was changed for a device that slept', async () => {
    const stage = new Stage()
    await stage.open()
    stage.replica.disconnected()
    stage.set('a/1', 'x', 1)
    stage.pass(60_000)
    stage.wall += 8 * HOUR
    stage.set('a/1', 'x', 2)
    stage.connect()
    stage.welcome({ time: START + 60_000 })
    await turn()
    assert.deepEqual(times(stage), [0, 60_000])
  })

  it('is compared with the authority again when the wire is back: meanwhile the device may have slept', async () => {
    const stage = new Stage()
    await stage.open()
    stage.replica.reachable(false)
    stage.wall += 90_000
    stage.replica.reachable(true)
    const [ping] = stage.take()
    assert.equal(ping?.type, 'ping')
    stage.say({ type: 'pong', asked: stage.elapsed, time: START + 90_000 })
    stage.set('a/1', 'x', 1)
    await turn()
    assert.deepEqual(times(stage), [90_000])
  })

  it('is corrected once by what was measured the last time, however often the store is opened', async () => {
    const store = memory()
    const stage = new Stage({ store })
    await turn()
    stage.connect()
    await turn()
    stage.welcome({ time: START + HOUR })
    await turn()
    await stage.replica.close()
    const again = new Stage({ store })
    await turn()
    for (let count = 0; count < 2; count++) {
      assert.equal(timeOf(again.replica.tick().t) - START, HOUR)
      await again.replica.close()
      again.replica.opened()
      await turn()
    }
  })
})
