import assert from 'node:assert/strict'
import fc from 'fast-check'
import { Run } from '../../../lib/run.ts'
import { Frame } from '../../../lib/server/frame.ts'
import { RunLog } from '../../../lib/server/run-log.ts'
import { runs } from '../../support/faults-seed.ts'
import { collectGarbage } from '../../support/garbage.ts'

/** Collects what nobody keeps. */
const collect = async (): Promise<void> => {
  // What was looked at through a WeakRef lives until the end of the turn.
  await new Promise(resolve => setImmediate(resolve))
  collectGarbage()
}

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

  it('is the same whatever other logs keep of the same runs, and of their own', () => {
    const large = 'x'.repeat(5_000)
    const step = fc.record({ whom: fc.nat(4), what: fc.nat(9), took: fc.nat(3) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), steps => {
        const ends = Array.from({ length: 3 }, () => ({ log: new RunLog(), model: [] as Run[] }))
        const again = new Frame('again', true).after(undefined)
        for (const [serial, { whom, what, took }] of steps.entries()) {
          const shared = what === 9 ? again : new Frame(what === 8 ? large : `${serial}`, true).after(undefined)
          for (const [index, { log, model }] of ends.entries()) {
            if (whom < 3 && whom !== index) continue
            const run = what !== 7 ? shared : new Run(undefined, `${serial} ${index}`, true)
            log.keep(run)
            model.push(run)
            for (let count = 0; count < took - index; count++) assert.deepEqual(log.shift(), model.shift())
          }
        }
        for (const { log, model } of ends) assert.deepEqual([...log], model)
      }),
      runs(200)
    )
  })

  it('does not keep what others were sent behind a run that one keeps', async () => {
    const slow = new RunLog()
    const sent = ((others: readonly RunLog[]): WeakRef<Run>[] => {
      const runs: WeakRef<Run>[] = []
      for (let serial = 0; serial < 200; serial++) {
        const run = new Frame(`${serial}`, true).after(undefined)
        runs.push(new WeakRef(run))
        if (serial < 3) slow.keep(run)
        // Each of them begins its blocks amid those of the one before.
        for (const log of others.slice(0, 1 + serial / 10)) log.keep(run)
      }
      for (const log of others) while (log.shift());
      return runs
    })([new RunLog(), new RunLog(), new RunLog()])
    await collect()
    assert.equal([...slow].length, 3)
    // But the rest of the block that they had in common.
    assert.equal(sent.filter(run => run.deref()).length, 32)
  })
})
