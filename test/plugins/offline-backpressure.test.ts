import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { stub } from 'sinon'
import { connect as connectCore } from '../../core.ts'
import type { Client, ClientPlugin, Lane, Limits, ServerPlugin } from '../../core.ts'
import { duplex } from '../../node.ts'
import { json } from '../../parsers/json.ts'
import { offline } from '../../plugins/offline/client.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { OfflineWorld } from '../support/offline.ts'

/** The largest value that may be written by default: two more characters are its quotes. */
const LARGEST = 'x'.repeat(1_048_574)

const VALUES = Array.from({ length: 40 }, (_, number) => `${number} ${'x'.repeat(100_000)}`)

/** Ways to write them all. */
const ways: Readonly<Record<string, (client: Client) => Promise<void>>> = {
  async 'write and drain'(client) {
    for (const value of VALUES)
      if (!client.write(value)) await new Promise<void>(resolve => client.once('drain', resolve))
  },

  async 'its web stream'(client) {
    const writer = client.writable.getWriter()
    for (const value of VALUES) await writer.write(value)
  },

  async 'its Node stream'(client) {
    await pipeline(Readable.from(VALUES), duplex(client), { end: false })
  }
}

describe('offline, where more is written than may wait', () => {
  let world: OfflineWorld
  let received: unknown[]

  beforeEach(() => {
    world = new OfflineWorld()
    received = world.received
  })

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const watch = (client: ReturnType<OfflineWorld['dial']>): string[] => {
    const reasons: string[] = []
    client.offline.on('discard', ({ reason }) => reasons.push(reason))
    return reasons
  }

  for (const discard of ['newest', 'oldest'] as const)
    for (const [way, write] of Object.entries(ways)) {
      it(`discards nothing of who waits for room: ${way}, the ${discard}`, async () => {
        world.network.down = true
        const client = world.dial({ discard })
        const discarded = watch(client)
        let written = false
        void write(client).then(() => (written = true))
        await world.pass(1_000)
        assert.ok(client.offline.size > 1 && client.offline.bytes < 1_048_576)
        world.network.down = false
        await world.pass(10_000)
        assert.deepEqual([written, received.length, discarded], [true, VALUES.length, []])
        assert.deepEqual(received, VALUES)
      })

      it(`nor where the wire is lost meanwhile: ${way}, the ${discard}`, async () => {
        const client = world.dial({ discard })
        const discarded = watch(client)
        await world.pass(10)
        void write(client)
        for (let cut = 0; cut < 5; cut++) {
          world.network.cut()
          await world.pass(1_001)
        }
        await world.pass(10_000)
        assert.deepEqual([received, discarded], [VALUES, []])
      })
    }

  it('goes on with a stream in the next session, where the last one is lost', async () => {
    for (const [way, write] of Object.entries(ways)) {
      const client = world.dial()
      const values: unknown[] = []
      client.on('lost', lost => values.push(...lost.values))
      await world.pass(10)
      world.network.latency = 20
      void write(client)
      await world.pass(50)
      world.network.cut()
      await world.server.close({ timeout: 0 })
      await world.pass(100)
      world.serve()
      await world.pass(10_000)
      const all = new Set([...received, ...values])
      assert.deepEqual(all, new Set(VALUES), way)
      assert.ok(received.length > VALUES.length / 2)
      received.length = 0
      client.destroy()
      world.network.latency = 0
    }
  })

  it('says full once half of it waits, and tells when there is room', async () => {
    const client = await world.away({ bytes: 400 })
    const events: string[] = []
    client.on('drain', () => events.push('drain'))
    // 100 bytes each: a character, its quotes, and 32 for each value.
    const value = 'x'.repeat(66)
    assert.deepEqual([client.write(value), client.write(value), client.write(value)], [true, false, false])
    await world.pass(100)
    assert.equal(events.length, 0)
    client.offline.on('online', () => events.push('online'))
    await world.pass(1_000)
    assert.deepEqual([received.length, events], [3, ['online', 'drain']])
    assert.equal(client.write(value), true)
  })

  it('takes a value of any size while it is not half full', async () => {
    for (const discard of ['newest', 'oldest'] as const) {
      const client = await world.away({ discard })
      const discarded = watch(client)
      assert.deepEqual([client.write('small'), client.write(LARGEST)], [true, false])
      await world.pass(1_000)
      assert.deepEqual([received, discarded], [['small', LARGEST], []])
      received.length = 0
    }
  })

  it('takes the largest value before there ever was a wire', async () => {
    world.network.down = true
    const client = world.dial()
    assert.equal(client.write(LARGEST), false)
    await world.pass(1_000)
    world.network.down = false
    await world.pass(10_000)
    assert.deepEqual(received, [LARGEST])
  })

  it('holds no more than that, whatever is written then', async () => {
    for (const discard of ['newest', 'oldest'] as const) {
      const client = await world.away({ discard })
      const discarded = watch(client)
      client.write('small')
      client.write(LARGEST)
      const { bytes } = client.offline
      for (const value of ['a', LARGEST, 'b', ...VALUES]) {
        client.write(value)
        assert.ok(client.offline.bytes <= bytes)
      }
      assert.ok(discarded.length > 2)
      client.destroy()
    }
  })

  it('ends no session that has more to send than its window, and loses its wire again', async () => {
    const client = world.connect([reconnect({ random: () => 0.5 }), offline()] as const, { limits: { window: 65_536 } })
    await world.pass(10)
    world.network.latency = 50
    world.network.cut()
    await world.pass(1)
    const values = VALUES.slice(0, 6)
    for (const value of values) client.write(value)
    for (let waited = 0; client.state !== 'open' && waited < 5_000; waited += 5) await world.pass(5)
    world.network.cut()
    await world.pass(1)
    assert.deepEqual([client.state, client.offline.size, client.bufferedBytes > 131_072], ['away', 0, true])
    client.write('one more')
    assert.equal(client.state, 'away')
    await world.pass(20_000)
    assert.deepEqual([received, world.errors], [[...values, 'one more'], []])
  })

  describe('and what was kept is more than may wait', () => {
    /** Says something of its own. */
    const talk = {
      name: 'talk',
      version: 1,
      client: (_client: Client, lane: Lane) => ({ say: (value: unknown) => lane.write(value) }),
      peer: () => {}
    } as const satisfies ClientPlugin & ServerPlugin

    const values = VALUES.slice(0, 6)

    /** A client that has just been given all of them to send, over a slow network. */
    const flushing = async (limits: Partial<Limits>) => {
      void world.server.close()
      // The plugins of this test are not in the type of the world's server.
      world.serve({ plugins: [talk] as never })
      const client = world.connect([reconnect({ random: () => 0.5 }), offline(), talk] as const, { limits })
      await world.pass(10)
      world.network.latency = 50
      world.network.cut()
      await world.pass(1)
      for (const value of values) client.write(value)
      for (let waited = 0; client.state !== 'open' && waited < 5_000; waited += 5) await world.pass(5)
      assert.equal(client.offline.size, 0)
      return client
    }

    it('ends no session in which a plugin says something when the wire is lost again', async () => {
      const client = await flushing({ window: 65_536 })
      world.network.cut()
      await world.pass(1)
      assert.deepEqual([client.state, client.bufferedBytes > 131_072], ['away', true])
      client.talk.say('one more')
      assert.equal(client.state, 'away')
      await world.pass(20_000)
      assert.deepEqual([received, world.errors], [values, []])
    })

    it('ends no session in which something is written over the next wire', async () => {
      const client = await flushing({ window: 65_536, buffered: 65_536 })
      assert.equal(client.write('one more'), false)
      assert.deepEqual([client.state, client.bufferedBytes > 131_072], ['open', true])
      await world.pass(20_000)
      assert.deepEqual([received, world.errors], [[...values, 'one more'], []])
    })

    it('and ends it where as much is written besides, or once it was sent', async () => {
      const client = await flushing({ window: 65_536, buffered: 65_536 })
      for (let count = 0; count < 2; count++) client.write('x'.repeat(65_000))
      assert.equal(client.state, 'open')
      client.write('x'.repeat(65_000))
      assert.deepEqual([client.state, world.errors.map(({ code }) => code)], ['connecting', ['ERR_SLOW']])
      await world.pass(20_000)
      world.errors.length = 0
      const other = await flushing({ window: 65_536, buffered: 65_536 })
      await world.pass(20_000)
      for (let count = 0; count < 3; count++) other.write('x'.repeat(65_000))
      assert.deepEqual([other.state, world.errors.map(({ code }) => code)], ['connecting', ['ERR_SLOW']])
    })
  })

  it('is an error where nobody listens for what is discarded', async () => {
    const client = await world.away({ bytes: 100 })
    const discarded = { reason: 'full', value: 'three' }
    for (const value of ['one', 'two', 'three', 'once']) client.write(value)
    assert.deepEqual(
      world.errors.map(({ code, message }) => [code, message]),
      [['ERR_SLOW', 'Too much is unread: offline.full']]
    )
    const heard: unknown[] = []
    const stop = client.offline.on('discard', told => heard.push(told))
    client.write('three')
    assert.deepEqual([world.errors.length, heard], [1, [discarded]])
    stop()
    await world.pass(1_000)
    world.network.cut()
    await world.pass(1)
    for (const value of ['one', 'two', 'three', 'once']) client.write(value)
    assert.equal(world.errors.length, 2)
  })

  it('is printed where nobody listens for errors either', async () => {
    const client = connectCore('http://memory', {
      transformers: [world.network],
      parser: json(),
      plugins: [offline({ bytes: 0 })],
      open: false
    })
    const printed = stub(console, 'error')
    try {
      client.write('one')
      assert.equal(printed.callCount, 1)
    } finally {
      printed.restore()
      client.destroy()
    }
  })

  it('is an error too where nobody listens for values that waited too long', async () => {
    const client = await world.away()
    for (const value of ['short', 'too']) client.write(value, { expires: 10 })
    await world.pass(1_000)
    assert.deepEqual([received, world.errors.map(String)], [[], ['AnywireError: Too much is unread: offline.expired']])
  })

  describe('and then the client closes', () => {
    it('tells what it could not send in `lost`, behind what it had sent, and before `close`', async () => {
      const client = world.dial()
      await world.pass(10)
      world.network.latency = 50
      client.write('on its way')
      await world.pass(10)
      world.network.cut()
      await world.pass(1)
      const events: unknown[] = []
      client.on('lost', ({ values }) => events.push(values))
      client.on('close', ({ code }) => events.push(code))
      client.write('waits')
      client.write('expired', { expires: 0 })
      await world.pass(1)
      client.destroy(4_500)
      await world.pass(10)
      assert.deepEqual(events, [['on its way', 'waits'], 4_500])
      assert.deepEqual([client.offline.online, client.offline.size, client.offline.bytes], [false, 0, 0])
    })

    it('tells of more of them than a call takes arguments', async () => {
      world.network.down = true
      const client = world.dial({ bytes: 8 * 1_048_576 })
      const events: unknown[] = []
      client.on('lost', ({ values }) => events.push([values.length, values.at(-1)]))
      client.on('close', ({ code }) => events.push(code))
      for (let value = 1; value <= 150_000; value++) client.write(value)
      client.destroy(4_500)
      await world.pass(10)
      assert.deepEqual(events, [[150_000, 150_000], 4_500])
    })

    it('ends those who wait for room', async () => {
      for (const [way, write] of Object.entries(ways)) {
        world.network.down = true
        const client = world.dial()
        const lost: unknown[] = []
        client.on('lost', ({ values }) => lost.push(...values))
        let ended = way === 'write and drain'
        void write(client).then(
          () => (ended = true),
          () => (ended = true)
        )
        await world.pass(10)
        const { size } = client.offline
        assert.ok(size > 1)
        client.destroy()
        await world.pass(10)
        assert.deepEqual([lost, ended], [VALUES.slice(0, size), true], way)
      }
    })
  })
})
