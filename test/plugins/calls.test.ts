import assert from 'node:assert/strict'
import { connect, createServer } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { presence } from '../../plugins/presence/index.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { records } from '../../plugins/records/index.ts'
import { rooms } from '../../plugins/rooms/index.ts'
import { rpc } from '../../plugins/rpc/index.ts'
import { memory as memoryStore } from '../../stores/memory.ts'
import { memory } from '../../transformers/memory/index.ts'
import { undoing } from '../support/faults-guard.ts'
import { until } from '../support/faults-wait.ts'

/** Calls a method as JavaScript does: with anything. */
const pass = (target: object, method: string, ...args: readonly unknown[]): unknown => {
  const found = Reflect.get(target, method) as (...args: readonly unknown[]) => unknown
  return Reflect.apply(found, target, args)
}

/** A call is refused, whether it throws or rejects. */
const refused = async (message: RegExp, target: object, method: string, ...args: readonly unknown[]): Promise<void> => {
  const call = async (): Promise<unknown> => pass(target, method, ...args)
  await assert.rejects(call, { code: 'ERR_OPTION', message }, `${method} ${String(message)}`)
}

describe('the options of calls, in Node', () => {
  const use = undoing()

  const pair = async () => {
    const network = memory()
    let count = 0
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [
        pubsub(),
        rooms(),
        rpc({
          count: () => ++count,
          same: (value: unknown) => value,
          make: () => () => 1,
          late: async () => Symbol('late'),
          items: async function* () {
            yield () => 1
          }
        })
      ]
    })
    const errors: string[] = []
    server.on('error', ({ message }, { stage }) => errors.push(`${stage}: ${message}`))
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', {
      transformers: [network],
      parser: json(),
      plugins: [pubsub(), rpc<typeof server>({ make: () => () => 1 })]
    })
    client.on('error', ({ message }) => errors.push(message))
    use(() => client.destroy())
    await until(() => client.state === 'open')
    const [peer] = server.peers
    assert.ok(peer)
    return { server, client, peer, errors }
  }

  it('of calls of functions are looked at', async () => {
    const { server, client, peer } = await pair()
    const wrong: readonly (readonly [options: object, message: RegExp])[] = [
      [{ service: 1 }, /'rpc' has no option 'service'/],
      [{ tiemout: 5 }, /'rpc' has no option 'tiemout', but: timeout, signal, key/],
      [{ timeout: Number.NaN }, /'timeout' of 'rpc' must be a number of at least 0, or Infinity, not NaN/],
      [{ timeout: '5' }, /'timeout' of 'rpc' must be/],
      [{ key: '' }, /'key' of 'rpc' must be a text, not an empty text/],
      [{ key: 5 }, /'key' of 'rpc' must be/],
      [{ signal: {} }, /'signal' of 'rpc' must be an AbortSignal/]
    ]
    for (const [options, message] of wrong) {
      await refused(message, client.rpc.with(options), 'count')
      await refused(message, { call: pass(client.rpc, 'service', 'service', options) }, 'call')
      await refused(message, peer.rpc.with(options), 'count')
      await refused(message, { call: pass(server.rpc, 'service', 'service', options) }, 'call')
      await refused(message, server.rpc, 'call', peer, 'count', [], options)
    }
    assert.equal(await client.rpc.with({ timeout: undefined, key: 'once' }).count(), 1)
    assert.equal(await client.rpc.with({ timeout: 5_000, key: 'once' }).count(), 1)
  })

  it('of publish and subscribe are looked at', async () => {
    const { server, client } = await pair()
    await refused(/'publish' has no option 'akc', but: ack, echo, key, reliable/, client.pubsub, 'publish', 'a', 1, {
      akc: true
    })
    await refused(/'key' of 'publish' must be a text/, client.pubsub, 'publish', 'a', 1, { ack: true, key: 5 })
    await refused(/'history' has no option 'lmit', but: since, limit, reverse/, client.pubsub, 'history', 'a', {
      lmit: 3
    })
    await refused(/'limit' of 'history' must be a whole number/, client.pubsub, 'history', 'a', { limit: -1 })
    await refused(/'subscribe' has no option 'sginal'/, client.pubsub, 'subscribe', 'a', () => {}, { sginal: 1 })
    await refused(/'signal' of 'listen' must be an AbortSignal/, client.pubsub, 'listen', 'a', () => {}, { signal: 1 })
    await refused(/'publish' has no option 'ack', but: except, key, reliable/, server.pubsub, 'publish', 'a', 1, {
      ack: true
    })
    await refused(/'history' has no option 'lmit'/, server.pubsub, 'history', 'a', { lmit: 3 })
    await refused(/'listen' has no option 'pattern'/, server.pubsub, 'listen', 'a', () => {}, { pattern: true })
    assert.equal(await client.pubsub.publish('a', 1, { ack: true, key: undefined }), 0)
    assert.equal(server.pubsub.publish('a', 1, { except: [] }), 0)
  })

  it('of writes to records, and of reading them, are looked at', async () => {
    const network = memory()
    const plugins = [records({ store: memoryStore() })] as const
    const server = createServer(undefined, { transformers: [network], parsers: [msgpack()], plugins })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', { transformers: [network], parser: msgpack(), plugins: [records()] })
    use(() => client.destroy())
    const misspelt = { ifversion: 1 }
    for (const end of [client, server]) {
      const record = end.records.get<{ n: number }>('a/1')
      assert.equal(end.records.get('a/1'), record)
      const wrong = (name: string): RegExp => new RegExp(`'${name}' has no option 'ifversion', but: ifVersion`)
      for (const each of [record, end.records.collection('a/').get('2')]) {
        await refused(wrong('set'), each, 'set', 'n', 1, misspelt)
        await refused(wrong('set'), each, 'patch', { n: 1 }, misspelt)
        await refused(wrong('replace'), each, 'replace', { n: 1 }, misspelt)
        await refused(wrong('delete'), each, 'delete', 'n', misspelt)
        await refused(wrong('increment'), each, 'increment', 'n', 1, misspelt)
        await refused(/'ifVersion' of 'set' must be a whole number from 0/, each, 'set', 'n', 1, { ifVersion: -1 })
      }
      await refused(/'snapshot' has no option 'signl', but: signal/, end.records, 'snapshot', 'a/1', { signl: 1 })
      await refused(/'snapshot' has no option 'signl'/, end.records, 'has', 'a/1', { signl: 1 })
      const act = ({ get }: { get(id: string): object }): void => void pass(get('a/1'), 'set', 'n', 1, misspelt)
      await refused(wrong('set'), end.records, 'transaction', act)
      assert.equal(record.exists, false)
      await record.when.synced
      await record.replace({ n: 1 }, { ifVersion: 0 }).durable
      assert.deepEqual(await end.records.snapshot('a/1', {}), { n: 1 })
      await record.delete().durable
    }
  })

  it('of values are looked at', async () => {
    const { server, client, peer } = await pair()
    const message = /'write' has no option 'relaible', but: reliable, expires/
    await refused(message, client, 'write', 1, { relaible: false })
    await refused(message, peer, 'write', 1, { relaible: false })
    await refused(message, server.rooms('a'), 'write', 1, { relaible: false })
    await refused(/'expires' of 'write' must be a number/, client, 'write', 1, { expires: Number.NaN })
    await refused(/'broadcast' has no option 'expect', but:/, server.peers, 'broadcast', 1, { expect: peer })
    await refused(/the options of 'write' must be an object, not true/, client, 'write', 1, true)
    assert.equal(client.write(1, { reliable: undefined }), true)
    assert.equal(server.peers.broadcast(1, { except: peer }), 0)
  })

  it('are looked at where they are their own, or known', async () => {
    const { client } = await pair()
    Reflect.defineProperty(Object.prototype, 'shim', { value: 1, enumerable: true, configurable: true })
    use(() => Reflect.deleteProperty(Object.prototype, 'shim'))
    assert.equal(client.write(1, { reliable: true }), true)
    assert.equal(await client.rpc.with({ timeout: 5_000 }).count(), 1)
    await refused(/'expires' of 'write' must be/, client, 'write', 1, Object.create({ expires: 'soon' }))
  })

  it('may be what stands for none, and the index that forEach passes', async () => {
    const { server, client } = await pair()
    const values: unknown[] = []
    for (const peer of server.peers) peer.on('data', value => values.push(value))
    ;['a', 'b', 'c'].forEach((...args) => pass(client, 'write', ...args))
    await until(() => values.length === 3)
    assert.deepEqual(pass(server.pubsub, 'history', 'a', { limit: Infinity, since: null }), server.pubsub.history('a'))
    pass(client.pubsub, 'subscribe', 'a', () => {}, { signal: null })
    assert.equal(await pass(pass(client.rpc, 'with', { signal: null }) as object, 'count'), 1)
  })

  it('leave out all the peers of a list or a set, and nothing that is none', async () => {
    const { server, client, peer } = await pair()
    await client.pubsub.subscribe('a', () => {})
    for (const except of [peer, [peer], [undefined, peer], new Set([peer]), server.peers]) {
      assert.equal(pass(server.peers, 'broadcast', 1, { except }), 0)
      assert.equal(pass(server.pubsub, 'publish', 'a', 1, { except }), 0)
    }
    for (const except of [
      new Map([[peer.id, peer]]),
      [peer.id],
      {},
      [[peer]].values(),
      new Set([peer]).values(),
      null
    ]) {
      await refused(/'except' of 'broadcast' must be a peer, or/, server.peers, 'broadcast', 1, { except })
      await refused(/'except' of 'publish' must be a peer, or/, server.pubsub, 'publish', 'a', 1, { except })
    }
  })

  it('of the end of a server are looked at', async () => {
    const { server } = await pair()
    assert.throws(() => pass(server, 'close', { timeuot: 1 }), {
      code: 'ERR_OPTION',
      message: /'close' has no option 'timeuot', but: timeout, reconnect/
    })
    assert.throws(() => pass(server, 'close', { timeout: Number.NaN }), /'timeout' of 'close' must be a number/)
  })

  it('functions and symbols are no values', async () => {
    const { server, client, peer, errors } = await pair()
    const isRefused = { code: 'ERR_ENCODE' }
    for (const value of [() => 1, Symbol('a')]) {
      await assert.rejects(client.rpc.same(value), isRefused)
      await assert.rejects(peer.rpc['make']?.(value) ?? Promise.resolve(), isRefused)
      assert.throws(() => client.pubsub.publish('a', value), isRefused)
      await assert.rejects(client.pubsub.publish('a', value, { ack: true }), isRefused)
      assert.throws(() => server.pubsub.publish('a', value), isRefused)
    }
    const told = Object.assign(() => {}, { toJSON: () => 'told' })
    assert.equal(await client.rpc.same(told), 'told')
    assert.deepEqual(errors, [])
    // A handler that returns one is at fault, and its end is told.
    await assert.rejects(client.rpc.make(), { code: 'ERR_HANDLER' })
    await assert.rejects(client.rpc.late(), { code: 'ERR_HANDLER' })
    await assert.rejects(client.rpc.items()[Symbol.asyncIterator]().next(), { code: 'ERR_HANDLER' })
    await assert.rejects(peer.rpc['make']?.() ?? Promise.resolve(), { code: 'ERR_HANDLER' })
    assert.equal(errors.length, 4)
    for (const error of errors) assert.match(error, /The value cannot be encoded/)
  })

  it('nobody says of themselves in a place what no parser carries', async () => {
    const network = memory()
    const server = createServer(undefined, { transformers: [network], parsers: [json()], plugins: [presence()] })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', { transformers: [network], parser: json(), plugins: [presence()] })
    use(() => client.destroy())
    const place = client.presence('room')
    for (const value of [() => 1, Symbol('x')]) {
      await assert.rejects(place.enter(value), { code: 'ERR_ENCODE', message: /a (function|symbol)$/ })
      assert.equal(place.isIn, false)
    }
    await place.watch()
    await place.enter('here')
    assert.throws(() => place.update(() => 1), { code: 'ERR_ENCODE', message: /a function$/ })
    assert.deepEqual(
      place.members().map(({ data }) => data),
      ['here']
    )
    // The same name is the same place.
    assert.equal(client.presence('room'), place)
  })
})
