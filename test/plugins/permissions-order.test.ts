import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from '../../core.ts'
import type { Peer, Server, ServerPlugin } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { http } from '../../plugins/http/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { records } from '../../plugins/records/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { memory as memoryStore } from '../../stores/memory.ts'
import { memory } from '../../transformers/memory/index.ts'
import { guard, undoing } from '../support/faults-guard.ts'

/** What somebody else wrote, who asks when it is installed. */
const doors = () =>
  ({
    name: 'doors',
    version: 1,
    local: true,
    server: ({ permissions }: Server & { readonly permissions?: Permissions }) => ({
      open: (peer: Peer): unknown => permissions?.check({ peer, plugin: 'doors', verb: 'open', name: 'front' }) ?? true
    })
  }) as const satisfies ServerPlugin

const api = { secret: () => 42 }

const failure = async (promise: PromiseLike<unknown>): Promise<string> => {
  try {
    await promise
    return 'allowed'
  } catch (error) {
    return String(Reflect.get(Object(error), 'code'))
  }
}

/** Everything that asks for permission. */
const asking = (): ServerPlugin[] => [
  pubsub(),
  rpc(api),
  presence(),
  records({ store: memoryStore() }),
  http({ authenticate: () => true }),
  doors()
]

describe('permissions, wherever they stand among the plugins,', () => {
  guard()
  const use = undoing()

  for (const place of [0, 1, 2, 3, 4, 5, 6]) {
    it(`are asked by all of them: at ${place}`, async () => {
      const network = memory()
      const web = createHttpServer().listen(0, '127.0.0.1')
      await once(web, 'listening')
      use(() => web.close())
      const server: Server = createServer(web, {
        transformers: [network],
        parsers: [json()],
        plugins: asking().toSpliced(place, 0, permissions())
      })
      use(() => server.close({ timeout: 0, reconnect: false }))
      const client = connect('http://memory', {
        transformers: [network],
        parser: json(),
        plugins: [pubsub(), rpc<typeof api>(), presence(), records<{ 'a/': { x: number } }>()]
      })
      use(() => client.destroy())
      client.records.on('refused', () => {})
      const codes = await Promise.all(
        [
          client.pubsub.subscribe('a', () => {}),
          client.pubsub.publish('a', 1, { ack: true }),
          client.pubsub.history('a'),
          client.pubsub.listen('a.>', () => {}),
          client.rpc.secret(),
          client.rpc.provide('service', () => 1),
          client.presence('p').enter({}),
          client.presence('p').watch(),
          client.records.get('a/1').set('x', 1).durable,
          client.records.snapshot('a/1')
        ].map(failure)
      )
      assert.deepEqual(new Set(codes), new Set(['ERR_DENIED']))
      const { port } = web.address() as AddressInfo
      const response = await fetch(`http://127.0.0.1:${port}/anywire/api`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ publish: 'a' }, { call: 'secret' }, { members: 'p' }])
      })
      assert.equal((await response.text()).match(/ERR_DENIED/g)?.length, 3)
      const [peer] = server.peers
      assert.ok(peer)
      assert.equal((Reflect.get(server, 'doors') as { open(peer: Peer): unknown }).open(peer), false)
    })
  }
})
