import assert from 'node:assert/strict'
import { connect } from '../../lib/client.ts'
import type { Client } from '../../lib/client.ts'
import type { ClientTransformer, Wire } from '../../lib/transformer.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_BUSY, ERR_UNAUTHORIZED } from '../../lib/failures.ts'
import { json } from '../../parsers/json.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('a client', () => {
  const use = undoing()
  guard()

  /** Values and end as the server sees them, of the connection number `index`. */
  const opened = async (client: Client): Promise<void> => until(() => client.state === 'open')

  it('opens again after its end, as often as it is asked', async () => {
    const { dial, told } = host(use)
    const client = dial({ plugins: [] })
    const near = logOf(client)
    for (let round = 0; round < 4; round++) {
      await opened(client)
      client.write(round)
      await until(() => told.logs[round]?.values.length === 1)
      if (round % 2) client.end()
      else client.destroy()
      await until(() => client.state === 'closed')
      client.destroy()
      client.end()
      client.open()
      client.open()
    }
    await opened(client)
    // What was destroyed was told to be lost before it was acknowledged.
    assert.deepEqual(
      near.story.filter(event => event !== 'lost'),
      ['open', 'close', 'open', 'close', 'open', 'close', 'open', 'close', 'open']
    )
    assert.deepEqual(
      told.logs.map(({ values }) => values),
      [[0], [1], [2], [3], []]
    )
  })

  it('opens again behind its end where that is asked for before it is over, and not where it is ended again', async () => {
    const { dial, told } = host(use)
    const client = dial({ plugins: [] })
    const near = logOf(client)
    client.before(() => turns(3))
    const count = (): number => near.opens.length
    await opened(client)
    const { id } = client
    client.write('before')
    client.end()
    client.open()
    assert.equal(client.write('between'), false)
    assert.deepEqual([client.id, near.errors.map(({ code }) => code)], [id, ['ERR_CLOSED']])
    await until(() => count() === 2)
    assert.notEqual(client.id, id)
    client.write('after')
    await until(() => told.logs[1]?.values.length === 1)
    assert.deepEqual([told.logs[0]?.values, told.logs[1]?.values], [['before'], ['after']])
    for (const act of [() => client.end(), () => client.destroy()]) {
      const before = count()
      client.end()
      client.open()
      client.open()
      act()
      await until(() => client.state === 'closed')
      await turns(10)
      assert.deepEqual([client.state, count()], ['closed', before])
      client.open()
      await until(() => count() === before + 1)
    }
    assert.deepEqual(near.story.filter(event => event !== 'lost').slice(0, 3), ['open', 'close', 'open'])
    client.once('close', () => client.open())
    client.end()
    client.open()
    await until(() => count() === 5)
    await turns(10)
    assert.deepEqual([client.state, told.peers.length], ['open', 5])
  })

  it('that ends has all plugins finish at the same time', async () => {
    const clock = new Clock(use)
    const { dial } = host(use)
    const client = dial({ plugins: [] })
    await opened(client)
    const asked: number[] = []
    for (const time of [30_000, 20_000, 30_000]) {
      client.before(() => {
        asked.push(time)
        return new Promise(resolve => {
          setTimeout(resolve, time)
        })
      })
    }
    client.before(() => undefined)
    client.end()
    await clock.pass(29_900, 1_000)
    assert.deepEqual([asked, client.state], [[30_000, 20_000, 30_000], 'open'])
    await clock.pass(200)
    assert.equal(client.state, 'closed')
  })

  it('ends also where a plugin fails at what it does before, and tells that', async () => {
    const { dial } = host(use)
    const client = dial({ plugins: [] })
    await opened(client)
    const { errors } = logOf(client)
    client.before(() => {
      throw new Error('at once')
    })
    client.before(() => Promise.reject(new Error('later')))
    let asked = 0
    client.before(() => void asked++)
    client.end()
    await until(() => client.state === 'closed')
    assert.deepEqual(
      [errors.map(({ message }) => message.replace(/^.*?'/, "'")).toSorted(), asked],
      [["'undo': Error: at once", "'undo': Error: later"], 1]
    )
  })

  it('leaves nothing behind of streams that have ended with it', async () => {
    const { dial, told } = host(use)
    const client = dial({ plugins: [] })
    const counts: number[] = []
    for (let round = 1; round <= 3; round++) {
      await opened(client)
      const values = client.readable.getReader()
      const sink = client.writable.getWriter()
      void sink.write(round)
      await until(() => told.logs[round - 1]?.values.length === 1)
      client.end()
      assert.deepEqual(await values.read(), { done: true, value: undefined })
      await assert.rejects(sink.closed)
      client.open()
      counts.push(client.listenerCount('close'), client.listenerCount('drain'))
    }
    assert.deepEqual(counts, [counts[0], 0, counts[0], 0, counts[0], 0])
  })

  it('opens again as if it had never ended: it recovers, and says goodbye', async () => {
    const clock = new Clock(use)
    const { dial, told, network } = host(use)
    const client = dial()
    const near = logOf(client)
    await opened(client)
    client.destroy()
    client.destroy(4000)
    await until(() => client.state === 'closed')
    client.destroy()
    client.open()
    await opened(client)
    await clock.pass(30_000, 500)
    assert.equal(client.state, 'open', 'no timer of the former end is left')
    network.cut()
    await clock.pass(10, 1)
    await until(() => near.opens.length === 3)
    assert.equal(near.opens.at(-1)?.recovered, true)
    client.end(4005, 'bye')
    await until(() => client.state === 'closed')
    await until(() => told.logs.at(-1)?.closes.length === 1)
    assert.deepEqual(
      told.logs.at(-1)?.closes.map(({ code, reason }) => [code, reason]),
      [[4005, 'bye']]
    )
  })

  it('iterates again after it opened again', async () => {
    const { dial, told } = host(use)
    const client = dial({ plugins: [] })
    for (let round = 0; round < 3; round++) {
      await opened(client)
      const got: unknown[] = []
      const reading = (async () => {
        for await (const value of client) got.push(value)
      })()
      await until(() => told.peers.length === round + 1)
      told.peers[round]?.write(`${round}`)
      await until(() => got.length === 1)
      told.peers[round]?.end()
      await reading
      assert.deepEqual(got, [`${round}`])
      await until(() => client.state === 'closed')
      client.open()
    }
    await opened(client)
    const values: unknown[] = []
    client.on('data', value => values.push(value))
    await until(() => told.peers.length === 4)
    told.peers[3]?.write('listened')
    await until(() => values.length === 1)
  })

  it('tells nobody to go on who lost what may be lost', async () => {
    const { dial } = host(use)
    const client = dial()
    let drains = 0
    client.on('drain', () => drains++)
    assert.equal(client.write('loose', { reliable: false }), false)
    await opened(client)
    await client.ping()
    assert.equal(drains, 0)
  })

  it('waits for a sign of life as long as it is asked to, for ever too', async () => {
    const clock = new Clock(use)
    const { dial, network } = host(use)
    const client = dial()
    await opened(client)
    network.stalled = true
    const answer = client.ping(Infinity)
    await clock.pass(1_000)
    network.stalled = false
    assert.ok((await answer) >= 0)
  })

  describe('in its open handler', () => {
    it('writes before everything that waited', async () => {
      const { dial, told } = host(use)
      const client = dial()
      client.write('waited')
      client.on('open', () => client.write('first'))
      await until(() => told.logs[0]?.values.length === 2)
      assert.deepEqual(told.logs[0]?.values, ['first', 'waited'])
    })

    it('asks for a sign of life, and sends unreliable values', async () => {
      const { dial, told } = host(use)
      const client = dial()
      let time: Promise<number> | undefined
      let sent = false
      client.on('open', () => {
        time = client.ping()
        sent = client.write('loose', { reliable: false })
      })
      await opened(client)
      assert.ok((await time) !== undefined)
      assert.equal(sent, true)
      await until(() => told.logs[0]?.values.length === 1)
    })

    it('ends, and the server is told', async () => {
      for (const how of ['end', 'destroy', 'write and end'] as const) {
        const { dial, told, server } = host(use)
        const client = dial()
        client.on('open', () => {
          if (how === 'write and end') client.write('last')
          if (how === 'destroy') client.destroy(4444, 'no')
          else client.end(4444, 'no')
        })
        await until(() => client.state === 'closed')
        await until(() => told.logs[0]?.closes.length === 1 && server.peers.size === 0, how)
        assert.deepEqual(
          told.logs[0]?.closes.map(({ code, reason }) => [code, reason]),
          [[4444, 'no']]
        )
        assert.deepEqual(told.logs[0]?.values, how === 'write and end' ? ['last'] : [])
      }
    })
  })

  it('ends while it connects: behind what was written, or at once', async () => {
    const { dial, told, network } = host(use)
    const idle = dial({ plugins: [] })
    const log = logOf(idle)
    idle.end(4000)
    assert.deepEqual([idle.state, log.closes.map(({ code }) => code)], ['closed', [4000]])
    const client = dial({ plugins: [] })
    client.write('last')
    client.end(4001)
    await until(() => client.state === 'closed' && told.logs.at(-1)?.closes[0]?.code === 4001)
    assert.deepEqual(told.logs.at(-1)?.values, ['last'])
    const gone = dial({ plugins: [] })
    gone.destroy()
    assert.equal(gone.state, 'closed')
    await turns()
    assert.equal(network.links, 0)
  })

  it('tells what it drops where more is written than its window keeps, also without a session', async () => {
    const { dial, network, server } = host(use, { client: { limits: { window: 2_000, message: 1_024 } } })
    network.down = true
    const client = dial()
    const log = logOf(client)
    for (let time = 1; time <= 3; time++) {
      for (let value = 0; value < 4; value++) client.write(`${time}.${value}`.padEnd(968, '.'))
      assert.deepEqual([client.state, client.bufferedBytes], ['connecting', 0])
      assert.deepEqual(
        log.closes.map(({ code, reconnect }) => [code, reconnect]),
        Array.from({ length: time }, () => [3003, true])
      )
      assert.equal(log.errors.length, time)
      const dropped = [1, 2, 3].slice(0, time).flatMap(round => [0, 1, 2, 3].map(value => `${round}.${value}`))
      assert.deepEqual(
        log.lost.map(value => `${value}`.slice(0, 3)),
        dropped
      )
    }
    network.down = false
    await opened(client)
    await until(() => server.peers.size === 1)
    assert.deepEqual([log.opens, log.lost.length], [[{ recovered: false }], 12])
  })

  it('takes URL and auth from functions, asked for each attempt; what they throw is an attempt that failed', async () => {
    const { told, network, server } = host(use, { server: { authenticate: ({ auth }) => ({ auth }) } })
    let asked = 0
    const make = (url: () => string | Promise<string>, auth: unknown): Client => {
      const client = connect(url, { transformers: [network], parser: json(), auth })
      use(() => client.destroy())
      return client
    }
    const fine = make(
      async () => `http://memory/?n=${++asked}`,
      async () => ({ n: asked })
    )
    await opened(fine)
    assert.deepEqual([told.peers[0]?.query, told.peers[0]?.context], [{ n: '1' }, { auth: { n: 1 } }])
    const boom = (): never => {
      throw new Error('boom')
    }
    const circular: Record<string, unknown> = {}
    circular['self'] = circular
    const broken: Client[] = [
      make(boom, undefined),
      make(() => Promise.reject(new Error('boom')), undefined),
      make(() => 'no url', undefined),
      make(() => 'http://memory', boom),
      make(
        () => 'http://memory',
        () => Promise.reject(new Error('boom'))
      ),
      make(
        () => 'http://memory',
        () => 10n
      ),
      make(() => 'http://memory', circular)
    ]
    const logs = broken.map(client => logOf(client))
    await until(() => broken.every(({ state }) => state === 'closed'))
    assert.ok(logs.every(({ closes }) => closes.length === 1 && closes[0]?.code === 1006))
    await turns()
    assert.equal(server.peers.size, 1)
    assert.equal(network.links, 1)
  })

  it('ends with what auth refuses with, as if the server had, and opens when auth knows better', async () => {
    const { network, told } = host(use)
    let token = ''
    const auth = async (): Promise<string> => {
      if (!token) throw new AnywireError(ERR_UNAUTHORIZED, 'log in first')
      return token
    }
    const client = connect('http://memory', {
      transformers: [network],
      parser: json(),
      auth,
      plugins: [reconnect({ min: 1, max: 1 })]
    })
    use(() => client.destroy())
    const log = logOf(client)
    const errors: unknown[] = []
    client.on('error', error => errors.push(error))
    await until(() => client.state === 'closed')
    assert.deepEqual(log.closes, [
      { code: 3502, reason: 'The server refused the authentication: log in first', after: 0, reconnect: false }
    ])
    token = 'token'
    client.open()
    await opened(client)
    assert.deepEqual([told.peers.length, errors], [1, []])
  })

  it('gives an attempt up in time, whatever it waits for', async () => {
    const clock = new Clock(use)
    const { network } = host(use, { server: { authenticate: () => new Promise(() => {}) } })
    const never = (): Promise<never> => new Promise(() => {})
    const transformer: ClientTransformer = { ...network, dial: () => {} }
    for (const [url, options] of [
      [never, {}],
      ['http://memory', { auth: never }],
      ['http://memory', {}],
      ['http://memory', { transformers: [transformer] }]
    ] as const) {
      const client = connect(url, { transformers: [network], parser: json(), timeout: 1_000, ...options })
      const log = logOf(client)
      await clock.pass(999)
      assert.equal(client.state, 'connecting')
      await clock.pass(1)
      assert.deepEqual([client.state, log.closes.map(({ code }) => code)], ['closed', [3005]])
    }
  })

  it('waits for ever where it is told to', async () => {
    const clock = new Clock(use)
    const { network, told } = host(use, {
      server: { authenticate: () => new Promise(() => {}), limits: { handshake: Infinity } }
    })
    const client = connect('http://memory', { transformers: [network], parser: json(), timeout: Infinity })
    use(() => client.destroy())
    await clock.pass(3_600_000, 60_000)
    assert.deepEqual([client.state, told.refused], ['connecting', []])
  })

  it('tries its transformers in order, and takes the first that opens', async () => {
    const { network, told } = host(use)
    const dials: string[] = []
    const failing = (name: string, dial: ClientTransformer['dial']): ClientTransformer => ({
      name,
      supports: network.supports,
      dial: (...args) => {
        dials.push(name)
        dial(...args)
      }
    })
    const throws = failing('throws', () => {
      throw new Error('boom')
    })
    const closes = failing('closes', (_url, receiver) => receiver.close(1006, '', new Error('no')))
    const dies = failing('dies', (_url, receiver) => {
      const wire: Wire = { buffered: 0, send: () => true, close() {}, abort() {} }
      receiver.open(wire)
      receiver.close(1006, '')
    })
    const client = connect('http://memory', {
      transformers: [throws, closes, dies, failing('works', (...args) => network.dial(...args)), throws],
      parser: json()
    })
    use(() => client.destroy())
    await opened(client)
    assert.deepEqual(dials, ['throws', 'closes', 'dies', 'works'])
    assert.equal(told.peers.length, 1)
  })

  it('keeps a refusal that retrying cannot mend, and retries others', async () => {
    for (const [options, code, comesBack] of [
      [{ schema: 2 }, 3505, false],
      [{ parser: { ...json(), name: 'other' } }, 3503, false],
      [{}, 3006, true]
    ] as const) {
      const full = code === 3006
      const { dial, told } = host(use, {
        server: {
          schema: 1,
          authenticate: () => {
            if (full) throw new AnywireError(ERR_BUSY)
            return 'somebody'
          }
        }
      })
      const client = dial({ schema: 1, ...options })
      const log = logOf(client)
      await until(() => told.refused.length === (comesBack ? 3 : 1))
      await turns()
      assert.deepEqual(
        [client.state, log.closes.map(({ code }) => code)],
        comesBack ? ['connecting', []] : ['closed', [code]]
      )
    }
  })

  it('has no wire where it was ended while it dialled', async () => {
    const network = memory()
    const { told } = host(use, { server: { transformers: [network] } })
    for (let when = 0; when < 12; when++) {
      const client = connect('http://memory', { transformers: [network], parser: json() })
      await turns(when)
      client.destroy()
      assert.equal(client.state, 'closed')
    }
    await turns(10)
    assert.equal(network.links, 0)
    await until(() => told.logs.every(({ closes, disconnects }) => closes.length + disconnects.length > 0))
  })
})
