import assert from 'node:assert/strict'
import { Committer } from '../../../plugins/records/client/committer.ts'

describe('records: what writes to a store of a client', () => {
  it('goes on where a listener throws', async () => {
    const errors: unknown[] = []
    const written: unknown[] = []
    const committer = new Committer(
      async ({ entries }) => {
        written.push(...entries)
      },
      error => errors.push(error)
    )
    const failure = new Error('in a listener')
    let called = 0
    committer.entry('a', 1)
    committer.after(() => {
      throw failure
    })
    committer.after(() => called++)
    await committer.idle()
    committer.entry('b', 2)
    await committer.idle()
    assert.deepEqual(
      [errors, called, written],
      [
        [failure],
        1,
        [
          ['a', 1],
          ['b', 2]
        ]
      ]
    )
  })
})
