import assert from 'node:assert/strict'
import { createServer as createHttpServer, request as ask } from 'node:http'
import type { AddressInfo } from 'node:net'
import { AnywireError, ERR_EXPIRED } from '../../core.ts'
import type { Handshake, ServerOptions } from '../../core.ts'
import { createServer } from '../../index.ts'
import { json } from '../../parsers/json.ts'
import { http } from '../../plugins/http/index.ts'
import type { HttpOptions } from '../../plugins/http/index.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Rules } from '../../plugins/permissions/index.ts'
import { presence } from '../../plugins/presence/index.ts'
import { pubsub } from '../../plugins/pubsub/index.ts'
import { records } from '../../plugins/records/index.ts'
import type { Schema } from '../../plugins/records/index.ts'
import { rpc, RpcError } from '../../plugins/rpc/index.ts'
import { memory as memoryStore } from '../../stores/memory.ts'
import { connect } from '../../core.ts'
import { memory } from '../../transformers/memory/index.ts'
import { pluginContract } from '../contract/plugin.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { until } from '../support/faults-wait.ts'

pluginContract('http', () => ({ server: http({ authenticate: () => true }) }))

interface Context {
  readonly user: string
}

const authenticate = ({ headers }: Handshake): Context | false => {
  const [, user] = /^Bearer (\w+)$/.exec(headers.authorization ?? '') ?? []
  return user !== undefined && { user }
}

const OPEN: Rules<Context> = { pubsub: true, rpc: true, presence: true }

class Account {
  readonly owner = this
}

describe('http', () => {
  const printed = guard()
  const use = undoing()

  const open = async (
    rules: Rules<Context> = OPEN,
    options: Partial<HttpOptions<Context>> = {},
    more: Partial<ServerOptions> = {}
  ) => {
    const web = createHttpServer((_request, response) => void response.end('the app'))
    const network = memory()
    const seen: unknown[] = []
    let release = (): void => {}
    const server = createServer(web, {
      ...more,
      transformers: [network],
      authenticate: (): Context => ({ user: 'client' }),
      plugins: [
        permissions<Context>(rules),
        pubsub({ topics: { 'log.>': { history: { size: 10 } }, 'state.>': { retain: true } } }),
        rpc(
          {
            add: (a: number, b: number) => a + b,
            who: ({ peer }) => peer.context,
            fail: () => {
              throw new RpcError('NO_FUNDS', 'not enough', { balance: 3 })
            },
            crash: () => {
              throw new Error('a secret')
            },
            private: () => 'x',
            bytes: () => new Uint8Array(3),
            cycle: () => new Account(),
            wait: ({ signal }) =>
              new Promise(resolve => {
                release = () => resolve('done')
                signal.addEventListener('abort', () => seen.push('aborted'))
                seen.push('waiting')
              }),
            async *count(to: number) {
              for (let n = 0; n < to; n++) yield n
            }
          },
          {
            use: [
              ({ name }, next) => {
                if (name === 'private') throw new RpcError('PRIVATE')
                return next()
              }
            ]
          }
        ),
        presence<Context>({ identity: peer => peer.context.user, interval: 1 }),
        http<Context>({ authenticate, ...options })
      ]
    })
    const errors: string[] = []
    server.on('error', ({ code, message }, { stage }) => errors.push(`${code} ${stage} ${message}`))
    await new Promise<void>(resolve => void web.listen(0, resolve))
    const { port } = web.address() as AddressInfo
    const url = `http://127.0.0.1:${port}`
    use(async () => {
      await server.close({ timeout: 0, reconnect: false })
      web.closeAllConnections()
      await new Promise(resolve => web.close(resolve))
    })
    const post = async (items: unknown, headers: Record<string, string> = {}, path = '/anywire/api') => {
      const answer = await fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer ann', ...headers },
        body: typeof items === 'string' ? items : JSON.stringify(items)
      })
      const text = await answer.text()
      const body: unknown = answer.headers.get('content-type') === 'application/json' ? JSON.parse(text) : text
      return { status: answer.status, headers: answer.headers, body }
    }
    /** The values and codes of a batch. */
    const batch = async (...items: unknown[]): Promise<unknown[]> => {
      const { status, body } = await post(items)
      assert.equal(status, 200)
      assert.ok(Array.isArray(body))
      return body.map((result: { value?: unknown; error?: { code: string } }) => result.error?.code ?? result.value)
    }
    const codeOf = ({ status, body }: { status: number; body: unknown }): [number, unknown] => [
      status,
      (Object(body) as { error?: { code: string } }).error?.code
    ]
    const client = async () => {
      const made = connect('http://memory', {
        transformers: [network],
        parser: json(),
        plugins: [pubsub(), rpc(), presence()]
      })
      use(() => made.destroy())
      await until(() => made.state === 'open')
      return made
    }
    return { web, server, url, post, batch, codeOf, errors, client, seen, release: () => release() }
  }

  it('publishes to clients and handlers, and says to how many', async () => {
    const { batch, client, server } = await open()
    const heard: unknown[] = []
    const { pubsub } = await client()
    await pubsub.subscribe('news.*', (value, message) => heard.push('value' in message ? value : 'nothing'))
    server.pubsub.subscribe('news.*', () => {})
    const results = await batch(
      { publish: 'news.a', value: { x: 1 } },
      { publish: 'news.a', value: null },
      { publish: 'news.a' },
      { publish: 'news.a', value: 'once', key: 'k' },
      { publish: 'news.a', value: 'once', key: 'k' },
      { publish: 'nobody', value: 1 },
      { publish: 'news.*', value: 1 }
    )
    assert.deepEqual(results, [2, 2, 2, 2, 2, 0, 'ERR_OPTION'])
    await until(() => heard.length === 4)
    assert.deepEqual(heard, [{ x: 1 }, null, 'nothing', 'once'])
  })

  it('calls handlers and services, with the context of the caller, and tells failures as rpc does', async () => {
    const { batch, post, client, errors } = await open()
    const worker = await client()
    await worker.rpc.provide('double', (n: number) => n * 2)
    assert.deepEqual(
      await batch(
        { call: 'add', args: [1, 2] },
        { call: 'who' },
        { call: 'double', args: [4] },
        { call: 'count', args: [3] },
        { call: 'count', args: [2_000] },
        { call: 'nothing' },
        { call: 'bytes' },
        { call: 'add', args: [1, { peer: 'forged' }] },
        { call: 'private' }
      ),
      [3, { user: 'ann' }, 8, [0, 1, 2], 'ERR_LIMIT', 'ERR_NO_METHOD', 'ERR_ENCODE', 'ERR_ARGUMENTS', 'PRIVATE']
    )
    const { body } = await post([{ call: 'fail' }, { call: 'crash' }])
    assert.deepEqual(body, [
      { error: { code: 'NO_FUNDS', message: 'not enough', data: { balance: 3 } } },
      { error: { code: 'ERR_HANDLER', message: 'A handler failed' } }
    ])
    assert.deepEqual(errors, ["ERR_HANDLER rpc crash A handler failed: 'rpc crash': Error: a secret"])
  })

  it('runs a call with a key once', async () => {
    const { batch } = await open()
    const [first] = await batch({ call: 'add', args: [1, 1], key: 'a' })
    assert.deepEqual([first, ...(await batch({ call: 'add', args: [5, 5], key: 'a' }))], [2, 2])
  })

  it('reads history, retained messages and presence', async () => {
    const { batch, client, server } = await open()
    const someone = await client()
    await someone
      .presence('room')
      .enter({ name: 'Ann' })
      .catch(() => {})
    server.pubsub.publish('log.a', 1)
    server.pubsub.publish('log.a', 2)
    server.pubsub.publish('state.a', 'on')
    const [all, last, since, on, none, members, ...wrong] = await batch(
      { history: 'log.a' },
      { history: 'log.a', limit: 1, reverse: true },
      { history: 'log.a', since: { epoch: server.pubsub.history('log.a').epoch, offset: 1 } },
      { retained: 'state.a' },
      { retained: 'state.b' },
      { members: 'room' },
      { history: 'log.a', limit: -1 },
      { history: 'log.a', since: 1 },
      { history: 'log.*' },
      { retained: 'a..b' },
      { members: '' }
    )
    const values = (page: unknown): unknown[] =>
      (page as { messages: { value: unknown }[] }).messages.map(({ value }) => value)
    assert.deepEqual([values(all), values(last), values(since)], [[1, 2], [2], [2]])
    assert.deepEqual([(on as { value: unknown }).value, none], ['on', null])
    assert.deepEqual(members, server.presence.members('room'))
    assert.deepEqual(wrong, ['ERR_ARGUMENTS', 'ERR_ARGUMENTS', 'ERR_OPTION', 'ERR_OPTION', 'ERR_OPTION'])
  })

  it('answers no more than so much at once', async () => {
    const { batch, server } = await open()
    for (let count = 0; count < 3; count++) server.pubsub.publish('log.a', 'x'.repeat(1_000_000))
    server.pubsub.publish('state.a', 'on')
    const looks = Array.from({ length: 10 }, () => ({ history: 'log.a' }))
    const results = await batch(...looks, { retained: 'state.a' })
    const told = results.map(result => (typeof result === 'string' ? result : 'ok'))
    assert.deepEqual(told, [...Array<string>(5).fill('ok'), ...Array<string>(5).fill('ERR_LIMIT'), 'ok'])
  })

  it('tells callers nothing of what is in a value that JSON cannot say', async () => {
    const { post, errors } = await open()
    const { body } = await post([{ call: 'cycle' }])
    assert.deepEqual(body, [{ error: { code: 'ERR_ENCODE', message: 'The value cannot be encoded' } }])
    assert.equal(errors.length, 1)
    assert.match(errors[0] ?? '', /constructor 'Account'/)
  })

  it('reads records, and parts of them, as far as their caller may', async () => {
    const web = createHttpServer()
    const asked: unknown[] = []
    const server = createServer(web, {
      authenticate: (): Context | false => false,
      plugins: [
        permissions<Context>({ records: { read: { 'closed.>': false, '>': true } } }),
        records<Schema, Context>({
          store: memoryStore(),
          permit: ({ context, verb, record, current }) => {
            asked.push([verb, record])
            if (record === 'notes/late') return Promise.resolve(true)
            const { of } = Object(current) as { readonly of?: unknown }
            return record.startsWith('notes/') && (current === undefined || of === context.user)
          }
        }),
        http<Context>({ authenticate })
      ]
    })
    use(async () => {
      await server.close({ timeout: 0, reconnect: false })
      web.closeAllConnections()
      await new Promise(resolve => web.close(resolve))
    })
    await new Promise<void>(resolve => void web.listen(0, resolve))
    const write = (id: string, value: object) => server.records.get<object>(id).replace(value).durable
    await write('notes/1', { of: 'ann', deep: { 'a.b': [1, null] }, bytes: new Uint8Array(1) })
    await write('notes/2', { of: 'bob' })
    await write('notes/late', { of: 'bob' })
    await write('closed/1', { of: 'ann' })
    const items = [
      { read: 'notes/1', path: 'deep' },
      { read: 'notes/1', path: 'deep.a\\.b' },
      { read: 'notes/1', path: 'none' },
      { read: 'notes/none' },
      { read: 'notes/late' },
      { read: 'notes/1' },
      { read: 'notes/2' },
      { read: 'notes/2', path: 'of' },
      { read: 'closed/1' },
      { read: 'other/none' },
      { read: 'notes/' },
      { read: 'notes/1', path: '__proto__' },
      { read: 'notes/1', path: 1 }
    ]
    const answer = await fetch(`http://127.0.0.1:${(web.address() as AddressInfo).port}/anywire/api`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ann', connection: 'close' },
      body: JSON.stringify(items)
    })
    const results = (await answer.json()) as { value?: unknown; error?: { code: string } }[]
    assert.deepEqual(
      results.map(({ value, error }) => error?.code ?? value),
      [
        { 'a.b': [1, null] },
        [1, null],
        null,
        null,
        { of: 'bob' },
        'ERR_ENCODE',
        'ERR_DENIED',
        'ERR_DENIED',
        'ERR_DENIED',
        'ERR_DENIED',
        'ERR_PATH',
        'ERR_PATH',
        'ERR_ARGUMENTS'
      ]
    )
    // What the rules of permissions refuse is not asked about.
    assert.ok(!asked.some(question => String(question).includes('closed')))
  })

  it('asks permissions for each item, by the context of the caller', async () => {
    const asked: unknown[] = []
    const { batch, server } = await open({
      pubsub: {
        publish: {
          '>': ({ context, name, value, previous }) => {
            asked.push([context.user, name, value, previous])
            if (name === 'throws') throw new Error('rule')
            return new Promise(resolve => setTimeout(() => resolve(name !== 'denied'), name === 'slow' ? 20 : 0))
          },
          'state.>': ({ previous, value }) => previous !== value
        },
        history: { 'log.b': true }
      },
      rpc: { call: { add: ({ value }) => Array.isArray(value) && value[0] === 1 } }
    })
    const heard: unknown[] = []
    server.pubsub.subscribe('>', (_value, { topic }) => heard.push(topic))
    server.pubsub.publish('state.a', 1)
    assert.deepEqual(
      await batch(
        { publish: 'slow', value: 1 },
        { publish: 'denied', value: 2 },
        { publish: 'throws', value: 3 },
        { publish: 'state.a', value: 1 },
        { publish: 'state.a', value: 2 },
        { publish: 'fine', value: 4 },
        { call: 'add', args: [1, 2] },
        { call: 'add', args: [2, 2] },
        { call: 'who' },
        { history: 'log.a' },
        { retained: 'state.a' },
        { members: 'room' }
      ),
      [1, 'ERR_DENIED', 'ERR_DENIED', 'ERR_DENIED', 1, 1, 3, ...Array<string>(5).fill('ERR_DENIED')]
    )
    assert.deepEqual(
      heard.map(String).toSorted((one, other) => one.localeCompare(other)),
      ['fine', 'slow', 'state.a', 'state.a']
    )
    assert.deepEqual(asked[0], ['ann', 'slow', 1, undefined])
  })

  it('publishes to one topic in order, whatever rules take', async () => {
    const times = [20, 0, 10]
    const { batch, server } = await open({
      pubsub: { publish: async () => new Promise(resolve => setTimeout(() => resolve(true), times.shift())) }
    })
    const heard: unknown[] = []
    server.pubsub.subscribe('a', value => heard.push(value))
    await batch({ publish: 'a', value: 1 }, { publish: 'a', value: 2 }, { publish: 'a', value: 3 })
    assert.deepEqual(heard, [1, 2, 3])
  })

  it('judges each item by itself: what is none does no harm to the others', async () => {
    const { batch, post } = await open()
    const wrong: unknown[] = [
      null,
      1,
      [],
      {},
      { publish: 1, value: 1 },
      { publish: 'a', value: 1, more: 1 },
      { publish: 'a', call: 'b' },
      { publish: 'a', key: 'k' },
      { call: 'add', args: {} },
      { call: 'add', timeout: 0 },
      { toString: 'x' },
      { members: ['room'] }
    ]
    assert.deepEqual(await batch(...wrong, { call: 'add', args: [1, 1] }), [...wrong.map(() => 'ERR_ARGUMENTS'), 2])
    assert.deepEqual(await batch(), [])
    const { body } = await post([{ publich: 'a' }, { publish: 'a', more: 1 }, { members: 1 }])
    assert.deepEqual(
      (body as { error: { message: string } }[]).map(({ error }) => error.message.split(': ').slice(1).join(': ')),
      [
        'this is no item: one has publish, call, history, retained, members, read',
        "this is no item: 'publish' is text, and goes with value, key",
        "this is no item: 'members' is text, and goes with nothing else"
      ]
    )
  })

  it('says so where a plugin is not installed', async () => {
    const web = createHttpServer()
    const server = createServer(web, { plugins: [http({ authenticate })] })
    use(async () => {
      await server.close()
      await new Promise(resolve => web.close(resolve))
    })
    await new Promise<void>(resolve => void web.listen(0, resolve))
    const answer = await fetch(`http://127.0.0.1:${(web.address() as AddressInfo).port}/anywire/api`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ann', connection: 'close' },
      body: '[{"publish":"a"},{"call":"b"},{"members":"c"},{"read":"d/1"}]'
    })
    const results = (await answer.json()) as { error: { code: string } }[]
    assert.deepEqual(
      results.map(({ error }) => error.code),
      ['ERR_PLUGIN', 'ERR_PLUGIN', 'ERR_PLUGIN', 'ERR_PLUGIN']
    )
  })

  it('refuses who is nobody, before it reads what they send', async () => {
    const { post, codeOf, url } = await open()
    assert.deepEqual(codeOf(await post([], { authorization: '' })), [401, 'ERR_UNAUTHORIZED'])
    // A body that never ends.
    const status = await new Promise<number | undefined>(resolve => {
      const asked = ask(`${url}/anywire/api`, { method: 'POST', headers: { 'content-type': 'application/json' } })
      asked.on('response', ({ statusCode }) => {
        resolve(statusCode)
        asked.destroy()
      })
      asked.on('error', () => {})
      asked.write('[')
    })
    assert.equal(status, 401)
  })

  it('refuses everybody where nobody says who may ask', async () => {
    const { post, codeOf } = await open(OPEN, { authenticate: undefined as never })
    assert.deepEqual(codeOf(await post([])), [401, 'ERR_UNAUTHORIZED'])
  })

  it('tells the message of an AnywireError that refuses, and of no other error', async () => {
    const { post, codeOf, errors } = await open(OPEN, {
      authenticate: async ({ headers }) => {
        if (headers.authorization === 'old') throw new AnywireError(ERR_EXPIRED, 'since yesterday')
        throw new Error(`a secret`)
      }
    })
    const old = await post([], { authorization: 'old' })
    assert.deepEqual(codeOf(old), [401, 'ERR_EXPIRED'])
    assert.match(JSON.stringify(old.body), /since yesterday/)
    const other = await post([])
    assert.deepEqual(codeOf(other), [401, 'ERR_UNAUTHORIZED'])
    assert.doesNotMatch(JSON.stringify(other.body), /secret/)
    assert.deepEqual(errors, [
      "ERR_HANDLER http A listener for 'http': Error: a secret".replace(
        'A listener for',
        'A handler failed: a listener for'
      )
    ])
  })

  it('refuses what is no request of its kind', async () => {
    const { post, codeOf, url } = await open(OPEN, { limits: { bytes: 1_000, items: 3 } })
    const deep = `[{"publish":"a","value":${'['.repeat(70)}${']'.repeat(70)}}]`
    const answers = [
      await post('[{'),
      await post('{}'),
      await post('"\\ud800'),
      await post(deep),
      await post('[{"publish":"a","value":{"__proto__":1}}]'),
      await post([1, 2, 3, 4]),
      await post([' '.repeat(1_000)]),
      await post([], { 'content-type': 'text/plain' })
    ]
    assert.deepEqual(answers.map(codeOf), [
      [400, 'ERR_VALUE'],
      [400, 'ERR_ARGUMENTS'],
      [400, 'ERR_VALUE'],
      [400, 'ERR_VALUE'],
      [400, 'ERR_VALUE'],
      [413, 'ERR_LIMIT'],
      [413, 'ERR_TOO_LARGE'],
      [415, 'ERR_ARGUMENTS']
    ])
    const got = await fetch(`${url}/anywire/api`, { headers: { connection: 'close' } })
    assert.deepEqual([got.status, got.headers.get('allow')], [405, 'POST, OPTIONS'])
    // Without a length.
    const chunked = await new Promise<number | undefined>(resolve => {
      const headers = { 'content-type': 'application/json', authorization: 'Bearer ann' }
      const asked = ask(`${url}/anywire/api`, { method: 'POST', headers })
      asked.on('response', ({ statusCode }) => resolve(statusCode))
      asked.on('error', () => {})
      for (let n = 0; n < 20; n++) asked.write(' '.repeat(100))
    })
    assert.equal(chunked, 413)
  })

  it('lets pages of allowed origins ask, and no others', async () => {
    const { post, codeOf, url } = await open(OPEN, {}, { origins: ['https://app.example'] })
    const mine = await post([{ call: 'add', args: [1, 1] }], { origin: 'https://app.example' })
    assert.deepEqual(mine.body, [{ value: 2 }])
    assert.equal(mine.headers.get('access-control-allow-origin'), 'https://app.example')
    const other = await post([{ call: 'add', args: [1, 1] }], { origin: 'https://evil.example' })
    assert.deepEqual(codeOf(other), [403, 'ERR_ORIGIN'])
    assert.equal(other.headers.get('access-control-allow-origin'), null)
    for (const [origin, allowed] of [
      ['https://app.example', 'POST'],
      ['https://evil.example', null]
    ] as const) {
      const preflight = await fetch(`${url}/anywire/api`, {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-headers': 'content-type, authorization', connection: 'close' }
      })
      assert.equal(preflight.status, 204)
      assert.equal(preflight.headers.get('access-control-allow-methods'), allowed)
    }
  })

  it('ends what takes too long, and gives the other results', async () => {
    const clock = new Clock(use)
    const { batch, seen } = await open(OPEN, { limits: { time: 50 } })
    const late = async (time: number, ...items: unknown[]): Promise<unknown[]> => {
      const results = batch(...items)
      await until(() => seen.length === 1)
      await clock.pass(time)
      assert.deepEqual(seen.splice(0), ['waiting', 'aborted'])
      return results
    }
    assert.deepEqual(await late(50, { call: 'wait' }, { call: 'add', args: [1, 1] }), ['ERR_TIMEOUT', 2])
    assert.deepEqual(await late(10, { call: 'wait', timeout: 10 }), ['ERR_CALL_TIMEOUT'])
  })

  it('ends what goes on for a caller who goes away', async () => {
    const { url, seen } = await open()
    const controller = new AbortController()
    const asked = fetch(`${url}/anywire/api`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: 'Bearer ann' },
      body: '[{"call":"wait"}]',
      signal: controller.signal
    })
    await until(() => seen.length === 1)
    controller.abort()
    await assert.rejects(asked)
    await until(() => seen.length === 2)
    assert.deepEqual(seen, ['waiting', 'aborted'])
  })

  it('takes so many requests at a time', async () => {
    const { post, codeOf, batch, seen, release } = await open(OPEN, { limits: { requests: 1 } })
    const first = batch({ call: 'wait' })
    await until(() => seen.length === 1)
    assert.deepEqual(codeOf(await post([])), [503, 'ERR_BUSY'])
    release()
    assert.deepEqual(await first, ['done'])
    assert.deepEqual(await batch(), [])
  })

  it('stands beside the app, and goes with the server', async () => {
    const { post, server, web, batch, seen } = await open(OPEN, { path: 'backend/v1' })
    assert.equal((await post([], {}, '/anywire/backend/v1')).status, 200)
    for (const path of ['/anywire/backend/v1/x', '/anywire/api', '/anywire/backend/v1x', '/other']) {
      assert.equal((await post([], {}, path)).body, 'the app', path)
    }
    const going = post([{ call: 'wait' }], {}, '/anywire/backend/v1')
    await until(() => seen.length === 1)
    await server.close({ timeout: 0 })
    assert.match(JSON.stringify((await going).body), /ERR_SHUTDOWN/)
    assert.equal(seen.at(-1), 'aborted')
    assert.equal((await post([], {}, '/anywire/backend/v1')).body, 'the app')
    assert.equal(web.listening, true)
    void batch
  })

  it('refuses options that make no sense', () => {
    for (const options of [{ path: '/api' }, { path: '' }, { path: '../x' }, { limits: { bytes: 0 } }]) {
      assert.throws(() => createServer({ transformers: [memory()], plugins: [http({ authenticate, ...options })] }), {
        code: 'ERR_OPTION'
      })
    }
    assert.deepEqual(printed, [])
  })
})
