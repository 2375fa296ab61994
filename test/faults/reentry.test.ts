import assert from 'node:assert/strict'
import type { Client } from '../../lib/client.ts'
import { ERR_SESSION_LOST } from '../../lib/failures.ts'
import { offline } from '../../plugins/offline/client.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { Clocked } from '../support/clocked.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { turns, until } from '../support/faults-wait.ts'

// Handlers that open, end and destroy the client in the midst of its own changes.

describe('a handler of a client that', () => {
  const use = undoing()
  guard()

  const opened = async (client: Client): Promise<void> => until(() => client.state === 'open')

  /** A client whose session the server forgets while it is away. */
  const losing = async () => {
    const pair = host(use, { server: { recovery: { time: 60_000, same: () => false } } })
    const client = pair.dial()
    const near = logOf(client)
    await opened(client)
    client.write('taken')
    await until(() => pair.told.logs[0]?.values.length === 1)
    return { ...pair, client, near }
  }

  it('destroys it when it hears a value leaves no timer behind', async () => {
    const world = new Clocked()
    const client = world.connect([])
    client.once('data', () => client.destroy())
    await world.pass(10)
    world.peer.write('the last one')
    await world.pass(10)
    assert.equal(client.state, 'closed')
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  it('opens again when it hears of the end has a client that works, with its plugins', async () => {
    const { dial, told } = host(use)
    const starts: string[] = []
    const counting = {
      name: 'counting',
      version: 1,
      local: true,
      client(_client: Client, _lane: unknown, during: (start: () => () => void) => void): void {
        during(() => {
          starts.push('start')
          return () => starts.push('stop')
        })
      }
    }
    const client = dial({ plugins: [counting] })
    const near = logOf(client)
    const got = near.values
    let rounds = 0
    client.on('close', () => {
      if (++rounds < 3) client.open()
    })
    for (let round = 0; round < 3; round++) {
      await until(() => told.peers.length === round + 1 && client.state === 'open')
      told.peers[round]?.write(round)
      await until(() => got.length === round + 1)
      told.peers[round]?.end()
      await until(() => near.closes.length === round + 1)
    }
    assert.equal(client.state, 'closed')
    assert.deepEqual(got, [0, 1, 2])
    assert.deepEqual(starts, ['start', 'stop', 'start', 'stop', 'start', 'stop'])
  })

  for (const event of ['close', 'lost'] as const) {
    it(`destroys it when it hears ${event} of a session, as the next one opens, has it closed for good`, async () => {
      const { client, near, network, told } = await losing()
      client.on(event, () => client.destroy())
      client.write('on its way')
      network.cut()
      await until(() => client.state === 'closed')
      await turns(20)
      assert.equal(client.state, 'closed')
      assert.equal(near.opens.length, 1)
      assert.deepEqual(
        near.closes.map(({ code }) => code),
        [ERR_SESSION_LOST[1], 1000]
      )
      await until(() => told.logs[1]?.closes.length === 1)
    })
  }

  it('destroys it when an attempt is scheduled has it closed for good', async () => {
    const { network, dial } = host(use)
    const client = dial({ plugins: [reconnect({ min: 0 })] })
    const near = logOf(client)
    await opened(client)
    const { reconnect: reconnecting } = client as Client & { reconnect: { on(event: string, run: () => void): void } }
    reconnecting.on('schedule', () => client.destroy())
    network.cut()
    await until(() => client.state === 'closed')
    await turns(20)
    assert.deepEqual([client.state, near.story], ['closed', ['open', 'disconnect', 'close']])
  })

  it('ends it while the session is lost says goodbye once, and does not come back', async () => {
    const { client, near, network, told } = await losing()
    network.down = true
    network.cut()
    await until(() => client.state === 'away')
    client.write('unsent')
    client.end(4000, 'bye')
    network.down = false
    await until(() => client.state === 'closed')
    await turns(20)
    assert.equal(client.state, 'closed')
    assert.deepEqual(
      near.closes.map(({ code, reconnect: again }) => [code, again]),
      [
        [ERR_SESSION_LOST[1], true],
        [4000, false]
      ]
    )
    assert.deepEqual(told.logs[1]?.values, ['unsent'])
  })

  it('destroys it when the next session opens hears of values that no session has sent', async () => {
    const { client, near, network } = await losing()
    network.down = true
    network.cut()
    await until(() => client.state === 'away')
    client.write('unsent')
    client.on('open', () => client.destroy())
    network.down = false
    await until(() => client.state === 'closed')
    assert.deepEqual([near.lost.at(-1), near.story.slice(-2)], ['unsent', ['lost', 'close']])
  })

  it('loses the wire as the next session opens has values that no session has sent go over the one after it', async () => {
    const { client, network, told } = await losing()
    network.down = true
    network.cut()
    await until(() => client.state === 'away')
    client.write('unsent')
    client.once('open', () => {
      client.write('said first')
      network.cut()
      client.write('said last')
    })
    network.down = false
    await until(() => told.logs.at(-1)?.values.length === 3)
    assert.deepEqual(told.logs.at(-1)?.values, ['said first', 'unsent', 'said last'])
  })

  it('pings, and destroys it when the ping fails, breaks nothing', async () => {
    const { dial, network } = host(use)
    const client = dial()
    await opened(client)
    const failed = client.ping().catch(() => client.destroy())
    network.cut()
    await failed
    await until(() => client.state === 'closed')
  })
})

describe('values that wait for a wire', () => {
  const use = undoing()
  guard()

  it('keep their order behind an interceptor that takes its time, across wires', async () => {
    const { dial, network, told } = host(use, { server: { recovery: { time: 60_000, sessions: 10 } } })
    const client = dial({ plugins: [reconnect({ min: 0 }), offline()] })
    client.outgoing.use(async (value, next) => {
      await turns(Number(value) % 3)
      next(value)
    })
    let count = 0
    for (let round = 0; round < 6; round++) {
      for (let more = 0; more < 7; more++) client.write(count++)
      await until(() => client.state === 'open')
      for (let more = 0; more < 7; more++) client.write(count++)
      await turns(round)
      network.cut()
    }
    await until(() => told.logs[0]?.values.length === count)
    assert.deepEqual(
      told.logs[0]?.values,
      Array.from({ length: count }, (_, index) => index)
    )
    assert.equal(client.bufferedBytes >= 0, true)
  })

  it('go behind what a handler of open writes, also those of a session that was lost', async () => {
    const { dial, network, told } = host(use, { server: { recovery: { time: 60_000, same: () => false } } })
    const client = dial({ plugins: [reconnect({ min: 0 }), offline()] })
    client.on('open', () => client.write('hello'))
    await until(() => told.logs[0]?.values.length === 1)
    // Written, but not yet sent: the turn is not over.
    client.write('never sent')
    network.cut()
    client.write('queued')
    assert.ok(client.bufferedBytes > 0)
    await until(() => told.logs[1]?.values.length === 3)
    assert.deepEqual(told.logs[1]?.values, ['hello', 'never sent', 'queued'])
  })
})

describe('acknowledgements', () => {
  const use = undoing()
  guard()

  it('have no gaps: nothing behind a value that waits counts as taken, whatever lanes took', async () => {
    const network = memory()
    const lanes: { write(value: unknown): boolean }[] = []
    const got: unknown[] = []
    const both = {
      name: 'both',
      version: 1,
      client: (_client: Client, lane: { write(value: unknown): boolean }) => void lanes.push(lane),
      peer: (_peer: unknown, lane: { on(event: 'data', listener: (value: unknown) => void): unknown }) => {
        lane.on('data', value => got.push(value))
      }
    }
    const { dial, told } = host(use, { server: { plugins: [both], transformers: [network] }, read: false })
    const client = dial({ plugins: [both], transformers: [network] })
    const near = logOf(client)
    await until(() => client.state === 'open')
    client.write('unread')
    lanes[0]?.write('over the lane')
    await until(() => got.length === 1)
    await client.ping()
    assert.ok(client.bufferedBytes > 0)
    told.peers[0]?.destroy(4000)
    await until(() => near.closes.length === 1)
    assert.deepEqual(near.lost, ['unread'])
  })
})
