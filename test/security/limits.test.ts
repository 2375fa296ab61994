import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_UNAUTHORIZED } from '../../lib/failures.ts'
import { ws } from '../../transformers/ws/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import type { AnyServer } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { maskedFrame, RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { turns, until } from '../support/faults-wait.ts'

describe('connections of one address', () => {
  const use = undoing()
  guard()

  const serve = async (server: AnyServer) => {
    const hosted = await hostHttp(use, { server })
    /** Asks for an upgrade; returns the status and the socket. */
    const knock = async (headers: Record<string, string> = {}, target?: string) => {
      const socket = new RawSocket(hosted.port)
      use(() => socket.destroy())
      socket.write(upgradeRequest(target, headers))
      return { socket, status: await socket.status() }
    }
    return { ...hosted, knock }
  }

  it('are so many and no more, whether they are let in yet or not', async () => {
    const { knock, told } = await serve({ limits: { connections: 3 } })
    const first = await knock()
    const statuses = [
      first,
      await knock(),
      await knock({}, '/anywire'),
      await knock(),
      await knock({}, '/anywire')
    ].map(({ status }) => status)
    assert.deepEqual(statuses, [101, 101, 101, 503, 503])
    assert.deepEqual(
      told.refused.map(({ error }) => error.code),
      ['ERR_BUSY', 'ERR_BUSY']
    )
    first.socket.destroy()
    await turns(10)
    let status = 0
    for (let patience = 0; status !== 101 && patience < 100; patience++) ({ status } = await knock())
    assert.equal(status, 101)
  })

  it('are counted again when they end in any way', async () => {
    const { knock, told, port } = await serve({ limits: { connections: 1, handshake: 50 } })
    const ways: ((socket: RawSocket) => void)[] = [
      socket => socket.destroy(),
      socket => socket.socket.resetAndDestroy(),
      socket => socket.write(maskedFrame('nonsense')),
      socket => socket.write(maskedFrame(hello()), maskedFrame('!2[1000,"",0]')),
      socket => socket.write(maskedFrame('', { opcode: 8 })),
      socket => socket.write(maskedFrame('', { opcode: 3 })),
      socket => socket.socket.end(),
      () => {}
    ]
    for (const [index, way] of ways.entries()) {
      let knocked = await knock()
      for (let patience = 0; knocked.status !== 101 && patience < 500; patience++) knocked = await knock()
      assert.equal(knocked.status, 101, `after way ${index - 1}`)
      const { socket } = knocked
      way(socket)
      await until(() => socket.closed || socket.ended || socket.closeCode !== undefined)
      socket.destroy()
    }
    // Upgrades that fail take no place.
    for (const headers of [
      { 'Sec-WebSocket-Key': 'x' },
      { 'Sec-WebSocket-Version': '1' },
      { 'Sec-WebSocket-Key': '' }
    ]) {
      const socket = new RawSocket(port)
      socket.write(upgradeRequest(undefined, headers))
      await until(() => socket.ended || socket.closed)
      socket.destroy()
    }
    let { status } = await knock()
    for (let patience = 0; status !== 101 && patience < 500; patience++) ({ status } = await knock())
    assert.equal(status, 101)
    assert.ok(
      told.refused.every(({ error }) => ['ERR_BUSY', 'ERR_PROTOCOL', 'ERR_HANDSHAKE_TIMEOUT'].includes(error.code))
    )
  })

  it('are told apart by a trusted proxy, and by nobody else', async () => {
    const cases: [AnyServer['trustProxy'], string | undefined, string][] = [
      [undefined, '9.9.9.9', '127.0.0.1'],
      [0, '9.9.9.9', '127.0.0.1'],
      [1, undefined, '127.0.0.1'],
      [1, '9.9.9.9', '9.9.9.9'],
      [1, '6.6.6.6, 9.9.9.9', '9.9.9.9'],
      [1, ' 6.6.6.6 ,, 9.9.9.9 ', '9.9.9.9'],
      [2, '6.6.6.6, 9.9.9.9, 10.0.0.1', '9.9.9.9'],
      [2, '9.9.9.9', '9.9.9.9'],
      [['127.0.0.1'], '6.6.6.6, 9.9.9.9', '9.9.9.9'],
      [['127.0.0.1', '10.0.0.0/8'], '6.6.6.6, 9.9.9.9, 10.1.2.3', '9.9.9.9'],
      [['127.0.0.1', '10.0.0.0/8'], '10.6.6.6', '10.6.6.6'],
      [['10.0.0.0/8'], '9.9.9.9', '127.0.0.1'],
      [['127.0.0.1'], 'unknown', 'unknown'],
      [['127.0.0.1', '2001:db8::/32'], '2001:db9::1, 2001:db8::1', '2001:db9::1'],
      [1, '::ffff:9.9.9.9', '9.9.9.9']
    ]
    for (const [trustProxy, forwarded, address] of cases) {
      const { knock, told } = await serve({ ...(trustProxy !== undefined && { trustProxy }) })
      const { socket } = await knock(forwarded === undefined ? {} : { 'X-Forwarded-For': forwarded }, '/anywire')
      await until(() => told.peers.length === 1)
      assert.equal(told.peers[0]?.address, address, `${inspect(trustProxy)} ${forwarded}`)
      socket.destroy()
    }
  })

  it('cannot be dodged by a client that names other addresses', async () => {
    const { knock } = await serve({ trustProxy: 1, limits: { connections: 1 } })
    const statuses = []
    for (const forwarded of ['9.9.9.9', '1.1.1.1, 9.9.9.9', '2.2.2.2, 9.9.9.9', '8.8.8.8']) {
      statuses.push((await knock({ 'X-Forwarded-For': forwarded })).status)
    }
    assert.deepEqual(statuses, [101, 503, 503, 101])
  })

  it('are not counted where there are no addresses', async () => {
    const { network, told } = host(use, { server: { limits: { connections: 2 } } })
    for (let count = 0; count < 5; count++) await RawClient.dial(network, { say: [hello()] })
    await until(() => told.peers.length === 5)
  })
})

describe('origins', () => {
  const use = undoing()
  guard()

  /** Asks as a page does; returns what the page gets: a status, or the code of its close. */
  const ask = async (server: AnyServer, headers: Record<string, string>, plain = false): Promise<number> => {
    const { port, told } = await hostHttp(use, { server })
    const socket = new RawSocket(port)
    use(() => socket.destroy())
    socket.write(upgradeRequest(plain ? '/anywire' : undefined, headers))
    const status = await socket.status()
    if (status !== 101) return status
    socket.write(maskedFrame(plain ? '1' : hello()))
    await until(() => told.peers.length === 1 || socket.closeCode !== undefined)
    assert.equal(told.refused.length, socket.closeCode === undefined ? 0 : 1)
    return socket.closeCode ?? 101
  }

  const own: [Record<string, string>, boolean][] = [
    [{}, true],
    [{ Host: 'example.com', Origin: 'https://example.com' }, true],
    [{ Host: 'EXAMPLE.com', Origin: 'https://example.com' }, true],
    [{ Host: 'example.com:8080', Origin: 'http://example.com:8080' }, true],
    [{ Host: 'example.com', Origin: 'https://example.com:444' }, false],
    [{ Host: 'example.com', Origin: 'https://example.com.evil.org' }, false],
    [{ Host: 'example.com', Origin: 'https://evil.org' }, false],
    [{ Host: 'example.com', Origin: 'https://evil-example.com' }, false],
    [{ Host: 'example.com', Origin: 'null' }, false],
    [{ Host: 'null', Origin: 'null' }, false],
    [{ Host: 'example.com', Origin: '' }, false],
    [{ Host: '', Origin: 'file://' }, false],
    [{ Host: 'example.com', Origin: 'example.com' }, false],
    [{ Host: 'example.com', Origin: 'https://example.com@evil.org' }, false],
    [{ Host: 'example.com', Origin: 'https://evil.org/example.com' }, false],
    [{ Host: 'example.com', Origin: 'x'.repeat(8_000) }, false],
    [{ Host: 'example.com', Origin: 'https://evil.org', 'X-Forwarded-Host': 'evil.org' }, false],
    [{ Host: 'evil.org', Origin: 'https://example.com', 'X-Forwarded-Host': 'example.com' }, false]
  ]

  it('other than the own host are refused, on upgrades of either kind', async () => {
    for (const [headers, allowed] of own) {
      assert.equal(await ask({}, headers), allowed ? 101 : 3506, inspect(headers).slice(0, 100))
      assert.equal(await ask({}, headers, true), allowed ? 101 : 403, inspect(headers).slice(0, 100))
    }
  })

  it('that are refused are told what to do, but not the host, which may be that of a proxy', async () => {
    for (const [server, sentence] of [
      [{}, /https:\/\/evil\.org, which is not the host .* 'origins'/],
      [{ origins: ['https://example.com'] }, /: https:\/\/evil\.org$/]
    ] as const) {
      const { port, told } = await hostHttp(use, { server })
      const socket = new RawSocket(port)
      use(() => socket.destroy())
      socket.write(upgradeRequest(undefined, { Host: 'inner', Origin: 'https://evil.org' }))
      assert.equal(await socket.status(), 101)
      socket.write(maskedFrame(hello()))
      await until(() => told.refused.length === 1)
      assert.match(told.refused[0]?.error.message ?? '', sentence)
      assert.doesNotMatch(told.refused[0]?.error.message ?? '', /inner/)
    }
  })

  it('are compared with the host that a trusted proxy was asked for', async () => {
    const headers = { Host: 'inner', Origin: 'https://example.com', 'X-Forwarded-Host': 'example.com' }
    assert.equal(await ask({ trustProxy: 1 }, headers), 101)
    assert.equal(await ask({ trustProxy: ['127.0.0.1'] }, headers), 101)
    assert.equal(await ask({ trustProxy: ['10.0.0.0/8'] }, headers), 3506)
    assert.equal(await ask({ trustProxy: 1 }, { ...headers, Origin: 'https://inner' }), 3506)
  })

  it('are those of a list, and always the same ones', async () => {
    const origins = ['https://a.example', /^https:\/\/[a-z]+\.b\.example$/g, /^https:\/\/c\.example$/y]
    for (let round = 0; round < 3; round++) {
      for (const [origin, allowed] of [
        ['https://a.example', true],
        ['https://x.b.example', true],
        ['https://c.example', true],
        ['https://a.example.evil.org', false],
        ['null', false],
        ['http://a.example', false]
      ] as const) {
        assert.equal(
          await ask({ origins }, { Host: 'other', Origin: origin }),
          allowed ? 101 : 3506,
          `${origin}, round ${round}`
        )
      }
    }
    assert.equal(await ask({ origins: [] }, { Host: 'a.example', Origin: 'https://a.example' }), 3506)
    assert.equal(await ask({ origins: '*' }, { Host: 'other', Origin: 'null' }), 101)
    assert.equal(await ask({ origins: (origin: string) => origin === 'null' }, { Origin: 'null' }), 101)
  })

  it('keeps a regular expression the same, however often it is asked', async () => {
    const origins = [/example/g]
    const { port, told } = await hostHttp(use, { server: { origins } })
    for (let count = 0; count < 6; count++) {
      const socket = new RawSocket(port)
      use(() => socket.destroy())
      socket.write(upgradeRequest('/anywire', { Origin: 'https://example.com' }))
      assert.equal(await socket.status(), 101)
    }
    assert.deepEqual(told.refused, [])
  })
})

describe('upgrade requests', () => {
  const use = undoing()
  guard()

  it('for anything else are answered and closed, and keep no socket', async () => {
    const { port } = await hostHttp(use)
    const requests: [string, number[]][] = [
      [upgradeRequest('/anywireFOO'), [404]],
      [upgradeRequest('/anywir'), [404]],
      [upgradeRequest('/ANYWIRE'), [404]],
      [upgradeRequest('/anywire/x'), [404]],
      [upgradeRequest('//'), [404]],
      [upgradeRequest('//anywire'), [404]],
      [upgradeRequest('/x/../anywire'), [404]],
      [upgradeRequest('/%61nywire'), [404]],
      [upgradeRequest('*'), [404]],
      [upgradeRequest('http://localhost/anywire'), [404, 101]],
      [upgradeRequest('/__proto__'), [404]],
      [upgradeRequest(undefined, { Upgrade: 'foo' }), [400]],
      [upgradeRequest(undefined, { Upgrade: 'websocketx' }), [400]],
      [upgradeRequest(undefined, { 'Sec-WebSocket-Key': undefined }), [400]],
      [upgradeRequest(undefined, { 'Sec-WebSocket-Key': 'short' }), [400]],
      [upgradeRequest(undefined, { 'Sec-WebSocket-Version': '99' }), [400, 426]],
      [upgradeRequest().replace('GET', 'POST'), [400, 405]],
      [upgradeRequest(undefined, {}, '1.0'), [400]],
      [upgradeRequest(undefined, { Host: undefined }), [400, 101]],
      [upgradeRequest(`/anywire?${'x'.repeat(20_000)}`), [431]],
      [upgradeRequest(undefined, { Long: 'x'.repeat(20_000) }), [431]],
      ['\r\n\r\nnonsense\r\n\r\n', [400]]
    ]
    for (const [request, statuses] of requests) {
      const socket = new RawSocket(port)
      use(() => socket.destroy())
      socket.write(request)
      const status = await socket.status()
      assert.ok(statuses.includes(status), `${request.slice(0, 60)} → ${status}`)
      if (status === 101) continue
      // The client keeps its side open; the server does not keep the socket for that.
      await until(() => socket.ended || socket.closed, `an end for ${request.slice(0, 60)}`)
      let gone = socket.closed
      socket.socket.once('close', () => (gone = true))
      for (let patience = 0; !gone && patience < 200; patience++) {
        socket.write('x')
        await turns(2)
      }
      assert.ok(gone, `the socket stays open after ${request.slice(0, 60)}`)
    }
  })

  it('with any query are no danger', async () => {
    const { port, told } = await hostHttp(use)
    for (const query of [
      '?__proto__=1',
      '?anywire',
      '?anywire=',
      '?anywire=9',
      '?anywire=1&anywire=2',
      '?%',
      '?%ff=%ff',
      '?a[b]=c',
      '?=',
      '?&&&',
      '??',
      '?constructor=x&hasOwnProperty=y'
    ]) {
      const before = told.peers.length
      const socket = new RawSocket(port)
      use(() => socket.destroy())
      socket.write(upgradeRequest(`/anywire${query}`), maskedFrame(query.startsWith('?anywire') ? hello() : '1'))
      await until(() => told.peers.length === before + 1, query)
      const peer = told.peers[before]
      assert.equal(Object.getPrototypeOf(peer?.query), Object.prototype)
      assert.equal('anywire' in (peer?.query ?? {}), false)
    }
  })

  it('that are reset at any time leave nothing behind', async () => {
    const { port, server, http } = await hostHttp(use)
    const stream = Buffer.concat([Buffer.from(upgradeRequest()), maskedFrame(hello()), maskedFrame('"value"')])
    for (let length = 0; length <= stream.length; length += 9) {
      const socket = new RawSocket(port)
      await new Promise<void>(resolve => socket.socket.write(stream.subarray(0, Math.max(1, length)), () => resolve()))
      if (length % 2) await turns(2)
      socket.socket.resetAndDestroy()
    }
    for (const peer of server.peers) peer.destroy()
    await until(() => server.peers.size === 0)
    const open = (): Promise<number> => new Promise(resolve => http.getConnections((_error, count) => resolve(count)))
    for (let patience = 0; (await open()) > 0 && patience < 2_000; patience++) {
      for (const peer of server.peers) peer.destroy()
      await turns(1)
    }
    assert.equal(await open(), 0)
  })

  it('two in one segment open one connection', async () => {
    const { port, told } = await hostHttp(use)
    const socket = new RawSocket(port)
    use(() => socket.destroy())
    socket.write(upgradeRequest() + upgradeRequest())
    await until(() => socket.ended || socket.closed)
    assert.equal(told.peers.length, 0)
  })
})

describe('plain clients', () => {
  const use = undoing()
  guard()

  it('may be kept out', async () => {
    const { network, told } = host(use, { server: { plain: false } })
    const raw = await RawClient.dial(network, { plain: true })
    await until(() => raw.closed !== undefined)
    assert.deepEqual(
      told.refused.map(({ error }) => error.code),
      ['ERR_PROTOCOL']
    )
  })

  it('may say little before they are let in', async () => {
    for (const [count, size] of [
      [2_000, 1],
      [30, 50_000]
    ] as const) {
      let release = (): void => {}
      const { network, told } = host(use, {
        server: { authenticate: () => new Promise<string>(resolve => (release = () => resolve('late'))) }
      })
      const raw = await RawClient.dial(network, { plain: true })
      for (let said = 0; said < count; said++) raw.say(JSON.stringify('x'.repeat(size)))
      await until(() => raw.closed !== undefined)
      assert.deepEqual([raw.closed?.code, told.refused.map(({ error }) => error.code)], [3004, ['ERR_RATE']])
      release()
      await turns()
      assert.equal(told.peers.length, 0)
    }
  })

  it('have what they said early delivered, in order, to whoever listens on connection', async () => {
    const { network, told } = host(use, { server: { authenticate: () => turns(3).then(() => 'late') } })
    const raw = await RawClient.dial(network, { plain: true, say: ['1', '2', '3'] })
    raw.say('4')
    await until(() => told.logs[0]?.values.length === 4)
    assert.deepEqual(told.logs[0]?.values, [1, 2, 3, 4])
  })

  it('that say nonsense early have a beginning and an end', async () => {
    const { network, told, server } = host(use, { server: { authenticate: () => turns(3).then(() => 'late') } })
    const raw = await RawClient.dial(network, { plain: true, say: ['1', '{', '2'] })
    await until(() => raw.closed !== undefined)
    await turns()
    assert.equal(server.peers.size, 0)
    // Either the application hears of the connection and of its end, or of neither.
    assert.deepEqual(
      told.logs.map(({ closes }) => closes.length),
      told.peers.map(() => 1)
    )
  })

  it('hear a goodbye of the server, and end', async () => {
    const { told, url, server } = await hostHttp(use)
    const raw = await RawClient.dial(ws(), { url, plain: true })
    await until(() => told.peers.length === 1)
    told.peers[0]?.write('last')
    told.peers[0]?.end(4321, 'bye')
    await until(() => raw.closed !== undefined && server.peers.size === 0)
    assert.deepEqual([raw.heard, raw.closed], [['"last"'], { code: 4321, reason: 'bye' }])
    assert.deepEqual(
      told.logs[0]?.closes.map(({ code, reason }) => [code, reason]),
      [[4321, 'bye']]
    )
  })
})

describe('secrets', () => {
  const use = undoing()
  guard()

  const SECRET = 'correct horse battery staple'

  it('are in no error, no event and no handshake', async () => {
    const told: unknown[] = []
    let judge: () => unknown = () => ({ user: 'alice' })
    const {
      network,
      server,
      dial,
      told: watched
    } = host(use, { server: { authenticate: () => judge(), schema: 1 }, client: { schema: 1 } })
    for (const event of ['connection', 'refused', 'error', 'close'] as const)
      server.on(event, (...args: unknown[]) => told.push(...args))
    const client = dial({ auth: { password: SECRET }, plugins: [] })
    const near = logOf(client)
    await until(() => client.state === 'open')
    judge = () => false
    const refused = dial({ auth: { password: SECRET }, plugins: [] })
    const log = logOf(refused)
    await until(() => refused.state === 'closed')
    judge = () => {
      throw new AnywireError(ERR_UNAUTHORIZED, 'told to the client')
    }
    const typed = await RawClient.dial(network, { say: [hello({ schema: 1, auth: SECRET })] })
    assert.match((await typed.goodbye())[1], /told to the client/)
    for (const more of [{ v: 9 }, { parser: 'x' }, { plugins: [['x', 1]] }, { schema: 9 }, { limit: -1 }]) {
      const raw = await RawClient.dial(network, {
        say: [hello({ schema: 1, auth: SECRET, session: `${client.id}.${SECRET}`, got: [0, 0], ...more })]
      })
      told.push(await raw.goodbye())
    }
    client.destroy()
    await server.close()
    told.push(
      near,
      log,
      watched.peers.map(peer => ({ headers: peer.headers, query: peer.query, url: peer.url, context: peer.context }))
    )
    const text = inspect(told, { depth: 12, showHidden: true, getters: true })
    assert.ok(!text.includes('horse'), text.slice(text.indexOf('horse') - 400, text.indexOf('horse') + 100))
  })

  it('are unguessable: ids and tokens differ in each part, and have 128 bits', async () => {
    const { network } = host(use)
    const tokens: string[] = []
    for (let count = 0; count < 50; count++) {
      const raw = await RawClient.dial(network, { say: [hello()] })
      const { id, token } = await raw.welcome()
      assert.ok(token.startsWith(`${id}.`))
      tokens.push(id, token.slice(id.length + 1))
    }
    assert.equal(new Set(tokens).size, 100)
    assert.ok(tokens.every(token => Buffer.from(token, 'base64url').length >= 16))
  })

  it('are not told to those who were not let in', async () => {
    const clock = new Clock(use)
    const { network } = host(use, { server: { authenticate: () => new Promise(() => {}), limits: { handshake: 100 } } })
    const raw = await RawClient.dial(network, { say: [hello()] })
    await turns()
    assert.deepEqual(raw.heard, [])
    await clock.pass(100)
    await until(() => raw.closed !== undefined)
    assert.equal(raw.heard.length, 1)
  })
})
