import assert from 'node:assert/strict'
import { connect, createServer } from '../../core.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_CLOSED } from '../../lib/failures.ts'
import type { Peer, ServerPlugin } from '../../core.ts'
import { json } from '../../parsers/json.ts'
import { permissions } from '../../plugins/permissions/index.ts'
import type { Permissions, PermissionsOptions, Question, Rules } from '../../plugins/permissions/index.ts'
import { memory } from '../../transformers/memory/index.ts'
import { pluginContract } from '../contract/plugin.ts'
import { guard, undoing } from '../support/faults-guard.ts'
import { until } from '../support/faults-wait.ts'

pluginContract('permissions', () => ({ server: permissions() }))

interface User {
  readonly user: string
}

/** They are there, and that is all. */
const ASKING = [
  { name: 'pubsub', version: 1, local: true, verbs: ['subscribe', 'publish', 'history', 'listen'] },
  { name: 'rpc', version: 1, local: true },
  { name: 'records', version: 1, local: true }
] as const satisfies readonly ServerPlugin[]

describe('permissions', () => {
  const printed = guard()
  const use = undoing()

  const start = async (rules?: Rules<User>, options?: PermissionsOptions<User>) => {
    const network = memory()
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins: [permissions(rules, options), ...ASKING],
      authenticate: ({ auth }) => ({ user: String(auth) })
    })
    const errors: string[] = []
    server.on('error', ({ code, message }, { stage, peer }) => {
      errors.push(`${code} ${stage} ${peer?.context.user} ${message.slice(-7)}`)
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    for (const auth of ['ann', 'bob']) {
      const client = connect('http://memory', { transformers: [network], parser: json(), auth })
      use(() => client.destroy())
      await until(() => client.state === 'open')
    }
    const [ann, bob] = [...server.peers]
    assert.ok(ann && bob)
    const check = (verb: string, name: string, peer: Peer<User> = ann, plugin = 'pubsub') =>
      server.permissions.check({ peer, plugin, verb, name })
    return { server, errors, ann, bob, check }
  }

  it('deny everything by default, in one line', async () => {
    const { check } = await start()
    assert.equal(check('subscribe', 'news'), false)
    const { check: open } = await start({}, { otherwise: true })
    assert.equal(open('subscribe', 'news'), true)
  })

  it('go by plugin, verb and pattern, the most specific first', async () => {
    const { check, ann } = await start({
      pubsub: {
        subscribe: { 'news.>': true, 'news.secret': false, 'news.*.old': false },
        publish: true,
        history: false
      },
      rpc: true,
      records: false
    })
    assert.equal(check('subscribe', 'news.sport'), true)
    assert.equal(check('subscribe', 'news.secret'), false)
    assert.equal(check('subscribe', 'news.a.old'), false)
    assert.equal(check('subscribe', 'other'), false)
    assert.equal(check('publish', 'anything.at.all'), true)
    assert.equal(check('history', 'news'), false)
    assert.equal(check('listen', 'news'), false)
    assert.equal(check('call', 'add', ann, 'rpc'), true)
    assert.equal(check('write', 'todo/1', ann, 'records'), false)
    assert.equal(check('write', 'todo/1', ann, 'others'), false)
  })

  it('allow a pattern when the rules allow all that it stands for', async () => {
    const own = ({ name, context }: Question<User>): boolean => name === `user.${context.user}`
    const { check } = await start({
      pubsub: { subscribe: { 'news.>': true, 'news.secret': false, 'chat.>': true, 'user.*': own } }
    })
    assert.equal(check('subscribe', 'news.*'), false)
    assert.equal(check('subscribe', 'news.>'), false)
    assert.equal(check('subscribe', 'news.sport.*'), true)
    assert.equal(check('subscribe', 'chat.>'), true)
    assert.equal(check('subscribe', 'chat.*'), true)
    assert.equal(check('subscribe', 'user.ann'), true)
    assert.equal(check('subscribe', 'user.bob'), false)
    assert.equal(check('subscribe', 'user.*'), false)
    assert.equal(check('subscribe', '>'), false)
    assert.equal(check('subscribe', '*.*'), false)
  })

  it('are refused where they are about something that is not there', () => {
    const make = (rules: unknown, otherwise?: boolean) =>
      createServer(undefined, {
        transformers: [memory()],
        parsers: [json()],
        plugins: [permissions(rules as Rules, { otherwise: otherwise ?? false }), ...ASKING]
      })
    const refused = (message: RegExp) => ({ code: 'ERR_OPTION', message })
    assert.throws(() => make({ pubsup: true }), refused(/rules about 'pubsup', which is not installed$/))
    assert.throws(
      () => make({ pubsub: { subscibe: true } }, true),
      refused(/a rule about 'subscibe' of 'pubsub', which asks for subscribe, publish, history, listen$/)
    )
    assert.throws(() => make({ presence: { enter: true } }), refused(/'presence', which is not installed/))
    for (const rules of [{ pubsub: { subscribe: undefined } }, { presence: undefined }, { rpc: { anything: true } }])
      void make(rules).close()
  })

  it('are refused where a pattern stands for nothing', () => {
    for (const pattern of ['news.**', 'news*', 'todos/*', '>>', 'a.>.b', '>.a', '', '.a', 'a.', 'a..b']) {
      const rules = { pubsub: { subscribe: { 'news.*': true, [pattern]: false } } }
      assert.throws(() => permissions(rules, { otherwise: true }), {
        code: 'ERR_OPTION',
        message: `An option is wrong: '${pattern}' of the rules 'pubsub.subscribe' is no pattern: parts have dots between them, '*' is a whole part, '>' the last one, and none is empty`
      })
    }
    const names = ['a.*', '*.a', '*.>', '>', 'a/b', '__proto__.*', 'a.'.repeat(20).slice(0, -1)]
    void permissions({ pubsub: { subscribe: Object.fromEntries(names.map(name => [name, true])) } })
  })

  it('are asked with everything that there is to know', async () => {
    const asked: unknown[] = []
    const { server, ann } = await start({ rpc: question => asked.push(question) > 0 })
    const request = { peer: ann, plugin: 'rpc', verb: 'call', name: 'add', value: [1, 2], previous: null }
    assert.equal(server.permissions.check(request), true)
    assert.deepEqual(asked, [
      { peer: ann, context: { user: 'ann' }, verb: 'call', name: 'add', value: [1, 2], previous: null }
    ])
  })

  it('may take their time, where a rule does', async () => {
    const { check, bob } = await start({
      pubsub: {
        subscribe: {
          'slow.>': ({ context }) => Promise.resolve(context.user === 'ann'),
          'slow.never': false,
          'slow.too': () => Promise.resolve(true)
        }
      }
    })
    const [yes, no] = [check('subscribe', 'slow.a'), check('subscribe', 'slow.a', bob)]
    assert.ok(yes instanceof Promise && no instanceof Promise)
    assert.deepEqual(await Promise.all([yes, no]), [true, false])
    assert.equal(check('subscribe', 'slow.never'), false)
    assert.equal(await check('subscribe', 'slow.>'), false)
    assert.equal(await check('subscribe', 'slow.a.*'), true)
  })

  it('deny where a rule throws, rejects, or answers anything but true, and report it', async () => {
    const odd = (answer: unknown) => () => answer as boolean
    const { check, errors } = await start({
      pubsub: {
        subscribe: {
          throws: () => {
            throw new Error('thrown.')
          },
          rejects: () => Promise.reject(new Error('reject.')),
          one: odd(1),
          text: odd('true'),
          nothing: odd(undefined),
          later: odd(Promise.resolve('yes'))
        }
      }
    })
    for (const name of ['throws', 'one', 'text', 'nothing']) assert.equal(check('subscribe', name), false)
    for (const name of ['rejects', 'later']) assert.equal(await check('subscribe', name), false)
    assert.deepEqual(errors, ['ERR_HANDLER permissions ann thrown.', 'ERR_HANDLER permissions ann reject.'])
    assert.deepEqual(printed, [])
  })

  it('know no special names', async () => {
    const { check, ann } = await start({ pubsub: { subscribe: { a: true } } })
    for (const name of ['__proto__', 'constructor', 'toString', 'a.__proto__', '']) {
      assert.equal(check('subscribe', name), false)
      assert.equal(check(name, 'a'), false)
      assert.equal(check('subscribe', 'a', ann, name), false)
    }
  })

  it('have others ask again when they change', async () => {
    const { server, ann, bob, errors } = await start()
    const told: (readonly Peer[])[] = []
    const undo = server.permissions.on('refresh', peers => told.push(peers))
    server.permissions.refresh(bob)
    server.permissions.refresh(({ context }) => context.user === 'ann')
    server.permissions.refresh()
    server.permissions.refresh(() => false)
    assert.deepEqual(told, [[bob], [ann], [ann, bob], []])
    undo()
    server.permissions.once('refresh', () => {
      throw new Error('of the listener')
    })
    server.permissions.refresh()
    assert.equal(server.permissions.listenerCount('refresh'), 0)
    assert.deepEqual(errors, ['ERR_HANDLER refresh undefined istener'])
  })

  it('that ask for what is closed with the server have not failed; what fails otherwise is told', async () => {
    const fails: ((error: Error) => void)[] = []
    const rule = () => new Promise<boolean>((_resolve, reject) => fails.push(reject))
    const { server, errors, check } = await start({ pubsub: { subscribe: rule } })
    const fail = async (): Promise<void> => {
      const checks = ['one', 'two'].map(async name => check('subscribe', name))
      const [first, second] = fails.splice(0)
      first?.(new AnywireError(ERR_CLOSED))
      second?.(new Error('of mine'))
      assert.deepEqual(await Promise.all(checks), [false, false])
    }
    await fail()
    assert.deepEqual(errors.splice(0), ['ERR_HANDLER permissions ann  closed', 'ERR_HANDLER permissions ann of mine'])
    await server.close({ timeout: 0, reconnect: false })
    await fail()
    assert.deepEqual(errors, ['ERR_HANDLER permissions ann of mine'])
  })

  it('are there for plugins that know them by their type alone', async () => {
    const seen: unknown[] = []
    const asks = () =>
      ({
        name: 'asks',
        version: 1,
        local: true,
        needs: ['permissions'],
        peer(peer, _lane, server: Parameters<NonNullable<ServerPlugin['server']>>[0] & { permissions: Permissions }) {
          seen.push(server.permissions.check({ peer, plugin: 'asks', verb: 'ask', name: 'me' }))
        }
      }) as const satisfies ServerPlugin
    const network = memory()
    const plugins = [permissions<User>({ asks: ({ context }) => context.user === 'ann' }), asks()] as const
    const server = createServer(undefined, {
      transformers: [network],
      parsers: [json()],
      plugins,
      authenticate: () => ({ user: 'ann' })
    })
    use(() => server.close({ timeout: 0, reconnect: false }))
    const client = connect('http://memory', { transformers: [network], parser: json() })
    use(() => client.destroy())
    await until(() => client.state === 'open')
    assert.deepEqual(seen, [true])
  })
})
