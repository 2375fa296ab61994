import assert from 'node:assert/strict'
import type { End } from '../../../lib/connection.ts'
import { numbers } from '../ends.ts'
import { Resources } from '../resources.ts'
import { back, Stage } from '../stage.ts'
import type { Setup, StageTest } from '../stage.ts'
import { next, take, turns } from '../waiting.ts'
import type { Parser } from '../../../lib/parser.ts'

type Hint = Omit<End, 'reconnect'>

/** Registers the tests of servers that close. */
export const serverTests = (test: StageTest, setup: Setup, parser: Parser): void => {
  test('closes: tells clients to come back, some time later', async stage => {
    const hints: Hint[] = []
    const pairs = await Promise.all(Array.from({ length: 8 }, () => stage.pair()))
    for (const { client } of pairs) client.supervise(end => hints.push(end) < 0)
    const closed = pairs.flatMap(({ client, peer }) => [next(client, 'close'), next(peer, 'close')])
    const over = next(stage.server, 'close')
    await stage.server.close({ reconnect: 1_000_000 })
    await over
    for (const [{ code, reason }] of await Promise.all(closed)) {
      assert.equal(code, 3000)
      assert.match(reason, /shuts down/)
    }
    const delays = hints.map(({ after }) => after)
    assert.equal(delays.length, 8)
    assert.ok(
      delays.every(after => Number.isInteger(after) && after >= 0 && after <= 1_000_000),
      delays.join()
    )
    assert.ok(new Set(delays).size > 4, `not spread: ${delays.join()}`)
    assert.equal(stage.server.peers.size, 0)
  })

  test('closes for good: tells clients not to come back', async stage => {
    const { client } = await stage.pair()
    client.supervise(() => assert.fail('not to be asked'))
    const closed = next(client, 'close')
    await stage.server.close({ reconnect: false })
    const [{ code, reconnect, after }] = await closed
    assert.deepEqual([code, reconnect, after], [1000, false, 0])
  })

  test('closes behind what was written, and what was sent to it', async stage => {
    const { client, peer } = await stage.pair()
    const received = take(client, 1_001)
    for (const value of numbers(1_000)) peer.write(value)
    stage.server.peers.broadcast('to all')
    await stage.server.close()
    assert.deepEqual(await received, [...numbers(1_000), 'to all'])
  })

  test('closes over clients that do not read', async stage => {
    const { client, peer } = await stage.pair()
    client.pause()
    const closed = [next(client, 'close'), next(peer, 'close')]
    for (let index = 0; index < 200; index++) peer.write('x'.repeat(20_000))
    await turns(5)
    await stage.server.close({ timeout: 20 })
    await Promise.all(closed)
  })

  test('closes without waiting for clients whose links die meanwhile', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    const { client, peer } = await stage.pair({ plugins: [back()] })
    peer.write('x'.repeat(100_000))
    const closed = next(peer, 'close')
    const closing = stage.server.close({ timeout: 60_000 })
    cut()
    await Promise.all([closing, closed])
    client.destroy()
  })

  test('closes once, however often it is asked, and takes nobody else', async stage => {
    const { client } = await stage.pair()
    const closed = next(client, 'close')
    const closing = [stage.server.close(), stage.server.close()]
    const late = stage.connect()
    const [end] = await next(late, 'close')
    assert.ok([3000, 1006].includes(end.code), `${end.code}`)
    await Promise.all([...closing, closed])
    const later = stage.connect()
    assert.notEqual((await next(later, 'close'))[0].code, 1000)
    assert.equal(stage.server.peers.size, 0)
  })

  test('closes with clients that are not in yet', async stage => {
    const link = stage.dial()
    await link.opened()
    const silent = stage.dial()
    await silent.opened()
    link.wire.send(stage.hello())
    await stage.server.close({ timeout: 50 })
    await Promise.all([link.closed(), silent.closed()])
  })

  it('leaves no timer, socket or server behind', async () => {
    // By then the timer of the test itself is there.
    await turns(1)
    const resources = new Resources()
    try {
      const stage = await Stage.start(await setup(), parser, { heartbeat: 1_000 })
      const { client } = await stage.pair()
      await client.ping()
      void client.ping().catch(() => {})
      const ended = await stage.pair()
      const closed = next(ended.peer, 'close')
      ended.client.end()
      await closed
      const { client: lost, peer } = await stage.pair()
      lost.supervise(() => true)
      if (stage.fixture.cut) {
        const away = next(peer, 'disconnect')
        stage.fixture.cut()
        await away
      }
      await stage.pair()
      stage.dial()
      stage.connect()
      await stage.close()
      await turns(10)
      assert.deepEqual(resources.left, [])
    } finally {
      resources.stop()
    }
  })
}
