import assert from 'node:assert/strict'
import { numbers } from '../ends.ts'
import type { StageTest } from '../stage.ts'
import { next, take } from '../waiting.ts'

/** A busy machine may be late for a heartbeat of a few milliseconds: then another connection is tried, but not for ever. */
const inTime = async (attempt: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 50; tries++) if (await attempt()) return
  assert.fail('the server gave up each time')
}

/** Registers the tests of heartbeats. */
export const livenessTests = (test: StageTest): void => {
  test('measures the way to the server and back', async stage => {
    const { client } = await stage.pair()
    const times = await Promise.all([client.ping(), client.ping(), client.ping()])
    for (const time of times) assert.ok(time >= 0 && time < 5_000, `${time}`)
    const ping = client.ping()
    client.destroy()
    await assert.rejects(ping, { code: 'ERR_CLOSED' })
    await assert.rejects(client.ping(), { code: 'ERR_CLOSED' })
  })

  test(
    'keeps a connection that has nothing to say',
    async stage => {
      const { client: half } = stage.fixture
      await inTime(async () => {
        let pings = 0
        let heard = (): void => {}
        const often = new Promise<void>(resolve => (heard = resolve))
        const tapped: typeof half = {
          name: half.name,
          supports: half.supports,
          dial: (url, receiver, signal) =>
            half.dial(
              url,
              {
                open: wire => receiver.open(wire),
                drain: () => receiver.drain(),
                close: (...end) => receiver.close(...end),
                message: data => {
                  receiver.message(data)
                  if (data.slice(0, 2) === '!4' && ++pings === 3) heard()
                }
              },
              signal
            )
        }
        const accepted = next(stage.server, 'connection')
        stage.connect({ transformers: [tapped] })
        const [peer] = await accepted
        await Promise.race([often, next(peer, 'disconnect')])
        return peer.state === 'open'
      })
    },
    { heartbeat: 16 }
  )

  test(
    'takes anything that is heard for a sign of life',
    async stage => {
      await inTime(async () => {
        let pings = 0
        const link = stage.dial({
          heard: data => {
            // Values, and never an answer to a ping.
            if (data.slice(0, 2) === '!4' && ++pings) link.wire.send(stage.parser.encode(`value ${pings}`))
          }
        })
        await link.opened()
        const accepted = next(stage.server, 'connection')
        link.wire.send(stage.hello())
        const [peer] = await accepted
        const taken = await Promise.race([take(peer, 3), next(peer, 'disconnect').then(() => undefined)])
        if (!taken) return false
        assert.deepEqual(taken, numbers(3, 1))
        return peer.state === 'open'
      })
    },
    { heartbeat: 16 }
  )

  test(
    'gives up a client that is not heard any more',
    async stage => {
      const link = stage.dial()
      await link.opened()
      const accepted = next(stage.server, 'connection')
      link.wire.send(stage.hello())
      const [peer] = await accepted
      const [{ code, reconnect }] = await next(peer, 'disconnect')
      assert.deepEqual([code, reconnect, peer.state], [3001, true, 'away'])
      await link.closed()
    },
    { heartbeat: 16 }
  )

  test(
    'spreads the pings of many connections',
    async stage => {
      const sent: number[] = []
      let turn = 0
      const clock = setInterval(() => turn++, 1)
      const pinged = new Promise<void>(resolve => {
        const heard = (data: string | Uint8Array): void => {
          if (data.slice(0, 2) === '!4' && sent.push(turn) === 16) resolve()
        }
        for (let index = 0; index < 16; index++) {
          const link = stage.dial({ heard, opened: wire => void wire.send(stage.hello()) })
          void link.opened()
        }
      })
      await pinged
      clearInterval(clock)
      assert.ok(new Set(sent).size > 3, `16 pings at ${sent.join(', ')}`)
    },
    { heartbeat: 256 }
  )
}
