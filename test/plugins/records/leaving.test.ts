import assert from 'node:assert/strict'
import { Leaving } from '../../../plugins/records/server/leaving.ts'

describe('records: what is to be taken from a client', () => {
  const plain = (leaving: Leaving, soon: readonly string[] = []): unknown =>
    leaving.take(new Set(soon)).map(({ name, how, numbers, ids }) => [name, how, [...numbers], ids && [...ids]])

  it('waits for what begins soon, and is no more for how often it is left', () => {
    const leaving = new Leaving()
    const ids = Array.from({ length: 100 }, (_, index) => `a/${index}`)
    for (let n = 0; n < 50; n++) {
      const scope = { name: 'a/', number: n % 2 }
      leaving.add({ scope, ids, how: 'evicted' })
      leaving.add({ scope, ids: [`a/${n}`, 'a/other'], how: 'left' })
    }
    assert.equal(
      leaving.isDue(() => new Set(['a/'])),
      false
    )
    assert.deepEqual(plain(leaving, ['a/']), [])
    assert.equal(
      leaving.isDue(() => new Set(['b/'])),
      true
    )
    const some = Array.from({ length: 50 }, (_, index) => `a/${index}`)
    assert.deepEqual(plain(leaving), [
      ['a/', 'evicted', [], ids],
      ['a/', 'left', [0, 1], ['a/0', 'a/other', ...some.slice(1)]]
    ])
    assert.deepEqual(plain(leaving), [])
  })

  it('is not mixed where it is another name, another way, or not known', () => {
    const leaving = new Leaving()
    const of = (name: string, number: number, ids: readonly string[] | undefined, how: 'left' | 'evicted' | 'denied') =>
      leaving.add({ scope: { name, number }, ids, how })
    of('a/', 1, undefined, 'left')
    of('a/', 2, ['a/1'], 'left')
    of('a/', 3, ['a/2'], 'denied')
    of('b/', 4, ['b/1'], 'left')
    assert.deepEqual(plain(leaving, ['b/']), [
      ['a/', 'left', [1], undefined],
      ['a/', 'left', [2], ['a/1']],
      ['a/', 'denied', [], ['a/2']]
    ])
    assert.deepEqual(plain(leaving), [['b/', 'left', [4], ['b/1']]])
  })
})
