import assert from 'node:assert/strict'
import { guard, undoing } from '../../support/faults-guard.ts'
import { hostHttp } from '../../support/faults-http.ts'
import { host } from '../../support/faults-pair.ts'
import { hello, RawClient } from '../../support/faults-raw.ts'
import { ws } from '../../../transformers/ws/index.ts'
import { until } from '../../support/faults-wait.ts'

describe('the counters of a server', () => {
  const use = undoing()
  guard()

  it('count connections, returns, refusals and ends, the last two by their codes', async () => {
    const { network, server, told } = host(use, { server: { limits: { rate: { second: 1, burst: 2 } } } })
    const { counters } = server
    const dial = (more = {}): Promise<RawClient> => RawClient.dial(network, { say: [hello(more)] })
    assert.deepEqual({ ...counters }, { connections: 0, recovered: 0, refused: new Map(), closed: new Map() })
    const first = await dial()
    const { token } = await first.welcome()
    first.abort()
    await until(() => told.peers[0]?.state === 'away')
    const again = await dial({ session: token, got: [0, 0] })
    await again.welcome()
    again.say('1', '2', '3')
    await again.goodbye()
    for (let count = 0; count < 2; count++) await (await dial({ v: 9 })).goodbye()
    await (await dial({ parser: 'none' })).goodbye()
    const last = await dial()
    await last.welcome()
    told.peers[1]?.destroy(4321)
    assert.deepEqual(
      { ...counters },
      {
        connections: 2,
        recovered: 1,
        refused: new Map([
          [3501, 2],
          [3503, 1]
        ]),
        closed: new Map([
          [3004, 1],
          [4321, 1]
        ])
      }
    )
  })

  it('count those too that are refused before they have a wire', async () => {
    const { url, server } = await hostHttp(use, { server: { limits: { connections: 1 } } })
    await RawClient.dial(ws(), { url, say: [hello()] })
    const second = await RawClient.dial(ws(), { url })
    assert.ok(second.closed)
    assert.deepEqual([...server.counters.refused], [[3006, 1]])
  })
})
