import assert from 'node:assert/strict'
import { memory } from '../../transformers/memory/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host } from '../support/faults-pair.ts'
import { RawClient } from '../support/faults-raw.ts'
import { RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { tapServer } from '../support/faults-tap.ts'
import { until } from '../support/faults-wait.ts'

const BEAT = 32_000

describe('plain clients and the heartbeat', () => {
  const use = undoing()
  guard()

  /** A plain client over a technology whose pings are `answered`, or not. */
  const open = async (clock: Clock) => {
    const network = memory()
    const state = { pings: 0, received: 0, answered: true }
    const tapped = tapServer(network, {
      wire: wire => ({
        get buffered() {
          return wire.buffered
        },
        get received() {
          return state.received
        },
        send: data => wire.send(data),
        ping() {
          state.pings++
          if (state.answered) state.received += 2
        },
        close: (code, reason) => wire.close(code, reason),
        abort: () => wire.abort()
      })
    })
    const { told } = host(use, { server: { transformers: [tapped], heartbeat: BEAT } })
    const raw = await RawClient.dial(network, { plain: true })
    await until(() => told.peers.length === 1)
    const [peer] = told.peers
    const [log] = told.logs
    assert.ok(peer && log)
    return { clock, state, raw, peer, log }
  }

  it('finds one that is dead, where the technology can ask', async () => {
    const { clock, state, raw, peer, log } = await open(new Clock(use))
    await clock.pass(BEAT * 10, BEAT / 32)
    assert.equal(peer.state, 'open')
    assert.ok(state.pings > 0 && state.pings <= 10, `${state.pings}`)
    state.answered = false
    await clock.pass(BEAT * 2.2, BEAT / 32)
    assert.deepEqual(
      [peer.state, log.closes.map(({ code }) => code), raw.heard, raw.closed?.code],
      ['closed', [3001], [], 1006]
    )
  })

  it('takes bytes for life, so that one that talks is not asked', async () => {
    const { clock, state, peer } = await open(new Clock(use))
    state.answered = false
    for (let beat = 0; beat < 20; beat++) {
      state.received++
      peer.write(beat)
      await clock.pass(BEAT / 2, BEAT / 32)
    }
    assert.deepEqual([peer.state, state.pings], ['open', 0])
  })

  it('asks with a ping of WebSocket', async () => {
    const { port, told } = await hostHttp(use, { server: { heartbeat: 32 } })
    const socket = new RawSocket(port)
    use(() => socket.destroy())
    socket.write(upgradeRequest('/anywire'))
    await until(() => told.peers.length === 1)
    // It answers nothing.
    await until(() => told.peers[0]?.state === 'closed')
    assert.deepEqual(
      told.logs[0]?.closes.map(({ code }) => code),
      [3001]
    )
  })
})
