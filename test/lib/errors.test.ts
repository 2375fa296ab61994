import assert from 'node:assert/strict'
import { AnywireError, retryable } from '../../lib/errors.ts'
import * as failures from '../../lib/failures.ts'

describe('errors', () => {
  it('have stable codes, and statuses that no two share', () => {
    const statuses = Object.values(failures)
      .map(([, status]) => status)
      .filter(Boolean)
    assert.equal(new Set(statuses).size, statuses.length)
    for (const [name, [code, status, message]] of Object.entries(failures)) {
      assert.equal(name, code)
      assert.ok(status === 0 || (status >= 3000 && status < 4000), name)
      assert.ok(message.length > 0)
    }
  })

  it('say what happened, and what to do', () => {
    const cause = new Error('cause')
    const error = new AnywireError(failures.ERR_OPTION, 'the hint', cause)
    assert.ok(error instanceof Error)
    assert.deepEqual(
      [error.name, error.code, error.status, error.message, error.cause],
      ['AnywireError', 'ERR_OPTION', 0, 'An option is wrong: the hint', cause]
    )
    assert.equal(new AnywireError(failures.ERR_SLOW).message, failures.ERR_SLOW[2])
  })

  it('tell by their code whether connecting again makes sense', () => {
    const again = [1001, 1005, 1006, 1011, 1012, 3000, 3499, 4000, 4499]
    const never = [1000, 1008, 1009, 3500, 3999, 4500, 4999]
    assert.deepEqual(again.filter(retryable), again)
    assert.deepEqual(never.filter(retryable), [])
  })
})
