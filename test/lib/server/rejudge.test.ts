import assert from 'node:assert/strict'
import { AnywireError, ERR_EXPIRED } from '../../../core.ts'
import type { AuthRequest, Peer } from '../../../core.ts'
import { Clocked } from '../../support/clocked.ts'

describe('a peer that is judged anew', () => {
  let world: Clocked
  const asked: AuthRequest[] = []

  beforeEach(async () => {
    asked.length = 0
    world = new Clocked({
      authenticate: request => {
        asked.push(request)
        if (request.auth === 'old') throw new AnywireError(ERR_EXPIRED, 'since yesterday')
        return request.auth === 'wrong' ? undefined : { user: String(request.auth) }
      }
    })
    world.connect([], { auth: 'ann', query: { page: '1' } })
    await world.pass(5)
  })

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const codeOf = (promise: Promise<void>): Promise<string> =>
    promise.then(
      () => 'ok',
      (error: unknown) => (error instanceof AnywireError ? error.code : String(error))
    )

  it('has another context, and the server tells', async () => {
    const { peer, server } = world
    const told: unknown[] = []
    server.on('context', (changed: Peer, before) => told.push(changed.id === peer.id, before, changed.context))
    assert.equal(await codeOf(peer.reauthenticate('bob')), 'ok')
    assert.deepEqual(peer.context, { user: 'bob' })
    assert.deepEqual(told, [true, { user: 'ann' }, { user: 'bob' }])
    const [first, second] = asked.map(({ query, url, transformer }) => [query, url, transformer])
    assert.deepEqual(second, first, 'asked for as it asked itself')
    // Somebody who stays who they are is no news.
    assert.equal(await codeOf(peer.reauthenticate('bob')), 'ok')
    assert.equal(told.length, 3)
  })

  it('is who it was where that is refused', async () => {
    const { peer } = world
    assert.equal(await codeOf(peer.reauthenticate('old')), 'ERR_EXPIRED')
    assert.equal(await codeOf(peer.reauthenticate('wrong')), 'ERR_UNAUTHORIZED')
    for (const answer of [false, undefined, 1, Promise.resolve(true)]) {
      assert.equal(await codeOf(peer.reauthenticate('bob', () => answer)), 'ERR_UNAUTHORIZED')
    }
    assert.equal(await codeOf(peer.reauthenticate('eve', now => Reflect.get(Object(now), 'user') === 'eve')), 'ok')
    assert.deepEqual([peer.context, peer.state], [{ user: 'eve' }, 'open'])
  })

  it('is nobody any more once it has ended', async () => {
    const { peer } = world
    const judged = codeOf(peer.reauthenticate('bob'))
    peer.destroy()
    assert.equal(await judged, 'ERR_CLOSED')
    assert.deepEqual(peer.context, { user: 'ann' })
  })

  it('ends with the code that has it come back where it has expired', async () => {
    const ends: unknown[] = []
    const client = world.connect([], { auth: 'ann' })
    client.on('close', ({ code }) => ends.push(code))
    await world.pass(5)
    world.peer.expire()
    assert.equal(world.peer.state, 'closed')
    await world.pass(5)
    assert.deepEqual(ends, [3008])
  })
})
