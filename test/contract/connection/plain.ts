import assert from 'node:assert/strict'
import type { StageTest } from '../stage.ts'
import { next, take } from '../waiting.ts'

/** Registers the tests of clients without a library. */
export const plainTests = (test: StageTest): void => {
  test('speak bare messages, without a handshake', async stage => {
    const accepted = next(stage.server, 'connection')
    const link = stage.dial({}, true)
    await link.opened()
    const [peer] = await accepted
    assert.equal(peer.plain, true)
    const values = [stage.fit({ hello: 'world' }), '!2', 'é', stage.fit([1, null])]
    const received = take(peer, values.length)
    for (const value of values) {
      link.wire.send(stage.parser.encode(value))
      peer.write(value)
    }
    assert.deepEqual(await received, values)
    assert.deepEqual(
      (await link.received(values.length)).map(data => stage.parser.decode(data)),
      values
    )
    stage.server.peers.broadcast('all')
    assert.equal(stage.parser.decode((await link.received(values.length + 1)).at(-1) ?? ''), 'all')
  })

  test('are told the end by the technology alone', async stage => {
    const accepted = next(stage.server, 'connection')
    const link = stage.dial({}, true)
    const [peer] = await accepted
    const closed = next(peer, 'close')
    peer.write('last words')
    peer.end(4001, 'bye')
    await closed
    const { code, reason } = await link.closed()
    assert.deepEqual(
      link.messages.map(data => stage.parser.decode(data)),
      ['last words']
    )
    if (stage.fixture.server.supports.closeCodes) assert.deepEqual([code, reason], [4001, 'bye'])
  })

  test('end by going', async stage => {
    const accepted = next(stage.server, 'connection')
    const link = stage.dial({}, true)
    await link.opened()
    const [peer] = await accepted
    const closed = next(peer, 'close')
    link.wire.close(1000, '')
    const codes = stage.fixture.client.supports.closeCodes ? [1000] : [1005, 1006]
    assert.ok(codes.includes((await closed)[0].code))
    assert.equal(stage.server.peers.size, 0)
  })

  test(
    'are refused where they are not wanted',
    async stage => {
      const refused = next(stage.server, 'refused')
      await stage.dial({}, true).closed()
      assert.equal((await refused)[0].code, 'ERR_PROTOCOL')
      await stage.pair()
    },
    { plain: false }
  )
}
