import assert from 'node:assert/strict'
import { createSandbox } from 'sinon'
import { AnywireError, ERR_EXPIRED } from '../../core.ts'
import type { Client } from '../../core.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import type { Reconnect, ReconnectOptions } from '../../plugins/reconnect/client.ts'
import { dice } from '../contract/hostile-values.ts'
import { pluginContract } from '../contract/plugin.ts'
import { FakeBrowser } from '../support/browser.ts'
import { Clocked } from '../support/clocked.ts'
import { runs } from '../support/faults-seed.ts'

pluginContract('reconnect', () => ({ client: reconnect() }))

describe('reconnect', () => {
  const sandbox = createSandbox()
  let world: Clocked
  let browser: FakeBrowser | undefined

  beforeEach(() => {
    world = new Clocked()
  })

  afterEach(async () => {
    const left = await world.end()
    browser?.restore()
    browser = undefined
    sandbox.restore()
    assert.equal(left, 0, 'timers were left behind')
  })

  const connect = (options: ReconnectOptions = {}) => world.connect([reconnect(options)])

  /** Everything that the plugin and its client tell. */
  const record = (client: Client & { readonly reconnect: Reconnect }): string[] => {
    const events: string[] = []
    client.reconnect.on('schedule', ({ attempt, delay }) => events.push(`schedule ${attempt} in ${Math.round(delay)}`))
    client.reconnect.on('attempt', ({ attempt }) => events.push(`attempt ${attempt}`))
    client.reconnect.on('success', ({ attempts }) => events.push(`success after ${attempts}`))
    client.reconnect.on('stop', ({ attempts }) => events.push(`stop after ${attempts}`))
    client.on('open', ({ recovered }) => events.push(recovered ? 'open again' : 'open'))
    client.on('disconnect', ({ reconnect: again }) => events.push(`disconnect ${again}`))
    client.on('close', ({ code, reconnect: again }) => events.push(`close ${code} ${again}`))
    return events
  }

  describe('delays', () => {
    const ranges = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]

    for (const share of [0, 0.25, 0.999]) {
      it(`are ${share} of a range that doubles, when the dice say so`, async () => {
        world.network.down = true
        const client = connect({ random: () => share })
        const delays: number[] = []
        client.reconnect.on('schedule', ({ delay }) => delays.push(delay))
        while (delays.length < ranges.length) await world.pass(1_000)
        assert.deepEqual(
          delays.slice(0, ranges.length),
          ranges.map(range => range * share)
        )
      })
    }

    it('grow for ever in pages where their longest is no number, and none of them is 0', async () => {
      world.network.down = true
      const client = connect({ random: () => 0.5, max: NaN })
      const delays: number[] = []
      client.reconnect.on('schedule', ({ delay }) => delays.push(delay))
      await world.pass(4_000)
      assert.deepEqual(delays, [500, 1_000, 2_000, 4_000])
    })

    it('start when they are over, and not before', async () => {
      world.network.down = true
      const client = connect({ random: () => 0.5, min: 400, max: 10_000, factor: 3 })
      const events = record(client)
      await world.pass(10)
      assert.deepEqual([events, client.reconnect.waiting, client.reconnect.attempts], [['schedule 1 in 200'], true, 0])
      await world.pass(180)
      assert.deepEqual(events, ['schedule 1 in 200'])
      await world.pass(20)
      assert.deepEqual(events, ['schedule 1 in 200', 'attempt 1', 'schedule 2 in 600'])
      await world.pass(620)
      assert.deepEqual(events.slice(3), ['attempt 2', 'schedule 3 in 1800'])
      assert.equal(client.reconnect.attempts, 2)
    })

    it('come from Math.random where nobody says otherwise, the first one too', async () => {
      sandbox.stub(Math, 'random').returns(0.125)
      world.network.down = true
      const events = record(connect())
      await world.pass(200)
      assert.deepEqual(events, ['schedule 1 in 125', 'attempt 1', 'schedule 2 in 250'])
    })

    it('are longer by what the server asks for', async () => {
      sandbox.stub(Math, 'random').returns(0.5)
      const client = connect({ random: () => 0.25 })
      const events = record(client)
      await world.pass(2_000)
      const closing = world.server.close({ reconnect: 20_000 })
      await world.pass(10)
      await closing
      assert.deepEqual(events, ['open', 'close 3000 true', 'schedule 1 in 10250'])
      world.serve()
      await world.pass(10_200)
      assert.equal(events.length, 3)
      await world.pass(100)
      assert.deepEqual(events.slice(3), ['attempt 1', 'success after 1', 'open'])
    })
  })

  describe('attempts', () => {
    it('never end by themselves', async () => {
      world.network.down = true
      const client = connect({ max: 100, random: dice(2) })
      while (client.reconnect.attempts < 2_000 && client.state !== 'closed') await world.pass(10_000)
      assert.equal(client.state, 'connecting')
      world.network.down = false
      await world.pass(200)
      assert.equal(client.state, 'open')
    })

    it('end at their limit: the client closes', async () => {
      world.network.down = true
      const client = connect({ attempts: 2, random: () => 0.5 })
      const events = record(client)
      await world.pass(60_000)
      assert.deepEqual(events, [
        'schedule 1 in 500',
        'attempt 1',
        'schedule 2 in 1000',
        'attempt 2',
        'close 1006 false',
        'stop after 2'
      ])
      assert.deepEqual([client.state, client.reconnect.waiting, client.reconnect.attempts], ['closed', false, 0])
      world.network.down = false
      client.open()
      await world.pass(10)
      assert.equal(client.state, 'open')
    })

    it('go on with the session, and tell every step', async () => {
      const client = connect({ random: () => 0.5 })
      const events = record(client)
      await world.pass(2_000)
      world.network.cut()
      world.network.down = true
      await world.pass(510)
      world.network.down = false
      await world.pass(1_000)
      assert.deepEqual(events, [
        'open',
        'disconnect true',
        'schedule 1 in 500',
        'attempt 1',
        'schedule 2 in 1000',
        'attempt 2',
        'success after 2',
        'open again'
      ])
      assert.equal(world.peers.length, 1)
    })

    it('tell why there is no wire', async () => {
      const client = connect()
      const ends: unknown[] = []
      client.reconnect.on('schedule', ({ code, reason }) => ends.push([code, reason]))
      await world.pass(10)
      world.peer.end(4123, 'back soon')
      await world.pass(10)
      assert.deepEqual(ends, [[4123, 'back soon']])
    })

    it('count as one row until a wire lived for a second', async () => {
      const client = connect({ random: () => 0.5 })
      const delays: number[] = []
      client.reconnect.on('schedule', ({ delay }) => delays.push(delay))
      const flap = async (alive: number): Promise<void> => {
        while (client.state !== 'open') await world.pass(100)
        await world.pass(alive)
        world.network.cut()
        await world.pass(1)
      }
      for (const alive of [2_000, 0, 100, 500, 1_100, 0]) await flap(alive)
      assert.deepEqual(delays, [500, 1_000, 2_000, 4_000, 500, 1_000])
    })

    it('fail when the server does not answer, and are made again', async () => {
      world.network.stalled = true
      const client = world.connect([reconnect({ random: () => 0.5 })], { timeout: 3_000 })
      const events = record(client)
      await world.pass(2_999)
      assert.deepEqual(events, [])
      await world.pass(2)
      assert.deepEqual(events, ['schedule 1 in 500'])
      world.network.stalled = false
      await world.pass(600)
      assert.deepEqual(events.slice(1), ['attempt 1', 'success after 1', 'open'])
      assert.equal(world.server.peers.size, 1)
    })

    it('ask for URL and auth each time, and wait for them', async () => {
      world.network.down = true
      const asked: string[] = []
      const later = async (what: string): Promise<number> => {
        await new Promise(resolve => setTimeout(resolve, 100))
        return asked.push(what)
      }
      const auth = async (): Promise<string> => {
        await later('auth')
        return 'token'
      }
      const url = async (): Promise<string> => `http://memory/anywire?asked=${await later('url')}`
      const client = world.connect([reconnect({ random: () => 0 })], { auth, query: { x: 'y' } }, url)
      await world.pass(250)
      assert.deepEqual([asked.toSorted(), client.state], [['auth', 'auth', 'url', 'url'], 'connecting'])
      world.network.down = false
      await world.pass(120)
      assert.deepEqual([asked.length, client.state], [6, 'open'])
      assert.equal(world.peer.query['x'], 'y')
      assert.ok(['5', '6'].includes(world.peer.query['asked'] ?? ''), world.peer.query['asked'])
    })

    it('survive functions that fail', async () => {
      let count = 0
      const auth = (): number => {
        if (++count < 3) throw new Error('no token yet')
        return count
      }
      const client = world.connect([reconnect({ random: () => 0.5 })], { auth })
      const reasons: string[] = []
      client.reconnect.on('schedule', ({ reason }) => reasons.push(reason))
      await world.pass(5_000)
      assert.deepEqual([client.state, count], ['open', 3])
      assert.equal(reasons.length, 2)
      assert.match(reasons[0] ?? '', /no token yet/)
    })
  })

  describe('what makes it stop', () => {
    const ends: readonly [code: number, again: boolean][] = [
      [1000, false],
      [4000, true],
      [4499, true],
      [4500, false],
      [4999, false]
    ]
    for (const [code, again] of ends) {
      it(`is ${again ? 'not ' : ''}the code ${code}`, async () => {
        const client = connect({ random: () => 0.5 })
        const events = record(client)
        await world.pass(10)
        world.peer.end(code)
        await world.pass(1_000)
        assert.deepEqual(
          events.slice(1),
          again
            ? [`close ${code} true`, 'schedule 1 in 500', 'attempt 1', 'success after 1', 'open']
            : [`close ${code} false`]
        )
      })
    }

    it('is a refusal that trying again cannot mend', async () => {
      await world.server.close()
      world.serve({ authenticate: () => false })
      const client = connect()
      const events = record(client)
      await world.pass(100_000)
      assert.deepEqual(events, ['close 3502 false'])
      assert.deepEqual([client.state, client.reconnect.waiting], ['closed', false])
    })

    it('is no refusal that time may mend', async () => {
      let valid = false
      const authenticate = (): object => {
        if (!valid) throw new AnywireError(ERR_EXPIRED)
        return {}
      }
      await world.server.close()
      world.serve({ authenticate })
      const client = connect({ random: () => 0.5 })
      const events = record(client)
      await world.pass(600)
      assert.deepEqual(events, ['schedule 1 in 500', 'attempt 1', 'schedule 2 in 1000'])
      valid = true
      await world.pass(1_000)
      assert.equal(client.state, 'open')
    })

    it('is a refusal of a client that comes back', async () => {
      let valid = true
      await world.server.close()
      world.serve({ authenticate: () => valid && {} })
      const client = connect({ random: () => 0.5 })
      const events = record(client)
      await world.pass(10)
      valid = false
      world.network.cut()
      await world.pass(10_000)
      assert.deepEqual(events, ['open', 'disconnect true', 'schedule 1 in 500', 'attempt 1', 'close 3502 false'])
    })

    for (const act of ['end', 'destroy'] as const) {
      it(`is ${act}() while it waits, and while it dials`, async () => {
        world.network.down = true
        const waiting = connect({ random: () => 0.5 })
        await world.pass(10)
        world.network.stalled = true
        const dialling = connect()
        const events = [record(waiting), record(dialling)]
        await world.pass(10)
        waiting[act]()
        dialling[act]()
        await world.pass(100_000)
        assert.deepEqual(events, [['close 1000 false'], ['close 1000 false']])
        assert.deepEqual([waiting.reconnect.waiting, waiting.state, dialling.state], [false, 'closed', 'closed'])
      })
    }
  })

  describe('at once', () => {
    beforeEach(() => {
      browser = new FakeBrowser()
    })

    for (const event of ['online', 'pageshow', 'visibilitychange']) {
      it(`at ${event}`, async () => {
        world.network.down = true
        const client = connect({ random: () => 0.5 })
        const events = record(client)
        await world.pass(10)
        world.network.down = false
        browser?.tell(event)
        await world.pass(10)
        assert.deepEqual(events, ['schedule 1 in 500', 'attempt 1', 'success after 1', 'open'])
        // With a wire there is nothing to do.
        browser?.tell(event)
        await world.pass(1_000)
        assert.equal(events.length, 4)
      })
    }

    it('not at other times', async () => {
      world.network.down = true
      const client = connect({ random: () => 0.5 })
      await world.pass(10)
      if (browser) browser.hidden = true
      browser?.tell('visibilitychange')
      browser?.tell('offline')
      await world.pass(10)
      assert.equal(client.reconnect.attempts, 0)
    })

    it('when it is told to', async () => {
      world.network.down = true
      const client = connect({ random: () => 0.5 })
      client.reconnect.now()
      await world.pass(10)
      world.network.down = false
      client.reconnect.now()
      client.reconnect.now()
      await world.pass(10)
      assert.deepEqual([client.state, client.reconnect.attempts, client.reconnect.waiting], ['open', 1, false])
    })

    it('by open(), in the place of the next attempt', async () => {
      world.network.down = true
      const client = connect({ random: () => 0.5 })
      const events = record(client)
      await world.pass(10)
      world.network.down = false
      client.open()
      await world.pass(2_000)
      assert.deepEqual(events, ['schedule 1 in 500', 'open'])
      assert.equal(client.reconnect.waiting, false)
    })

    it('listens only while the client is in use', async () => {
      const client = connect()
      await world.pass(10)
      assert.equal(browser?.listeners, 4)
      client.end()
      await world.pass(10)
      assert.equal(browser?.listeners, 0)
      client.open()
      await world.pass(10)
      assert.equal(browser?.listeners, 4)
    })
  })

  it('reports listeners that fail, and goes on', async () => {
    const printed = sandbox.stub(console, 'error')
    world.network.down = true
    const client = connect({ random: () => 0.5 })
    client.reconnect.on('schedule', () => {
      throw new Error('mine')
    })
    await world.pass(10)
    world.network.down = false
    await world.pass(1_000)
    assert.equal(client.state, 'open')
    assert.equal(printed.callCount, 1)
  })
})

/** How many numbers are in each of `count` ranges of `width`. */
const histogram = (numbers: readonly number[], width: number, count: number): number[] =>
  Array.from({ length: count }, (_, bin) => numbers.filter(number => Math.floor(number / width) === bin).length)

describe('reconnect: a restarted server', () => {
  it('gets thousands of clients back spread out', async () => {
    const world = new Clocked({ limits: { connections: 10_000 }, heartbeat: 0, recovery: false })
    // It is away, and everybody has just noticed.
    world.network.down = true
    const random = dice(1)
    // Fewer show no shape.
    const count = Math.max(1_250, runs(1_250).numRuns)
    const delays: number[] = []
    for (let index = 0; index < count; index++) {
      const client = world.connect([reconnect({ random })])
      client.reconnect.on('schedule', ({ delay }) => delays.push(delay))
    }
    const arrivals: number[] = []
    world.server.on('connection', () => arrivals.push(Date.now()))
    await world.pass(1)
    const start = Date.now()
    world.network.down = false
    await world.pass(1_100)
    assert.deepEqual([delays.length, arrivals.length, world.server.peers.size], [count, count, count])
    for (const [what, times] of [
      ['delays', delays],
      ['arrivals', arrivals.map(arrival => arrival - start)]
    ] as const) {
      const bins = histogram(times, 100, 10)
      assert.ok(
        bins.every(bin => bin > 0.08 * count && bin < 0.12 * count),
        `${what}: ${bins.join()}`
      )
    }
    await world.end()
  })
})
