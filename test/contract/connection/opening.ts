import assert from 'node:assert/strict'
import { opened } from '../stage.ts'
import type { StageTest } from '../stage.ts'
import { next, take, turns } from '../waiting.ts'

/** Registers the tests of how connections open. */
export const openingTests = (test: StageTest): void => {
  test('opens both ends', async stage => {
    const accepted = next(stage.server, 'connection')
    const client = stage.connect()
    assert.deepEqual([client.state, client.id, client.transformer], ['connecting', '', ''])
    assert.equal(await opened(client), false)
    const [peer] = await accepted
    assert.deepEqual([client.state, peer.state], ['open', 'open'])
    assert.equal(client.id, peer.id)
    assert.match(client.id, /^[\w-]{22,}$/)
    assert.deepEqual([client.transformer, peer.transformer], [stage.fixture.client.name, stage.fixture.server.name])
    assert.deepEqual([...stage.server.peers], [peer])
  })

  test('waits to be opened where it is asked to', async stage => {
    const client = stage.connect({ open: false })
    client.write('early')
    await turns()
    assert.equal(client.state, 'idle')
    const accepted = next(stage.server, 'connection')
    client.open()
    client.open()
    const [peer] = await accepted
    assert.deepEqual(await take(peer, 1), ['early'])
    assert.equal(stage.server.peers.size, 1)
  })

  test('delivers what was written in handlers of its opening, and behind that what was written before', async stage => {
    stage.server.on('connection', peer => void peer.write('welcome'))
    const accepted = next(stage.server, 'connection')
    const client = stage.connect()
    client.write('before')
    client.on('open', () => void client.write('on open'))
    assert.deepEqual(await take(client, 1), ['welcome'])
    const [peer] = await accepted
    assert.deepEqual(await take(peer, 2), ['on open', 'before'])
  })

  test('opens many clients at once, each for itself', async stage => {
    stage.server.on('connection', peer => peer.on('data', value => void peer.write(value)))
    const clients = Array.from({ length: 30 }, () => stage.connect())
    await Promise.all(
      clients.map(async (client, index) => {
        client.write(`from ${index}`)
        assert.deepEqual(await take(client, 1), [`from ${index}`])
      })
    )
    assert.equal(new Set(clients.map(({ id }) => id)).size, 30)
    assert.equal(stage.server.peers.size, 30)
  })

  test('tells that nobody listens', async stage => {
    await stage.close()
    const client = stage.connect()
    const [{ code, reconnect, reason }] = await next(client, 'close')
    assert.deepEqual([code, reconnect, client.state], [1006, false, 'closed'])
    assert.notEqual(reason, '')
  })

  test(
    'gives up when the server does not answer in time',
    async stage => {
      const [{ code }] = await next(stage.connect({ timeout: 20 }), 'close')
      assert.equal(code, 3005)
    },
    { authenticate: () => new Promise(() => {}) }
  )
}
