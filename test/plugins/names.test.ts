import assert from 'node:assert/strict'
import { connect, createServer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { pubsub as pubsubOfPages } from '../../plugins/pubsub/client.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { rpc as rpcOfPages } from '../../plugins/rpc/client.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { memory } from '../../transformers/memory/index.ts'
import { undoing } from '../support/faults-guard.ts'

/** What is no text, as JavaScript passes it. */
const OTHERS: readonly unknown[] = [5, 0, undefined, null, true, {}, ['a']]

/** Calls what a text would be passed to. */
const pass = (target: object, method: string, ...args: readonly unknown[]): unknown => {
  const found = Reflect.get(target, method) as (...args: readonly unknown[]) => unknown
  return Reflect.apply(found, target, args)
}

/** The client is a page's, which pays for no checks of its own. */
describe('names that are no text', () => {
  const use = undoing()

  const pair = () => {
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [pubsub(), rpc({ add: (a: number, b: number) => a + b })]
    })
    server.on('error', ({ code, message }) => assert.fail(`${code}: ${message}`))
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', {
      transformers: [network],
      parser: json(),
      plugins: [pubsubOfPages(), rpcOfPages<typeof server>()]
    })
    use(() => client.destroy())
    return { server, client }
  }

  it('are refused as topics, whatever is done with them', async () => {
    const { client } = pair()
    for (const topic of OTHERS) {
      for (const method of ['subscribe', 'listen', 'history']) {
        const asked = pass(client.pubsub, method, topic, () => {})
        await assert.rejects(asked as Promise<unknown>, { code: 'ERR_OPTION' }, `${method} ${JSON.stringify(topic)}`)
      }
      assert.throws(() => pass(client.pubsub, 'publish', topic, 1), { code: 'ERR_OPTION' })
      await assert.rejects(pass(client.pubsub, 'publish', topic, 1, { ack: true }) as Promise<unknown>, {
        code: 'ERR_OPTION'
      })
    }
    assert.deepEqual(await client.pubsub.subscribe('a', () => {}), { recovered: false, missed: false })
  })

  it('are refused as topics of a server', () => {
    const { server } = pair()
    for (const topic of OTHERS) {
      for (const method of ['subscribe', 'listen', 'history', 'publish', 'retained', 'subscribers'])
        assert.throws(() => pass(server.pubsub, method, topic, () => {}), { code: 'ERR_OPTION' }, method)
    }
  })

  it('are refused as services', async () => {
    const { server, client } = pair()
    for (const name of OTHERS) {
      const service = pass(client.rpc, 'service', name) as () => Promise<unknown>
      await assert.rejects(service(), { code: 'ERR_OPTION' }, `service ${JSON.stringify(name)}`)
      const provided = pass(client.rpc, 'provide', name, () => 1) as Promise<unknown>
      await assert.rejects(provided, { code: 'ERR_OPTION' }, `provide ${JSON.stringify(name)}`)
      assert.throws(() => pass(server.rpc, 'provide', name, () => 1), { code: 'ERR_OPTION' })
    }
    assert.equal(await client.rpc.add(1, 2), 3)
  })
})
