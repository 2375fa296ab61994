import assert from 'node:assert/strict'
import { Run } from '../../../lib/run.ts'
import { Frame } from '../../../lib/server/frame.ts'
import { collectGarbage } from '../../support/garbage.ts'

/** Collects what nobody keeps. */
const collect = async (): Promise<void> => {
  // What was looked at through a WeakRef lives until the end of the turn.
  await new Promise(resolve => setImmediate(resolve))
  collectGarbage()
}

describe('Frame', () => {
  it('leads from one run to the same next one, whoever asks, and from another to another', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(data => new Frame(data, true))
    assert.ok(a && b && c)
    const first = a.after(undefined)
    assert.equal(a.after(undefined), first)
    const [onA, onB, onNothing] = [c.after(first), c.after(b.after(first)), c.after(undefined)]
    assert.deepEqual(
      [onA, onB, onNothing].map(run => run.messages().join('')),
      ['ac', 'abc', 'c']
    )
    assert.deepEqual([c.after(first), c.after(b.after(first)), c.after(undefined)], [onA, onB, onNothing])
    assert.equal(c.after(b.after(first)), onB)
    const own = new Run(undefined, 'own', true)
    assert.notEqual(c.after(own), c.after(own))
    assert.equal(c.after(own).shared, false)
  })

  it('computes once for each function that asks, however they take turns', () => {
    const run = new Frame('a', true).after(undefined)
    const asked: string[] = []
    const plain = (): string => (asked.push('plain'), 'p')
    const compressed = (): string => (asked.push('compressed'), 'c')
    for (let round = 0; round < 3; round++) assert.deepEqual([run.memo(plain), run.memo(compressed)], ['p', 'c'])
    assert.deepEqual(asked, ['plain', 'compressed'])
  })

  it('knows its size in bytes', () => {
    assert.equal(new Frame('€', true).bytes, 3)
    assert.equal(new Frame(Uint8Array.of(1, 2), true).bytes, 2)
  })

  it('keeps nothing alive that others were sent behind the run that a slow peer keeps', async () => {
    const early = new Frame('early', true).after(undefined)
    const later = ((): WeakRef<Run>[] => {
      const runs: WeakRef<Run>[] = []
      for (let count = 0, run = early; count < 10; count++) {
        run = new Frame(`later ${count}`, true).after(run)
        runs.push(new WeakRef(run))
      }
      return runs
    })()
    await collect()
    assert.equal(later.filter(run => run.deref()).length, 0)
    assert.deepEqual(early.messages(), ['early'])
  })
})
