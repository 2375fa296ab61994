import assert from 'node:assert/strict'
import fc from 'fast-check'
import { between, place } from '../../../plugins/records/client/position.ts'
import { Dice } from '../../support/dice.ts'

/** A list that is inserted into at random places, with positions that hostile dice make collide. */
const build = (inserts: readonly number[], random: () => number): string[] => {
  const list: string[] = []
  for (const insert of inserts) {
    const at = insert % (list.length + 1)
    list.splice(at, 0, place(list[at - 1], list[at], random))
  }
  return list
}

describe('records: positions in a list', () => {
  it('are between their neighbors, wherever something is inserted', () => {
    const dice = fc.constantFrom(
      () => 0,
      () => 0.999,
      () => 0.5,
      Math.random
    )
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 200 }), dice, (inserts, random) => {
        const list = build(inserts, random)
        for (const [at, position] of list.entries()) if (at) assert.ok((list[at - 1] ?? '') < position)
      })
    )
  })

  it('stay short when a list grows at its ends', () => {
    const list = [place(undefined, undefined)]
    for (let count = 0; count < 10_000; count++) {
      list.push(place(list.at(-1), undefined))
      list.unshift(place(undefined, list[0]))
    }
    assert.deepEqual([...list].sort(), list)
    assert.ok(list.every(position => position.length === 5))
  })

  it('grow by a digit for some dozens of insertions at one place', () => {
    const first = place(undefined, undefined)
    let last = place(first, undefined)
    const dice = new Dice(1)
    for (let count = 0; count < 500; count++) last = place(first, last, () => dice.next())
    assert.ok(last.length < 120, `${last.length} digits`)
  })

  it('come to an end before the very first number', () => {
    let first = '00001'
    for (let count = 0; count < 100; count++) {
      const before = place(undefined, first, () => 0)
      assert.ok(before < first)
      first = before
    }
  })

  it('are found between any two, of whatever lists, and no text makes it go on for ever', () => {
    const text = fc.option(fc.oneof(fc.string(), fc.stringMatching(/^[0Az]{0,7}$/)), { nil: undefined })
    fc.assert(
      fc.property(text, text, (before, after) => {
        assert.match(place(before, after), /^[0-9A-Za-z]+$/)
      })
    )
  })

  it('go right behind what has nothing between it and the next one', () => {
    const [first = '', second = ''] = build([0, 1], Math.random)
    const behind = place(first, first)
    assert.ok(first < behind && behind < second)
    const wrong = place(second, first)
    assert.ok(second < wrong)
    assert.ok(place(undefined, '00000').startsWith('00000'))
  })

  it('of applications are refused where they make no sense', () => {
    assert.ok(between('00001', '00001') > '00001')
    for (const [before, after] of [
      ['Z', 'A'],
      ['!', undefined],
      [undefined, 'a b'],
      ['', undefined]
    ])
      assert.throws(() => between(before, after), { code: 'ERR_OPTION' })
  })
})
