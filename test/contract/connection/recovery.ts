import assert from 'node:assert/strict'
import type { Connection } from '../../../lib/connection.ts'
import { back } from '../stage.ts'
import type { StageTest } from '../stage.ts'
import { numbers, pass } from '../ends.ts'
import { next, take, turns } from '../waiting.ts'

/** Registers the tests of sessions that outlive their links. They need a fixture that can cut links. */
export const recoveryTests = (test: StageTest): void => {
  test('goes on over another link, again and again, and loses nothing', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    const { client, peer } = await stage.pair({ plugins: [back()] })
    const { id } = client
    const ends: readonly Connection[] = [client, peer]
    const all = 6 * 60
    const received = ends.map(end => take(end, all))
    const events: string[] = []
    for (const end of ends) {
      end.on('disconnect', ({ reconnect }) => events.push(`disconnect ${reconnect}`))
      end.on('open', ({ recovered }) => events.push(`open ${recovered}`))
      end.on('close', () => events.push('close'))
    }
    let count = 0
    for (let round = 0; round < 5; round++) {
      // Written before, at, and after the cut.
      for (; count % 60 < 20; count++) for (const end of ends) end.write(`value ${count}`)
      await turns(round)
      for (; count % 60 < 40; count++) for (const end of ends) end.write(`value ${count}`)
      const again = ends.map(end => next(end, 'open'))
      cut()
      do {
        for (const end of ends) end.write(`value ${count}`)
        count++
      } while (count % 60)
      assert.deepEqual((await Promise.all(again)).flat(), [{ recovered: true }, { recovered: true }])
    }
    for (; count < all; count++) for (const end of ends) end.write(`value ${count}`)
    for (const values of await Promise.all(received)) assert.deepEqual(values, numbers(all))
    assert.deepEqual([client.id, peer.id, stage.server.peers.size], [id, id, 1])
    assert.equal(events.filter(event => event === 'open true').length, 10)
    assert.ok(!events.includes('close') && !events.includes('disconnect false'), events.join())
  })

  test('goes on where nothing was said yet', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    const { client, peer } = await stage.pair({ plugins: [back()] })
    for (let round = 0; round < 3; round++) {
      const again = next(client, 'open')
      cut()
      assert.deepEqual(await again, [{ recovered: true }])
    }
    await pass(client, peer, ['first'])
    await pass(peer, client, ['first'])
  })

  test('delivers much that was on its way', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    const { client, peer } = await stage.pair({ plugins: [back()] })
    const values = Array.from({ length: 120 }, (_, index) => `${index} ${'x'.repeat(10_000)}`)
    const received = [take(client, 120), take(peer, 120)]
    for (const value of values) {
      client.write(value)
      peer.write(value)
    }
    await turns(2)
    cut()
    await next(client, 'open')
    cut()
    for (const found of await Promise.all(received)) assert.deepEqual(found, values)
  })

  test('delivers what was written while there was no link', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    const { client, peer } = await stage.pair()
    client.supervise(() => true)
    const away = [next(client, 'disconnect'), next(peer, 'disconnect')]
    cut()
    for (const [{ code, reconnect }] of await Promise.all(away)) assert.deepEqual([code, reconnect], [1006, true])
    assert.deepEqual([client.state, peer.state, stage.server.peers.size], ['away', 'away', 1])
    for (const value of numbers(100)) {
      client.write(value)
      peer.write(value)
    }
    stage.server.peers.broadcast('all')
    const received = [take(client, 101), take(peer, 100)]
    client.open()
    assert.deepEqual(await Promise.all(received), [[...numbers(100), 'all'], numbers(100)])
  })

  test('ends behind what was written, or tells what was lost, though the link dies', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    for (const end of ['client', 'peer'] as const) {
      const pair = await stage.pair({ plugins: [back()] })
      const other = pair[end === 'client' ? 'peer' : 'client']
      const [arrived, lost]: unknown[][] = [[], []]
      other.on('data', value => arrived?.push(value))
      pair[end].on('lost', ({ values }) => lost?.push(...values))
      const closed = next(pair[end], 'close')
      for (const value of numbers(100)) pair[end].write(value)
      pair[end].end(4500, 'done')
      cut()
      assert.equal((await closed)[0].code, 4500)
      // What arrived may be told as lost: its acknowledgement may be what was lost.
      assert.deepEqual(arrived, numbers(arrived?.length ?? 0))
      const known = new Set([...(arrived ?? []), ...(lost ?? [])])
      assert.deepEqual(
        numbers(100).filter(value => !known.has(value)),
        []
      )
      pair.client.destroy()
    }
  })

  test(
    'begins anew where sessions are not kept',
    async stage => {
      const { cut } = stage.fixture
      if (!cut) return
      const { client, peer } = await stage.pair({ plugins: [back()] })
      const { id } = client
      const [closed, again, ended] = [next(client, 'close'), next(client, 'open'), next(peer, 'close')]
      cut()
      assert.equal((await closed)[0].reconnect, true)
      assert.deepEqual(await again, [{ recovered: false }])
      assert.equal((await ended)[0].code, 1006)
      assert.notEqual(client.id, id)
      await pass(client, stage.peer(client), ['anew'])
    },
    { recovery: false }
  )

  test('is over for a client that nobody brings back', async stage => {
    const { cut } = stage.fixture
    if (!cut) return
    const { client, peer } = await stage.pair()
    const [closed, away] = [next(client, 'close'), next(peer, 'disconnect')]
    cut()
    const [{ code, reconnect }] = await closed
    assert.deepEqual([code, reconnect], [1006, false])
    await away
    assert.equal(peer.state, 'away')
  })
}
