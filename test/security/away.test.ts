import assert from 'node:assert/strict'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host } from '../support/faults-pair.ts'
import type { AnyServer } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { ws } from '../../transformers/ws/index.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('sessions that are away', () => {
  const use = undoing()
  guard()

  it('count for their address: past the limit the one that left first is given up, and none that is there', async () => {
    const { url, told, server } = await hostHttp(use, { server: { limits: { connections: 3 } } })
    const dial = (more = {}): Promise<RawClient> => RawClient.dial(ws(), { url, say: [hello(more)] })
    const staying = await dial()
    await staying.welcome()
    for (let count = 1; count <= 4; count++) {
      const raw = await dial()
      const { token } = await raw.welcome()
      await until(() => told.peers.length === count + 1)
      raw.abort()
      await until(() => told.peers[count]?.state === 'away')
      // Coming back needs no place: it is the same session.
      if (count !== 2) continue
      const again = await dial({ session: token, got: [0, 0] })
      assert.equal((await again.welcome()).recovered, true)
      again.abort()
      await until(() => told.peers[count]?.state === 'away')
    }
    assert.deepEqual(
      told.peers.map(({ state }) => state),
      ['open', 'closed', 'closed', 'away', 'away']
    )
    assert.deepEqual(
      told.logs.flatMap(({ closes }) => closes.map(({ code }) => code)),
      [3002, 3002]
    )
    assert.equal(server.peers.size, 3)
  })

  it('are not given up for clients that are not let in', async () => {
    const { url, told } = await hostHttp(use, {
      server: { limits: { connections: 1 }, authenticate: ({ auth }: { auth: unknown }) => auth === 'known' && 'user' }
    })
    const raw = await RawClient.dial(ws(), { url, say: [hello({ auth: 'known' })] })
    await raw.welcome()
    raw.abort()
    await until(() => told.peers[0]?.state === 'away')
    const stranger = await RawClient.dial(ws(), { url, say: [hello()] })
    assert.equal((await stranger.goodbye())[0], 3502)
    assert.equal(told.peers[0]?.state, 'away')
  })

  it('are counted again when they end in any way', async () => {
    const { url, told, server } = await hostHttp(use, { server: { limits: { connections: 1 } } })
    for (let count = 0; count < 6; count++) {
      // The place of the former link may take a moment.
      await until(() => told.peers[count - 1]?.state !== 'open')
      let raw = await RawClient.dial(ws(), { url, say: [hello()] })
      while (raw.closed) raw = await RawClient.dial(ws(), { url, say: [hello()] })
      await raw.welcome()
      await until(() => told.peers.length === count + 1)
      if (count % 2) told.peers[count]?.destroy()
      else raw.abort()
    }
    await until(() => server.peers.size === 0)
  })

  const leave = async (server: AnyServer, count: number) => {
    const hosted = host(use, { server })
    for (let index = 0; index < count; index++) {
      const raw = await RawClient.dial(hosted.network, { say: [hello()] })
      await raw.welcome()
      raw.abort()
      await until(() => hosted.told.peers[index]?.state === 'away')
    }
    const states = () => hosted.told.peers.map(({ state }) => state)
    return { ...hosted, states }
  }

  it('hold so many bytes together: past it the one that left first is given up, whoever was written to', async () => {
    const { told, server, states } = await leave({ recovery: { bytes: 100_000 } }, 4)
    const text = 'x'.repeat(20_000)
    server.peers.broadcast(text)
    assert.deepEqual(states(), ['away', 'away', 'away', 'away'])
    server.peers.broadcast(text)
    assert.deepEqual(states(), ['closed', 'closed', 'away', 'away'])
    told.peers[3]?.write(text)
    assert.deepEqual(states(), ['closed', 'closed', 'closed', 'away'])
    assert.deepEqual(
      told.logs.map(({ closes }) => closes.map(({ code }) => code)),
      [[3002], [3002], [3002], []]
    )
    await turns()
    assert.equal(server.peers.size, 1)
  })

  it('count with what they held when they left, and no more once they came back', async () => {
    const { told, network } = host(use, { server: { recovery: { bytes: 100_000 } }, read: false })
    const first = await RawClient.dial(network, { say: [hello()] })
    const { token } = await first.welcome()
    // What nobody has read is kept too.
    first.say(JSON.stringify('x'.repeat(60_000)), '!40')
    await until(() => first.heard.some(data => data.slice(0, 2) === '!5'), 'the answer to a ping behind it')
    first.abort()
    await until(() => told.peers[0]?.state === 'away')
    const again = await RawClient.dial(network, { say: [hello({ session: token, got: [0, 0] })] })
    assert.equal((await again.welcome()).recovered, true)
    const second = await RawClient.dial(network, { say: [hello()] })
    await second.welcome()
    second.abort()
    await until(() => told.peers[1]?.state === 'away')
    told.peers[1]?.write('x'.repeat(60_000))
    assert.equal(told.peers[1]?.state, 'away')
    again.abort()
    await until(() => told.peers[1]?.state === 'closed')
    assert.equal(told.peers[0]?.state, 'away')
  })
})
