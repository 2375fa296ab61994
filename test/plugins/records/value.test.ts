import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Value } from '../../../lib/store.ts'
import { compareValues, isSame } from '../../../plugins/records/core/value.ts'
import { runs } from '../../support/faults-seed.ts'
import { valueOf } from '../../support/records.ts'

const value = fc.option(valueOf, { nil: undefined })

describe('records: the order of values', () => {
  it('is total', () => {
    fc.assert(
      fc.property(value, value, value, (a, b, c) => {
        assert.equal(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a)), 0)
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) assert.ok(compareValues(a, c) <= 0)
      }),
      runs(2_000)
    )
  })

  it('takes for equal what is equal, whatever the order of keys, and nothing else', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        let equal = true
        try {
          assert.deepEqual(a, b)
        } catch {
          equal = false
        }
        assert.equal(isSame(a, b), equal)
        assert.ok(isSame(a, structuredClone(a)))
      }),
      runs(500)
    )
    assert.ok(isSame([{ a: 1, b: 2 }], [{ b: 2, a: 1 }]))
    assert.ok(isSame(0, -0))
  })

  it('goes by kind first: nothing, null, booleans, numbers, text, bytes, arrays, objects', () => {
    const ascending: (Value | undefined)[] = [
      undefined,
      null,
      false,
      true,
      -1,
      0.5,
      2,
      10,
      '',
      '10',
      '9',
      Uint8Array.of(),
      Uint8Array.of(1),
      Uint8Array.of(1, 0),
      Uint8Array.of(2),
      [],
      [1],
      [1, 0],
      [2],
      {},
      { a: 1 },
      { a: 1, b: 0 },
      { a: 2 },
      { b: 0 }
    ]
    for (let at = 1; at < ascending.length; at++) {
      assert.ok(compareValues(ascending[at - 1], ascending[at]) < 0, `${at}`)
    }
  })
})
