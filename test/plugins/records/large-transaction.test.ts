import assert from 'node:assert/strict'
import { Records } from '../../../plugins/records/client/surface.ts'
import { Stage } from '../../support/replica.ts'

describe('records: a transaction', () => {
  it('writes more fields at once than a call takes arguments', () => {
    const records = new Records<{ 'maps/': Record<string, number> }>(new Stage().replica, assert.fail)
    const value = Object.fromEntries(Array.from({ length: 150_000 }, (_, key) => [`k${key}`, key]))
    records.transaction(({ get }) => {
      get('maps/a').replace(value)
      assert.equal(get('maps/a').get('k149999'), 149_999)
    })
  })
})
