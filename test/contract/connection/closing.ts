import assert from 'node:assert/strict'
import { eitherEnd, numbers, pass, throwsCode } from '../ends.ts'
import { back, opened } from '../stage.ts'
import type { StageTest } from '../stage.ts'
import { next, take, turns } from '../waiting.ts'

const MEGABYTE = 2 ** 20

/** Registers the tests of how connections end. */
export const closingTests = (test: StageTest): void => {
  const both = eitherEnd(test)

  both('tells both ends the code and the reason', async (from, to, stage, { client, peer }) => {
    const events: string[] = []
    for (const [name, end] of [
      ['client', client],
      ['peer', peer]
    ] as const) {
      end.on('disconnect', () => events.push(`${name} disconnect`))
      end.on('close', ({ code, reason, reconnect }) => events.push(`${name} ${code} ${reason} ${reconnect}`))
    }
    const closed = [next(from, 'close'), next(to, 'close')]
    from.end(4001, 'done é')
    from.end(4002, 'again')
    await Promise.all(closed)
    from.destroy(4003)
    to.destroy(4003)
    await turns()
    assert.deepEqual(events.sort(), ['client 4001 done é false', 'peer 4001 done é true'])
    assert.deepEqual([client.state, peer.state, stage.server.peers.size], ['closed', 'closed', 0])
  })

  both('has the code 1000 when nobody says another one', async (from, to) => {
    const closed = [next(from, 'close'), next(to, 'close')]
    from.end()
    for (const [{ code, reason, reconnect }] of await Promise.all(closed)) {
      assert.deepEqual([code, reason, reconnect], [1000, '', false])
    }
  })

  both('delivers everything first', async (from, to) => {
    const values = [...numbers(500), 'x'.repeat(MEGABYTE / 2), ...numbers(500)]
    const [received, closed] = [take(to, values.length), next(to, 'close')]
    for (const value of values) from.write(value)
    from.end(4000)
    assert.deepEqual(await received, values)
    assert.equal((await closed)[0].code, 4000)
  })

  both('at once tells the other end, too', async (from, to) => {
    const closed = [next(from, 'close'), next(to, 'close')]
    from.destroy(4500, 'out')
    for (const [{ code, reason, reconnect }] of await Promise.all(closed)) {
      assert.deepEqual([code, reason, reconnect], [4500, 'out', false])
    }
  })

  both('takes only codes that can travel', async (from, to) => {
    for (const code of [0, 999, 1001, 1006, 3000, 3999, 5000, NaN, 4000.5]) {
      throwsCode(() => from.end(code), 'ERR_OPTION')
      throwsCode(() => from.destroy(code), 'ERR_OPTION')
    }
    await pass(from, to, ['still open'])
  })

  both('takes reasons of any length', async (from, to) => {
    const closed = [next(from, 'close'), next(to, 'close')]
    const reason = '€ because '.repeat(100)
    from.end(4000, reason)
    assert.deepEqual(
      (await Promise.all(closed)).map(([end]) => end.reason),
      [reason, reason]
    )
  })

  both('refuses what is written afterwards, and tells', async (from, to, stage) => {
    const closed = next(to, 'close')
    from.end()
    assert.equal(from.write('late'), false)
    await closed
    assert.equal(from.write('later'), false)
    assert.equal(to.write('later'), false)
    stage.expected = ['ERR_CLOSED', 'ERR_CLOSED', 'ERR_CLOSED']
  })

  test('comes after the opening, however soon', async stage => {
    const events: string[] = []
    const over = new Promise<void>(resolve => {
      stage.server.on('connection', peer => {
        events.push('connection')
        peer.on('data', value => events.push(`${value}`))
        peer.on('close', ({ code }) => {
          events.push(`close ${code}`)
          resolve()
        })
      })
    })
    const client = stage.connect()
    client.write('a')
    client.write('b')
    client.end(4000)
    await Promise.all([over, next(client, 'close')])
    assert.deepEqual(events, ['connection', 'a', 'b', 'close 4000'])
  })

  test('may happen in the handler of the opening, on either end', async stage => {
    stage.server.once('connection', peer => peer.destroy(4500, 'no'))
    const [{ code, reason }] = await next(stage.connect(), 'close')
    assert.deepEqual([code, reason], [4500, 'no'])
    const client = stage.connect()
    client.on('open', () => client.destroy())
    await next(client, 'close')
    const another = stage.connect()
    another.on('open', () => another.end(4001))
    const [peer] = await next(stage.server, 'connection')
    assert.equal((await next(peer, 'close'))[0].code, 4001)
  })

  test('may happen before there is a connection', async stage => {
    const client = stage.connect()
    const closed = next(client, 'close')
    client.end()
    assert.equal((await closed)[0].code, 1000)
    const other = stage.connect()
    const otherClosed = next(other, 'close')
    await turns(1)
    other.destroy()
    assert.equal((await otherClosed)[0].code, 1000)
  })

  test('is not final: a client can open again', async stage => {
    const { client } = await stage.pair()
    const ids = new Set<string>()
    for (let round = 0; round < 3; round++) {
      ids.add(client.id)
      const peer = stage.peer(client)
      await pass(client, peer, ['to the server'])
      await pass(peer, client, ['to the client'])
      const closed = [next(client, 'close'), next(peer, 'close')]
      if (round % 2) peer.end(4000)
      else client.end()
      await Promise.all(closed)
      const accepted = next(stage.server, 'connection')
      client.open()
      assert.equal(await opened(client), false)
      await accepted
    }
    assert.equal(ids.size, 3)
  })

  test('by the server of clients that come back at once', async stage => {
    const { client, peer } = await stage.pair({ plugins: [back()] })
    const [closed, again] = [next(client, 'close'), next(client, 'open')]
    peer.end(4000, 'come back')
    const [{ code, reason, reconnect }] = await closed
    assert.deepEqual([code, reason, reconnect], [4000, 'come back', true])
    assert.deepEqual(await again, [{ recovered: false }])
    assert.notEqual(client.id, peer.id)
    const final = next(client, 'close')
    stage.peer(client).end(4500, 'stay away')
    assert.deepEqual((await final)[0], { code: 4500, reason: 'stay away', reconnect: false, after: 0 })
  })
}
