import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Run } from '../../../lib/run.ts'
import { RunLog } from '../../../lib/server/run-log.ts'
import { runs } from '../../support/faults-seed.ts'

describe('RunLog', () => {
  it('is a queue', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -90, max: 90 }), { maxLength: 40 }), steps => {
        const log = new RunLog()
        const model: Run[] = []
        let serial = 0
        for (const step of steps) {
          for (let count = 0; count < step; count++) {
            const run = new Run(undefined, `${serial++}`, true)
            log.push(run)
            model.push(run)
          }
          for (let count = 0; count > step; count--) assert.equal(log.shift(), model.shift())
          assert.equal(log.first, model[0])
          assert.deepEqual(
            [...log].map(({ data }) => data),
            model.map(({ data }) => data)
          )
        }
      }),
      runs(200)
    )
  })
})
