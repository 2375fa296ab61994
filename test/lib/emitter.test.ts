import assert from 'node:assert/strict'
import { Emitter } from '../../lib/emitter.ts'
import { guard } from '../support/faults-guard.ts'
import { turns } from '../support/faults-wait.ts'

interface Events {
  one: [value: number]
  two: []
}

class Source extends Emitter<Events> {
  readonly failures: unknown[] = []
  readonly heard: string[] = []

  override failed(error: unknown, event: string): void {
    this.failures.push([event, error])
  }

  override listening(event: string): void {
    this.heard.push(`${event} ${this.listenerCount(event as keyof Events)}`)
  }
}

describe('Emitter', () => {
  guard()

  it('calls listeners in order, and says whether there are any', () => {
    const source = new Source()
    const calls: unknown[] = []
    assert.equal(source.emit('one', 1), false)
    source.on('one', value => calls.push(`a ${value}`))
    source.on('one', value => calls.push(`b ${value}`))
    assert.equal(source.emit('one', 2), true)
    assert.deepEqual(calls, ['a 2', 'b 2'])
    assert.deepEqual(source.heard, ['one 1', 'one 2'])
  })

  it('removes the listener that an undo is of, once, though it is there twice', () => {
    const source = new Source()
    let calls = 0
    const listener = (): number => calls++
    const undos = [source.on('two', listener), source.on('two', listener)]
    undos[0]?.()
    undos[0]?.()
    source.emit('two')
    assert.deepEqual([calls, source.listenerCount('two')], [1, 1])
    undos[1]?.()
    source.emit('two')
    assert.deepEqual([calls, source.listenerCount('two')], [1, 0])
  })

  it('calls a listener once, also where it emits again itself', () => {
    const source = new Source()
    let calls = 0
    source.once('two', () => {
      calls++
      source.emit('two')
    })
    const undo = source.once('two', () => assert.fail('was removed'))
    undo()
    source.emit('two')
    source.emit('two')
    assert.equal(calls, 1)
  })

  it('goes by the listeners that were there, whoever comes and goes meanwhile', () => {
    const source = new Source()
    const calls: string[] = []
    const undo = source.on('two', () => {
      calls.push('first')
      undo()
      late()
      source.on('two', () => calls.push('new'))
    })
    const late = source.on('two', () => calls.push('second'))
    source.emit('two')
    assert.deepEqual(calls, ['first', 'second'])
    source.emit('two')
    assert.deepEqual(calls, ['first', 'second', 'new'])
  })

  it('reports what listeners throw and reject with, and calls the others', async () => {
    const source = new Source()
    const calls: number[] = []
    source.on('one', () => {
      throw new Error('thrown')
    })
    source.on('one', async () => {
      await turns(1)
      throw new Error('rejected')
    })
    source.on('one', value => calls.push(value))
    source.emit('one', 7)
    await turns()
    assert.deepEqual(calls, [7])
    assert.deepEqual(source.failures.map(String), ['one,Error: thrown', 'one,Error: rejected'])
  })
})
