import assert from 'node:assert/strict'
import { connect } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { reconnect } from '../../plugins/reconnect/client.ts'
import { memory } from '../../transformers/memory/index.ts'
import { wires } from '../../plugins/wires/client.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('an attempt that is given up', () => {
  const use = undoing()
  guard()

  const names = ['first', 'second', 'third']

  it('starts nothing any more, whoever gave it up, and settles', async () => {
    const networks = names.map(name => memory({ name, stalled: true }))
    const { dial } = host(use, { server: { transformers: networks } })
    for (const act of ['end', 'destroy', 'timeout'] as const) {
      const client = dial({
        transformers: networks,
        plugins: [wires({ headStart: 5, remember: 0 })],
        timeout: act === 'timeout' ? 8 : 5_000
      })
      const near = logOf(client)
      await turns(2)
      if (act !== 'timeout') client[act]()
      await until(() => near.closes.length === 1)
      await turns(20)
    }
  })

  it('is an error where what the application was asked for failed, each time', async () => {
    const { network } = host(use)
    const cause = new Error('no token')
    const boom = (): Promise<string> => Promise.reject(cause)
    for (const [url, options] of [
      [boom, {}],
      ['http://memory', { auth: boom }]
    ] as const) {
      const errors: unknown[] = []
      const attempts: unknown[] = []
      const client = connect(url, {
        transformers: [network],
        parser: json(),
        plugins: [reconnect({ max: 0 })],
        ...options
      })
      use(() => client.destroy())
      client.on('error', error => errors.push([error.code, error.message, error.cause]))
      client.on('attempt', attempt => attempts.push(attempt))
      await until(() => errors.length >= 2)
      const told = ['ERR_HANDLER', "A handler failed: 'url or auth': Error: no token", cause]
      assert.deepEqual([errors.slice(0, 2), attempts], [[told, told], []])
    }
  })

  it('is an error where `auth` makes what JSON cannot say', async () => {
    const { dial } = host(use)
    const errors: string[] = []
    const client = dial({ auth: () => ({ id: 5n }), plugins: [] })
    client.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
    await new Promise(resolve => client.on('close', resolve))
    assert.deepEqual(errors, [
      "ERR_HANDLER A handler failed: 'url or auth': TypeError: Do not know how to serialize a BigInt"
    ])
  })

  it('is told once, and not when it is over', async () => {
    const { dial } = host(use)
    const story: string[] = []
    let refuse = (_error: Error): void => {}
    const client = dial({ auth: () => new Promise((_resolve, reject) => (refuse = reject)), plugins: [] })
    client.on('attempt', ({ error }) => story.push(`attempt: ${error?.message}`))
    client.on('close', () => story.push('close'))
    await turns(2)
    client.end()
    refuse(new Error('late'))
    await turns(5)
    assert.deepEqual(story, ['close'])
  })

  it('is none for options that are no parts', () => {
    const { dial } = host(use)
    const factory = (): never => assert.fail('called')
    assert.throws(() => dial({ transformers: [factory as never] }), { code: 'ERR_OPTION' })
    assert.throws(() => dial({ plugins: [factory as never] }), {
      code: 'ERR_OPTION',
      message: /'factory' is no plugin/
    })
  })

  it('has migrate settle, whatever the application takes its time over', async () => {
    const clock = new Clock(use)
    let slow = false
    const { dial, told } = host(use)
    const client = dial({
      auth: () => (slow ? new Promise(() => {}) : 'quick'),
      timeout: 20
    })
    const near = logOf(client)
    await clock.pass(10, 1)
    assert.deepEqual([client.state, told.peers.length], ['open', 1])
    slow = true
    const late = assert.rejects(client.migrate('memory'), { code: 'ERR_LINK', status: 3005 })
    await clock.pass(20)
    await late
    const moving = client.migrate('memory')
    client.destroy()
    await assert.rejects(moving, { message: 'given up' })
    assert.deepEqual(near.story, ['open', 'close'])
  })

  it('begins no session where the connection only wants to move', async () => {
    const { dial, told } = host(use, { server: { authenticate: () => ({ time: Math.random() }) } })
    const client = dial()
    const near = logOf(client)
    await until(() => client.state === 'open')
    for (let round = 0; round < 3; round++)
      await assert.rejects(client.migrate('memory'), { code: 'ERR_LINK', status: 3002 })
    client.write('as before')
    await until(() => told.logs[0]?.values.length === 1)
    assert.deepEqual([told.peers.length, near.story], [1, ['open']])
  })
})

describe('what interceptors hold back at the end of a connection', () => {
  const use = undoing()
  guard()

  it('is none of the next one: neither a value nor an end', async () => {
    const { dial, told } = host(use)
    const client = dial({ plugins: [] })
    const near = logOf(client)
    let go = (): void => {}
    client.outgoing.use(async (value, next) => {
      if (value === 'slow') await new Promise<void>(resolve => (go = resolve))
      next(value)
    })
    await until(() => client.state === 'open')
    client.write('slow')
    client.end(4999, 'of the first')
    client.destroy()
    client.open()
    await until(() => client.state === 'open')
    go()
    client.write('of the second')
    await until(() => told.logs[1]?.values.length === 1)
    assert.deepEqual(told.logs[1]?.values, ['of the second'])
    assert.deepEqual([client.state, near.errors.map(({ code }) => code)], ['open', ['ERR_CLOSED']])
  })

  it('does not hold back the end of a session that another one follows', async () => {
    const { dial, told, network } = host(use, { server: { recovery: { time: 60_000, same: () => false } } })
    const client = dial()
    const near = logOf(client)
    const gates: (() => void)[] = []
    client.incoming.use(async (value, next) => {
      await new Promise<void>(resolve => gates.push(resolve))
      next(value)
    })
    await until(() => client.state === 'open' && told.peers.length === 1)
    told.peers[0]?.write('slow')
    await until(() => gates.length === 1)
    network.cut()
    await until(() => near.story.length === 4)
    assert.deepEqual(near.story, ['open', 'disconnect', 'close', 'open'])
    gates[0]?.()
    await until(() => near.values.length === 1)
  })
})
