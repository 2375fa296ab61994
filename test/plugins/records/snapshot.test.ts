import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Value } from '../../../lib/store.ts'
import { share } from '../../../plugins/records/client/snapshot.ts'

const { value: json } = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.boolean(),
    fc.integer({ min: 0, max: 3 }),
    fc.constantFrom('a', 'b'),
    fc.uint8Array({ maxLength: 2 }),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom('x', 'y', 'z'), tie('value'), { maxKeys: 3, noNullPrototype: true })
  )
}))

const copy = (value: Value): Value => structuredClone<Value>(value)

describe('records: snapshots', () => {
  it('are what came, whatever was there before', () => {
    fc.assert(fc.property(json, json, (before, next) => assert.deepEqual(share(before, copy(next)), next)))
  })

  it('are the same object when nothing changed', () => {
    fc.assert(fc.property(json, value => share(value, copy(value)) === value))
  })

  it('share what has not changed', () => {
    const before = share(undefined, { a: { b: 1 }, list: [1, { c: 2 }], d: { e: { f: 3 } } })
    const after = share(before, { a: { b: 1 }, list: [1, { c: 2 }], d: { e: { f: 4 } } })
    assert.notEqual(after, before)
    const fields = (value: Value | undefined) => value as Readonly<Record<string, Value>>
    assert.equal(fields(after)['a'], fields(before)['a'])
    assert.equal(fields(after)['list'], fields(before)['list'])
    assert.notEqual(fields(after)['d'], fields(before)['d'])
  })

  it('are frozen, all the way down', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      value instanceof Uint8Array ||
      (Object.isFrozen(value) && Object.values(value).every(frozen))
    fc.assert(fc.property(json, json, (before, next) => frozen(share(share(undefined, before), copy(next)))))
  })
})
