import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { connect, createServer } from '../../../core.ts'
import type { Server } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { rpc } from '../../../plugins/rpc/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { ws } from '../../../transformers/ws/index.ts'
import { undoing } from '../../support/faults-guard.ts'
import { until } from '../../support/faults-wait.ts'

describe('what is printed', () => {
  const use = undoing()

  it('of a server is no error where what emits its requests has no address', () => {
    const http = Object.assign(new EventEmitter(), { listening: false })
    const server = Reflect.apply(createServer, undefined, [http, { transformers: [ws()], parsers: [json()] }]) as Server
    use(() => server.close({ timeout: 0, reconnect: false }))
    assert.match(inspect(server), /^Server \{\s+address: undefined,/)
  })

  it('of a server, a peer and a client is short, and has no secrets', async () => {
    const network = memory()
    const server = createServer(undefined, {
      port: 0,
      host: '127.0.0.1',
      transformers: [network, ws()],
      parsers: [json()],
      plugins: [rpc()],
      authenticate: () => ({ password: 's3cret' })
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', { transformers: [network], parser: json(), auth: 's3cret' })
    use(() => client.destroy())
    await until(() => client.state === 'open' && server.http?.address() !== null)
    const [peer] = server.peers
    assert.ok(peer)
    const { id } = client
    assert.equal(
      inspect(peer),
      inspect({ id, state: 'open', transformer: 'memory', bufferedBytes: 0 }).replace(/^/, 'Peer ')
    )
    const address = server.http?.address()
    const rest = { path: '/anywire', transformers: ['memory', 'ws'], plugins: ['rpc'], peers: 1 }
    assert.equal(inspect(server), `Server ${inspect({ address, ...rest })}`)
    const printed = inspect(client)
    assert.match(printed, /^Client \{/)
    assert.match(printed, /state: 'open'/)
    assert.doesNotMatch(printed, /s3cret/)
    assert.ok(printed.split('\n').length < 10)
  })
})
