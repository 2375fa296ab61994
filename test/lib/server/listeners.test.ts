import assert from 'node:assert/strict'
import { connect, createServer } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { authenticate } from '../../../plugins/authenticate/index.ts'
import { offline } from '../../../plugins/offline/index.ts'
import { permissions } from '../../../plugins/permissions/index.ts'
import { presence } from '../../../plugins/presence/index.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import { reconnect } from '../../../plugins/reconnect/index.ts'
import { records } from '../../../plugins/records/index.ts'
import { rooms } from '../../../plugins/rooms/index.ts'
import { wires } from '../../../plugins/wires/index.ts'
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

  it('for events that there are none of are refused, on servers and in Node, also those of plugins', () => {
    const network = memory()
    const plugins = [authenticate(), offline(), presence(), pubsub(), reconnect(), records(), wires()] as const
    const client = connect('http://memory', { transformers: [network], parser: json(), plugins, open: false })
    use(() => client.destroy())
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [permissions(), presence(), rooms()]
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const place = client.presence('room')
    assert.equal(client.presence('room'), place)
    const hosts = { ...client, place, client, server, ...server }
    const ofClients = ['client', 'authenticate', 'offline', 'place', 'pubsub', 'reconnect', 'records', 'wires']
    for (const name of [...ofClients, 'server', 'permissions', 'presence', 'rooms']) {
      const host: unknown = Reflect.get(hosts, name)
      for (const method of ['on', 'once'] as const) {
        const found: unknown = Reflect.get(Object(host), method)
        // Records have no `once`.
        if (!found && name === 'records') continue
        const listen = (event: string) => (): unknown =>
          Reflect.apply(found as (...args: unknown[]) => unknown, host, [event, () => {}])
        assert.throws(listen('rejectd'), { code: 'ERR_OPTION', message: /there is no event 'rejectd', but: \w+/ }, name)
        assert.throws(listen('toString'), { code: 'ERR_OPTION' }, name)
        const noListener = (): unknown => Reflect.apply(found as (...args: unknown[]) => unknown, host, ['error', 1])
        assert.throws(noListener, { code: 'ERR_OPTION', message: /must be a function/ }, name)
      }
    }
    client.pubsub.once('refuse', () => {})
    client.records.on('pending', () => {})
    assert.equal(client.pubsub.listenerCount('refuse'), 1)
  })
})
