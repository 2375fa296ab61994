import assert from 'node:assert/strict'
import { json } from '../../parsers/json.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import { raw } from '../../parsers/raw.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import { rpc as inBrowsers } from '../../plugins/rpc/client.ts'
import { method, rpc, RpcError } from '../../plugins/rpc/index.ts'
import type { Call, StandardSchema } from '../../plugins/rpc/index.ts'
import type { Peer } from '../../core.ts'
import type { Loose } from '../../plugins/rpc/remote.ts'
import { pluginContract } from '../contract/plugin.ts'
import { eachInItsWorld } from '../support/calls.ts'
import type { Calls } from '../support/calls.ts'

const packets = {
  toServer: [[[1, 'add', [500, 'key', 1, 1], 1, { a: [2] }], [2, 'count', 0, 5], [2], [2, 16], [3, 0, 'service'], [3]]],
  toClient: [
    [[1, 'both', 0, 1, 2], [1]],
    [-1, 0, 'value'],
    [-1, 'CODE', 'message', { data: 1 }],
    [-1, 1],
    [-1, 2],
    [-1, 3, 'item']
  ]
}

const router = () => ({
  add: (a: number, b: number) => a + b,
  both: (a: unknown, b: unknown) => [a, b],
  async *count(to: number) {
    for (let number = 0; number < Math.min(to, 100); number++) yield number
  }
})

pluginContract('rpc', () => ({ client: rpc(router()), server: rpc(router()), packets }))
pluginContract('rpc, the browser half', () => ({ client: inBrowsers(router()), server: rpc(router()), packets }))

/** A schema as libraries make them. */
const schema = <T>(accepts: (value: unknown) => T | string): StandardSchema<T> => ({
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const accepted = accepts(value)
      return typeof accepted === 'string' && accepted.startsWith('!')
        ? { issues: [{ message: accepted.slice(1), path: ['a', { key: 'b' }, 3] }] }
        : { value: accepted as T }
    }
  }
})
const number = schema(value => (typeof value === 'number' ? value : '!a number'))
const later = schema(value => (typeof value === 'number' ? value * 2 : '!a number'))
const asynchronous: StandardSchema<number> = {
  '~standard': { ...later['~standard'], validate: async value => later['~standard'].validate(value) }
}

/** A function of the other end, by its path. */
const at = (root: Readonly<Record<string, Loose>>, path: string): Loose => {
  const [first = '', ...parts] = path.split('.')
  let found = root[first]
  for (const part of parts) found = found?.[part]
  assert.ok(found)
  return found
}

describe('rpc', () => {
  let world: Calls
  eachInItsWorld(next => (world = next))

  describe('a call', () => {
    it('runs a function of the server, and has its result', async () => {
      const server = world.start([
        rpc({
          add: (a: number, b: number) => a + b,
          later: async (text: string) => Promise.resolve(`${text}!`),
          users: { roles: { of: (id: string) => [id, 'admin'] } },
          whose: (text: string, { peer }) => `${text} ${peer.id}`,
          mine: ({ peer, name, args, key, id }) => [peer.id, name, args, key, id]
        })
      ])
      const client = world.dial<typeof server>()
      assert.equal(await world.settled(client.rpc.add(1, 2)), 3)
      assert.equal(await world.settled(client.rpc.later('a')), 'a!')
      assert.deepEqual(await world.settled(client.rpc.users.roles.of('x')), ['x', 'admin'])
      assert.equal(await world.settled(client.rpc.whose('a')), `a ${client.id}`)
      assert.deepEqual(await world.settled(client.rpc.mine()), [client.id, 'mine', [], null, `${client.id}:5`])
      assert.deepEqual(await world.settled(client.rpc.with({ key: 'k' }).mine()), [client.id, 'mine', [], 'k', 'k'])
    })

    it('runs a function of a client that the server chose', async () => {
      const mine = { name: (text: string, { peer }: Call) => `${text} ${peer.id}`, deep: { er: () => 1 } }
      const server = world.start([rpc<typeof mine>({})])
      const clients = [world.dial(mine), world.dial(mine)]
      await world.pass(10)
      for (const client of clients) {
        const peer = server.peers.get(client.id)
        assert.ok(peer)
        assert.equal(await world.settled(peer.rpc.name('a')), `a ${client.id}`)
        assert.equal(await world.settled(peer.rpc.deep.er()), 1)
      }
    })

    it('keeps the `this` of its router', async () => {
      const counter = {
        count: 0,
        up() {
          return ++this.count
        }
      }
      const server = world.start([rpc({ counter: { up: counter.up.bind(counter) } })])
      const client = world.dial<typeof server>()
      assert.deepEqual(await world.settled(Promise.all([client.rpc.counter.up(), client.rpc.counter.up()])), [1, 2])
    })

    it('waits for a wire, and goes behind what handlers of the opening call', async () => {
      const seen: string[] = []
      const server = world.start([rpc({ note: (text: string) => void seen.push(text) })])
      const client = world.dial<typeof server>()
      client.on('open', () => client.rpc.note('login'))
      const first = client.rpc.note('waited')
      await world.settled(first)
      assert.deepEqual(seen, ['login', 'waited'])
    })

    it('without arguments that JSON has not', async () => {
      const server = world.start([
        rpc({
          count: (a: number | undefined, b: number | undefined, call?: Call<Peer>) => [
            a === undefined,
            b === undefined,
            call?.name
          ]
        })
      ])
      const client = world.dial<typeof server>()
      assert.deepEqual(await world.settled(client.rpc.count()), [true, true, 'count'])
      assert.deepEqual(await world.settled(client.rpc.count(1, undefined)), [false, true, 'count'])
    })

    it('may be awaited, raced, and looked at in any way, without being called', async () => {
      const server = world.start([rpc({ a: { b: () => 1 } })])
      const client = world.dial<typeof server>()
      const resolved: unknown = await Promise.resolve<unknown>(client.rpc.a)
      for (const holder of [client, ...server.peers]) assert.doesNotMatch(JSON.stringify(holder), /"rpc":/)
      assert.equal(resolved, client.rpc.a)
      assert.equal(typeof client.rpc.a.b, 'function')
      assert.equal(Reflect.get(client.rpc, 'then'), undefined)
      assert.equal(Reflect.get(client.rpc, Symbol.toPrimitive), undefined)
      assert.equal(client.rpc.a.b, client.rpc.a.b)
      const before = client.bufferedBytes
      const looked: readonly unknown[] = [client.rpc, client.rpc.a.b]
      assert.deepEqual(looked.map(String), ['', 'a.b'])
      await world.pass(10)
      assert.equal(client.bufferedBytes, before, 'nothing was called')
    })
  })

  for (const parser of [json(), msgpack()]) {
    describe(`values, with ${parser.name}`, () => {
      const values: unknown[] = [null, true, 0, '', 'text', [], {}, [1, [2]], { a: { b: null } }, undefined]
      const bytes = Uint8Array.of(0, 1, 255)

      it('travel there and back', async () => {
        const server = world.start([
          rpc({
            echo: (value: unknown) => value,
            later: async (value: unknown) => Promise.resolve(value),
            async *items(...items: [...unknown[], Call]) {
              yield* items.slice(0, -1)
            },
            fail: (data: unknown) => {
              throw new RpcError('E', 'e', data)
            }
          })
        ])
        const client = world.dial<typeof server>({}, { parser })
        for (const value of [...values, bytes, new Uint8Array(0), new Uint8Array(100_000).fill(7)]) {
          assert.deepEqual(await world.settled(client.rpc.echo(value)), value)
          assert.deepEqual(await world.settled(client.rpc.later(value)), value)
          await assert.rejects(world.settled(client.rpc.fail(value)), { code: 'E', data: value })
        }
        const items: unknown[] = []
        const read = (async () => {
          for await (const item of client.rpc.items(1, bytes, 'x', bytes)) items.push(item)
        })()
        await world.settled(read)
        assert.deepEqual(items, [1, bytes, 'x', bytes])
      })

      it('of several bytes among others keep their places', async () => {
        const server = world.start([
          rpc({ all: (...all: [...unknown[], Call]) => all.length, second: (_a: unknown, b: Uint8Array) => b })
        ])
        const client = world.dial<typeof server>({}, { parser })
        assert.deepEqual(
          await world.settled(client.rpc.second(Uint8Array.of(1), Uint8Array.of(2, 3))),
          Uint8Array.of(2, 3)
        )
        assert.equal(await world.settled(client.rpc.all(1, bytes, null, bytes)), 5)
      })
    })
  }

  it('tells who calls what cannot be sent', async () => {
    const server = world.start([
      rpc({ any: (_value: unknown) => 1, gives: () => ({ bad: 1n }), giant: () => 'x'.repeat(2 ** 21) })
    ])
    const client = world.dial<typeof server>()
    await world.pass(10)
    assert.equal(await world.failure(client.rpc.any({ big: 1n })), 'ERR_ENCODE')
    assert.equal(await world.failure(client.rpc.any('x'.repeat(2 ** 21))), 'ERR_TOO_LARGE')
    assert.equal(await world.failure(client.rpc.gives()), 'ERR_HANDLER')
    assert.equal(await world.failure(client.rpc.giant()), 'ERR_HANDLER')
    assert.deepEqual(
      world.reported.map(({ message }) => message.slice(0, 34)),
      [`A handler failed: 'rpc gives': Any`, `A handler failed: 'rpc giant': Any`]
    )
    assert.equal(await world.settled(client.rpc.any(1)), 1)
  })

  it('reports calls that fail and that nobody waits for, which end no process', async () => {
    const server = world.start([
      rpc<{ x(): void }, { fails(): void }>({
        fails: () => {
          throw new RpcError('NO', 'Not now')
        }
      })
    ])
    const client = world.dial<typeof server>()
    const told: string[] = []
    client.on('error', error => told.push(error.message))
    await world.pass(10)
    void client.rpc.fails()
    const [peer] = server.peers
    assert.ok(peer)
    void peer.rpc.x()
    void server.rpc.service('nobody')()
    await world.pass(10)
    peer.destroy()
    // Whoever ends a connection knows what becomes of its calls.
    void peer.rpc.x()
    await world.pass(10)
    assert.deepEqual(told, [`A handler failed: 'rpc fails': RpcError: Not now`])
    assert.deepEqual(
      world.reported.map(({ message }) => message),
      [
        "A handler failed: a listener for 'rpc nobody': RpcError: Nobody who provides the service takes the call: nobody",
        "A handler failed: 'rpc x': RpcError: The other end has no such method: x"
      ]
    )
  })

  it('tells who calls that the parser carries no calls', async () => {
    const server = world.start([rpc({ any: () => 1 })], { parsers: [raw()] })
    const client = world.dial<typeof server>({}, { parser: raw() })
    assert.equal(await world.failure(client.rpc.any()), 'ERR_ENCODE')
  })

  describe('a failure', () => {
    it('travels with code, message and data when it is meant to', async () => {
      const server = world.start([
        rpc({
          fail: () => {
            throw new RpcError('NO_FUNDS', 'too little', { balance: 3 })
          },
          bare: async () => Promise.reject(new RpcError('BARE'))
        })
      ])
      const client = world.dial<typeof server>()
      await assert.rejects(world.settled(client.rpc.fail()), (error: unknown) => {
        assert.ok(error instanceof RpcError)
        const { code, message, data, id, stack } = error
        assert.deepEqual([code, message, data, id], ['NO_FUNDS', 'too little', { balance: 3 }, `${client.id}:1`])
        assert.ok(stack && !stack.includes('fail (') && !stack.includes('run.ts'))
        return true
      })
      await assert.rejects(world.settled(client.rpc.bare()), { code: 'BARE', message: 'BARE', data: undefined })
      assert.deepEqual(world.reported, [])
    })

    it('of any other kind stays on its end, and is reported there', async () => {
      const secrets = [new Error('secret'), Object.assign(new Error('secret'), { code: 'ENOENT' }), 'secret', null]
      const server = world.start([
        rpc({
          sync: (index: number) => {
            throw secrets[index] as Error
          },
          later: async (index: number) => Promise.reject(secrets[index] as Error),
          async *stream(index: number) {
            yield 1
            throw secrets[index] as Error
          }
        })
      ])
      const client = world.dial<typeof server>()
      for (const index of secrets.keys()) {
        const drain = async (): Promise<void> => {
          for await (const item of client.rpc.stream(index)) assert.equal(item, 1)
        }
        for (const call of [() => client.rpc.sync(index), () => client.rpc.later(index), drain]) {
          await assert.rejects(world.settled(call()), {
            code: 'ERR_HANDLER',
            message: 'A handler failed',
            data: undefined
          })
          const told = world.reported.pop()
          assert.equal(told?.cause, secrets[index])
          assert.match(told?.message ?? '', /^A handler failed: 'rpc (sync|later|stream)': /)
        }
      }
      assert.deepEqual(world.reported, [])
    })

    it('of a client is reported on the client', async () => {
      const server = world.start([rpc<{ fail: () => void }>()])
      const client = world.dial({
        fail: () => {
          throw new Error('mine')
        }
      })
      await world.pass(10)
      const [peer] = server.peers
      assert.equal(await world.failure(peer?.rpc.fail() ?? Promise.resolve()), 'ERR_HANDLER')
      assert.deepEqual(
        [world.errors.map(({ message }) => message), world.reported],
        [["A handler failed: 'rpc fail': Error: mine"], []]
      )
      client.destroy()
    })

    it('names what is not there', async () => {
      const server = world.start([rpc({ a: { b: () => 1 } })])
      const client = world.dial()
      for (const name of [
        'a',
        'b',
        'a.c',
        'hasOwnProperty',
        '__proto__',
        'constructor',
        'a.__proto__',
        'a.b.call',
        'a..b'
      ]) {
        assert.equal(await world.failure(at(client.rpc, name)()), 'ERR_NO_METHOD', name)
      }
      const [peer] = server.peers
      assert.ok(peer)
      assert.equal(await world.failure(at(peer.rpc, 'x')()), 'ERR_NO_METHOD')
    })

    it('is told when the client has not the plugin', async () => {
      const server = world.start([rpc<{ x: () => void }>()])
      world.connect([])
      await world.pass(10)
      const [peer] = server.peers
      assert.ok(peer)
      assert.equal(await world.failure(peer.rpc.x()), 'ERR_NO_METHOD')
    })
  })

  describe('the end of patience', () => {
    const setup = () => {
      const aborts: unknown[] = []
      const server = world.start([
        rpc(
          {
            never: ({ signal }) => {
              signal.addEventListener('abort', () => aborts.push((signal.reason as RpcError).code))
              return new Promise(() => {})
            },
            deaf: async () => new Promise(() => {})
          },
          { deadline: 20_000 }
        )
      ])
      return { aborts, client: world.dial<typeof server>() }
    }

    it('comes after the time that the caller asks for, and reaches the handler', async () => {
      const { aborts, client } = setup()
      await world.pass(10)
      const call = client.rpc.with({ timeout: 50 }).never()
      assert.equal(await world.failure(call, 51), 'ERR_CALL_TIMEOUT')
      await world.pass(5)
      assert.equal(aborts.length, 1)
    })

    it('comes by itself, for all calls in flight', async () => {
      const { aborts, client } = setup()
      await world.pass(10)
      const calls = Array.from({ length: 100 }, () => client.rpc.never())
      const settled = Promise.allSettled(calls)
      await world.pass(20_020)
      assert.deepEqual(new Set(aborts), new Set(['ERR_CALL_TIMEOUT']))
      for (const result of await world.settled(settled)) {
        assert.equal(result.status === 'rejected' && (result.reason as RpcError).code, 'ERR_CALL_TIMEOUT')
      }
    })

    it('comes while a call waits for a wire', async () => {
      const { client } = setup()
      world.network.down = true
      assert.equal(await world.failure(client.rpc.with({ timeout: 100 }).never(), 110), 'ERR_CALL_TIMEOUT')
    })

    it('can be without end on the caller, and is the callee’s then', async () => {
      const { client } = setup()
      const call = client.rpc.with({ timeout: Infinity }).deaf()
      await world.pass(19_000)
      assert.equal(await world.failure(call, 2_000), 'ERR_CALL_TIMEOUT')
    })
  })

  describe('cancellation', () => {
    it('is told at once, and reaches the handler', async () => {
      const aborts: unknown[] = []
      const server = world.start([
        rpc({
          never: ({ signal }) =>
            new Promise((_resolve, reject) => {
              signal.addEventListener('abort', () => {
                aborts.push((signal.reason as RpcError).code)
                reject(new Error('aborted'))
              })
            })
        })
      ])
      const client = world.dial<typeof server>()
      await world.pass(10)
      const controller = new AbortController()
      const call = client.rpc.with({ signal: controller.signal }).never()
      await world.pass(10)
      controller.abort('why')
      await assert.rejects(call, { code: 'ERR_CANCELLED', cause: 'why', id: `${client.id}:1` })
      await world.pass(10)
      assert.deepEqual([aborts, world.reported], [['ERR_CANCELLED'], []])
    })

    it('before the call is sent sends nothing', async () => {
      let count = 0
      const server = world.start([rpc({ up: () => ++count })])
      const client = world.dial<typeof server>()
      const controller = new AbortController()
      const early = client.rpc.with({ signal: controller.signal }).up()
      controller.abort()
      assert.equal(await world.failure(early), 'ERR_CANCELLED')
      assert.equal(await world.failure(client.rpc.with({ signal: controller.signal }).up()), 'ERR_CANCELLED')
      await world.pass(20)
      assert.equal(await world.settled(client.rpc.up()), 1)
    })

    it('behind the answer does nothing', async () => {
      const server = world.start([rpc({ up: () => 1 })])
      const client = world.dial<typeof server>()
      const controller = new AbortController()
      assert.equal(await world.settled(client.rpc.with({ signal: controller.signal }).up()), 1)
      controller.abort()
      await world.pass(10)
    })
  })

  describe('a stream', () => {
    const setup = (options: Parameters<typeof rpc>[1] = {}) => {
      const made: number[] = []
      const ended: string[] = []
      const server = world.start([
        rpc(
          {
            async *count(to: number, { signal }) {
              try {
                for (let number = 0; number < to; number++) {
                  made.push(number)
                  yield number
                }
              } finally {
                ended.push(signal.aborted ? 'aborted' : 'done')
              }
            },
            *sync(to: number): Generator<number, string, undefined> {
              try {
                for (let number = 0; number < to; number++) yield number
                return 'all'
              } finally {
                ended.push('sync')
              }
            },
            async *text(text: string) {
              yield text.length
            },
            lateSync: async () => Promise.resolve([1, 2].values()),
            checked: method(
              { input: [], output: schema<number>(value => (Number(value) > 0 ? Number(value) : '!positive')) },
              function* () {
                yield 1
                yield -1
              }
            ),
            async *empty() {},
            async *waits({ signal }) {
              yield 1
              await new Promise(resolve => signal.addEventListener('abort', resolve))
              ended.push('waited')
            },
            lateStream: async (to: number) => Promise.resolve(to).then(() => numbers(to))
          },
          options
        )
      ])
      return { made, ended, client: world.dial<typeof server>() }
    }
    async function* numbers(to: number): AsyncGenerator<number, void, undefined> {
      for (let number = 0; number < to; number++) yield number
    }
    const collect = async (stream: AsyncIterable<number>, into: number[] = []): Promise<number[]> => {
      for await (const item of stream) into.push(item)
      return into
    }

    it('is an async iterable, in order', async () => {
      const { client, ended } = setup()
      const expected = Array.from({ length: 1_000 }, (_, number) => number)
      assert.deepEqual(await world.settled(collect(client.rpc.count(1_000)), 500), expected)
      assert.deepEqual(await world.settled(collect(client.rpc.empty())), [])
      assert.deepEqual(await world.settled(collect(client.rpc.lateStream(40)), 50), expected.slice(0, 40))
      assert.deepEqual(ended, ['done'])
    })

    it('is also what a generator makes that is not asynchronous', async () => {
      const { client, ended } = setup()
      assert.deepEqual(await world.settled(collect(client.rpc.sync(3))), [0, 1, 2])
      assert.deepEqual(await world.settled(collect(client.rpc.lateSync())), [1, 2])
      const some = async (): Promise<void> => {
        for await (const number of client.rpc.sync(1_000)) if (number === 40) return
      }
      await world.settled(some(), 50)
      await world.pass(10)
      assert.deepEqual(ended, ['sync', 'sync'])
      const items: number[] = []
      const error = await world.settled(collect(client.rpc.checked(), items).catch((failure: unknown) => failure))
      assert.deepEqual([items, error instanceof RpcError && error.code], [[1], 'ERR_HANDLER'])
    })

    it('has what promises come to that a generator makes, and fails where one does', async () => {
      const api = {
        *promises() {
          yield Promise.resolve(1)
          yield Promise.reject(new RpcError('E_LATE'))
        }
      }
      world.start([rpc(api)])
      const client = world.dial<typeof api>()
      const items: unknown[] = []
      const read = async (): Promise<void> => {
        for await (const item of client.rpc.promises()) items.push(item)
      }
      assert.equal(await world.failure(read()), 'E_LATE')
      assert.deepEqual(items, [1])
    })

    it('is made as fast as it is taken, and not faster', async () => {
      const { client, made } = setup()
      const iterator = client.rpc.count(1_000)[Symbol.asyncIterator]()
      await world.settled(iterator.next())
      await world.pass(50)
      assert.ok(made.length <= 34, `${made.length}`)
      for (let taken = 0; taken < 100; taken++) await world.settled(iterator.next())
      await world.pass(50)
      assert.ok(made.length > 100 && made.length <= 101 + 34, `${made.length}`)
      await iterator.return?.()
    })

    it('ends when its reader leaves', async () => {
      const { client, ended, made } = setup()
      const read = (async () => {
        for await (const item of client.rpc.count(1_000)) if (item === 5) break
      })()
      await world.settled(read)
      await world.pass(10)
      assert.deepEqual(ended, ['aborted'])
      assert.ok(made.length < 100)
    })

    it('has failures of its call wait for an iteration that begins late', async () => {
      const { client } = setup()
      client.on('error', error => told.push(error.message))
      const told: string[] = []
      const large = client.rpc.text('x'.repeat(2 ** 21))
      const gone = client.rpc.with({ signal: AbortSignal.abort() }).count(1)
      await world.pass(50)
      assert.equal(await world.failure(collect(large)), 'ERR_TOO_LARGE')
      assert.equal(await world.failure(collect(gone)), 'ERR_CANCELLED')
      assert.equal(told.length, 1)
      assert.match(told[0] ?? '', /^A handler failed: 'rpc text': .* is too large/)
    })

    it('ends by a signal, also while it waits for an item', async () => {
      const { client, ended } = setup()
      const controller = new AbortController()
      const items: number[] = []
      const read = collect(client.rpc.with({ signal: controller.signal }).waits(), items)
      await world.pass(20)
      controller.abort()
      assert.equal(await world.failure(read), 'ERR_CANCELLED')
      await world.pass(10)
      assert.deepEqual([items, ended], [[1], ['waited']])
    })

    it('may last longer than a call', async () => {
      const { client, ended } = setup({ deadline: 1_000 })
      const read = collect(client.rpc.with({ timeout: 100 }).waits())
      await world.pass(100_000)
      assert.deepEqual(ended, [])
      client.destroy()
      assert.equal(await world.failure(read), 'ERR_OUTCOME_UNKNOWN')
      await world.pass(10)
      assert.deepEqual(ended, ['waited'])
    })

    for (const end of ['server', 'client'] as const) {
      it(`that comes when nobody waits any more is closed, and leaves its place: of a ${end}`, async () => {
        const events: string[] = []
        const gates: (() => void)[] = []
        const stream: AsyncIterable<number> = {
          [Symbol.asyncIterator]: () => ({
            next: async () => Promise.resolve({ done: false, value: events.push('next') }),
            return: async () => {
              if (!events.includes('closed')) events.push('closed')
              return Promise.resolve({ done: true, value: undefined })
            }
          })
        }
        const api = {
          feed: () => new Promise<unknown>(resolve => gates.push(() => resolve(stream))),
          add: (a: number, b: number) => a + b
        }
        const server = world.start([rpc<typeof api>(api, { limit: 1 })])
        const client = world.dial<typeof server>(api)
        await world.pass(10)
        const peer = server.peers.get(client.id)
        assert.ok(peer)
        const remote = end === 'server' ? client.rpc : peer.rpc
        const controller = new AbortController()
        const calls = [
          { code: 'ERR_CANCELLED', options: { signal: controller.signal } },
          { code: 'ERR_CALL_TIMEOUT', options: { timeout: 20 } }
        ]
        for (const [index, { code, options }] of calls.entries()) {
          const call = remote.with(options).feed()
          const failed = world.failure(call, 40)
          await world.pass(10)
          if (!index) controller.abort()
          assert.equal(await failed, code)
          await world.pass(20)
          gates[index]?.()
          await world.pass(10)
          assert.deepEqual(events.splice(0), ['closed'])
          assert.equal(await world.settled(remote.add(1, 2)), 3)
        }
      })

      it(`ends with its session, although it was called with a key: of a ${end}`, async () => {
        const ended: string[] = []
        const api = {
          async *waits({ signal }: Call) {
            try {
              yield 1
              await new Promise(resolve => signal.addEventListener('abort', resolve))
            } finally {
              ended.push('closed')
            }
          }
        }
        const server = world.start([rpc<typeof api>(api)])
        const client = world.dial<typeof server>(api)
        await world.pass(10)
        const peer = server.peers.get(client.id)
        assert.ok(peer)
        const remote = end === 'server' ? client.rpc : peer.rpc
        const read = (async () => {
          for await (const item of remote.with({ key: 'k' }).waits()) assert.equal(item, 1)
        })()
        const failed = world.failure(read, 100)
        await world.pass(10)
        client.destroy()
        await failed
        await world.pass(10)
        assert.deepEqual(ended, ['closed'])
      })
    }

    it('whose handler says that it accepts may last as long as any other', async () => {
      const server = world.start([
        rpc({
          async *slow(call: Call) {
            call.accept()
            yield 1
            await new Promise(resolve => setTimeout(resolve, 500))
            yield 2
          }
        })
      ])
      const client = world.dial<typeof server>()
      const items = await world.settled(collect(client.rpc.with({ timeout: 100 }).slow()), 1_000)
      assert.deepEqual(items, [1, 2])
    })

    it('goes on over another wire', async () => {
      const { client } = setup()
      const read = collect(client.rpc.count(300))
      for (let cut = 0; cut < 5; cut++) {
        await world.pass(5)
        world.network.cut()
      }
      assert.deepEqual(
        await world.settled(read, 2_000),
        Array.from({ length: 300 }, (_, number) => number)
      )
    })
  })

  describe('when wires and sessions are lost', () => {
    const setup = () => {
      const runs: string[] = []
      const aborts: string[] = []
      const gates = new Map<string, (value: string) => void>()
      const api = {
        run(text: string, { signal }: Call<Peer>) {
          runs.push(text)
          signal.addEventListener('abort', () => aborts.push(text))
          return new Promise<string>(resolve => gates.set(text, resolve))
        }
      }
      const serve = () => world.start([rpc(api)])
      serve()
      return { runs, aborts, serve, gates, client: world.dial<typeof api>() }
    }

    it('a call survives the loss of the wire, in every phase', async () => {
      const { client, runs, gates } = setup()
      await world.pass(10)
      world.network.latency = 20
      const asked = client.rpc.run('asked')
      await world.pass(5)
      world.network.cut()
      await world.pass(200)
      assert.deepEqual(runs, ['asked'])
      const away = (world.network.cut(), await world.pass(1), client.rpc.run('away'))
      assert.equal(client.state, 'away')
      await world.pass(200)
      gates.get('asked')?.('1')
      await world.pass(5)
      world.network.cut()
      assert.equal(await world.settled(asked, 300), '1')
      gates.get('away')?.('2')
      assert.equal(await world.settled(away, 100), '2')
      assert.deepEqual(runs, ['asked', 'away'])
    })

    it('a call that was sent has an unknown outcome, and one that was not goes into the next session', async () => {
      const { client, runs, gates, serve, aborts } = setup()
      await world.pass(10)
      const { id } = client
      const sent = client.rpc.run('sent')
      await world.pass(10)
      world.network.cut()
      await world.pass(1)
      const waiting = client.rpc.run('waiting')
      const failed = assert.rejects(sent, { code: 'ERR_OUTCOME_UNKNOWN', id: `${id}:1` })
      void world.server.close()
      serve()
      await world.pass(200)
      await world.settled(failed)
      assert.deepEqual([runs, aborts], [['sent', 'waiting'], ['sent']])
      gates.get('waiting')?.('yes')
      assert.equal(await world.settled(waiting), 'yes')
    })

    it('calls end with the client', async () => {
      const { client, aborts } = setup()
      await world.pass(10)
      const sent = client.rpc.run('sent')
      await world.pass(10)
      client.destroy()
      assert.equal(await world.failure(sent), 'ERR_OUTCOME_UNKNOWN')
      assert.equal(await world.failure(client.rpc.run('late')), 'ERR_CLOSED')
      await world.pass(10)
      assert.deepEqual(aborts, ['sent'])
      client.open()
      const again = client.rpc.run('again')
      await world.pass(10)
      client.destroy()
      assert.equal(await world.failure(again), 'ERR_OUTCOME_UNKNOWN')
    })

    it('calls that wait end with the client that never had a wire', async () => {
      const { client } = setup()
      world.network.down = true
      const call = client.rpc.run('never')
      await world.pass(50)
      client.destroy()
      assert.equal(await world.failure(call), 'ERR_CLOSED')
    })

    it('calls of the server end with the peer', async () => {
      const api = { run: async () => new Promise<string>(() => {}) }
      const server = world.start([rpc<typeof api>()])
      const client = world.dial(api)
      await world.pass(10)
      const [peer] = server.peers
      assert.ok(peer)
      const call = peer.rpc.run()
      await world.pass(10)
      const failed = assert.rejects(call, { code: 'ERR_OUTCOME_UNKNOWN', id: `${client.id}:-1` })
      client.destroy()
      await world.settled(failed)
      assert.equal(await world.failure(peer.rpc.run()), 'ERR_CLOSED')
    })
  })

  describe('an idempotency key', () => {
    const setup = (keys = {}, authenticate?: () => unknown) => {
      const runs: string[] = []
      const gates: (() => void)[] = []
      const api = {
        pay(amount: number, { key }: Call<Peer>) {
          runs.push(`${amount} ${key}`)
          return new Promise<string>(resolve => gates.push(() => resolve(`paid ${amount}`)))
        },
        fail(_why: string) {
          runs.push('fail')
          throw new RpcError('E')
        },
        async *stream() {
          runs.push('stream')
          yield 1
        }
      }
      world.start([rpc(api, { keys })], authenticate ? { authenticate } : {})
      return { runs, gates, dial: () => world.dial<typeof api>(), client: world.dial<typeof api>() }
    }

    it('has a call that is sent again in another session run once', async () => {
      const { client, runs, gates, dial } = setup()
      await world.pass(10)
      const call = client.rpc.with({ key: 'k' }).pay(5)
      await world.pass(10)
      client.destroy()
      await assert.rejects(call, { code: 'ERR_OUTCOME_UNKNOWN', id: 'k' })
      const other = dial()
      const again = other.rpc.with({ key: 'k' }).pay(5)
      await world.pass(10)
      gates[0]?.()
      assert.equal(await world.settled(again), 'paid 5')
      assert.equal(await world.settled(other.rpc.with({ key: 'k' }).pay(5)), 'paid 5')
      assert.deepEqual(runs, ['5 k'])
      const next = other.rpc.with({ key: 'other' }).pay(6)
      await world.pass(10)
      gates[1]?.()
      assert.equal(await world.settled(next), 'paid 6')
    })

    it('keeps failures too, and streams not', async () => {
      const { client, runs } = setup()
      const calls = client.rpc.with({ key: 'k' })
      for (let time = 0; time < 3; time++) assert.equal(await world.failure(calls.fail('')), 'E')
      assert.deepEqual(runs, ['fail'])
      await world.settled(
        (async () => {
          for await (const item of calls.stream()) assert.equal(item, 1)
        })()
      )
      const again = (async () => {
        for await (const item of calls.stream()) assert.equal(item, 1)
      })()
      assert.equal(await world.failure(again), 'ERR_OUTCOME_UNKNOWN')
      assert.deepEqual(runs, ['fail', 'stream'])
    })

    it('gives nobody who asks again the stream of somebody else', async () => {
      const gates: (() => void)[] = []
      async function* numbers(): AsyncGenerator<number, void, undefined> {
        yield 1
      }
      const api = {
        feed: () => new Promise<unknown>(resolve => gates.push(() => resolve(numbers())))
      }
      world.start([rpc(api)])
      const [first, other] = [world.dial<typeof api>(), world.dial<typeof api>()]
      await world.pass(10)
      const lost = world.failure(first.rpc.with({ key: 'k' }).feed(), 30)
      await world.pass(10)
      first.destroy()
      assert.equal(await lost, 'ERR_OUTCOME_UNKNOWN')
      const again = world.failure(other.rpc.with({ key: 'k' }).feed(), 30)
      await world.pass(10)
      gates[0]?.()
      assert.equal(await again, 'ERR_OUTCOME_UNKNOWN')
    })

    it('is forgotten after its time, and when there are too many', async () => {
      const { client, runs } = setup({ time: 1_000, count: 3 })
      const call = async (key: string): Promise<void> => {
        assert.equal(await world.failure(client.rpc.with({ key }).fail('')), 'E')
      }
      await call('a')
      await call('a')
      assert.equal(runs.length, 1)
      await world.pass(1_100)
      await call('a')
      assert.equal(runs.length, 2)
      for (const key of ['b', 'c', 'd', 'a']) await call(key)
      assert.equal(runs.length, 6)
    })

    it('is forgotten sooner where it is long', async () => {
      let ran = 0
      const server = world.start([
        rpc({ text: (length: number) => [++ran, 'x'.repeat(length)] }, { keys: { count: 20 } })
      ])
      const client = world.dial<typeof server>()
      const call = async (key: string, length: number) =>
        (await world.settled(client.rpc.with({ key }).text(length)))[0]
      const keys = Array.from({ length: 10 }, (_, index) => `${index}`)
      for (const key of keys) await call(key, 10)
      for (const key of keys) assert.equal(await call(key, 10), Number(key) + 1)
      // The eighteen that it counts as leave room for two of the others.
      assert.deepEqual([await call('long', 70_000), await call('long', 70_000)], [11, 11])
      assert.deepEqual([await call('9', 10), await call('8', 10), await call('7', 10)], [10, 9, 12])
      // One that is longer than all that is kept is not.
      assert.deepEqual([await call('longer', 90_000), await call('longer', 90_000)], [13, 14])
    })

    it('is not forgotten while its call runs, nor for others who ask more', async () => {
      let user = 0
      const { client, runs, gates, dial } = setup({ count: 3 }, () => ({ user: user++ }))
      await world.pass(10)
      const other = dial()
      const pay = (): Promise<string> => client.rpc.with({ key: 'k' }).pay(5)
      const flood = async (): Promise<void> => {
        for (let key = 0; key < 5; key++) await world.failure(other.rpc.with({ key: `${key}` }).fail(''))
      }
      const first = pay()
      await world.pass(10)
      await flood()
      const second = pay()
      await world.pass(10)
      gates[0]?.()
      assert.deepEqual([await world.settled(first), await world.settled(second)], ['paid 5', 'paid 5'])
      await flood()
      assert.equal(await world.settled(pay()), 'paid 5')
      assert.deepEqual(
        runs.filter(run => run !== 'fail'),
        ['5 k']
      )
    })

    it('has a bound', async () => {
      const { client, runs } = setup()
      const call = (length: number) => world.failure(client.rpc.with({ key: 'k'.repeat(length) }).fail(''))
      assert.deepEqual([await call(256), await call(257), runs.length], ['E', 'ERR_LIMIT', 1])
    })

    it('is of one client: another one with the same key runs its own', async () => {
      let user = 0
      const { client, runs, dial } = setup({}, () => ({ user: user++ }))
      await world.pass(10)
      const other = dial()
      for (const one of [client, other]) assert.equal(await world.failure(one.rpc.with({ key: 'k' }).fail('')), 'E')
      assert.equal(runs.length, 2)
    })
  })

  describe('validation', () => {
    const api = {
      sum: method({ input: [number, asynchronous], output: number }, (a, b, { peer }) =>
        peer.state === 'open' ? a + b : 0
      ),
      bad: method({ input: [], output: number }, () => 'text' as never),
      items: method({ input: [number], output: later }, async function* (to) {
        for (let item = 0; item < to; item++) yield item
      }),
      odd: method({ input: [] }, async function* () {
        yield 1
      })
    }

    it('changes and refuses arguments before a handler sees them', async () => {
      world.start([rpc(api)])
      const client = world.dial<typeof api>()
      assert.equal(await world.settled(client.rpc.sum(1, 2)), 5)
      await assert.rejects(world.settled(client.rpc.sum(1, 'x' as never)), {
        code: 'ERR_ARGUMENTS',
        message: 'The arguments of the call are wrong: 1.a.b.3: a number',
        data: { argument: 1, issues: [{ message: 'a number', path: ['a', 'b', 3] }] }
      })
      const loose = client.rpc.sum as (...args: unknown[]) => Promise<unknown>
      for (const args of [[], [1], [1, 2, 3], [1, 2, { peer: {} }], [{ peer: {} }, 2]]) {
        assert.equal(await world.failure(loose(...args)), 'ERR_ARGUMENTS')
      }
      assert.deepEqual(world.reported, [])
    })

    it('lets no result pass that is none', async () => {
      world.start([rpc(api)])
      const client = world.dial<typeof api>()
      assert.equal(await world.failure(client.rpc.bad()), 'ERR_HANDLER')
      assert.match(String(world.reported.pop()?.message), /a result is not as its schema: a number/)
      const items: unknown[] = []
      await world.settled(
        (async () => {
          for await (const item of client.rpc.items(3)) items.push(item)
          for await (const item of client.rpc.odd()) items.push(item)
        })()
      )
      assert.deepEqual(items, [0, 2, 4, 1])
    })
  })

  it('passes through middleware, which sees, refuses and changes', async () => {
    const seen: string[] = []
    const server = world.start([
      rpc(
        { add: (a: number, b: number) => a + b, secret: () => 'secret' },
        {
          use: [
            async ({ name, args, peer }, next) => {
              seen.push(`${name} ${JSON.stringify(args)} ${peer.id === client.id}`)
              const result = await next()
              seen.push(String(result))
              return result
            },
            ({ name }, next) => {
              if (name === 'secret') throw new RpcError('NOT_YOU')
              return next()
            }
          ]
        }
      )
    ])
    const client = world.dial<typeof server>()
    assert.equal(await world.settled(client.rpc.add(1, 2)), 3)
    assert.equal(await world.failure(client.rpc.secret()), 'NOT_YOU')
    assert.deepEqual(seen, ['add [1,2] true', '3', 'secret [] true'])
  })

  describe('permissions', () => {
    it('are asked for each call, and what they refuse does not happen', async () => {
      const runs: string[] = []
      const asked: unknown[] = []
      const server = world.start([
        permissions({
          rpc: {
            call: {
              open: ({ value }) => asked.push(value) > 0,
              later: async () => Promise.resolve(false),
              'deep.>': true
            }
          }
        }),
        rpc({
          open: (a: number) => runs.push(`open ${a}`),
          later: () => runs.push('later'),
          shut: () => runs.push('shut'),
          deep: { er: () => runs.push('deep') }
        })
      ] as const)
      const client = world.dial<typeof server>()
      await world.settled(client.rpc.open(7))
      await world.settled(client.rpc.deep.er())
      for (const call of [client.rpc.later, client.rpc.shut]) {
        assert.equal(await world.failure(call()), 'ERR_DENIED')
      }
      assert.deepEqual([runs, asked], [['open 7', 'deep'], [[7]]])
    })

    it('end streams when they change, and nothing else', async () => {
      let allowed = true
      const ended: string[] = []
      const server = world.start([
        permissions({
          rpc: { call: { ticks: async ({ value }) => Promise.resolve(allowed || value === 1), '>': true } }
        }),
        rpc({
          async *ticks(name: string, { signal }) {
            signal.addEventListener('abort', () => ended.push(name))
            for (let tick = 0; ; tick++) {
              yield tick
              await new Promise(resolve => setTimeout(resolve, 2))
            }
          },
          other: async function* () {
            for (let tick = 0; ; tick++) {
              yield tick
              await new Promise(resolve => setTimeout(resolve, 2))
            }
          },
          slow: async () => new Promise(resolve => setTimeout(() => resolve('done'), 20))
        })
      ] as const)
      const client = world.dial<typeof server>()
      const heard = { ticks: 0, other: 0 }
      const read = async (name: 'ticks' | 'other', stream: AsyncIterable<number>): Promise<void> => {
        for await (const tick of stream) heard[name] = tick
      }
      const ticks = read('ticks', client.rpc.ticks('ann'))
      const failed = ticks.then(
        () => 'ended',
        (error: unknown) => String(Reflect.get(Object(error), 'code'))
      )
      read('other', client.rpc.other()).catch(() => {})
      const slow = client.rpc.slow()
      await world.pass(10)
      server.permissions.refresh()
      await world.pass(5)
      assert.deepEqual(ended, [])
      assert.ok(heard.ticks > 2)
      allowed = false
      server.permissions.refresh()
      await world.pass(5)
      assert.equal(await failed, 'ERR_DENIED')
      assert.deepEqual(ended, ['ann'])
      const { other } = heard
      await world.pass(10)
      assert.ok(heard.other > other, 'others go on')
      assert.equal(await world.settled(slow, 20), 'done')
    })
  })

  describe('when permissions change before there is a stream', () => {
    const setup = (call: () => boolean | Promise<boolean>) => {
      const gates: (() => void)[] = []
      const gate = (): Promise<void> => new Promise(resolve => gates.push(resolve))
      const ended: string[] = []
      async function* feed(): AsyncGenerator<string, void, undefined> {
        try {
          yield 'secret'
        } finally {
          ended.push('feed')
        }
      }
      const server = world.start([
        permissions({ rpc: { call } }),
        rpc({
          feed: async () => {
            await gate()
            return feed()
          }
        })
      ] as const)
      const client = world.dial<typeof server>()
      const read = async (): Promise<unknown[]> => {
        const items: unknown[] = []
        for await (const item of client.rpc.feed()) items.push(item)
        return items
      }
      return { server, gates, gate, read }
    }

    it('it is none for who may not have it any more, while the handler was at it', async () => {
      let allowed = true
      const { server, gates, read } = setup(() => allowed)
      for (const isDenied of [true, false]) {
        allowed = true
        const items = read()
        const outcome = isDenied ? world.failure(items) : world.settled(items)
        await world.pass(10)
        allowed = !isDenied
        server.permissions.refresh()
        await world.pass(5)
        gates.shift()?.()
        assert.deepEqual(await outcome, isDenied ? 'ERR_DENIED' : ['secret'])
      }
    })

    it('a rule that took its time is asked again', async () => {
      let allowed = true
      const rules: (() => void)[] = []
      const { server, read } = setup(async () => {
        const decision = allowed
        await new Promise<void>(resolve => rules.push(resolve))
        return decision
      })
      const failure = world.failure(read())
      await world.pass(10)
      allowed = false
      server.permissions.refresh()
      for (let time = 0; time < 3; time++) {
        await world.pass(5)
        for (const go of rules.splice(0)) go()
      }
      assert.equal(await failure, 'ERR_DENIED')
    })

    it('a rule is not asked again where it is of others that they changed', async () => {
      const rules: (() => void)[] = []
      const { server, gates, read } = setup(async () => {
        await new Promise<void>(resolve => rules.push(resolve))
        return true
      })
      const items = world.settled(read())
      await world.pass(10)
      server.permissions.refresh(() => false)
      await world.pass(5)
      for (const go of rules.splice(0)) go()
      await world.pass(5)
      assert.equal(rules.length, 0)
      gates.shift()?.()
      assert.deepEqual(await items, ['secret'])
    })
  })

  it('refuses routers and options that make no sense', async () => {
    const routers = [{ with: () => 1 }, { provide: () => 1 }, { service: () => 1 }, { router: () => 1 }]
    const others = [
      { 'a.b': () => 1 },
      { '': () => 1 },
      ...['then', 'toString', 'valueOf'].map(name => ({ a: Object.fromEntries([[name, () => 1]]) })),
      { a: { toJSON: () => 1 } },
      { a: 5 },
      { a: { b: null } }
    ]
    for (const router of [...routers, ...others]) {
      assert.throws(() => world.start([rpc(router as never)]), { code: 'ERR_OPTION' })
      assert.throws(() => world.dial(router as never), { code: 'ERR_OPTION' })
    }
    for (const options of [{ timeout: 0 }, { deadline: -1 }, { limit: NaN }, { accept: 0 }, { keys: { time: -1 } }]) {
      assert.throws(() => world.start([rpc({}, options)]), { code: 'ERR_OPTION' })
    }
    world.start([rpc()])
  })
})
