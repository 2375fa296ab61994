import assert from 'node:assert/strict'
import type { ClientPlugin, Lane, Peer, ServerPlugin } from '../../core.ts'
import { packetsOf } from '../../lib/requests.ts'
import { method, rpc, RpcError } from '../../plugins/rpc/index.ts'
import type { Call } from '../../plugins/rpc/index.ts'
import { eachInItsWorld } from '../support/calls.ts'
import type { Calls } from '../support/calls.ts'

/** The client half of a stranger: it says what it likes. */
const stranger = () =>
  ({
    name: 'rpc',
    version: 1,
    client(_client, lane: Lane) {
      const heard: unknown[] = []
      lane.on('data', value => heard.push(...packetsOf(value)))
      return { heard, say: (value: unknown) => lane.write(value) }
    }
  }) as const satisfies ClientPlugin

const strangeServer = () =>
  ({
    name: 'rpc',
    version: 1,
    peer(_peer, lane: Lane) {
      const heard: unknown[] = []
      lane.on('data', value => heard.push(value))
      return { heard, say: (value: unknown) => lane.write(value) }
    }
  }) as const satisfies ServerPlugin

/** What stands at an index of a packet. */
const part = (packet: unknown, index: number): unknown => Array.isArray(packet) && packet.at(index)

describe('rpc: strangers', () => {
  let world: Calls
  let runs: unknown[]

  eachInItsWorld(next => {
    world = next
    runs = []
  })

  const router = {
    note: (...all: [...unknown[], Call]) => {
      runs.push(all.slice(0, -1))
    },
    whose: (text: string, { peer }: Call<Peer>) => {
      runs.push([text, peer.id])
    },
    echo: (value: unknown) => value,
    never: async ({ signal }: Call<Peer>) => {
      runs.push('never')
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      await new Promise(resolve => setTimeout(resolve, 100))
    },
    exact: method({ input: [] }, () => runs.push('exact'))
  }

  const setup = async (limit = 5) => {
    world.start([rpc(router, { limit })])
    const client = world.connect([stranger()])
    await world.pass(10)
    return { ...client.rpc, id: client.id }
  }

  it('reach no handler with what is no packet, and hear no more than that a name is text', async () => {
    const { say, heard } = await setup()
    const packets: unknown[] = [
      [null, 1, 'x', {}, [], [[]], [[1, []]], [[1, {}, 'note']], [[1, null, 'note']], [['1', 'note', 0]]],
      [[0, -1, 1.5, 2 ** 53, '0', null].map(number => [number, 'note', 0])],
      [[[7], [7, 5], [7, -1], [1, 0], [1, 0, 5], [1, ['note']], [[1, 'note', 0]]]],
      [
        [-1, 0, 1],
        [-1, {}, {}],
        [-1, 'E', {}, {}],
        [-1, 1],
        [-1, 2],
        [-1, 3, 1]
      ],
      [{ p: 5 }, { p: null }, { p: [[1, 'note', 0, { b: '%' }]] }, { p: { b: 'AAAA' } }],
      [new Uint8Array(0), new Uint8Array(3), new Uint8Array(100), Uint8Array.of(255, 255, 255, 255)]
    ].flat()
    for (const packet of packets) say(packet)
    await world.pass(20)
    const nameless = [-1, 'ERR_OPTION', 'An option is wrong: a name is a text']
    assert.deepEqual([runs, heard], [[], [nameless, nameless, nameless]])
  })

  it('find nothing by the names of prototypes', async () => {
    const { say, heard } = await setup()
    const names = [
      '__proto__',
      'constructor',
      'toString',
      'note.call',
      'note.constructor',
      'echo.bind',
      '',
      '.',
      'a'.repeat(9_999)
    ]
    say(names.map((name, index) => [index + 1, name, 0]))
    await world.pass(20)
    assert.deepEqual(runs, [])
    assert.deepEqual(
      heard.map(packet => [part(packet, 0), part(packet, 1)]),
      names.map((_, index) => [-index - 1, 'ERR_NO_METHOD'])
    )
  })

  it('cannot use a number that is in use', async () => {
    const { say, heard } = await setup()
    for (const number of [2, 2, 2 ** 53 - 1, 2]) say([[number, 'never', 0]])
    await world.pass(20)
    say([2])
    await world.pass(20)
    assert.deepEqual([runs, heard], [['never', 'never'], []])
  })

  it('cannot pass for somebody else by an argument in the place of the call', async () => {
    const { say, heard, id } = await setup()
    const forged = [{ peer: { id: 'admin' } }, { peer: null, signal: {} }, { signal: 1 }]
    for (const [index, fake] of forged.entries()) say([index + 1, 'whose', 0, 'x', fake])
    say([
      [4, 'whose', 0, 'x', 'y', { peer: 1 }],
      [5, 'whose', 0, 'x'],
      [6, 'whose'],
      [7, 'exact', 0, { peer: 1 }],
      [8, 'exact', 0, 1]
    ])
    await world.pass(20)
    assert.deepEqual(runs, [
      ['x', id],
      [undefined, id]
    ])
    assert.deepEqual(
      heard.map(packet => [part(packet, 0), part(packet, 1)]),
      [
        [-1, 'ERR_ARGUMENTS'],
        [-2, 'ERR_ARGUMENTS'],
        [-3, 'ERR_ARGUMENTS'],
        [-4, 'ERR_ARGUMENTS'],
        [-5, 0],
        [-6, 0],
        [-7, 'ERR_ARGUMENTS'],
        [-8, 'ERR_ARGUMENTS']
      ]
    )
  })

  it('are told what is wrong with their arguments', async () => {
    const { say, heard } = await setup()
    say([
      [1, 'echo', 0, { peer: 1 }],
      [2, 'exact', 0, 1]
    ])
    await world.pass(20)
    assert.deepEqual(
      heard.map(packet => part(packet, 2)),
      [
        "The arguments of the call are wrong: echo: an object with 'peer' or 'signal' stands where the handler may expect its call",
        'The arguments of the call are wrong: more than 0'
      ]
    )
  })

  it('learn nothing from a call in the place of an argument', async () => {
    const { say, heard } = await setup()
    say([[1, 'echo', []]])
    await world.pass(20)
    assert.deepEqual(heard, [[-1, 0, {}]])
  })

  it('cannot send more arguments than anybody has', async () => {
    const { say, heard } = await setup()
    say([[1, 'note', 0, ...Array.from({ length: 100_000 }, () => 0)]])
    say([
      [2, 'note', [0, 0, 0, 1e9]],
      [3, 'note', [NaN, {}, 'x', 'y']],
      [4, 'note', [-1, null, null, -1]]
    ])
    await world.pass(20)
    assert.deepEqual([runs.map(args => Array.isArray(args) && args.length), heard.length], [[1_000, 0, 0], 4])
  })

  it('keep no more handlers at work than the limit, cancelled or not', async () => {
    const { say, heard } = await setup(5)
    for (let number = 1; number <= 50; number++) {
      say([[number, 'never', 0], [number]])
    }
    await world.pass(20)
    assert.equal(runs.length, 5)
    const codes = heard.map(packet => part(packet, 1))
    assert.deepEqual([codes.length, new Set(codes)], [45, new Set(['ERR_LIMIT'])])
    await world.pass(200)
    say([60, 'echo', 0, 1])
    await world.pass(20)
    assert.deepEqual(heard.at(-1), [-60, 0, 1])
  })

  it('have no more services judged at the same time than the limit', async () => {
    let judged = 0
    const server = world.start([rpc({}, { limit: 5, provide: async () => new Promise(() => judged++) })])
    const client = world.connect([stranger()])
    await world.pass(10)
    client.rpc.say(Array.from({ length: 50 }, (_, index) => [index + 1, 0, `service ${index}`]))
    await world.pass(20)
    assert.deepEqual([judged, client.rpc.heard.length, server.peers.size], [5, 45, 1])
    assert.deepEqual(new Set(client.rpc.heard.map(packet => part(packet, 1))), new Set(['ERR_LIMIT']))
  })

  it('leave nothing with a peer that is called for', async () => {
    const server = world.start([rpc(router)])
    world.connect([stranger()])
    await world.pass(10)
    const count = world.peer.listenerCount('drain')
    for (let index = 0; index < 3; index++) assert.equal(await server.rpc.call(world.peer, 'echo', [index]), index)
    assert.equal(world.peer.listenerCount('drain'), count)
  })

  it('cannot get around the rate of messages by lists', async () => {
    const server = world.start([rpc(router)], { limits: { rate: { second: 10, burst: 100 } } })
    const client = world.connect([stranger()])
    await world.pass(10)
    const list = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => [from + index, 'echo', 0, index])
    client.rpc.say(list(1, 90))
    await world.pass(20)
    assert.equal(client.rpc.heard.length, 90)
    client.rpc.say(list(100, 20))
    await world.pass(20)
    assert.deepEqual([client.rpc.heard.length, server.peers.size], [90, 0])
    assert.equal(world.reported.at(-1)?.code, 'ERR_RATE')
  })

  it('keep no more answers to keys than the limit', async () => {
    const { say, heard } = await setup(5)
    for (let number = 1; number <= 7; number++) say([[number, 'echo', [0, `key ${number}`], number]])
    await world.pass(20)
    const codes = heard.map(packet => part(packet, 1))
    assert.deepEqual(codes.filter(code => code === 'ERR_LIMIT').length, 2)
  })

  it('cannot have a server keep its calls for later, as only servers do that', async () => {
    const server = world.start([rpc<typeof router>()])
    const client = world.connect([stranger()])
    await world.pass(10)
    const [peer] = server.peers
    assert.ok(peer)
    const { say, heard } = client.rpc
    const calls = [peer.rpc.echo('first')]
    await world.pass(10)
    say(Array.from({ length: 1_000 }, () => [-1, -1]))
    await world.pass(10)
    calls.push(peer.rpc.echo('second'))
    await world.pass(10)
    assert.deepEqual(
      heard.map(packet => part(packet, -1)),
      ['first', 'second']
    )
    say([1, 2].map(number => [-number, 0, number]))
    assert.deepEqual(await world.settled(Promise.all(calls)), [1, 2])
  })

  it('that are servers may use a number again whose handler is done, however it was', async () => {
    const server = world.start([strangeServer()])
    const thrown = (): never => {
      throw new RpcError('E')
    }
    world.dial({ thrown, note: router.note, rejected: async () => Promise.resolve().then(thrown) })
    await world.pass(10)
    const [peer] = server.peers
    assert.ok(peer)
    const { say, heard } = peer.rpc
    const names = ['thrown', 'thrown', 'note', 'note', 'rejected', 'rejected', 'note']
    for (const name of names) {
      say([1, name, 0])
      await world.pass(10)
    }
    const codes = heard.map(packet => [part(packet, 0), part(packet, 1)])
    assert.deepEqual(
      codes,
      ['E', 'E', 0, 0, 'E', 'E', 0].map(code => [-1, code])
    )
  })

  it('that are servers make no client hold more arguments than it may have', async () => {
    const server = world.start([strangeServer()])
    world.dial({ note: router.note })
    await world.pass(10)
    const [peer] = server.peers
    assert.ok(peer)
    peer.rpc.say([1, 'note', [0, 0, 0, 50_000_000]])
    await world.pass(10)
    assert.deepEqual(
      runs.map(args => Array.isArray(args) && args.length),
      [1_000]
    )
  })

  it('that are servers break no client', async () => {
    const server = world.start([strangeServer()])
    const client = world.dial<{ a: () => number; s: () => AsyncGenerator<number> }>({ note: router.note })
    await world.pass(10)
    const [peer] = server.peers
    assert.ok(peer)
    const { say, heard } = peer.rpc
    const flood = (async () => {
      for await (const item of client.rpc.s()) {
        assert.equal(item, 1)
        await new Promise(resolve => setTimeout(resolve, 1_000))
      }
    })()
    await world.pass(10)
    for (const type of [0, 'E', 1, 2, 3, 4])
      for (const number of [0, -3, 1 - 2 ** 53, 1, '1', null]) say([number, type, 1, 'x', 'y'])
    for (const packet of [[[1, 0, 'x']], [[1]], [-2, 2], [-2, 2]]) say(packet)
    say([-1, 2])
    for (let item = 0; item < 100; item++) say([-1, 3, 1])
    assert.equal(await world.failure(flood, 40_000), 'ERR_PROTOCOL')
    const call = client.rpc.a()
    await world.pass(10)
    say([-2, { toString: 1 }, null])
    say([-2, 'E', { toString: 1 }, { a: 1 }])
    await assert.rejects(world.settled(call), { code: 'E', message: 'object', data: { a: 1 } })
    assert.deepEqual(runs, [])
    assert.ok(heard.length >= 3)
    await assert.rejects(
      world.settled(
        (async () => {
          const odd = client.rpc.s()
          await world.pass(5)
          say([-3, 0, 7])
          for await (const item of odd) assert.fail(String(item))
        })()
      ),
      TypeError
    )
  })
})
