import assert from 'node:assert/strict'
import type { Peer } from '../../../lib/server/peer.ts'
import { numbers, pass, throwsCode } from '../ends.ts'
import type { Pair, Stage, StageTest } from '../stage.ts'
import { next, take } from '../waiting.ts'

/** Registers the tests of values for many. */
export const broadcastTests = (test: StageTest): void => {
  const pairs = async (stage: Stage, count: number): Promise<Pair[]> => {
    const made: Pair[] = []
    for (let index = 0; index < count; index++) made.push(await stage.pair({ query: { index: `${index}` } }))
    return made
  }

  const received = (all: readonly Pair[], count: number): Promise<unknown[][]> =>
    Promise.all(all.map(({ client }) => take(client, count)))

  test('reaches everybody, once and in order', async stage => {
    const all = await pairs(stage, 5)
    const got = received(all, 300)
    for (const value of numbers(300)) assert.equal(stage.server.peers.broadcast(value), 5)
    for (const values of await got) assert.deepEqual(values, numbers(300))
  })

  test('reaches those it is for', async stage => {
    const all = await pairs(stage, 4)
    const { peers } = stage.server
    const [first, second] = all.map(({ peer }) => peer)
    assert.ok(first && second)
    const odd = (peer: Peer): boolean => Number(peer.query['index']) % 2 === 1
    assert.equal(peers.broadcast('all but the first', { except: first }), 3)
    assert.equal(peers.broadcast('all but two', { except: [first, second] }), 2)
    assert.equal(peers.broadcast('odd', { where: odd }), 2)
    assert.equal(peers.broadcast('odd but one', { where: odd, except: second }), 1)
    assert.equal(peers.broadcast('nobody', { where: () => false }), 0)
    assert.equal(stage.server.multicast([first, second], 'two'), 2)
    assert.equal(peers.broadcast('last'), 4)
    const expected = [
      ['two', 'last'],
      ['all but the first', 'odd', 'two', 'last'],
      ['all but the first', 'all but two', 'last'],
      ['all but the first', 'all but two', 'odd', 'odd but one', 'last']
    ]
    for (const [index, { client }] of all.entries()) {
      assert.deepEqual(await take(client, expected[index]?.length ?? 0), expected[index])
    }
  })

  test('keeps its place among values for one', async stage => {
    const all = await pairs(stage, 3)
    const got = received(all, 200)
    for (let index = 0; index < 100; index++) {
      // Direct values first, in between, and behind, in an order of its own for each peer.
      for (const [own, { peer }] of all.entries()) if ((index + own) % 3) peer.write(`before ${index}`)
      stage.server.peers.broadcast(`all ${index}`)
      for (const [own, { peer }] of all.entries()) if ((index + own) % 3 === 0) peer.write(`behind ${index}`)
    }
    for (const [own, values] of (await got).entries()) {
      const expected = numbers(100).flatMap((_, index) =>
        (index + own) % 3 ? [`before ${index}`, `all ${index}`] : [`all ${index}`, `behind ${index}`]
      )
      assert.deepEqual(values, expected)
    }
  })

  test('carries what single values carry', async stage => {
    const all = await pairs(stage, 2)
    const values = [
      stage.fit({ a: [null, 'é'] }),
      '',
      '!2[1000,"",0]',
      new Uint8Array([0xc1, 0x32, 0xff]),
      stage.textOf(2 ** 20)
    ]
    const got = received(all, values.length)
    for (const value of values) stage.server.peers.broadcast(value)
    for (const found of await got) assert.deepEqual(found, values)
    throwsCode(() => stage.server.peers.broadcast(Symbol('no value')), 'ERR_ENCODE')
  })

  test('does not reach those who have left', async stage => {
    const [stays, goes] = await pairs(stage, 2)
    assert.ok(stays && goes)
    const closed = next(goes.peer, 'close')
    goes.client.end()
    await closed
    assert.equal(stage.server.peers.broadcast('still here'), 1)
    assert.deepEqual(await take(stays.client, 1), ['still here'])
    await pass(stays.client, stays.peer, ['unharmed'])
  })
}
