import assert from 'node:assert/strict'
import { permissions } from '../../plugins/permissions/index.ts'
import { rpc, RpcError } from '../../plugins/rpc/index.ts'
import type { RpcServerOptions } from '../../plugins/rpc/index.ts'
import { eachInItsWorld } from '../support/calls.ts'
import type { Calls } from '../support/calls.ts'

type Work = (text: string) => string

describe('rpc: services', () => {
  let world: Calls
  eachInItsWorld(next => (world = next))

  const serve = (options: RpcServerOptions = {}) => world.start([rpc({ own: () => 'own' }, options)])

  it('are answered by one of their providers, in turns', async () => {
    const server = serve()
    const [one, two, caller] = [world.dial(), world.dial(), world.dial()]
    await world.settled(one.rpc.provide('work', (text: string) => `one ${text}`))
    await world.settled(two.rpc.provide('work', async (text: string) => Promise.resolve(`two ${text}`)))
    const undo = server.rpc.provide('work', (text: string, { peer }) => `server ${text} ${peer.id === caller.id}`)
    const answers: string[] = []
    for (let time = 0; time < 6; time++) answers.push(await world.settled(caller.rpc.service<Work>('work')('x')))
    assert.deepEqual(answers.slice(0, 3).sort(), ['one x', 'server x true', 'two x'])
    assert.deepEqual(answers.slice(3).sort(), ['one x', 'server x true', 'two x'])
    undo()
    undo()
    for (let time = 0; time < 4; time++) {
      assert.doesNotMatch(await world.settled(caller.rpc.service<Work>('work')('x')), /server/)
    }
    assert.match(await world.settled(server.rpc.service<Work>('work')('y')), /^(one|two) y$/)
  })

  it('pass a call on where a provider rejects, and fail when all did', async () => {
    const server = serve()
    const [one, two, caller] = [world.dial(), world.dial(), world.dial()]
    const asked: string[] = []
    await world.settled(
      one.rpc.provide('work', (_text: string, call) => {
        asked.push('one')
        return call.reject('busy')
      })
    )
    const withdraw = await world.settled(
      two.rpc.provide('work', async (text: string, call) => {
        asked.push('two')
        await Promise.resolve()
        if (text === 'no') call.reject()
        return `two ${text}`
      })
    )
    server.rpc.provide('work', (_text: string, call) => call.reject())
    for (let time = 0; time < 3; time++) {
      assert.equal(await world.settled(caller.rpc.service<Work>('work')('x'), 50), 'two x')
    }
    asked.length = 0
    await assert.rejects(world.settled(caller.rpc.service<Work>('work')('no'), 50), { code: 'ERR_NO_PROVIDER' })
    assert.deepEqual(asked.sort(), ['one', 'two'])
    withdraw()
    await world.pass(10)
    assert.equal(await world.failure(caller.rpc.service<Work>('work')('x')), 'ERR_NO_PROVIDER')
    assert.equal(await world.failure(caller.rpc.service<Work>('other')('x')), 'ERR_NO_PROVIDER')
    assert.equal(await world.failure(server.rpc.service<Work>('work')('x')), 'ERR_NO_PROVIDER')
  })

  it('run once, whatever a provider that has accepted fails with', async () => {
    const server = serve()
    const [one, two, caller] = [world.dial(), world.dial(), world.dial()]
    const ran: string[] = []
    const work = (code: string): never => {
      ran.push(code)
      throw new RpcError(code)
    }
    for (const provider of [one, two]) await world.settled(provider.rpc.provide('work', work))
    const codes = ['ERR_LIMIT', 'ERR_NO_METHOD', 'ERR_CLOSED', 'ERR_DENIED']
    for (const code of codes) assert.equal(await world.failure(caller.rpc.service('work')(code), 50), code)
    server.rpc.provide('here', work)
    server.rpc.provide('here', async (code: string) => work(code))
    for (const code of codes) assert.equal(await world.failure(caller.rpc.service('here')(code), 50), code)
    assert.deepEqual(ran, [...codes, ...codes])
  })

  it('have a time to be accepted, and one to be answered', async () => {
    const server = serve({ accept: 100 })
    const [provider, caller] = [world.dial(), world.dial()]
    const aborts: string[] = []
    await world.settled(
      provider.rpc.provide(
        'manual',
        (accepts: boolean, call) => {
          call.signal.addEventListener('abort', () => aborts.push(call.name))
          if (accepts) call.accept()
          return new Promise(() => {})
        },
        { accept: 'manual' }
      )
    )
    const ask = caller.rpc.with({ timeout: 1_000 })['manual']
    assert.ok(ask)
    const service = caller.rpc.service<(accepts: boolean) => void>('manual', { timeout: 1_000 })
    assert.equal(await world.failure(service(false), 200), 'ERR_NOT_ACCEPTED')
    assert.equal(await world.failure(ask(false), 200), 'ERR_NOT_ACCEPTED')
    const call = service(true)
    await world.pass(500)
    assert.equal(await world.failure(call, 600), 'ERR_CALL_TIMEOUT')
    const own = server.rpc.service<(accepts: boolean) => void>('manual', { timeout: 1_000 })
    assert.equal(await world.failure(own(false), 200), 'ERR_NOT_ACCEPTED')
    assert.equal(await world.failure(own(true), 1_100), 'ERR_CALL_TIMEOUT')
    await world.pass(10)
    assert.equal(aborts.length, 5)
  })

  it('prefer who has a wire and less to do, and tell when an outcome is unknown', async () => {
    const server = serve({ accept: 60_000 })
    const [one, two, caller] = [world.dial(), world.dial(), world.dial()]
    const at: string[] = []
    for (const [name, client] of [['one', one] as const, ['two', two] as const]) {
      await world.settled(
        client.rpc.provide('work', () => {
          at.push(name)
          return new Promise(() => {})
        })
      )
    }
    const calls = [1, 2, 3, 4].map(async () => {
      await assert.rejects(caller.rpc.service('work')(), { code: 'ERR_OUTCOME_UNKNOWN' })
    })
    await world.pass(20)
    assert.deepEqual(at.toSorted(), ['one', 'one', 'two', 'two'])
    one.destroy()
    two.destroy()
    await world.settled(Promise.all(calls))
    assert.equal(await world.failure(server.rpc.service('work')()), 'ERR_NO_PROVIDER')
  })

  it('stream, both bytes and items, from one client to another', async () => {
    serve()
    const [provider, caller] = [world.dial(), world.dial()]
    let made = 0
    await world.settled(
      provider.rpc.provide('items', async function* (bytes: Uint8Array) {
        for (const byte of bytes) {
          made++
          yield Uint8Array.of(byte)
        }
      })
    )
    const items = caller.rpc.service<(bytes: Uint8Array) => AsyncGenerator<Uint8Array>>('items')
    const first: Uint8Array[] = []
    const read = async (): Promise<void> => {
      for await (const item of items(new Uint8Array(1_000).fill(1))) if (first.push(item) === 3) break
    }
    await world.settled(read(), 50)
    await world.pass(50)
    assert.deepEqual(first, [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(1)])
    assert.ok(made < 100, `${made}`)
  })

  it('are cancelled all the way', async () => {
    serve()
    const [provider, caller] = [world.dial(), world.dial()]
    let reason: unknown
    await world.settled(
      provider.rpc.provide('slow', ({ signal }) => {
        signal.addEventListener('abort', () => {
          reason = signal.reason
        })
        return new Promise(() => {})
      })
    )
    const controller = new AbortController()
    const call = caller.rpc.service('slow', { signal: controller.signal })()
    await world.pass(10)
    controller.abort()
    assert.equal(await world.failure(call), 'ERR_CANCELLED')
    await world.pass(10)
    assert.equal(reason instanceof Error && 'code' in reason && reason.code, 'ERR_CANCELLED')
  })

  it('are there again in the next session, unless they were withdrawn', async () => {
    serve()
    const [provider, caller] = [world.dial(), world.dial()]
    await world.settled(provider.rpc.provide('stays', () => 'yes'))
    const withdraw = await world.settled(provider.rpc.provide('goes', () => 'no'))
    withdraw()
    void world.server.close()
    serve()
    await world.pass(6_000)
    assert.equal(await world.settled(caller.rpc.service('stays')()), 'yes')
    assert.equal(await world.failure(caller.rpc.service('goes')()), 'ERR_NO_PROVIDER')
    assert.deepEqual(world.errors, [])
  })

  it('are told to the client that is not allowed to provide them any more', async () => {
    serve()
    const provider = world.dial()
    await world.settled(provider.rpc.provide('work', () => 1))
    void world.server.close()
    serve({ provide: false })
    await world.pass(6_000)
    assert.deepEqual(
      world.errors.map(({ code }) => code),
      ['ERR_DENIED']
    )
    assert.equal(await world.failure(provider.rpc.provide('work', () => 1)), 'ERR_DENIED')
    void provider.rpc.provide('other', () => 1)
    await world.pass(10)
    assert.equal(world.errors[1]?.message, 'The permissions of the server do not allow this: other')
  })

  it('end when permissions change, and the client is told', async () => {
    let allowed = true
    const server = world.start([
      permissions({ rpc: { provide: { work: async () => Promise.resolve(allowed), other: true } } }),
      rpc()
    ] as const)
    const client = world.dial()
    await world.settled(client.rpc.provide('work', () => 'x'))
    await world.settled(client.rpc.provide('other', () => 'y'))
    server.permissions.refresh()
    await world.pass(5)
    assert.equal(await world.settled(server.rpc.service<Work>('work')('x')), 'x')
    assert.equal(world.errors.length, 0)
    allowed = false
    server.permissions.refresh(world.peer)
    await world.pass(5)
    assert.equal(await world.failure(server.rpc.service<Work>('work')('x')), 'ERR_NO_PROVIDER')
    assert.equal(await world.settled(server.rpc.service<Work>('other')('x')), 'y')
    assert.match(world.errors.map(String).join(), /do not allow this: work$/)
    // It may provide it again, once that is allowed.
    allowed = true
    await world.settled(client.rpc.provide('work', () => 'z'))
    assert.equal(await world.settled(server.rpc.service<Work>('work')('x')), 'z')
  })

  it('are provided by whom permissions and the option allow, under names that are free', async () => {
    const asked: string[] = []
    const server = world.start([
      permissions({
        rpc: { call: true, provide: { work: true, later: async () => Promise.resolve(true), 'no.>': false } }
      }),
      rpc(
        { own: () => 1, deep: { er: () => 1 } },
        { provide: async (peer, name) => asked.push(`${name} ${peer.state}`) > 0 && name !== 'later' }
      )
    ] as const)
    const client = world.dial()
    await world.settled(client.rpc.provide('work', () => 1))
    for (const name of ['later', 'no.x', 'other', 'own', 'deep.er', '', 'a..b', '*', 'a.>', 'x'.repeat(257)]) {
      assert.equal(await world.failure(client.rpc.provide(name, () => 1)), 'ERR_DENIED', name)
    }
    assert.deepEqual(asked, ['work open', 'later open', 'no.x open', 'other open'])
    assert.equal(await world.failure(client.rpc.provide('work', () => 1)), 'ERR_OPTION')
    assert.throws(() => server.rpc.provide('own', () => 1), { code: 'ERR_OPTION' })
    assert.equal(await world.settled(world.dial().rpc.service('work')()), 1)
  })

  it('are at most a hundred of one client', async () => {
    serve()
    const client = world.dial()
    await world.settled(
      Promise.all(Array.from({ length: 100 }, (_, index) => client.rpc.provide(`s${index}`, () => 1)))
    )
    assert.equal(await world.failure(client.rpc.provide('more', () => 1)), 'ERR_LIMIT')
  })
})
