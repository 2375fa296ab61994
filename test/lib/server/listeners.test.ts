import assert from 'node:assert/strict'
import { connect, createServer } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { permissions } from '../../../plugins/permissions/index.ts'
import { presence } from '../../../plugins/presence/index.ts'
import { rooms } from '../../../plugins/rooms/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { undoing } from '../../support/faults-guard.ts'
import { until } from '../../support/faults-wait.ts'

describe('listeners', () => {
  const use = undoing()

  it('that are no functions are refused, on servers and in Node', async () => {
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [permissions(), presence(), rooms()]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    server.on('connection', peer => void peer.write('precious'))
    const client = connect('http://memory', { transformers: [network], parser: json() })
    use(() => client.destroy())
    await until(() => client.state === 'open')
    const [peer] = server.peers
    assert.ok(peer)
    for (const host of [client, peer, server, server.permissions, server.presence, server.rooms]) {
      for (const method of ['on', 'once'] as const) {
        for (const listener of [undefined, null, 'data', {}]) {
          const found: unknown = Reflect.get(host, method)
          const listen = (): unknown =>
            Reflect.apply(found as (...args: unknown[]) => unknown, host, ['data', listener])
          assert.throws(listen, { code: 'ERR_OPTION', message: /the listener for 'data' must be a function, not / })
        }
      }
    }
    // Nobody has taken it.
    const values: unknown[] = []
    client.once('data', value => values.push(value))
    await until(() => values.length === 1)
    assert.deepEqual(values, ['precious'])
  })
})
