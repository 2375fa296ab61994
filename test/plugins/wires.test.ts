import assert from 'node:assert/strict'
import type { Client, ClientPlugin, ClientTransformer } from '../../core.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { wires } from '../../plugins/wires/client.ts'
import type { WiresOptions } from '../../plugins/wires/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { pluginContract } from '../contract/plugin.ts'
import { Clocked } from '../support/clocked.ts'

pluginContract('wires', () => ({ client: wires() }))

let origins = 0

describe('wires', () => {
  let world: Clocked
  let url: string
  const [first, second, third] = ['first', 'second', 'third'].map(name => memory({ name })) as [Net, Net, Net]
  type Net = ReturnType<typeof memory>
  const all = [first, second, third]

  beforeEach(() => {
    world = new Clocked({ transformers: all })
    // What one test remembers is none of the next one's business.
    url = `http://origin-${origins++}`
  })

  afterEach(async () => {
    for (const network of all) Object.assign(network, { stalled: false, down: false, latency: 0 })
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const connect = (options: WiresOptions = {}, more: readonly ClientPlugin[] = [], transformers = all) =>
    world.connect(
      [reconnect({ random: () => 0.5 }), wires({ random: () => 0, ...options }), ...more],
      { transformers },
      url
    )

  /** What becomes of attempts and wires, with the time since the start. */
  const record = (client: Client): string[] => {
    const events: string[] = []
    const start = Date.now()
    const at = (): string => `@${Date.now() - start}`
    client.on('attempt', ({ transformer, error }) => events.push(`${error ? 'no ' : ''}${transformer} ${at()}`))
    client.on('open', ({ recovered }) => events.push(`${recovered ? 'recovered' : 'open'} ${at()}`))
    client.on('migrate', ({ from, to }) => events.push(`${from} to ${to} ${at()}`))
    client.on('disconnect', () => events.push(`disconnect ${at()}`))
    client.on('close', () => events.push(`close ${at()}`))
    return events
  }

  describe('an attempt', () => {
    it('takes the first transformer of the list, and asks no other one', async () => {
      const client = connect()
      const events = record(client)
      await world.pass(10_000)
      assert.deepEqual(new Set(events.map(event => event.split(' ')[0])), new Set(['first', 'open']))
    })

    it('gives each a head start over the next, and takes what opens first', async () => {
      first.stalled = true
      second.stalled = true
      const client = connect({ upgrade: false })
      const events = record(client)
      await world.pass(599)
      assert.equal(events.length, 0)
      await world.pass(20)
      assert.deepEqual(events.map(event => event.replace(/ @6\d\d$/, '')).sort(), [
        'no first',
        'no second',
        'open',
        'third'
      ])
      assert.equal(client.transformer, 'third')
    })

    it('hears why a server refuses, though another wire has its turn', async () => {
      const says = (name: string, message?: string): ClientTransformer => ({
        ...first,
        name,
        dial(_url, receiver, signal) {
          receiver.open({ buffered: 0, send: () => true, close() {}, abort() {} })
          if (message !== undefined) setTimeout(() => receiver.message(message), 50)
          signal.addEventListener('abort', () => receiver.close(1006, ''))
        }
      })
      const client = connect({ headStart: 10 }, [], [
        says('silent'),
        says('frank', '!2[3506,"not from here",0]')
      ] as never)
      const ends: unknown[] = []
      client.on('close', ({ code, reason }) => ends.push([code, reason]))
      await world.pass(200)
      assert.deepEqual(ends, [[3506, 'not from here']])
    })

    it('takes a wire that opens while it is dialled', async () => {
      const sent: unknown[] = []
      const opens = (name: string): ClientTransformer => ({
        ...first,
        name,
        dial: (_url, receiver) =>
          receiver.open({ buffered: 0, send: data => sent.push(data) > 0, close: () => {}, abort: () => {} })
      })
      const client = connect({}, [], [opens('one'), opens('two')] as never)
      await world.pass(100)
      assert.deepEqual(
        sent.map(data => String(data).slice(0, 2)),
        ['!0']
      )
      client.destroy()
    })

    it('goes on at once when one fails', async () => {
      first.down = true
      second.down = true
      const client = connect({ upgrade: false })
      await world.pass(20)
      assert.deepEqual([client.transformer, client.wires.resting], ['third', ['first', 'second']])
    })

    it('has another wire say hello when the server does not answer over one that opened', async () => {
      // The wire opens, and then nothing comes through any more.
      const client = connect({ upgrade: false, patience: 500 })
      const undo = client.on('attempt', () => {})
      first.latency = 1
      await world.pass(1)
      first.stalled = true
      await world.pass(3_000)
      undo()
      assert.equal(client.transformer, 'second')
      assert.equal(world.peers.filter(({ state }) => state === 'open').length, 1)
    })

    it('fails when all fail, and says why', async () => {
      for (const network of all) network.down = true
      const client = connect()
      const events = record(client)
      const reasons: string[] = []
      client.reconnect.on('schedule', ({ reason }) => reasons.push(reason))
      await world.pass(20)
      assert.deepEqual(
        events.map(event => event.replace(/ @.*/, '')),
        ['no first', 'no second', 'no third']
      )
      assert.equal(reasons.length, 1)
    })
  })

  describe('a favorite', () => {
    it('is what worked last, for the same origin, for a time', async () => {
      first.stalled = true
      const before = connect({ upgrade: false })
      await world.pass(400)
      assert.equal(before.transformer, 'second')
      before.destroy()
      const again = connect({ upgrade: false })
      const events = record(again)
      await world.pass(10)
      assert.deepEqual(new Set(events.map(event => event.split(' ')[0])), new Set(['open', 'second']))
      again.destroy()
      first.stalled = false
      await world.pass(3_700_000)
      const later = connect({ upgrade: false })
      await world.pass(10)
      assert.equal(later.transformer, 'first')
      url = 'http://elsewhere'
      const elsewhere = connect({ upgrade: false, remember: 0 })
      await world.pass(10)
      assert.equal(elsewhere.transformer, 'first')
    })

    it('that fails is not tried again at once', async () => {
      const client = connect({ upgrade: false })
      await world.pass(20_000)
      first.down = true
      first.cut()
      const events = record(client)
      await world.pass(20_000)
      assert.equal(client.transformer, 'second')
      first.down = false
      second.cut()
      await world.pass(1_000)
      assert.deepEqual(
        events.map(event => event.replace(/ @.*/, '')).filter(event => /first|second/.test(event)),
        ['no first', 'second', 'second']
      )
    })

    it('rests when its wires live shortly', async () => {
      const client = connect({ upgrade: false })
      await world.pass(1_000)
      first.cut()
      await world.pass(1_000)
      assert.deepEqual([client.transformer, client.wires.resting], ['second', ['first']])
    })
  })

  describe('a lesser wire', () => {
    it('is left for a better one when that opens, and no value is lost', async () => {
      first.down = true
      const client = connect()
      const events = record(client)
      const got: unknown[] = []
      await world.pass(100)
      world.peer.on('data', value => got.push(value))
      assert.equal(client.transformer, 'second')
      first.down = false
      let sent = 0
      for (let step = 0; step < 70; step++) {
        client.write(sent++)
        await world.pass(1_000)
      }
      assert.equal(client.transformer, 'first')
      assert.deepEqual(
        got,
        Array.from({ length: sent }, (_, index) => index)
      )
      assert.equal(events.filter(event => event.startsWith('second to first')).length, 1)
      assert.ok(!events.some(event => event.startsWith('disconnect')))
    })

    it('is left soon when the better one was only late', async () => {
      first.stalled = true
      const client = connect()
      await world.pass(500)
      assert.equal(client.transformer, 'second')
      first.stalled = false
      await world.pass(1_000)
      assert.equal(client.transformer, 'first')
    })

    it('is kept while better ones fail, which are tried ever more seldom', async () => {
      first.down = true
      const client = connect()
      const events = record(client)
      await world.pass(3_600_000)
      const tries = events
        .filter(event => event.startsWith('no first'))
        .map(event => +event.slice(event.indexOf('@') + 1))
      assert.equal(client.transformer, 'second')
      assert.ok(tries.length > 3 && tries.length < 10, `${tries}`)
      assert.ok(!events.some(event => event.startsWith('disconnect')))
    })

    it('is kept while the better one dies each time, which is tried ever more seldom', async () => {
      const client = connect({ rest: 1_000 }, [], [first, second])
      await world.pass(10)
      let moves = 0
      client.on('migrate', ({ to }) => {
        if (to !== 'first') return
        moves++
        setTimeout(() => first.cut(), 50)
      })
      first.cut()
      await world.pass(120_000)
      assert.ok(moves > 2 && moves < 9, `${moves} moves`)
    })

    it('is kept when the server refuses the better one, which is not asked again at once', async () => {
      let asked = 0
      await world.server.close()
      world.serve({
        transformers: all,
        authenticate: ({ transformer }) => {
          if (transformer === 'first') asked++
          return transformer === 'second' && {}
        }
      })
      first.stalled = true
      const client = connect({ rest: 10_000 })
      await world.pass(400)
      first.stalled = false
      await world.pass(60_000)
      assert.equal(client.transformer, 'second')
      assert.ok(asked > 0 && asked < 5, `${asked} times`)
    })

    it('has the time that a slow server takes', async () => {
      await world.server.close()
      world.serve({
        transformers: all,
        authenticate: () => new Promise(resolve => setTimeout(() => resolve({}), 4_500))
      })
      const client = connect({ upgrade: false })
      await world.pass(40_000)
      assert.equal(client.state, 'open')
    })

    it('is kept when the option says so', async () => {
      first.stalled = true
      const client = connect({ upgrade: false })
      await world.pass(500)
      first.stalled = false
      await world.pass(600_000)
      assert.equal(client.transformer, 'second')
    })

    it('takes over, unless the option says that it must not', async () => {
      for (const fallback of [true, false]) {
        url = `http://fallback-${fallback}`
        first.down = false
        const client = connect({ fallback, upgrade: false })
        await world.pass(20_000)
        first.down = true
        first.cut()
        await world.pass(5_000)
        assert.deepEqual([client.state, client.transformer], fallback ? ['open', 'second'] : ['away', 'first'])
        client.destroy()
      }
    })
  })

  describe('a transformer that the server has not', () => {
    it('is tried no more once the server has said so, which is told once', async () => {
      await world.server.close()
      world.serve({ transformers: [second] })
      const client = connect()
      const skipped: unknown[] = []
      client.wires.on('skip', skip => skipped.push(skip))
      const events = record(client)
      await world.pass(120_000)
      second.cut()
      await world.pass(120_000)
      assert.deepEqual(skipped, [
        { transformer: 'first', offers: ['second'] },
        { transformer: 'third', offers: ['second'] }
      ])
      assert.equal(events.filter(event => event.startsWith('no first')).length, 1)
      assert.equal(client.transformer, 'second')
    })
  })
})
