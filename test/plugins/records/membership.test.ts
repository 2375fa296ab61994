import assert from 'node:assert/strict'
import { Membership } from '../../../plugins/records/server/membership.ts'
import { turns } from '../../support/faults-wait.ts'

describe('records: which of them belong to a query', () => {
  it('misses nothing that is committed while it comes to know that, whenever that is', async () => {
    for (let turn = 0; turn < 30; turn++) {
      let seq = 0
      const membership = new Membership('a/', undefined, () => Promise.resolve(true), seq)
      const pieces = async function* () {
        await Promise.resolve()
        yield [{ id: 'a/1', value: 1 }]
      }
      const loaded = membership
        .load(pieces(), () => seq)
        .then(() => ({ ids: [...membership.ids], seq: membership.seq }))
      for (let at = 0; at < turn; at++) await Promise.resolve()
      membership.update(++seq, [{ id: 'a/2', value: 2 }])
      const first = await loaded
      await turns(1)
      const later = membership.movesSince(first.seq)?.entered ?? []
      assert.deepEqual([...first.ids, ...later], ['a/1', 'a/2'], `committed in turn ${turn}`)
    }
  })
})
