import assert from 'node:assert/strict'
import { Heartbeat } from '../../../lib/server/heartbeat.ts'
import { Clock } from '../../support/faults-clock.ts'
import { undoing } from '../../support/faults-guard.ts'

describe('Heartbeat', () => {
  const use = undoing()

  it('looks at each once an interval, not at all at once, and not before most of the first one has passed', async () => {
    const clock = new Clock(use)
    const heart = new Heartbeat(3_200)
    const beats: number[][] = Array.from({ length: 100 }, () => [])
    for (const times of beats) heart.add({ beat: () => times.push(Date.now()) })
    const start = Date.now()
    await clock.pass(9_600, 100)
    for (const times of beats) {
      assert.equal(times.length, 3)
      assert.ok((times[1] ?? 0) - (times[0] ?? 0) === 3_200)
    }
    const all = beats.flat().filter(time => time <= start + 3_200)
    assert.ok(all.filter(time => time === all[0]).length <= 4)
    heart.stop()
    await clock.pass(10_000, 1_000)
    assert.equal(beats.flat().length, 300)
    assert.equal(clock.waiting, 0)
  })

  it('forgets those that are removed, also while it looks', async () => {
    const clock = new Clock(use)
    const heart = new Heartbeat(3_200)
    let beats = 0
    const all = Array.from({ length: 64 }, () => ({
      beat() {
        beats++
        for (const beating of all) heart.remove(beating)
      }
    }))
    for (const beating of all) heart.add(beating)
    await clock.pass(10_000, 100)
    assert.ok(beats <= 2, `${beats}`)
    heart.remove({ beat() {} })
    heart.stop()
  })

  it('has no timer where there is no interval', () => {
    const clock = new Clock(use)
    const heart = new Heartbeat(0)
    heart.add({ beat: () => assert.fail('nobody looks') })
    assert.equal(clock.waiting, 0)
    heart.stop()
  })
})
