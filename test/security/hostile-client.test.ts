import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Data } from '../../lib/transformer.ts'
import type { AuthRequest, Peer } from '../../lib/server/peer.ts'
import type { ServerPlugin } from '../../lib/server/plugin.ts'
import type { Server } from '../../lib/server/server.ts'
import { ws } from '../../transformers/ws/index.ts'
import { Clock } from '../support/faults-clock.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { hostHttp } from '../support/faults-http.ts'
import { host, logOf } from '../support/faults-pair.ts'
import { hello, RawClient } from '../support/faults-raw.ts'
import { runs } from '../support/faults-seed.ts'
import { maskedFrame, RawSocket, upgradeRequest } from '../support/faults-socket.ts'
import { turns, until } from '../support/faults-wait.ts'

const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'prototype',
  'error',
  'data',
  'peer',
  'id',
  'write',
  '',
  ' ',
  '\u0000',
  '../..'
]

describe('hostile clients: the hello', () => {
  const use = undoing()
  guard()

  /** Says one thing, and returns the code that the server refuses it with. */
  const refused = async (say: Data, options: Parameters<typeof host>[1] = {}): Promise<number> => {
    const { network, told, server } = host(use, options)
    const raw = await RawClient.dial(network, { say: [say] })
    const [code] = await raw.goodbye()
    assert.deepEqual([raw.closed?.code, told.peers.length, server.peers.size], [code, 0, 0])
    assert.deepEqual(
      told.refused.map(({ error }) => error.status),
      [code],
      'the server is told'
    )
    assert.deepEqual(told.errors, [])
    return code
  }

  it('is refused when it is none', async () => {
    const all: Data[] = [
      '',
      '!',
      '!0',
      '!1{}',
      '!2[1000,"",0]',
      '!30',
      '!40',
      '!@1',
      '!À1',
      '1',
      'null',
      '{}',
      '!0null',
      '!0[]',
      '!01',
      '!0"x"',
      '!0{',
      '!0{}x',
      `${hello()}x`,
      `x${hello()}`,
      hello().slice(0, -1),
      hello().slice(2),
      new TextEncoder().encode(hello()),
      Uint8Array.of(0xc1, 0x40),
      new Uint8Array(0),
      `!0${'['.repeat(100_000)}`,
      `!0${'[{"a":'.repeat(50_000)}`
    ]
    for (const say of all) assert.equal(await refused(say), 3500, `${say.slice(0, 40)}`)
  })

  it('is refused when a part of it is of the wrong kind', async () => {
    const counts = [undefined, null, -1, 0.5, 1e300, NaN, '1', true, [], [1], {}, 2 ** 53]
    const names = [undefined, null, 0, true, {}, [], '', ['json'], 'x'.repeat(200)]
    const plugins = [
      undefined,
      null,
      0,
      'x',
      {},
      { length: 1 },
      [null],
      [[]],
      [['a']],
      [['a', 1, 2]],
      [['a', -1]],
      [['a', '1']],
      [[1, 1]],
      [['', 1]],
      [[['a'], 1]],
      ['ab'],
      Array.from({ length: 10_000 }, (_, index) => [`p${index}`, 1]),
      Array.from({ length: 10_000 }, () => ['p', 1])
    ]
    const wrong: Record<string, unknown>[] = [
      ...counts.flatMap(count => [{ v: count }, { limit: count }, { window: count }]),
      ...counts.filter(count => count !== undefined).map(count => ({ schema: count })),
      ...names.map(name => ({ parser: name })),
      ...plugins.map(list => ({ plugins: list }))
    ]
    for (const more of wrong) assert.equal(await refused(hello(more)), 3500, JSON.stringify(more).slice(0, 80))
  })

  it('is refused with exponents and fractions in its numbers, whatever their value', async () => {
    for (const number of ['1e400', '-1e400', '1.5', '-1', '9007199254740993', '1e16']) {
      assert.equal(await refused(hello().replace('"limit":1048576', `"limit":${number}`)), 3500, number)
    }
  })

  it('is refused for names that nobody has', async () => {
    for (const name of NAMES) {
      assert.equal(await refused(hello({ parser: name })), name === '' ? 3500 : 3503, name)
      assert.equal(await refused(hello({ plugins: [[name, 1]] })), name === '' ? 3500 : 3504, name)
    }
    assert.equal(await refused(hello({ v: 2 })), 3501)
    assert.equal(await refused(hello({ v: 0 })), 3501)
    assert.equal(await refused(hello({ schema: 2 }), { server: { schema: 1 } }), 3505)
    assert.equal(await refused(hello(), { server: { schema: 1 } }), 3505)
  })

  it('is refused with a plugin of the server that is local, or of another version', async () => {
    const plugins: ServerPlugin[] = [
      { name: 'near', version: 1, local: true },
      { name: 'far', version: 2 }
    ]
    const options = { server: { plugins } }
    assert.equal(await refused(hello({ plugins: [['near', 1]] }), options), 3504)
    assert.equal(await refused(hello({ plugins: [['far', 1]] }), options), 3504)
  })

  it('never brings what would change a prototype, or is too deep, to `authenticate`', async () => {
    const seen: unknown[] = []
    const options = { server: { authenticate: ({ auth }: AuthRequest) => seen.push(auth) } }
    const texts = [
      '{"__proto__":{"admin":true}}',
      '[{"a":{"__proto__":1}}]',
      '{"constructor":{"prototype":{"admin":true}}}',
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`
    ]
    for (const text of texts) {
      assert.equal(await refused(hello({ auth: 'X' }).replace('"X"', text), options), 3500, text.slice(0, 40))
    }
    assert.deepEqual(seen, [])
    const { network, told } = host(use, options)
    const auth = { user: 'x', constructor: 'Ford', list: [{ deep: [[[1]]] }] }
    await RawClient.dial(network, { say: [hello({ auth })] })
    await until(() => told.peers.length === 1)
    assert.deepEqual(seen, [auth])
  })

  it('may be long, but no longer than a message', async () => {
    const { network, told } = host(use, { server: { limits: { message: 10_000 } } })
    const fits = await RawClient.dial(network, { say: [hello({ auth: 'x'.repeat(9_000) })] })
    await fits.welcome()
    const large = await RawClient.dial(network, { say: [hello({ auth: 'x'.repeat(20_000) })] })
    await until(() => large.closed !== undefined)
    assert.equal(told.peers.length, 1)
    assert.deepEqual(
      told.refused.map(({ error }) => error.code),
      ['ERR_TOO_LARGE']
    )
  })

  it('comes in time', async () => {
    const clock = new Clock(use)
    const { network, told, server } = host(use, { server: { limits: { handshake: 1_000 } } })
    const raw = await RawClient.dial(network)
    const slow = await RawClient.dial(network)
    await clock.pass(999)
    assert.equal(raw.closed, undefined)
    await clock.pass(1)
    assert.equal((await raw.goodbye())[0], 3005)
    assert.equal((await slow.goodbye())[0], 3005)
    assert.deepEqual(
      told.refused.map(({ error }) => error.code),
      ['ERR_HANDSHAKE_TIMEOUT', 'ERR_HANDSHAKE_TIMEOUT']
    )
    assert.equal(server.peers.size, 0)
    raw.say(hello())
    await turns()
    assert.equal(told.peers.length, 0)
  })

  it('is judged in time, and what comes out later counts for nothing', async () => {
    const clock = new Clock(use)
    let release: (user: string) => void = () => {}
    const authenticate = (): Promise<string> => new Promise(resolve => (release = resolve))
    const { network, told, server } = host(use, { server: { limits: { handshake: 1_000 }, authenticate } })
    for (const plain of [false, true]) {
      const raw = await RawClient.dial(network, { plain, say: plain ? ['1'] : [hello()] })
      await turns()
      await clock.pass(1_000)
      await until(() => raw.closed !== undefined)
      assert.equal(raw.closed?.code, 3005)
      release('late')
      await turns()
    }
    assert.deepEqual([told.peers.length, server.peers.size], [0, 0])
  })

  it('comes alone: what is said before the welcome ends the link', async () => {
    for (const more of [hello(), '1', '!40', '!@1', '!2[1000,"",0]', Uint8Array.of(1)] as const) {
      const { network, told } = host(use, { server: { authenticate: () => turns(3).then(() => 'late') } })
      const raw = await RawClient.dial(network, { say: [hello(), more] })
      assert.equal((await raw.goodbye())[0], 3500)
      await turns()
      assert.deepEqual(told.peers, [])
    }
  })
})

describe('hostile clients: frames', () => {
  const use = undoing()
  guard()

  const open = async (options: Parameters<typeof host>[1] = {}) => {
    const hosted = host(use, options)
    const raw = await RawClient.dial(hosted.network, { say: [hello()] })
    await raw.welcome()
    const [peer] = hosted.told.peers
    const [log] = hosted.told.logs
    assert.ok(peer && log)
    return { ...hosted, raw, peer, log }
  }

  it('that are unknown, or say what cannot be, end the connection', async () => {
    const counts = [
      '',
      '-1',
      '+1',
      '1.5',
      '1e1',
      '0x1',
      ' 1',
      '1 ',
      '1\n',
      '00000000000000001',
      '9007199254740993',
      '9'.repeat(400),
      'NaN',
      'Infinity',
      '[]',
      '1'
    ]
    const all: Data[] = [
      '!',
      '!!',
      '!0',
      hello(),
      '!1{}',
      '!6',
      '!61',
      '!90',
      '!:',
      '!?',
      '!??',
      '!?0',
      '!?2[1000,"",0]',
      '!\u0000',
      '!\u007f1',
      '!\uffff1',
      '!é1',
      '!A1',
      '!~1',
      '!Á1',
      '!B1',
      '!2',
      '!2[]',
      '!2{}',
      '!2null',
      '!2[1000]',
      '!2[1000,"x"]',
      '!2[1000,1,0]',
      '!2["1000","",0]',
      '!2[1000,"",-1]',
      '!2[1e3',
      ...counts.flatMap(count => [`!3${count}`, `!4${count}`, `!5${count}`]),
      Uint8Array.of(0xc1),
      Uint8Array.of(0xc1, 0x30),
      Uint8Array.of(0xc1, 0x33, 0x30),
      Uint8Array.of(0xc1, 0x32, 0x5b),
      Uint8Array.of(0xc1, 0x3f),
      Uint8Array.of(0xc1, 0x41, 0x31),
      Uint8Array.of(0xc1, 0xff),
      Uint8Array.of(0xc1, 0x3f, 0xff)
    ]
    for (const say of all) {
      const { raw, told, log } = await open()
      raw.say(say)
      await until(() => raw.closed !== undefined, `an end after ${say}`)
      assert.equal(raw.closed?.code, 3500, `${say}`)
      assert.deepEqual(
        [told.errors.map(({ error, stage, peer }) => [error.code, stage, peer]), log.values],
        [[['ERR_PROTOCOL', 'connection', told.peers[0]]], []]
      )
      assert.equal(log.closes.length, 1)
    }
  })

  it('that are no values end the connection', async () => {
    for (const say of [
      '',
      '{',
      'nul',
      '1 2',
      '{"__proto__":1}',
      '!@',
      '!@{',
      '!À{',
      '['.repeat(100_000),
      'undefined',
      '"\u0000"',
      '\ufeff1',
      '[1,]',
      "'1'"
    ]) {
      const { raw, told, log } = await open()
      raw.say(say)
      await until(() => raw.closed !== undefined, `an end after ${say.slice(0, 20)}`)
      assert.equal(raw.closed?.code, 3508, say.slice(0, 20))
      assert.deepEqual([told.errors.map(({ error }) => error.code), log.values], [['ERR_VALUE'], []])
    }
  })

  it('that say goodbye with any code and reason end the connection, and nothing else', async () => {
    for (const code of [
      0,
      1,
      999,
      1000,
      1001,
      1002,
      1004,
      1005,
      1006,
      1008,
      1015,
      1016,
      2999,
      3000,
      3999,
      4000,
      4999,
      5000,
      65_535,
      65_536,
      1e9,
      2 ** 53 - 1
    ]) {
      for (const reason of ['', 'x'.repeat(50_000), '€'.repeat(1_000), '\ud800'.repeat(100), '\u0000\r\n']) {
        const { raw, log, told } = await open()
        raw.say(`!2${JSON.stringify([code, reason, 2 ** 53 - 1])}`)
        await until(() => raw.closed !== undefined, `an end after ${code}`)
        assert.equal(log.closes.length, 1)
        assert.ok(
          told.errors.every(({ error }) => error.code === 'ERR_PROTOCOL'),
          `${code}`
        )
      }
    }
  })

  it('that come after the end reach nobody', async () => {
    for (const first of ['!2[1000,"",0]', '!2[4000,"",0]', '{', '!9', '!3999']) {
      const { raw, log, told } = await open()
      raw.say(first, '"late"', '!2[1000,"",0]', hello(), '!41', '{', '!9', '!@1')
      await until(() => raw.closed !== undefined)
      await turns()
      assert.deepEqual(
        [log.values, log.closes.length, told.peers.length, told.errors.length],
        [[], 1, 1, first.startsWith('!2') ? 0 : 1],
        first
      )
    }
  })

  it('that are larger than the limit end the connection', async () => {
    const { raw, told, log } = await open({ server: { limits: { message: 1_000 } } })
    raw.say(JSON.stringify('x'.repeat(998)))
    await until(() => log.values.length === 1)
    raw.say(JSON.stringify('x'.repeat(1_100)))
    await until(() => raw.closed !== undefined)
    assert.deepEqual(
      [raw.closed?.code, told.errors.map(({ error }) => error.code), log.values.length],
      [3507, ['ERR_TOO_LARGE'], 1]
    )
  })

  it('that are more than the rate end the connection; the bucket fills again', async () => {
    const clock = new Clock(use)
    const { raw, told, log } = await open({ server: { limits: { rate: { second: 10, burst: 20 } } } })
    const say = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) raw.say('1')
      await turns()
    }
    await say(20)
    assert.deepEqual([log.values.length, raw.closed], [20, undefined])
    await clock.pass(1_000)
    await say(10)
    assert.deepEqual([log.values.length, raw.closed], [30, undefined])
    await say(1)
    await until(() => raw.closed !== undefined)
    assert.deepEqual(
      [raw.closed?.code, log.values.length, told.errors.map(({ error }) => error.code)],
      [3004, 30, ['ERR_RATE']]
    )
  })

  it('cannot save up more than a burst', async () => {
    const clock = new Clock(use)
    const { raw, log } = await open({ server: { heartbeat: 0, limits: { rate: { second: 10, burst: 20 } } } })
    await clock.pass(60_000)
    for (let index = 0; index < 60; index++) raw.say('1')
    await until(() => raw.closed !== undefined)
    assert.ok(log.values.length >= 20 && log.values.length <= 40, `${log.values.length}`)
  })
})

describe('hostile clients: limits that they name', () => {
  const use = undoing()
  guard()

  it('below what a client has to take are refused', async () => {
    for (const more of [
      { limit: 0 },
      { limit: 1 },
      { limit: 1_023 },
      { window: 0 },
      { window: 1 },
      { window: 1_023 }
    ]) {
      const { network, told } = host(use)
      const raw = await RawClient.dial(network, { say: [hello(more)] })
      assert.equal((await raw.goodbye())[0], 3500, JSON.stringify(more))
      assert.equal(told.peers.length, 0)
    }
  })

  const ways: Record<string, (peer: Peer, server: Server) => unknown> = {
    'a write': peer => peer.write('x'.repeat(2_500)),
    'an unreliable write': peer => peer.write('x'.repeat(2_500), { reliable: false }),
    'a broadcast': (_peer, server) => server.peers.broadcast('x'.repeat(2_500)),
    'a writable': async peer => {
      const writer = peer.writable.getWriter()
      await writer.write('x'.repeat(2_500)).finally(() => writer.releaseLock())
    }
  }

  for (const [way, write] of Object.entries(ways)) {
    it(`make nothing throw that the server itself would take, and are told once: ${way}`, async () => {
      const { network, told, server, dial } = host(use, { server: { limits: { message: 3_000 } } })
      const witness = dial()
      const seen = logOf(witness)
      await until(() => witness.state === 'open')
      for (const limit of [1_024, 1_999]) {
        const raw = await RawClient.dial(network, { say: [hello({ limit })] })
        await raw.welcome()
        const peer = told.peers.at(-1)
        assert.ok(peer)
        assert.throws(() => peer.write('x'.repeat(3_001)), { code: 'ERR_TOO_LARGE' })
        for (let round = 0; round < 3; round++) peer.write('x'.repeat(900))
        for (let round = 0; round < 3; round++)
          await Promise.race([Promise.resolve(write(peer, server)).catch(() => {}), turns()])
        assert.equal((await raw.goodbye())[0], 3507)
        assert.deepEqual(
          told.errors
            .filter(({ error, peer: of }) => of === peer && error.code !== 'ERR_CLOSED')
            .map(({ error, stage }) => [error.code, stage]),
          [['ERR_TOO_LARGE', 'connection']]
        )
      }
      assert.deepEqual(seen.story, ['open'])
    })
  }

  it('above its own let the server say more, and no more than that', async () => {
    const { network, told, server } = host(use, { server: { limits: { message: 3_000 } } })
    const raw = await RawClient.dial(network, { say: [hello({ limit: 5_000 })] })
    await raw.welcome()
    const [peer] = told.peers
    assert.equal(peer?.write('x'.repeat(4_900)), true)
    assert.throws(() => peer?.write('x'.repeat(5_000)), { code: 'ERR_TOO_LARGE' })
    assert.equal(server.peers.broadcast('x'.repeat(5_000)), 0)
    // Three bytes for each character.
    assert.equal(server.peers.broadcast('€'.repeat(1_600)), 1)
    assert.equal(server.peers.broadcast('€'.repeat(1_700)), 0)
    await until(() => raw.heard.length === 3)
    assert.deepEqual(
      told.errors.map(({ error, stage }) => [error.code, stage]),
      [
        ['ERR_TOO_LARGE', 'write'],
        ['ERR_TOO_LARGE', 'write']
      ]
    )
  })
})

/** A conversation as a raw client may lead it. */
const CONVERSATION: readonly Data[] = [
  '"value"',
  '{"a":[1,2,3]}',
  '!40',
  '!À"loose"',
  '!@"!forced"',
  '!30',
  Uint8Array.of(0xff, 0, 0, 0, 2, 91, 93),
  '!41',
  '"more"',
  '!2[1000,"",0]'
]

type Mutation = { at: number; kind: number; where: number; what: string }

const mutate = (messages: readonly Data[], { at, kind, where, what }: Mutation): Data[] => {
  const all = [...messages]
  const index = at % all.length
  const message = all[index] ?? ''
  const place = where % (message.length + 1)
  if (kind === 0) all.splice(index, 1)
  else if (kind === 1) all.splice(index, 0, message)
  else if (kind === 2) all[index] = message.slice(0, place)
  else if (typeof message === 'string') {
    if (kind === 3) all[index] = message.slice(0, place) + what + message.slice(place)
    else if (kind === 4) all[index] = message.slice(0, place) + what + message.slice(place + what.length)
    else if (kind === 5) all[index] = new TextEncoder().encode(message)
    else all[index] = message.replace(/\d+/, what)
  } else if (kind === 5) all[index] = new TextDecoder().decode(message)
  else all[index] = message.map((byte, offset) => (offset === place ? byte ^ (what.charCodeAt(0) & 255) : byte))
  return all
}

const mutations = fc.array(
  fc.record({
    at: fc.nat(20),
    kind: fc.nat(6),
    where: fc.nat(200),
    what: fc.oneof(
      fc.string({ minLength: 1, maxLength: 4 }),
      fc.constantFrom(
        '!',
        '-1',
        '1e9',
        '9007199254740993',
        '"',
        '{',
        '\u0000',
        '\u00c1',
        '__proto__',
        '?',
        '@',
        'A',
        'null'
      )
    )
  }),
  { minLength: 1, maxLength: 4 }
)

describe('hostile clients: mutated traffic', () => {
  const use = undoing()
  guard()

  it('ends its own connection at most', async () => {
    const { network, told, dial, server } = host(use, { server: { recovery: false } })
    server.on('connection', peer => void peer.on('data', value => void peer.write(value)))
    const witness = dial()
    const seen = logOf(witness)
    await until(() => witness.state === 'open')
    let round = 0
    await fc.assert(
      fc.asyncProperty(mutations, fc.boolean(), async (all, plain) => {
        const spoken = all.reduce<Data[]>(
          mutate,
          plain ? [...CONVERSATION] : [hello({ session: 'a.b', got: [0, 0] }), ...CONVERSATION]
        )
        const raw = await RawClient.dial(network, { plain })
        for (const message of spoken) {
          raw.say(message)
          await turns(1)
        }
        raw.abort()
        witness.write(++round)
        await until(() => seen.values.at(-1) === round)
        await until(() => server.peers.size === 1, 'the end of the peer')
      }),
      runs(40)
    )
    const codes = new Set(told.errors.map(({ error }) => error.code))
    assert.deepEqual(
      [...codes].filter(code => !['ERR_PROTOCOL', 'ERR_VALUE', 'ERR_CLOSED'].includes(code)),
      []
    )
    assert.deepEqual([witness.state, seen.story], ['open', ['open']])
  })

  it('also where it is damaged as bytes of a WebSocket', async () => {
    const { port, dial, server } = await hostHttp(use, { server: { recovery: false, limits: { message: 100_000 } } })
    server.on('connection', peer => void peer.on('data', value => void peer.write(value)))
    const witness = dial()
    const seen = logOf(witness)
    await until(() => witness.state === 'open')
    let round = 0
    const damage = fc.array(fc.record({ at: fc.nat(600), byte: fc.nat(255), kind: fc.nat(2) }), {
      minLength: 1,
      maxLength: 4
    })
    await fc.assert(
      fc.asyncProperty(damage, fc.boolean(), fc.nat(3), async (all, whole, pieces) => {
        const request = Buffer.from(upgradeRequest())
        const frames = Buffer.concat([hello(), ...CONVERSATION].map(message => maskedFrame(message)))
        let stream = whole ? Buffer.concat([request, frames]) : frames
        for (const { at, byte, kind } of all) {
          const place = at % stream.length
          const [head, tail] = [stream.subarray(0, place), stream.subarray(place)]
          stream = Buffer.concat(
            kind === 0
              ? [head, Buffer.of(byte), tail]
              : kind === 1
                ? [head, Buffer.of(byte), tail.subarray(1)]
                : [head, tail.subarray(1)]
          )
        }
        const socket = new RawSocket(port)
        if (!whole) socket.write(request)
        const size = Math.ceil(stream.length / (pieces + 1))
        for (let at = 0; at < stream.length; at += size) {
          socket.write(stream.subarray(at, at + size))
          await turns(2)
        }
        socket.destroy()
        witness.write(++round)
        await until(() => seen.values.at(-1) === round)
        await until(() => server.peers.size === 1, 'the end of the peer')
      }),
      runs(15)
    )
    assert.deepEqual([witness.state, seen.story], ['open', ['open']])
  })
})

describe('hostile clients: bytes of a WebSocket', () => {
  const use = undoing()
  guard()

  const cases: Record<string, Buffer> = {
    'RSV bits': maskedFrame('1', { rsv: 4 }),
    'all RSV bits': maskedFrame('1', { rsv: 7 }),
    'a reserved opcode': maskedFrame('1', { opcode: 3 }),
    'a reserved control opcode': maskedFrame('1', { opcode: 11 }),
    'no mask': maskedFrame('1', { masked: false }),
    'a length of 2^63': maskedFrame('1', { length: 2n ** 63n }),
    'a length of 2^53': maskedFrame('1', { length: 2n ** 53n }),
    'a length beyond the limit': maskedFrame('1', { length: 2n ** 21n }),
    'a fragmented ping': maskedFrame('1', { opcode: 9, fin: false }),
    'a ping that is too long': maskedFrame('x'.repeat(126), { opcode: 9 }),
    'a continuation of nothing': maskedFrame('1', { opcode: 0 }),
    'two beginnings': Buffer.concat([maskedFrame('1', { fin: false }), maskedFrame('1')]),
    'bad UTF-8': maskedFrame(Uint8Array.of(0xff, 0xfe), { opcode: 1 }),
    'a close of one byte': maskedFrame(Uint8Array.of(3), { opcode: 8 }),
    'a close with a code that is none': maskedFrame(Uint8Array.of(3, 0xee), { opcode: 8 }),
    'a close with bad UTF-8': maskedFrame(Uint8Array.of(3, 0xe8, 0xff), { opcode: 8 })
  }

  for (const when of ['in the segment of the upgrade', 'after the welcome'] as const) {
    it(`${when}: what is no frame ends the connection, and no other`, async () => {
      const { port, told, dial, server } = await hostHttp(use, { server: { recovery: false } })
      const witness = dial()
      const seen = logOf(witness)
      await until(() => witness.state === 'open')
      for (const [name, frame] of Object.entries(cases)) {
        const socket = new RawSocket(port)
        use(() => socket.destroy())
        const before = told.peers.length
        if (when === 'after the welcome') {
          socket.write(upgradeRequest(), maskedFrame(hello()))
          await until(() => told.peers.length === before + 1)
          socket.write(frame)
        } else socket.write(Buffer.concat([Buffer.from(upgradeRequest()), frame]))
        await until(() => socket.ended || socket.closed, `an end for ${name}`)
        socket.destroy()
        await until(() => server.peers.size === 1, `the end of the peer, ${name}`)
        assert.deepEqual(told.logs[before]?.values ?? [], [], name)
      }
      assert.deepEqual(seen.story, ['open'])
    })
  }

  it('fragments by the ten thousand make one value, or too much', async () => {
    const { port, told } = await hostHttp(use, { server: { limits: { message: 50_000 } } })
    const socket = new RawSocket(port)
    use(() => socket.destroy())
    socket.write(upgradeRequest(), maskedFrame(hello()))
    await until(() => told.peers.length === 1)
    const text = JSON.stringify('x'.repeat(9_998))
    const before = process.cpuUsage()
    const pieces = text
      .split('')
      .map((character, index) => maskedFrame(character, { opcode: index ? 0 : 1, fin: index === text.length - 1 }))
    socket.write(Buffer.concat(pieces))
    await until(() => told.logs[0]?.values.length === 1)
    assert.equal(`${told.logs[0]?.values[0]}`.length, 9_998)
    // Of the processor's time, which others do not take.
    assert.ok(process.cpuUsage(before).user < 3_000_000)
    // Empty ones are no way around the limit: they are many, but never end.
    socket.write(
      maskedFrame('"', { fin: false }),
      Buffer.concat(Array.from({ length: 20_000 }, () => maskedFrame('', { opcode: 0, fin: false })))
    )
    socket.write(
      Buffer.concat(Array.from({ length: 60 }, () => maskedFrame('x'.repeat(1_000), { opcode: 0, fin: false })))
    )
    await until(() => socket.ended || socket.closed)
  })

  it('a goodbye with any code and reason ends the connection, and nothing else', async () => {
    const { told, url, server } = await hostHttp(use)
    for (const code of [
      0,
      1,
      999,
      1000,
      1001,
      1004,
      1005,
      1006,
      1008,
      1015,
      2999,
      3000,
      4999,
      5000,
      65_536,
      2 ** 53 - 1
    ]) {
      for (const reason of ['', 'x'.repeat(500), '€'.repeat(100)]) {
        const raw = await RawClient.dial(ws(), { url, say: [hello()] })
        await raw.welcome()
        raw.say(`!2${JSON.stringify([code, reason, 1])}`)
        await until(() => raw.closed !== undefined, `an end after ${code}`)
        await until(() => server.peers.size === 0)
      }
    }
    assert.ok(told.logs.every(({ closes }) => closes.length === 1))
  })

  it('a session ends with a message that is larger than the limit: coming back would bring the same again', async () => {
    const { told, url } = await hostHttp(use, { server: { limits: { message: 1_000 } } })
    const raw = await RawClient.dial(ws(), { url, say: [hello()] })
    await raw.welcome()
    raw.say(JSON.stringify('x'.repeat(5_000)))
    await until(() => raw.closed !== undefined)
    await until(() => told.peers[0]?.state === 'closed', 'the end of the peer')
    assert.equal(raw.closed?.code, 1009)
    assert.deepEqual(
      told.errors.map(({ error }) => error.code),
      ['ERR_TOO_LARGE']
    )
    assert.deepEqual(
      told.logs[0]?.closes.map(({ code }) => code),
      [1009]
    )
  })
})
