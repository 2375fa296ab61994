import assert from 'node:assert/strict'
import { TokenBucket } from '../../../lib/server/token-bucket.ts'
import { Clock } from '../../support/faults-clock.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { host, logOf } from '../../support/faults-pair.ts'
import { turns, until } from '../../support/faults-wait.ts'

describe('the rate of messages', () => {
  const use = undoing()
  guard()

  it('is so many at once, and then so many a second', async () => {
    const clock = new Clock(use)
    const bucket = new TokenBucket({ second: 10, burst: 3 })
    const take = (): number => {
      let count = 0
      while (bucket.take()) count++
      return count
    }
    assert.deepEqual([take(), take()], [3, 0])
    await clock.pass(200)
    assert.deepEqual([take(), take()], [2, 0])
    await clock.pass(60_000)
    assert.deepEqual([take(), take()], [3, 0])
  })

  it('keeps what was left, and parts of one too', async () => {
    const clock = new Clock(use)
    const lists = new TokenBucket({ second: 100, burst: 1_000 })
    assert.ok(lists.take(600))
    await clock.pass(1_000)
    assert.deepEqual([lists.take(450), lists.take(51), lists.take(50)], [true, false, true])
    const parts = new TokenBucket({ second: 4, burst: 1 })
    assert.ok(parts.take())
    for (let quarter = 0; quarter < 3; quarter++) {
      await clock.pass(64)
      assert.ok(!parts.take())
    }
    await clock.pass(64)
    assert.deepEqual([parts.take(), parts.take()], [true, false])
  })

  it('has no limit where there is none', () => {
    for (const rate of [false, { second: Infinity, burst: Infinity }] as const) {
      const bucket = new TokenBucket(rate)
      for (let count = 0; count < 10_000; count++) assert.ok(bucket.take())
    }
  })

  for (const way of ['moves to another wire', 'comes back'] as const) {
    it(`is one for each connection, also where that ${way}`, async () => {
      const { dial, told, network } = host(use, { server: { limits: { rate: { second: 1, burst: 100 } } } })
      const client = dial()
      const near = logOf(client)
      await until(() => client.state === 'open')
      for (let round = 0; round < 5; round++) {
        for (let count = 0; count < 30; count++) client.write(count)
        await turns(20)
        if (told.logs[0]?.closes.length) break
        const opened = near.opens.length
        if (way === 'comes back') {
          network.cut()
          await until(() => near.opens.length > opened)
        } else await client.migrate('memory')
      }
      await until(() => told.logs[0]?.closes.length === 1)
      assert.equal(told.logs[0]?.closes[0]?.code, 3004)
      assert.ok((told.logs[0]?.values.length ?? 0) <= 100, `${told.logs[0]?.values.length} values`)
    })
  }
})
