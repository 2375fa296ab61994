import assert from 'node:assert/strict'
import { AnywireError, connect } from '../../../core.ts'
import type { Client } from '../../../core.ts'
import { json } from '../../../parsers/json.ts'
import { pubsub } from '../../../plugins/pubsub/client.ts'
import { reconnect } from '../../../plugins/reconnect/client.ts'
import { guard, undoing } from '../../support/faults-guard.ts'
import { turns, until } from '../../support/faults-wait.ts'
import { world } from '../../support/pubsub.ts'

/** What a promise rejects with. */
const failure = async (promise: PromiseLike<unknown>): Promise<AnywireError> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof AnywireError) return error
    throw error
  }
  throw new Error('it did not fail')
}

const noted = (client: Client): string[] => {
  const errors: string[] = []
  client.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
  return errors
}

describe('pubsub: what is told', () => {
  const printed = guard()
  const use = undoing()
  const rules = { pubsub: false }
  const denied = (verb: string): string =>
    `ERR_DENIED The permissions of the server do not allow this: '${verb}' of 'secret'`

  it('a refusal that nobody awaits is told as what it is', async () => {
    const { open } = world(use, { rules })
    const { client, pubsub } = await open()
    const errors = noted(client)
    void pubsub.subscribe('secret', () => {})
    void pubsub.listen('secret', () => {})
    await until(() => errors.length === 2)
    assert.deepEqual(errors, [denied('subscribe'), denied('listen')])
  })

  it('and printed in one line where nobody listens', async () => {
    const { open, network } = world(use, { rules })
    await open()
    const own = pubsub()
    const client = connect('http://memory', { transformers: [network], parser: json(), plugins: [own] })
    use(() => client.destroy())
    void client.pubsub.subscribe('secret', () => {})
    client.pubsub.publish('secret', 1)
    await until(() => printed.length === 2)
    assert.deepEqual(
      printed.splice(0),
      ['publish', 'subscribe'].map(verb => `"anywire: ${denied(verb)}"`)
    )
  })

  it('so is what was published and refused, also where it waited for a wire, unless somebody listens for that', async () => {
    const { open } = world(use, { rules })
    const { client, pubsub } = await open()
    const errors = noted(client)
    assert.equal(pubsub.publish('secret', 1), true)
    await until(() => errors.length === 1)
    client.destroy()
    client.open()
    assert.equal(pubsub.publish('secret', 2), true)
    await until(() => errors.length === 2)
    assert.deepEqual(errors, [denied('publish'), denied('publish')])
    const refused: string[] = []
    pubsub.on('refuse', ({ topic, error }) => refused.push(`${topic} ${error?.code}`))
    pubsub.publish('secret', 3)
    await until(() => refused.length === 1)
    assert.deepEqual([refused, errors.length], [['secret ERR_DENIED'], 2])
  })

  it('what is no topic is published to nobody, and throws', async () => {
    const { open } = world(use)
    const { pubsub } = await open()
    const long = 'a.'.repeat(16)
    assert.ok(pubsub.publish(long.slice(0, -1), 1))
    for (const topic of ['', 'a..b', '.a', 'a.', 'a.*', '*', 'a.>', `${long}a`]) {
      const options = [{}, { reliable: false }]
      for (const option of options) {
        assert.throws(() => pubsub.publish(topic, 1, option), {
          code: 'ERR_OPTION',
          message: `An option is wrong: '${topic}' is no topic`
        })
      }
      assert.equal((await failure(pubsub.publish(topic, 1, { ack: true }))).code, 'ERR_OPTION')
    }
  })

  it('and one that is too long for the server is refused', async () => {
    const { open } = world(use)
    const { client, pubsub } = await open()
    const errors = noted(client)
    pubsub.publish('x'.repeat(300), 1)
    await until(() => errors.length === 1)
    assert.match(errors[0] ?? '', /^ERR_OPTION .*'x{300}'$/)
  })

  it('what is cancelled while it waits says so, with the reason', async () => {
    const { open, network } = world(use)
    const { client, pubsub } = await open()
    network.stalled = true
    const controller = new AbortController()
    const { signal } = controller
    const reason = new Error('enough')
    const waiting = [
      pubsub.subscribe('a', () => {}, { signal }),
      pubsub.listen('a', () => {}, { signal }),
      pubsub.subscribe('a', () => {}, { signal: AbortSignal.abort(reason) })
    ]
    const ended = pubsub.subscribe('a', () => {})
    ended.unsubscribe()
    controller.abort(reason)
    for (const promise of waiting) {
      const { code, cause } = await failure(promise)
      assert.deepEqual([code, cause], ['ERR_CANCELLED', reason])
    }
    assert.equal((await failure(ended)).code, 'ERR_CANCELLED')
    assert.equal(client.state, 'open')
  })

  it('and where nobody waits, nobody is told', async () => {
    const { open } = world(use)
    const { errors, pubsub } = await open()
    pubsub.subscribe('a', () => {}).unsubscribe()
    void pubsub.subscribe('a', () => {}, { signal: AbortSignal.abort() })
    await turns()
    assert.deepEqual(errors, [])
  })

  it('what a client that is not let in asks for fails with why', async () => {
    const { network } = world(use, {})
    const client = connect('http://memory', {
      transformers: [network],
      parser: json(),
      auth: 'nobody',
      plugins: [reconnect({ min: 0 }), pubsub()]
    })
    use(() => client.destroy())
    const asked = [client.pubsub.subscribe('a', () => {}), client.pubsub.publish('a', 1, { ack: true })]
    client.destroy(4001, 'no such user')
    for (const promise of [...asked, client.pubsub.history('a')]) {
      const { code, message, cause } = await failure(promise)
      assert.deepEqual(
        [code, message, cause],
        [
          'ERR_CLOSED',
          'The connection is closed: no such user',
          { code: 4001, reason: 'no such user', after: 0, reconnect: false }
        ]
      )
    }
  })

  it('what is published on a connection that has ended is refused as what is written is', async () => {
    const { open } = world(use)
    const { client, pubsub } = await open()
    const errors = noted(client)
    client.destroy()
    assert.equal(client.write(1), false)
    assert.equal(pubsub.publish('a', 1), false)
    await turns()
    assert.deepEqual(errors, ['ERR_CLOSED The connection is closed', 'ERR_CLOSED The connection is closed'])
    assert.equal((await failure(pubsub.publish('a', 1, { ack: true }))).code, 'ERR_CLOSED')
  })

  it('a handler that fails is told with its topic, on both ends', async () => {
    const { open, server, errors: reported } = world(use)
    const { client, pubsub } = await open()
    const errors = noted(client)
    const fail = (): never => {
      throw new Error('oops')
    }
    await pubsub.subscribe('a.*', fail)
    server.pubsub.subscribe('a.b', fail)
    server.pubsub.publish('a.b', 1)
    await until(() => errors.length === 1)
    assert.deepEqual(errors, ["ERR_HANDLER A handler failed: 'pubsub a.b': Error: oops"])
    assert.deepEqual(reported, ['ERR_HANDLER pubsub a.b'])
  })
})
