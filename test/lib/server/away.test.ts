import assert from 'node:assert/strict'
import { AwaySessions } from '../../../lib/server/away.ts'
import type { Goodbye } from '../../../lib/handshake.ts'

describe('AwaySessions', () => {
  const stage = (sessions: number, bytes: number) => {
    const left: string[] = []
    const away = new AwaySessions<{ held: number; leave(goodbye: Goodbye): void }>(sessions, bytes)
    const session = (name: string, held: number) => ({
      held,
      leave: ([code]: Goodbye) => void left.push(`${name} ${code}`)
    })
    return { away, left, session }
  }

  it('keeps so many, and gives up the one that left first', () => {
    const { away, left, session } = stage(2, Infinity)
    const [a, b, c] = ['a', 'b', 'c'].map(name => session(name, 1e9))
    assert.ok(a && b && c)
    away.add(a)
    away.add(b)
    assert.equal(away.delete(a), true)
    assert.equal(away.delete(a), false)
    away.add(a)
    assert.deepEqual(left, [])
    away.add(c)
    assert.deepEqual(left, ['b 3002'])
  })

  it('keeps so many bytes, also of those that grow while they are away', () => {
    const { away, left, session } = stage(10, 100)
    const [a, b, c] = [session('a', 40), session('b', 40), session('c', 0)]
    for (const each of [a, b, c]) away.add(each)
    assert.deepEqual(left, [])
    b.held = 61
    away.update(b)
    assert.deepEqual(left, ['a 3002'])
    c.held = 39
    away.update(c)
    b.held = 10
    away.update(b)
    away.add(session('d', 51))
    assert.deepEqual(left, ['a 3002'])
    // What was given up, or came back, counts no more.
    a.held = 1_000
    away.update(a)
    assert.deepEqual(left, ['a 3002'])
    away.add(session('e', 101))
    assert.deepEqual(left, ['a 3002', 'b 3002', 'c 3002', 'd 3002', 'e 3002'])
  })
})
