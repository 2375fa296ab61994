import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Client } from '../../lib/client.ts'
import { connect } from '../../lib/client.ts'
import { AnywireError } from '../../lib/errors.ts'
import { createServer } from '../../lib/server/server.ts'
import { json } from '../../parsers/json.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { logOf, watch } from '../support/faults-pair.ts'
import { runs } from '../support/faults-seed.ts'
import { turns, until } from '../support/faults-wait.ts'

const NAMES = ['first', 'second', 'third'] as const

describe('migration', () => {
  const use = undoing()
  guard()

  /** A server on three networks, and a client that comes back at once. */
  const start = (latency = 0, more: { timeout?: number; limits?: { window: number } } = {}) => {
    const networks = NAMES.map((name, index) => memory({ name, latency: latency * index, capacity: 2_000 }))
    const server = createServer(undefined, { transformers: networks, parsers: [json()] })
    const told = watch(server)
    const client = connect('http://memory', {
      transformers: networks,
      parser: json(),
      plugins: [reconnect({ min: 0 })],
      ...more
    })
    use(end)
    const near = logOf(client)
    const moves: string[] = []
    client.on('migrate', ({ from, to }) => moves.push(`${from} ${to}`))
    async function end(): Promise<void> {
      client.destroy()
      await server.close({ timeout: 0 })
    }
    return { networks, server, told, client, near, moves, end }
  }

  const opened = async (client: Client): Promise<void> => until(() => client.state === 'open')

  it('moves to another wire, and no event but migrate tells', async () => {
    const { client, near, told, moves, networks, end } = start()
    await opened(client)
    const far: unknown[] = []
    told.peers[0]?.on('migrate', move => far.push(move))
    assert.deepEqual(client.offers, NAMES)
    client.write('before')
    await client.migrate('third')
    client.write('after')
    await client.migrate('second')
    told.peers[0]?.write('to the client')
    await until(() => near.values.length === 1 && told.logs[0]?.values.length === 2)
    assert.deepEqual(told.logs[0]?.values, ['before', 'after'])
    assert.deepEqual(moves, ['first third', 'third second'])
    assert.deepEqual(far, [
      { from: 'first', to: 'third' },
      { from: 'third', to: 'second' }
    ])
    assert.deepEqual([client.transformer, told.peers[0]?.transformer], ['second', 'second'])
    assert.deepEqual([near.story, told.logs[0]?.story], [['open'], ['open']])
    await until(() => networks.every(({ links }, index) => links === (index === 1 ? 1 : 0)))
    await end()
  })

  it('has a ping that was under way answered', async () => {
    const { client, networks, end } = start()
    await opened(client)
    const [first] = networks
    if (first) first.stalled = true
    const ping = client.ping(60_000)
    await client.migrate('second')
    await ping
    // So that its wire can end.
    if (first) first.stalled = false
    await end()
  })

  it('stays where it is when the new wire fails, and says why', async () => {
    const clock = new Clock(use)
    const { client, near, networks, end } = start(0, { timeout: 100 })
    await opened(client)
    const [, second, third] = networks
    if (second) second.down = true
    await assert.rejects(client.migrate('second'), error => {
      assert.ok(error instanceof AnywireError)
      assert.deepEqual([error.code, error.status], ['ERR_LINK', 1006])
      return true
    })
    const tries: string[] = []
    client.on('attempt', ({ transformer, error }) => tries.push(`${transformer} ${error?.status ?? 'ok'}`))
    if (third) third.stalled = true
    const slow = client.migrate('third')
    await assert.rejects(client.migrate('nothing'), { code: 'ERR_OPTION' })
    const rejected = assert.rejects(slow)
    await clock.pass(100)
    await rejected
    await turns(2)
    assert.deepEqual([client.transformer, near.story, tries], ['first', ['open'], ['third 3005']])
    await end()
  })

  it('is given up with the connection', async () => {
    const { client, networks, end } = start()
    await opened(client)
    const [, second] = networks
    if (second) second.stalled = true
    const moving = client.migrate('second')
    await turns(2)
    client.destroy()
    await assert.rejects(moving)
    await assert.rejects(client.migrate('first'), { code: 'ERR_CLOSED' })
    await end()
  })

  it('falls to the session as it was when both wires are lost in the midst of it', async () => {
    const { client, told, near, networks, end } = start(2)
    await opened(client)
    for (let round = 0; round < 20; round++) {
      const moving = client.migrate(NAMES[(round % 2) + 1] ?? 'first').catch(() => {})
      client.write(round)
      await turns(round % 7)
      for (const network of networks) network.cut()
      await moving
      await opened(client)
    }
    await until(() => told.logs[0]?.values.length === 20)
    assert.deepEqual(
      told.logs[0]?.values,
      Array.from({ length: 20 }, (_, index) => index)
    )
    assert.deepEqual([near.closes, told.logs.length], [[], 1])
    await end()
  })

  it('may confirm over the new wire what came over the former one and waits to be sent again', async () => {
    const networks = [memory({ name: 'first' }), memory({ name: 'second', latency: 5, capacity: 2_000 })]
    let judge: (() => void) | undefined
    const server = createServer(undefined, {
      transformers: networks,
      parsers: [json()],
      authenticate: ({ transformer }) =>
        transformer === 'first' ? true : new Promise<true>(resolve => (judge = () => resolve(true)))
    })
    use(() => server.close({ timeout: 0 }))
    const told = watch(server)
    const client = connect('http://memory', { transformers: networks, parser: json() })
    use(() => client.destroy(), true)
    const near = logOf(client)
    await opened(client)
    const moving = client.migrate('second')
    await until(() => judge !== undefined)
    // The hello said that nothing came; and so little is not confirmed at once.
    const values = Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(1_000, '.'))
    for (const value of values.slice(0, 30)) {
      told.peers[0]?.write(value)
      // Each is a piece of its own, for the new wire to be full in the midst of them.
      await turns(1)
    }
    await until(() => near.values.length === 30)
    judge?.()
    await moving
    // A ping has the count.
    await client.ping()
    for (const value of values.slice(30)) told.peers[0]?.write(value)
    await until(() => near.values.length === 40 || client.state !== 'open')
    assert.deepEqual(near.values, values)
    assert.deepEqual([near.closes, told.errors, near.errors], [[], [], []])
    await client.ping()
    told.peers[0]?.destroy()
    assert.deepEqual(told.logs[0]?.lost, [])
  })

  it('loses, doubles and reorders nothing, whatever happens when', async () => {
    const step = fc.record({
      act: fc.constantFrom('migrate' as const, 'cut' as const, 'wait' as const),
      on: fc.nat(2),
      turns: fc.nat(9),
      near: fc.nat(40),
      far: fc.nat(40)
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 30, size: 'max' }),
        fc.nat(3),
        async (steps, latency) => {
          const { client, told, near, networks, end } = start(latency, { limits: { window: 20_000 } })
          await opened(client)
          await until(() => told.peers.length === 1)
          let [sent, answered] = [0, 0]
          for (const { act, on, turns: time, near: more, far } of steps) {
            for (let count = 0; count < more; count++) client.write(sent++)
            for (let count = 0; count < far; count++) told.peers[0]?.write(answered++)
            if (act === 'migrate') void client.migrate(NAMES[on] ?? 'first').catch(() => {})
            else if (act === 'cut') networks[on]?.cut()
            await turns(time)
          }
          await until(
            () => told.logs[0]?.values.length === sent && near.values.length === answered,
            () => `${told.logs[0]?.values.length} of ${sent}, ${near.values.length} of ${answered}`
          )
          assert.deepEqual(
            [told.logs[0]?.values, near.values],
            [sent, answered].map(length => Array.from({ length }, (_, index) => index))
          )
          assert.deepEqual([near.closes, told.logs.length], [[], 1])
          await end()
        }
      ),
      runs(15)
    )
  })

  it('carries 10,000 values each way over three networks that are cut and changed a hundred times', async () => {
    const { client, told, near, networks, moves, end } = start(1)
    await opened(client)
    await until(() => told.peers.length === 1)
    const [peer] = told.peers
    const count = 10_000
    let round = 0
    for (let sent = 0; sent < count;) {
      for (const stop = sent + 50; sent < stop; sent++) {
        client.write(sent)
        peer?.write(sent)
      }
      round++
      const moving = client.migrate(NAMES[round % 3] ?? 'first').catch(() => {})
      await turns(round % 4)
      if (round % 3 === 0) for (const network of networks) network.cut()
      await moving
      await opened(client)
    }
    await until(
      () => told.logs[0]?.values.length === count && near.values.length === count,
      () => `${told.logs[0]?.values.length} and ${near.values.length} of ${count}`
    )
    const all = Array.from({ length: count }, (_, index) => index)
    assert.deepEqual(near.values, all)
    assert.deepEqual(told.logs[0]?.values, all)
    assert.ok(moves.length > 50 && near.opens.length > 50, `${moves.length} moves, ${near.opens.length} opens`)
    await end()
  })
})
