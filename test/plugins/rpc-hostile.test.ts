import assert from 'node:assert/strict'
import type { ClientPlugin, Lane, Peer, ServerPlugin } from '../../core.ts'
import { method, rpc } from '../../plugins/rpc/index.ts'
import type { Call } from '../../plugins/rpc/index.ts'
import { Calls } from '../support/calls.ts'

/** The client half of a stranger: it says what it likes. */
const stranger = () =>
  ({
    name: 'rpc',
    version: 1,
    client(_client, lane: Lane) {
      const heard: unknown[] = []
      lane.on('data', value => heard.push(value))
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

  beforeEach(() => {
    world = new Calls()
    void world.server.close()
    runs = []
  })

  afterEach(async () => {
    assert.equal(await world.end(), 0, 'timers were left behind')
  })

  const router = {
    note: (...all: unknown[]) => {
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

  it('reach no handler with what is no packet, and hear nothing', async () => {
    const { say, heard } = await setup()
    const packets: unknown[] = [
      [null, 1, 'x', {}, [], [0], [0, 1], [0, 1, []], [0, 1, [], 5], [0, 1, {}, 'note'], [0, '1', [], 'note']],
      [
        [0, 0, [], 'note'],
        [0, -1, [], 'note'],
        [0, 1.5, [], 'note'],
        [0, 2 ** 53, [], 'note'],
        ['0', 1, [], 'note']
      ],
      [
        [0.5, 1, [], 'note'],
        [-1, 1, [], 'note'],
        [99, 1, [], 'note'],
        [0, 1, [], ['note']],
        [1, 7],
        [2, 7, [5]]
      ],
      [
        [0, 1, [], 'note', 0, '', 0, 0, 0],
        [5, 1, [1]],
        [6, 1, [], {}, {}],
        [7, 1],
        [8, 1],
        [9, 1, [1]],
        [4, 1, [], 5]
      ],
      [new Uint8Array(0), new Uint8Array(3), new Uint8Array(100), Uint8Array.of(255, 255, 255, 255)]
    ].flat()
    for (const packet of packets) say(packet)
    await world.pass(20)
    assert.deepEqual([runs, heard], [[], []])
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
    for (const [index, name] of names.entries()) say([0, index + 1, [], name])
    await world.pass(20)
    assert.deepEqual(runs, [])
    assert.deepEqual(
      heard.map(packet => [part(packet, 0), part(packet, 1), part(packet, 3)]),
      names.map((_, index) => [6, index + 1, 'ERR_NO_METHOD'])
    )
  })

  it('cannot use a number twice, or one before the last', async () => {
    const { say, heard } = await setup()
    for (const number of [2, 2, 1, 5, 3, 2 ** 53 - 1, 6, 2 ** 53 - 1]) say([0, number, [number], 'note'])
    await world.pass(20)
    assert.deepEqual(runs, [[2], [5], [2 ** 53 - 1]])
    assert.equal(heard.length, 3)
  })

  it('cannot pass for somebody else by an argument in the place of the call', async () => {
    const { say, heard, id } = await setup()
    const forged = [{ peer: { id: 'admin' } }, { peer: null, signal: {} }, { signal: 1 }]
    for (const [index, fake] of forged.entries()) say([0, index + 1, ['x', fake], 'whose'])
    say([0, 4, ['x', 'y', { peer: 1 }], 'whose'])
    say([0, 5, ['x'], 'whose'])
    say([0, 6, [], 'whose'])
    say([0, 7, [{ peer: 1 }], 'exact'])
    say([0, 8, [1], 'exact'])
    say([0, 9, [], 'exact', 0, '', 0, 1])
    await world.pass(20)
    assert.deepEqual(runs, [
      ['x', id],
      [undefined, id]
    ])
    assert.deepEqual(
      heard.map(packet => part(packet, 3) ?? part(packet, 0)),
      [
        'ERR_ARGUMENTS',
        'ERR_ARGUMENTS',
        'ERR_ARGUMENTS',
        'ERR_ARGUMENTS',
        5,
        5,
        'ERR_ARGUMENTS',
        'ERR_ARGUMENTS',
        'ERR_ARGUMENTS'
      ]
    )
  })

  it('learn nothing from a call in the place of an argument', async () => {
    const { say, heard } = await setup()
    say([0, 1, [], 'echo'])
    await world.pass(20)
    assert.deepEqual(heard, [[5, 1, [{}]]])
  })

  it('cannot send more arguments than anybody has', async () => {
    const { say, heard } = await setup()
    say([0, 1, Array.from({ length: 200_000 }, () => 0), 'note'])
    say([0, 2, [], 'note', 0, '', 0, 1e9])
    say([0, 3, [], 'note', 0, '', 0, -1])
    say([0, 4, [], 'note', NaN, {}, 'x', 'y'])
    await world.pass(20)
    assert.deepEqual([runs, heard.length], [[[], [], []], 4])
  })

  it('keep no more handlers at work than the limit, cancelled or not', async () => {
    const { say, heard } = await setup(5)
    for (let number = 1; number <= 50; number++) {
      say([0, number, [], 'never'])
      say([1, number])
    }
    await world.pass(20)
    assert.equal(runs.length, 5)
    const codes = heard.map(packet => part(packet, 3))
    assert.deepEqual([codes.length, new Set(codes)], [45, new Set(['ERR_LIMIT'])])
    await world.pass(200)
    say([0, 60, [1], 'echo'])
    await world.pass(20)
    assert.deepEqual(heard.at(-1), [5, 60, [1]])
  })

  it('keep no more answers to keys than the limit', async () => {
    const { say, heard } = await setup(5)
    for (let number = 1; number <= 7; number++) say([0, number, [number], 'echo', 0, `key ${number}`])
    await world.pass(20)
    const codes = heard.map(packet => part(packet, 3))
    assert.deepEqual(codes.filter(code => code === 'ERR_LIMIT').length, 2)
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
    for (const type of [5, 6, 7, 8, 9, 10])
      for (const number of [0, 3, 2 ** 53 - 1, -1, '1', null]) say([type, number, [1], 'x', 'y'])
    for (const packet of [
      [9, 1, [1]],
      [3, 1, [], 'x'],
      [4, 2, [], 'note'],
      [8, 2],
      [8, 2]
    ])
      say(packet)
    say([8, 1])
    for (let item = 0; item < 100; item++) say([9, 1, [1]])
    assert.equal(await world.failure(flood, 40_000), 'ERR_PROTOCOL')
    const call = client.rpc.a()
    await world.pass(10)
    say([6, 2, [{ a: 1 }], { toString: 1 }, null])
    await assert.rejects(world.settled(call), { code: 'object', message: 'null', data: { a: 1 } })
    assert.deepEqual(runs, [])
    assert.ok(heard.length >= 3)
    await assert.rejects(
      world.settled(
        (async () => {
          const odd = client.rpc.s()
          await world.pass(5)
          say([5, 3, [7]])
          for await (const item of odd) assert.fail(String(item))
        })()
      ),
      TypeError
    )
  })
})
