import assert from 'node:assert/strict'
import { compareBy, matches } from '../../../plugins/records/core/query.ts'
import type { Entry, Query } from '../../../plugins/records/core/query.ts'
import { Matches } from '../../../plugins/records/server/matches.ts'
import { Membership } from '../../../plugins/records/server/membership.ts'
import { Dice } from '../../support/dice.ts'
import { turns } from '../../support/faults-wait.ts'

describe('records: which of them belong to a query', () => {
  it('misses nothing that is committed while it comes to know that, whenever that is', async () => {
    for (let turn = 0; turn < 30; turn++) {
      let seq = 0
      const membership = new Membership('a/', undefined, () => Promise.resolve(true), {
        seq: () => seq,
        pause: () => Promise.resolve()
      })
      const pieces = async function* () {
        await Promise.resolve()
        yield [{ id: 'a/1', value: 1 }]
      }
      const loaded = membership
        .load(pieces())
        .then(() => ({ ids: [...membership.ids], place: membership.placeAt(membership.reach(seq)) }))
      for (let at = 0; at < turn; at++) await Promise.resolve()
      membership.update(++seq, [{ id: 'a/2', value: 2 }])
      const first = await loaded
      await turns(1)
      const later = membership.movesSince(first.place)?.entered ?? []
      assert.deepEqual([...first.ids, ...later], ['a/1', 'a/2'], `committed in turn ${turn}`)
    }
  })

  it('is what a query asks for, however records change, and says what came and went', () => {
    const dice = new Dice(1)
    for (let history = 0; history < 200; history++) {
      const query: Query = {
        where: dice.chance(0.5) ? [['x', '>', 1]] : [],
        order: dice.pick([['x'], ['-y.z', 'x'], []]),
        ...(dice.chance(0.8) && { limit: 1 + dice.below(4) })
      }
      const found = new Matches(query)
      const records = new Map<string, Entry>()
      const change = (): Entry => {
        const id = `a/${dice.below(8)}`
        const value = dice.chance(0.2) ? undefined : { x: dice.below(5), y: { z: dice.below(3) } }
        records.set(id, { id, value })
        return { id, value }
      }
      const right = (): string[] =>
        [...records.values()]
          .filter(({ value }) => matches(query, value))
          .sort(compareBy(query.order))
          .slice(0, query.limit)
          .map(({ id }) => id)
      for (let count = dice.below(8); count; count--) change()
      found.load([...records.values()])
      found.arrange()
      for (let step = 0; step < 30; step++) {
        const before = new Set(right())
        const moves = found.update(Array.from({ length: 1 + dice.below(3) }, change))
        const now = new Set(right())
        assert.deepEqual(new Set(found.ids), now)
        assert.deepEqual(moves.entered, new Set([...now].filter(id => !before.has(id))))
        assert.deepEqual(moves.left, new Set([...before].filter(id => !now.has(id))))
      }
    }
  })

  it('lets others have their turn while it reads much, and stops when nobody asks any more', async () => {
    const judged: string[] = []
    let turn = (): void => {}
    const membership = new Membership('a/', undefined, id => !!judged.push(id), {
      seq: () => 0,
      pause: () => new Promise<void>(resolve => (turn = resolve))
    })
    const pieces = async function* () {
      for (const id of ['a/1', 'a/2', 'a/3']) yield [{ id, value: 1 }]
    }
    const loaded = membership.load(pieces())
    await turns(1)
    assert.deepEqual(judged, ['a/1'])
    turn()
    await turns(1)
    assert.deepEqual(judged, ['a/1', 'a/2'])
    membership.stop()
    turn()
    await loaded
    assert.deepEqual(judged, ['a/1', 'a/2'])
  })
})
