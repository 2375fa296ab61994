import assert from 'node:assert/strict'
import type { ClientPlugin, Lane } from '../../core.ts'
import { rpc, RpcError } from '../../plugins/rpc/index.ts'
import { eachInItsWorld } from '../support/calls.ts'
import type { Calls } from '../support/calls.ts'

/** The client half of a stranger, and each message that it hears. */
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

const codeOf = (result: PromiseSettledResult<unknown>): unknown =>
  result.status === 'fulfilled' ? result.value : (result.reason as RpcError).code

describe('rpc: many calls at once', () => {
  let world: Calls
  eachInItsWorld(next => (world = next))

  const router = {
    echo: (value: unknown) => value,
    later: async (value: unknown) => Promise.resolve(value),
    fail: (code: string) => {
      throw new RpcError(code)
    },
    big: () => 5n,
    long: (length: number) => 'x'.repeat(length)
  }

  it('of one turn travel in one message, and so do their answers, in order', async () => {
    const server = world.start([rpc(router)])
    const client = world.dial<typeof server>()
    await world.pass(10)
    const heard: unknown[] = []
    const before = client.bufferedBytes
    const calls = Array.from({ length: 20 }, (_, index) =>
      index % 2 ? client.rpc.later(index) : client.rpc.echo(index)
    )
    for (const call of calls) void call.then(value => heard.push(value))
    assert.equal(client.bufferedBytes, before, 'nothing is written before the end of the turn')
    await Promise.resolve()
    const written = client.bufferedBytes - before
    // Each message would count 32 bytes more.
    assert.ok(written > 0 && written < 20 * 32, `${written}`)
    assert.deepEqual(
      await world.settled(Promise.all(calls)),
      calls.map((_, index) => index)
    )
    const order = [...heard.filter(value => Number(value) % 2 === 0), ...heard.filter(value => Number(value) % 2)]
    assert.deepEqual(heard, order)
  })

  it('are answered in lists, which are no longer than they may be', async () => {
    world.start([rpc(router)])
    const { rpc: stranging } = world.connect([stranger()])
    await world.pass(10)
    stranging.say(Array.from({ length: 100 }, (_, index) => [index + 1, 'echo', 0, index]))
    await world.pass(10)
    assert.deepEqual(
      stranging.heard.map(message => Array.isArray(message) && message.length),
      [32, 32, 32, 4]
    )
    assert.deepEqual(
      stranging.heard.flat(),
      Array.from({ length: 100 }, (_, index) => [-index - 1, 0, index])
    )
    stranging.heard.length = 0
    stranging.say([200, 'later', 0, 'alone'])
    await world.pass(10)
    assert.deepEqual(stranging.heard, [[-200, 0, 'alone']])
  })

  it('succeed and fail each by itself, whatever the others are', async () => {
    const server = world.start([rpc(router)], { limits: { message: 4_000 } })
    const client = world.dial<typeof server>(undefined, { limits: { message: 4_000 } })
    await world.pass(10)
    const { rpc: remote } = client
    const circle: unknown[] = []
    circle.push(circle)
    const bytes = Uint8Array.of(1, 2, 3)
    const results = await world.settled(
      Promise.allSettled([
        remote.echo('a'),
        remote.echo(circle),
        remote.echo('y'.repeat(5_000)),
        remote.fail('MINE'),
        remote.big(),
        remote.long(5_000),
        remote.long(3_500),
        remote.echo(bytes),
        remote.later({ p: 1 }),
        remote.later('z')
      ]),
      20
    )
    assert.deepEqual(
      results.map(codeOf).map(value => (typeof value === 'string' ? value.slice(0, 20) : value)),
      ['a', 'ERR_ENCODE', 'ERR_TOO_LARGE', 'MINE', 'ERR_HANDLER', 'ERR_HANDLER', 'x'.repeat(20), bytes, { p: 1 }, 'z']
    )
    assert.deepEqual(
      world.reported.map(({ message }) => message.slice(0, 29)),
      [`A handler failed: 'rpc big': `, `A handler failed: 'rpc long':`]
    )
  })

  it('that are cancelled before the end of their turn are never made', async () => {
    const made: unknown[] = []
    const server = world.start([rpc({ note: (value: unknown) => void made.push(value) })])
    const client = world.dial<typeof server>()
    await world.pass(10)
    const controller = new AbortController()
    const calls = [
      client.rpc.note(1),
      client.rpc.with({ signal: controller.signal }).note(2),
      client.rpc.note(3),
      client.rpc.with({ signal: AbortSignal.abort() }).note(4)
    ]
    controller.abort()
    const results = await world.settled(Promise.allSettled(calls))
    assert.deepEqual(results.map(codeOf), [undefined, 'ERR_CANCELLED', undefined, 'ERR_CANCELLED'])
    assert.deepEqual(made, [1, 3])
  })
})
