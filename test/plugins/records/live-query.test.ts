import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { Records } from '../../../plugins/records/client/surface.ts'
import { runs } from '../../support/faults-seed.ts'
import { Stage } from '../../support/replica.ts'

interface Item {
  readonly n: number
  readonly open: boolean
}

/** As many records as are put into their places one by one, and more. */
const MANY = 150

const change = fc.record({
  // Some are there already.
  key: fc.integer({ min: 0, max: MANY + 10 }),
  value: fc.option(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.boolean()).map(([n, open]): Item => ({ n, open })))
})

describe('records: a query that is followed', () => {
  it('has what matches, in its order, however much of it changes at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(change, { minLength: 1, maxLength: 20 }), { maxLength: 20 }),
        fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }),
        async (steps, limit) => {
          const stage = new Stage()
          const records = new Records<{ 'items/': Item }>(stage.replica, assert.fail)
          const items = records.collection('items/')
          const query = items.query({ where: [['open', '=', true]], order: ['-n'], limit })
          const model = new Map<string, Item>()
          const all = Array.from({ length: MANY }, (_, key) => ({ key, value: { n: (key * 7) % 50, open: true } }))
          for (const step of [all, ...steps]) {
            records.transaction(({ get }) => {
              for (const { key, value } of step) {
                const id = `items/${key}` as const
                if (value) get(id).replace(value)
                else get(id).delete()
                if (value) model.set(id, value)
                else model.delete(id)
              }
            })
            const matching = [...model].filter(([, { open }]) => open).map(([id, value]) => ({ id, value }))
            matching.sort((a, b) => b.value.n - a.value.n || (a.id < b.id ? -1 : 1))
            assert.deepEqual(query.get(), matching.slice(0, limit))
          }
          query.release()
          await stage.replica.close()
        }
      ),
      runs(60)
    )
  })
})
