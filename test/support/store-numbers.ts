import assert from 'node:assert/strict'
import type { Commit, Store } from '../../lib/store.ts'

const PATHS = Array.from({ length: 20 }, (_, index) => `x${index}`)

const row = (record: string, path: string, number: number) =>
  ({ record, path, kind: 0, value: number, t: number, node: 'n', seq: number }) as const

/** A commit that writes its number in many places, and takes away what the one before it made. */
export const numbered = (number: number): Commit => ({
  rows: [...PATHS.map(path => row('all', path, number)), row(`made/${number}`, '', number)],
  removed: [[`made/${number - 1}`, '']],
  entries: [
    ['last', number],
    [`last/${number}`, number],
    [`last/${number - 1}`, undefined]
  ]
})

/** Checks that a store has all of one such commit and nothing of any other one; returns the number. */
export const checkNumbered = async (store: Store): Promise<number> => {
  const last = Number((await store.entry('last')) ?? 0)
  if (last === 0) {
    assert.deepEqual(await store.rows([{ prefix: '' }]), [])
    return 0
  }
  const rows = await store.rows([{ record: 'all' }])
  assert.equal(rows.length, PATHS.length)
  for (const { path, value, t, seq } of rows) assert.deepEqual([value, t, seq], [last, last, last], path)
  assert.deepEqual(await store.records('made/'), [`made/${last}`])
  assert.deepEqual(await store.entries('last/'), [[`last/${last}`, last]])
  return last
}
