import assert from 'node:assert/strict'
import type { End } from '../../../lib/connection.ts'
import { AnywireError } from '../../../lib/errors.ts'
import type { ErrorCode } from '../../../lib/errors.ts'
import { ERR_EXPIRED } from '../../../lib/failures.ts'
import { pass } from '../ends.ts'
import { opened } from '../stage.ts'
import type { Stage, StageClientOptions, StageServerOptions, StageTest } from '../stage.ts'
import { next, turns } from '../waiting.ts'

interface Refusal {
  readonly title: string
  readonly server: StageServerOptions
  readonly client?: StageClientOptions
  readonly code: ErrorCode
  readonly status: number
  /** What the reason says beside. */
  readonly hint?: RegExp
  /** What the server reports of its own failure. */
  readonly reports?: readonly ErrorCode[]
}

const wrong = (name: string, version = 1) => ({ name, version })

const REFUSALS: readonly Refusal[] = [
  { title: 'by authenticate', server: { authenticate: () => false }, code: 'ERR_UNAUTHORIZED', status: 3502 },
  {
    title: 'by authenticate, later',
    server: { authenticate: async () => (await turns(2), false) },
    code: 'ERR_UNAUTHORIZED',
    status: 3502
  },
  {
    title: 'because authenticate failed',
    server: { authenticate: () => Promise.reject(new Error('the password of the database is 1234')) },
    code: 'ERR_UNAUTHORIZED',
    status: 3502,
    reports: ['ERR_HANDLER']
  },
  {
    title: 'with the error that authenticate throws',
    server: {
      authenticate: () => {
        throw new AnywireError(ERR_EXPIRED, 'log in again')
      }
    },
    code: 'ERR_EXPIRED',
    status: 3008,
    hint: /log in again/
  },
  {
    title: 'for another parser',
    server: { parsers: [{ name: 'other', encode: () => '', decode: () => undefined }] },
    code: 'ERR_PARSER',
    status: 3503
  },
  {
    title: 'for a plugin that the server has not',
    server: {},
    client: { plugins: [wrong('chat')] },
    code: 'ERR_PLUGIN',
    status: 3504,
    hint: /chat/
  },
  {
    title: 'for another version of a plugin',
    server: { plugins: [wrong('chat', 2)] },
    client: { plugins: [wrong('chat', 1)] },
    code: 'ERR_PLUGIN',
    status: 3504,
    hint: /chat/
  },
  {
    title: 'for another schema version',
    server: { schema: 2 },
    client: { schema: 1 },
    code: 'ERR_SCHEMA',
    status: 3505
  },
  { title: 'for no schema version', server: { schema: 2 }, code: 'ERR_SCHEMA', status: 3505 }
]

/** Registers the tests of who is let in, and what is known of them. */
export const handshakeTests = (test: StageTest): void => {
  for (const { title, server, client: options, code, status, hint, reports = [] } of REFUSALS) {
    test(
      `refuses ${title}, and says so`,
      async stage => {
        stage.server.on('connection', () => assert.fail('a client that is refused has no peer'))
        const refused = next(stage.server, 'refused')
        const client = stage.connect(options)
        const events: string[] = []
        client.on('open', () => events.push('open'))
        const [end] = await next(client, 'close')
        const [error, handshake] = await refused
        assert.deepEqual([end.code, end.reconnect, error.code, error.status], [status, false, code, status])
        assert.match(end.reason, hint ?? /./)
        assert.doesNotMatch(end.reason, /1234/)
        assert.equal(handshake.transformer, stage.fixture.server.name)
        assert.deepEqual([events, client.state, stage.server.peers.size], [[], 'closed', 0])
        stage.expected = [...reports]
      },
      server
    )
  }

  test('refuses another version of the protocol', async stage => {
    await answered(stage, stage.hello({ v: 99 }), 3501)
  })

  test('refuses what is no hello', async stage => {
    const bad = [
      '',
      'hello',
      '{}',
      '!',
      '!0',
      '!0{',
      '!0null',
      '!0[]',
      '!1{}',
      '!39',
      '!A{}',
      '!2[1000,"",0]',
      '!0{"v":1}'
    ]
    const odd = [
      { v: '1' },
      { plugins: {} },
      { plugins: [['a']] },
      { limit: -1 },
      { window: 1e300 },
      { schema: 'x' },
      { parser: '' }
    ]
    for (const message of [...bad, ...odd.map(change => stage.hello(change))]) await answered(stage, message, 3500)
    await answered(stage, Uint8Array.of(0xc1, 0x30), 3500)
    assert.equal(stage.server.peers.size, 0)
    await stage.pair()
  })

  test('refuses a second hello', async stage => {
    const link = stage.dial()
    const wire = await link.opened()
    wire.send(stage.hello())
    await link.received(1)
    wire.send(stage.hello())
    await link.closed()
    stage.expected = ['ERR_PROTOCOL']
  })

  test(
    'waits for a hello only so long',
    async stage => {
      const link = stage.dial()
      await link.closed()
      assert.match(`${link.messages[0]}`, /^!2\[3005,/)
    },
    { limits: { handshake: 20 } }
  )

  test(
    'waits for authenticate only so long',
    async stage => {
      const [{ code }] = await next(stage.connect(), 'close')
      assert.equal(code, 3005)
    },
    { limits: { handshake: 20 }, authenticate: () => new Promise(() => {}) }
  )

  const judging: ((context: unknown) => void)[] = []

  test(
    'forgets clients that go while they are judged',
    async stage => {
      const client = stage.connect()
      while (judging.length === 0) await turns(1)
      client.destroy()
      await turns(5)
      for (const judge of judging.splice(0)) judge({})
      do await turns(5)
      while (stage.server.peers.size > 0)
      const other = opened(stage.connect())
      while (judging.length === 0) await turns(1)
      for (const judge of judging.splice(0)) judge({})
      await other
    },
    { recovery: false, authenticate: () => new Promise(resolve => judging.push(resolve)) }
  )

  test(
    'shows what a client has to show to authenticate, and to nobody else',
    async stage => {
      const secret = { token: 'a secret' }
      const { peer } = await stage.pair({ auth: async () => (await turns(1), secret) })
      assert.deepEqual(peer.context, { shown: secret, query: {}, plain: false })
      const { context: _, ...rest } = Object.fromEntries(
        ['url', 'query', 'headers', 'address', 'context'].map(key => [key, Reflect.get(peer, key)])
      )
      assert.doesNotMatch(JSON.stringify(rest), /a secret/)
      const { peer: other } = await stage.pair()
      assert.deepEqual(other.context, { query: {}, plain: false, shown: undefined })
    },
    { authenticate: ({ auth, query, plain }) => ({ shown: auth, query, plain }) }
  )

  test('tells the query, the URL, headers and the address', async stage => {
    const { peer } = await stage.pair({ query: { name: 'é & =', empty: '' } }, `${stage.url}/anywire?from=url`)
    assert.deepEqual({ ...peer.query }, { from: 'url', name: 'é & =', empty: '' })
    assert.match(peer.url, /^\/anywire\?from=url&/)
    assert.equal(typeof peer.address, 'string')
    assert.equal(peer.plain, false)
    if (!stage.fixture.http) return
    assert.equal(peer.headers.host, new URL(stage.url).host)
    assert.match(peer.address, /^127\.0\.0\.1$|^::1$/)
  })

  test(
    'asks for URL and auth at each opening',
    async stage => {
      let count = 0
      const url = async (): Promise<string> => {
        await turns(1)
        return `${stage.url}/anywire?count=${++count}`
      }
      const client = stage.connect({ auth: () => ({ count: count + 1 }) }, url)
      for (let round = 1; round <= 3; round++) {
        await opened(client)
        const peer = stage.peer(client)
        assert.deepEqual([peer.query['count'], peer.context], [`${round}`, { count: round }])
        const closed = next(client, 'close')
        client.end()
        await closed
        client.open()
      }
      await opened(client)
    },
    { authenticate: ({ auth }) => auth }
  )

  test('fails where the functions for URL and auth fail', async stage => {
    for (const fail of [() => Promise.reject(new Error('mine')), () => 'no url']) {
      const [{ code, reason }] = await next(stage.connect({}, fail), 'close')
      assert.equal(code, 1006)
      assert.match(reason, /mine|URL/)
    }
    const auth = (): never => {
      throw new Error('mine')
    }
    assert.match((await next(stage.connect({ auth }), 'close'))[0].reason, /mine/)
    stage.expected = ['ERR_HANDLER', 'ERR_HANDLER', 'ERR_HANDLER']
  })

  test(
    'names connections as it is told',
    async stage => {
      const { client, peer } = await stage.pair({ query: { name: 'ada' } })
      assert.deepEqual([client.id, peer.id], ['of ada', 'of ada'])
      assert.equal(stage.server.peers.get('of ada'), peer)
      assert.equal(stage.server.peers.has('of nobody'), false)
      const [{ code }] = await next(stage.connect({ query: { name: 'ada' } }), 'close')
      assert.equal(code, 3007)
      await pass(client, peer, ['unharmed'])
      for (const name of ['__proto__', 'constructor', 'toString', '.']) await stage.pair({ query: { name } })
      assert.equal(stage.server.peers.size, 5)
      stage.expected = ['ERR_OPTION']
    },
    { id: ({ query }) => `of ${query['name']}` }
  )

  test('names connections so that nobody can guess', async stage => {
    const ids = new Set<string>()
    for (let index = 0; index < 10; index++) ids.add((await stage.pair()).client.id)
    assert.equal(ids.size, 10)
    for (const id of ids) assert.match(id, /^[\w-]{22,}$/)
  })
}

/** Says `message` as the first, and looks that the answer is a goodbye with the code, and the end. */
const answered = async (stage: Stage, message: string | Uint8Array, code: End['code']): Promise<void> => {
  const link = stage.dial()
  const wire = await link.opened()
  wire.send(message)
  const ended = await link.closed()
  assert.equal(link.messages.length, 1, `${message}`)
  assert.match(`${link.messages[0]}`, new RegExp(`^!2\\[${code},"`))
  if (stage.fixture.server.supports.closeCodes) assert.equal(ended.code, code)
}
