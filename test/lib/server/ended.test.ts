import assert from 'node:assert/strict'
import { stub, useFakeTimers } from 'sinon'
import { EndedSessions } from '../../../lib/server/ended.ts'
import { makeToken, Ticket } from '../../../lib/server/ticket.ts'
import { Clocked } from '../../support/clocked.ts'

describe('EndedSessions', () => {
  const session = (id: string) => {
    const ticket = new Ticket()
    return { id, ticket, token: makeToken(id, ticket.renew()) }
  }

  it('keeps so many, and forgets the one that ended first', () => {
    const ended = new EndedSessions(2, Infinity)
    const [a, b, c] = [session('a'), session('b'), session('c')]
    ended.add(a.id, a.ticket, [4500, 'a', 0])
    ended.add(b.id, b.ticket, [4501, 'b', 0])
    ended.add(a.id, a.ticket, [4502, 'a again', 0])
    ended.add(c.id, c.ticket, [1000, '', 0])
    const said = [a, b, c].map(({ token }) => ended.find(token))
    assert.deepEqual(
      said.map(error => error && [error.code, error.status, error.message]),
      [['ERR_CLOSED', 4502, 'a again'], undefined, ['ERR_CLOSED', 1000, '']]
    )
  })

  it('tells only who has the secret', () => {
    const ended = new EndedSessions(2, Infinity)
    const { id, ticket } = session('a')
    ended.add(id, ticket, [4500, 'a', 0])
    for (const token of [undefined, '', 'a', 'a.', 'a.x', session('a').token])
      assert.equal(ended.find(token), undefined)
  })

  it('keeps none where none may be kept', () => {
    const ended = new EndedSessions(0, Infinity)
    const { id, ticket, token } = session('a')
    ended.add(id, ticket, [4500, 'a', 0])
    assert.equal(ended.find(token), undefined)
  })

  it('keeps none for ever, also where sessions may wait for ever, and none longer than that without another', async () => {
    const clock = useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'performance'],
      shouldClearNativeTimers: true
    })
    try {
      for (const [time, longest] of [
        [1_000, 1_000],
        [Infinity, 3_600_000]
      ] as const) {
        const ended = new EndedSessions(Infinity, time)
        const { id, ticket, token } = session('a')
        ended.add(id, ticket, [4500, 'a', 0])
        await clock.tickAsync(longest - 1)
        assert.ok(ended.find(token))
        assert.equal(clock.countTimers(), 1)
        await clock.tickAsync(1)
        assert.deepEqual([ended.find(token), clock.countTimers()], [undefined, 0])
        ended.add(id, ticket, [4500, 'a', 0])
        ended.stop()
        assert.equal(clock.countTimers(), 0)
      }
    } finally {
      clock.restore()
    }
  })

  it('is for those who have not heard', async () => {
    const added = stub(EndedSessions.prototype, 'add')
    const world = new Clocked()
    try {
      world.server.on('connection', peer => peer.end(4500, 'bye'))
      const client = world.connect([])
      await world.pass(100)
      assert.deepEqual([client.state, world.server.peers.size, added.callCount], ['closed', 0, 0])
    } finally {
      added.restore()
      assert.equal(await world.end(), 0)
    }
  })
})
