import assert from 'node:assert/strict'
import { createServer } from '../../core.ts'
import { connect } from '../../index.ts'
import { json } from '../../parsers/json.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { memory } from '../../transformers/memory/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('a client that is refused', () => {
  const use = undoing()
  const printed = guard()

  const refused = () => {
    const network = memory()
    const plugins = [pubsub(), rpc(), presence()] as const
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins,
      authenticate: () => false
    })
    const client = connect('http://memory', { transformers: [network], plugins })
    use(() => server.close({ timeout: 0, reconnect: false }))
    use(() => client.destroy())
    return client
  }

  it('is printed where only plugins listen for its end', async () => {
    const client = refused()
    await until(() => client.state === 'closed')
    assert.deepEqual(printed.splice(0), ["'anywire: 3502 The server refused the authentication'"])
  })

  it('is told to whom listens for its end, and to nobody else', async () => {
    const client = refused()
    const codes: number[] = []
    client.on('close', ({ code }) => codes.push(code))
    await until(() => client.state === 'closed')
    await turns(5)
    assert.deepEqual(codes, [3502])
  })
})
