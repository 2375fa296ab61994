import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Run } from '../../../lib/run.ts'
import { Frame } from '../../../lib/server/frame.ts'
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

  it('gives back what it keeps, message by message and run by run, as far as was asked', () => {
    const alone = new Run(undefined, 'alone', true)
    const two = new Run(new Run(undefined, 'one', true), 'two', true)
    const shared = new Frame('shared', true).after(undefined)
    const log = new RunLog()
    for (const run of [alone, two, shared, alone]) log.keep(run)
    assert.deepEqual(
      [...log].map(run => run.messages()),
      [['alone'], ['one', 'two'], ['shared'], ['alone']]
    )
    assert.equal(log.shift(0), undefined)
    assert.deepEqual(log.shift(1), alone)
    assert.equal(log.shift(1), undefined)
    assert.equal(log.shift(2), two)
    assert.equal(log.shift(), shared)
    assert.deepEqual(log.shift(), alone)
    assert.equal(log.first, undefined)
  })
})
