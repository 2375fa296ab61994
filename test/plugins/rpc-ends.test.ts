import assert from 'node:assert/strict'
import { permissions } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/client.ts'
import { presence as presenceOfServers } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import type { Call } from '../../plugins/rpc/index.ts'
import { eachInItsWorld } from '../support/calls.ts'
import type { Calls } from '../support/calls.ts'

/** How long something takes, and what it gives. */
const slow = (time: number, value: unknown = 'done') =>
  new Promise(resolve => {
    setTimeout(resolve, time, value)
  })

const router = {
  slow: (time: number, { signal }: Call) =>
    new Promise<string>((resolve, reject) => {
      const timer = setTimeout(resolve, time, 'done')
      signal.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(signal.reason)
      })
    }),
  async *ticks() {
    for (let tick = 0; ; tick++) yield slow(100, tick)
  }
}

describe('rpc: calls at the end of a connection', () => {
  let world: Calls
  eachInItsWorld(next => (world = next))

  const serve = () =>
    world.start([rpc<Record<string, (time: number) => Promise<unknown>>>(router, { deadline: 100_000 })] as const)
  const dial = (own = {}) => world.dial<typeof router>(own)

  /** When, in milliseconds from now, and how something settled; '' so far. */
  const story = (promise: Promise<unknown>) => {
    const since = Date.now()
    const told = { end: '' }
    const note = (what: unknown): void => {
      told.end = `${what} ${Date.now() - since}`
    }
    promise.then(note, (error: { code?: string }) => note(error.code))
    return told
  }

  it('are waited for by a server that closes, and their answers arrive', async () => {
    const server = serve()
    const client = dial()
    const call = story(client.rpc.slow(500))
    await world.pass(100)
    const closed = story(server.close({ timeout: 5_000 }))
    await world.pass(390)
    assert.deepEqual([call.end, closed.end, client.state], ['', '', 'open'])
    await world.pass(50)
    assert.match(call.end, /^done 5\d\d$/)
    assert.match(closed.end, /^undefined 4\d\d$/)
  })

  it('for as long as it has', async () => {
    const server = serve()
    const client = dial()
    const call = story(client.rpc.slow(5_000))
    await world.pass(100)
    const closed = story(server.close({ timeout: 1_000, reconnect: false }))
    await world.pass(1_200)
    assert.match(call.end, /^ERR_OUTCOME_UNKNOWN 10\d\d$/)
    assert.match(closed.end, /^undefined 9\d\d$/)
  })

  it('are over with a server that closes, and whoever was ended before hears that, and not of the server', async () => {
    const server = serve()
    const client = dial()
    const ends: number[] = []
    client.on('close', ({ code }) => ends.push(code))
    void story(client.rpc.slow(5_000))
    await world.pass(100)
    world.peer.end(1000, 'bye')
    void server.close({ timeout: 1_000 })
    await world.pass(1_200)
    assert.deepEqual([ends, client.state], [[1000], 'closed'])
  })

  it('are not begun meanwhile: they wait for the next session', async () => {
    const server = serve()
    const client = dial()
    const first = story(client.rpc.slow(500))
    await world.pass(100)
    const closed = story(server.close({ timeout: 5_000, reconnect: 100 }))
    await world.pass(10)
    const controller = new AbortController()
    const second = story(client.rpc.slow(1))
    const third = story(client.rpc.with({ signal: controller.signal }).slow(2))
    await world.pass(90)
    controller.abort()
    await world.pass(10)
    assert.match(third.end, /^ERR_CANCELLED/)
    const fourth = story(client.rpc.slow(3))
    await world.pass(200)
    assert.deepEqual([first.end, second.end, fourth.end, client.state], ['', '', '', 'open'])
    await world.pass(200)
    assert.match(first.end, /^done/)
    assert.match(closed.end, /^undefined/)
    serve()
    await world.pass(5_000)
    assert.match(second.end, /^done/)
    assert.match(fourth.end, /^done/)
  })

  for (const reconnect of [100, false] as const) {
    it(`have not run where they cross the goodbye of a server ${reconnect ? 'that comes back' : 'for good'}`, async () => {
      let runs = 0
      const note = async (): Promise<string> => `ran ${++runs}`
      const start = () => world.start([rpc({ note, ...router })] as const)
      const server = start()
      const client = world.dial<{ note: typeof note } & typeof router>()
      const items: unknown[] = []
      const read = story(
        (async () => {
          for await (const item of client.rpc.ticks()) items.push(item)
        })()
      )
      await world.pass(150)
      world.network.latency = 20
      const before = story(client.rpc.note())
      await world.pass(15)
      const closed = story(server.close({ timeout: 5_000, reconnect }))
      // One is on its way, the other one follows before the goodbye has arrived.
      await world.pass(10)
      const after = story(client.rpc.note())
      await world.pass(60)
      assert.match(closed.end, /^undefined/)
      assert.match(read.end, /^ERR_OUTCOME_UNKNOWN/)
      start()
      await world.pass(1_000)
      const told = [before.end, after.end].map(end => end.replace(/ \d+$/, ''))
      assert.deepEqual([told, runs], reconnect ? [['ran 1', 'ran 2'], 2] : [['ERR_CLOSED', 'ERR_CLOSED'], 0])
    })
  }

  it('are waited for by a client that ends', async () => {
    serve()
    const client = dial()
    const call = story(client.rpc.slow(500))
    await world.pass(100)
    client.end()
    await world.pass(390)
    assert.deepEqual([call.end, client.state], ['', 'open'])
    await world.pass(50)
    assert.deepEqual([call.end.split(' ')[0], client.state], ['done', 'closed'])
    client.open()
    assert.equal(await world.settled(client.rpc.slow(5), 100), 'done')
  })

  it('half a minute at most', async () => {
    serve()
    const client = dial()
    const call = story(client.rpc.with({ timeout: Infinity }).slow(29_999_999))
    await world.pass(100)
    client.end()
    await world.pass(29_000)
    assert.equal(client.state, 'open')
    await world.pass(1_500)
    assert.match(call.end, /^ERR_OUTCOME_UNKNOWN 301\d\d$/)
    assert.equal(client.state, 'closed')
  }).timeout(5_000)

  it('are not waited for where a peer is ended with a code of the application', async () => {
    serve()
    const client = dial()
    const call = story(client.rpc.slow(500))
    await world.pass(100)
    world.peer.end(4_500, 'kicked')
    await world.pass(50)
    assert.match(call.end, /^ERR_OUTCOME_UNKNOWN 1\d\d$/)
    assert.equal(client.state, 'closed')
  })

  it('that never were sent are not', async () => {
    const client = dial()
    const call = story(client.rpc.slow(500))
    client.end()
    await world.pass(10)
    assert.match(call.end, /^ERR_CLOSED/)
  })

  for (const [who, end] of [
    ['client', (client: ReturnType<typeof dial>) => client.end()],
    ['peer', () => world.peer.end()]
  ] as const) {
    it(`of the server are waited for by a ${who} that ends, and no other is begun`, async () => {
      const server = serve()
      const client = dial({ slow: (time: number) => slow(time) })
      await world.pass(100)
      const [peer] = server.peers
      const call = story(peer?.rpc['slow']?.(500) ?? Promise.resolve())
      await world.pass(100)
      end(client)
      await world.pass(10)
      const other = story(
        who === 'client' ? (peer?.rpc['slow']?.(1) ?? Promise.resolve()) : Promise.reject({ code: 'ERR_CLOSED' })
      )
      await world.pass(10)
      assert.match(other.end, /^ERR_CLOSED/)
      await world.pass(350)
      assert.deepEqual([call.end, client.state], ['', 'open'])
      await world.pass(50)
      assert.deepEqual([call.end.split(' ')[0], client.state], ['done', 'closed'])
    })
  }

  it('go to another provider than the one that ends', async () => {
    serve()
    const [one, two, caller] = [dial(), dial(), dial()]
    await world.settled(one.rpc.provide('work', async (time: number) => slow(time, 'one')))
    await world.settled(two.rpc.provide('work', async (time: number) => slow(time, 'two')))
    const calls = [caller.rpc.service('work')(500), caller.rpc.service('work')(500)].map(story)
    await world.pass(100)
    one.end()
    await world.pass(10)
    const more = [caller.rpc.service('work')(1), caller.rpc.service('work')(1)]
    assert.deepEqual(await world.settled(Promise.all(more), 100), ['two', 'two'])
    await world.pass(500)
    assert.deepEqual(new Set(calls.map(({ end }) => end.split(' ')[0])), new Set(['one', 'two']))
    assert.equal(one.state, 'closed')
  })

  it('are not waited for where they are streams', async () => {
    const server = serve()
    const client = dial()
    const items: unknown[] = []
    const read = story(
      (async () => {
        for await (const item of client.rpc.ticks()) items.push(item)
      })()
    )
    const call = story(client.rpc.slow(450))
    await world.pass(250)
    const closed = story(server.close({ timeout: 5_000, reconnect: false }))
    await world.pass(300)
    assert.deepEqual(items, [0, 1, 2, 3])
    assert.match(read.end, /^ERR_OUTCOME_UNKNOWN/)
    assert.match(call.end, /^done/)
    assert.match(closed.end, /^undefined 2\d\d/)
  })

  it('so is what other plugins were asked for', async () => {
    const rule = async (): Promise<boolean> => !!(await slow(300))
    const plugins = () => [
      permissions({ pubsub: { publish: rule, subscribe: rule }, presence: rule }),
      pubsub(),
      presenceOfServers()
    ]
    world.start(plugins())
    const connect = () => world.connect([reconnect({ min: 20, max: 20 }), pubsub(), presence()])
    const [one, two] = [connect(), connect()]
    await world.pass(10)
    const asked = [
      one.pubsub.publish('a', 1, { ack: true }),
      one.pubsub.subscribe('a', () => {}),
      one.presence('room').enter(1),
      two.pubsub.publish('a', 1, { ack: true })
    ].map(story)
    await world.pass(100)
    one.end()
    const closed = story(world.server.close({ timeout: 5_000, reconnect: false }))
    await world.pass(1_000)
    assert.deepEqual(
      asked.map(({ end }) => end.split(' ')[0]),
      ['0', '[object', 'undefined', '0']
    )
    assert.notEqual(closed.end, '')
  })
})
