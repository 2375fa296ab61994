import assert from 'node:assert/strict'
import { atEndOfTurn } from '../../lib/tick.ts'
import { turns } from '../support/faults-wait.ts'

describe('atEndOfTurn', () => {
  it('calls everybody once, in order, behind what the turn still does', async () => {
    const order: string[] = []
    atEndOfTurn({ tick: () => order.push('a') })
    atEndOfTurn({ tick: () => order.push('b') })
    queueMicrotask(() => order.push('microtask'))
    await turns(2)
    assert.deepEqual(order, ['microtask', 'a', 'b'])
  })

  it('calls those who ask meanwhile at the end of the next one', async () => {
    const order: string[] = []
    atEndOfTurn({
      tick: () => {
        order.push('first')
        atEndOfTurn({ tick: () => order.push('third') })
        queueMicrotask(() => order.push('second'))
      }
    })
    await turns(3)
    assert.deepEqual(order, ['first', 'second', 'third'])
  })
})
