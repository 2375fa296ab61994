import assert from 'node:assert/strict'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { createSandbox } from 'sinon'
import type { Client } from '../../core.ts'
import { offline as inBrowsers } from '../../plugins/offline/client.ts'
import type { Offline } from '../../plugins/offline/client.ts'
import { offline } from '../../plugins/offline/index.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { pluginContract } from '../contract/plugin.ts'
import { FakeBrowser } from '../support/browser.ts'
import { OfflineWorld } from '../support/offline.ts'

pluginContract('offline', () => ({ client: offline() }))
pluginContract('offline, the browser half', () => ({ client: inBrowsers() }))

describe('offline', () => {
  const sandbox = createSandbox()
  let world: OfflineWorld
  let received: unknown[]
  let browser: FakeBrowser | undefined

  beforeEach(() => {
    world = new OfflineWorld()
    received = world.received
  })

  afterEach(async () => {
    const left = await world.end()
    browser?.restore()
    browser = undefined
    sandbox.restore()
    syncBuiltinESMExports()
    assert.equal(left, 0, 'timers were left behind')
  })

  const record = (client: Client & { readonly offline: Offline }): string[] => {
    const events: string[] = []
    client.offline.on('online', ({ values }) => events.push(`online ${values}`))
    client.offline.on('offline', () => events.push('offline'))
    client.offline.on('discard', ({ value, reason }) => events.push(`discard ${JSON.stringify(value)} ${reason}`))
    return events
  }

  const counters = ({ offline: { online, size, bytes } }: { readonly offline: Offline }) => [online, size, bytes]

  describe('what is written while there is no wire', () => {
    it('waits, and is sent in order', async () => {
      const client = world.dial()
      const events = record(client)
      for (const value of ['one', { two: 2 }, [3]]) client.write(value)
      // Encoded: "one" and {"two":2} and [3], and 32 bytes each.
      assert.deepEqual(counters(client), [false, 3, 5 + 9 + 3 + 3 * 32])
      await world.pass(10)
      assert.deepEqual([received, events], [['one', { two: 2 }, [3]], ['online 3']])
      assert.deepEqual(counters(client), [true, 0, 0])
      client.write('four')
      assert.deepEqual(counters(client), [true, 0, 0])
      world.network.cut()
      await world.pass(10)
      assert.deepEqual(events, ['online 3', 'offline'])
      client.write('five')
      assert.deepEqual(counters(client), [false, 1, 6 + 32])
      await world.pass(1_000)
      assert.deepEqual(received.slice(3), ['four', 'five'])
      assert.deepEqual(events, ['online 3', 'offline', 'online 1'])
    })

    it('goes behind what handlers of the opening write, and before what comes later', async () => {
      const client = world.dial()
      client.write('waited 1')
      client.write('waited 2')
      client.on('open', () => {
        client.write('auth')
        queueMicrotask(() => void client.write('later'))
      })
      client.on('open', () => void client.write('more auth'))
      client.offline.on('online', () => void client.write('online'))
      await world.pass(10)
      assert.deepEqual(received.slice(0, 4), ['auth', 'more auth', 'waited 1', 'waited 2'])
      assert.deepEqual(new Set(received.slice(4)), new Set(['online', 'later']))
      received.length = 0
      world.network.cut()
      await world.pass(10)
      client.write('waited')
      await world.pass(1_000)
      assert.deepEqual(received.slice(0, 3), ['auth', 'more auth', 'waited'])
    })

    it('goes behind what was sent before, and comes once', async () => {
      const client = world.dial()
      await world.pass(10)
      world.network.latency = 50
      client.write('on its way')
      await world.pass(10)
      world.network.cut()
      await world.pass(60)
      client.write('waited')
      await world.pass(2_000)
      assert.deepEqual(received, ['on its way', 'waited'])
    })

    it('is as it was when it was written', async () => {
      const client = await world.away()
      const value = { count: 1, list: [1] }
      client.write(value)
      value.count = 2
      value.list.push(2)
      await world.pass(1_000)
      assert.deepEqual(received, [{ count: 1, list: [1] }])
    })

    it('goes into the next session, where the last one is lost', async () => {
      const client = await world.away()
      client.write('waited')
      await world.server.close()
      world.serve()
      const lost: unknown[] = []
      client.on('lost', ({ values }) => lost.push(...values))
      await world.pass(1_000)
      assert.deepEqual([received, lost, client.state, counters(client)], [['waited'], [], 'open', [true, 0, 0]])
    })

    it('is not there for what may be lost', async () => {
      const client = await world.away()
      const events = record(client)
      assert.equal(client.write('maybe', { reliable: false }), false)
      await world.pass(1_000)
      assert.deepEqual([received, events], [[], ['online 0']])
    })

    it('passes interceptors once, in order', async () => {
      const seen: unknown[] = []
      const client = world.dial({})
      client.outgoing.use(async (value, next) => {
        await Promise.resolve()
        seen.push(value)
        next(`<${String(value)}>`)
      })
      client.write('a')
      client.write('b')
      await world.pass(10)
      client.write('c')
      await world.pass(10)
      assert.deepEqual(
        [received, seen],
        [
          ['<a>', '<b>', '<c>'],
          ['a', 'b', 'c']
        ]
      )
    })

    it('is told when it cannot be sent after all, and the rest is sent', async () => {
      await world.server.close()
      world.serve({ limits: { message: 100 } })
      const client = world.dial()
      const errors: string[] = []
      client.on('error', ({ code }) => errors.push(code))
      for (const value of ['one', 'x'.repeat(200), 'two']) client.write(value)
      await world.pass(10)
      assert.deepEqual([received, errors], [['one', 'two'], ['ERR_TOO_LARGE']])
    })

    it('is refused when it cannot be encoded', async () => {
      const client = await world.away()
      const errors: string[] = []
      client.on('error', ({ code }) => errors.push(code))
      assert.throws(() => client.write(() => {}), { code: 'ERR_ENCODE' })
      assert.deepEqual([errors, counters(client)], [[], [false, 0, 0]])
    })
  })

  describe('the cap', () => {
    it('discards the newest', async () => {
      const client = await world.away({ bytes: 100 })
      const events = record(client)
      for (const value of ['a', 'b', 'large '.repeat(20), 'c']) client.write(value)
      assert.deepEqual(counters(client), [false, 2, 70])
      assert.deepEqual(events, [`discard "${'large '.repeat(20)}" full`, 'discard "c" full'])
      await world.pass(1_000)
      assert.deepEqual(received, ['a', 'b'])
    })

    it('discards the oldest', async () => {
      const client = await world.away({ bytes: 110, discard: 'oldest' })
      const events = record(client)
      for (const value of ['a', 'b', 'c', 'd']) client.write(value)
      assert.deepEqual([counters(client), events], [[false, 3, 105], ['discard "a" full']])
      client.write('twice as large as one of them, almost')
      assert.deepEqual(events.slice(1), ['discard "b" full', 'discard "c" full'])
      await world.pass(1_000)
      assert.deepEqual(received, ['d', 'twice as large as one of them, almost'])
    })

    it('discards what is too large for it, but where there is room', async () => {
      for (const discard of ['newest', 'oldest'] as const) {
        const client = await world.away({ bytes: 100, discard })
        const events = record(client)
        client.write('x'.repeat(100))
        assert.deepEqual([events, counters(client)], [[], [false, 1, 134]])
        client.write('y'.repeat(110))
        // What waits is not discarded for it.
        assert.deepEqual(events, [`discard "${'y'.repeat(110)}" full`])
        assert.deepEqual(counters(client), [false, 1, 134])
      }
    })

    it('of nothing lets nothing wait', async () => {
      const client = await world.away({ bytes: 0 })
      const events = record(client)
      client.write('a')
      await world.pass(1_000)
      assert.deepEqual([received, events], [[], ['discard "a" full', 'online 0']])
      client.write('b')
      await world.pass(10)
      assert.deepEqual(received, ['b'])
    })

    it('holds again after it was emptied', async () => {
      const client = world.dial({ bytes: 70 })
      for (let round = 0; round < 3; round++) {
        const events = record(client)
        for (const value of ['a', 'b', 'c']) client.write(value)
        assert.deepEqual(events, ['discard "c" full'])
        await world.pass(2_000)
        world.network.cut()
        await world.pass(10)
      }
      assert.deepEqual(received, ['a', 'b', 'a', 'b', 'a', 'b'])
    })
  })

  describe('expiry', () => {
    it('discards what waited too long', async () => {
      const client = await world.away({ expires: 300 })
      const events = record(client)
      client.write('too long')
      client.write('for ever', { expires: Infinity })
      client.write('short', { expires: 100 })
      await world.pass(300)
      client.write('just now')
      await world.pass(300)
      assert.deepEqual(received, ['for ever', 'just now'])
      assert.deepEqual(events, ['discard "too long" expired', 'discard "short" expired', 'online 2'])
    })

    it('is not for what is written with a wire', async () => {
      const client = world.dial()
      await world.pass(10)
      client.write('now', { expires: 0 })
      await world.pass(10)
      assert.deepEqual(received, ['now'])
    })

    it('does not happen by itself', async () => {
      const client = await world.away({ expires: Infinity })
      client.write('patient')
      world.network.down = true
      await world.pass(100_000)
      assert.equal(client.offline.size, 1)
    })
  })

  describe('the end', () => {
    it('has what waits told as lost, when the client closes', async () => {
      const client = await world.away()
      const events = record(client)
      client.on('lost', ({ values }) => events.push(`lost ${String(values)}`))
      client.write('a')
      client.write('b')
      client.destroy()
      assert.deepEqual(events, ['lost a,b'])
      assert.deepEqual(counters(client), [false, 0, 0])
    })

    it('comes behind what waits, where there never was a wire', async () => {
      world.network.down = true
      const client = world.dial()
      const events = record(client)
      client.write('a')
      client.end(4000)
      await world.pass(10)
      assert.deepEqual([client.state, received], ['connecting', []])
      world.network.down = false
      await world.pass(1_000)
      assert.deepEqual([events, client.state, received], [['online 1', 'offline'], 'closed', ['a']])
    })

    it('comes behind what was written, with a wire', async () => {
      const client = world.dial()
      await world.pass(10)
      client.write('last')
      client.end(4000)
      await world.pass(10)
      assert.deepEqual([received, client.state], [['last'], 'closed'])
    })

    it('is not the last word: it keeps values for a client that opens again', async () => {
      const client = world.dial()
      await world.pass(10)
      client.end()
      await world.pass(10)
      const events = record(client)
      client.open()
      client.write('again')
      await world.pass(10)
      assert.deepEqual([received, events], [['again'], ['online 1']])
    })

    it('is told so without a plugin that reconnects, too', async () => {
      const client = world.connect([inBrowsers()])
      client.on('close', () => {})
      const events = record(client)
      client.on('lost', ({ values }) => events.push(`lost ${String(values)}`))
      world.network.down = true
      client.write('a')
      await world.pass(10)
      assert.deepEqual([events, client.state], [['lost a'], 'closed'])
    })
  })

  describe('noticing a dead wire, in browsers', () => {
    beforeEach(() => {
      browser = new FakeBrowser()
    })

    for (const event of ['online', 'offline', 'pageshow', 'visibilitychange']) {
      it(`asks for a sign of life at ${event}`, async () => {
        const client = world.dial({ probe: 700 })
        await world.pass(10)
        const told = record(client)
        browser?.tell(event)
        await world.pass(5_000)
        assert.deepEqual([client.state, told], ['open', []])
        world.network.stalled = true
        browser?.tell(event)
        await world.pass(699)
        assert.equal(client.state, 'open')
        await world.pass(2)
        assert.deepEqual([client.state, told], ['away', ['offline']])
      })
    }

    it('does not wait where the browser says that there is no network', async () => {
      const client = world.dial()
      await world.pass(10)
      world.network.stalled = true
      if (browser) browser.onLine = false
      browser?.tell('offline')
      await world.pass(2)
      assert.equal(client.state, 'away')
    })

    it('listens only while the client is in use', async () => {
      const client = world.connect([inBrowsers()])
      assert.equal(browser?.listeners, 4)
      client.end()
      await world.pass(10)
      assert.equal(browser?.listeners, 0)
    })

    it('does nothing without a wire', async () => {
      const client = await world.away()
      browser?.tell('pageshow')
      await world.pass(10)
      assert.notEqual(client.state, 'closed')
    })
  })

  describe('noticing a dead wire, in Node', () => {
    it('asks for a sign of life when the addresses of the machine change', async () => {
      const address = (name: string): os.NetworkInterfaceInfo => ({
        address: name,
        netmask: '',
        family: 'IPv4',
        mac: '',
        internal: false,
        cidr: null
      })
      const interfaces = sandbox.stub(os, 'networkInterfaces').returns({ lo: [], eth0: [address('10.0.0.1')] })
      // For those who import it by name.
      syncBuiltinESMExports()
      const client = world.connect([reconnect({ random: () => 0.5 }), offline({ probe: 500 })] as const)
      const probe = sandbox.spy(client, 'ping')
      await world.pass(20_000)
      assert.equal(probe.callCount, 0)
      interfaces.returns({ lo: [], eth0: [address('10.0.0.3')] })
      await world.pass(20_000)
      assert.deepEqual([probe.callCount, client.state], [1, 'open'])
      world.network.stalled = true
      await world.pass(20_000)
      assert.equal(client.state, 'open')
      interfaces.returns({ lo: [], wlan0: [address('10.0.0.2')] })
      await world.pass(5_000)
      await world.pass(501)
      assert.equal(client.state, 'away')
      client.destroy()
      const { callCount } = interfaces
      await world.pass(100_000)
      assert.equal(interfaces.callCount, callCount)
    })
  })
})
