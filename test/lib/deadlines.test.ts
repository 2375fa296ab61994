import assert from 'node:assert/strict'
import { useFakeTimers } from 'sinon'
import { makeDeadlines } from '../../lib/deadlines.ts'
import type { Timed } from '../../lib/deadlines.ts'

describe('deadlines', () => {
  it('come in order, all with one timer, which goes with the last of them', async () => {
    const clock = useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'performance'],
      shouldClearNativeTimers: true
    })
    try {
      const expired: number[] = []
      const waiting = new Set<Timed>()
      const deadlines = makeDeadlines(() => waiting)
      for (const time of [300, 100, 200, Infinity]) {
        const timed: Timed = {
          deadline: performance.now() + time,
          expire() {
            waiting.delete(timed)
            expired.push(time)
          }
        }
        waiting.add(timed)
        deadlines.watch(timed.deadline)
      }
      assert.equal(clock.countTimers(), 1)
      await clock.tickAsync(150)
      assert.deepEqual([expired, clock.countTimers()], [[100], 1])
      await clock.tickAsync(1_000)
      assert.deepEqual([expired, clock.countTimers()], [[100, 200, 300], 0])
      waiting.add({ deadline: performance.now() + 50 })
      deadlines.watch(performance.now() + 50)
      waiting.clear()
      deadlines.look()
      assert.equal(clock.countTimers(), 0)
    } finally {
      clock.restore()
    }
  })
})
