import assert from 'node:assert/strict'
import { createServer as createServerWithDefaults } from '../../../index.ts'
import { createServer } from '../../../lib/server/server.ts'
import type { Server } from '../../../lib/server/server.ts'
import type { AnyServerOptions } from '../../../lib/server/options.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { json } from '../../../parsers/json.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { ws } from '../../../transformers/ws/index.ts'
import { guard } from '../../support/faults-guard.ts'
import { turns } from '../../support/faults-wait.ts'

type Anything = (...args: unknown[]) => unknown

/** As JavaScript calls it: with anything. */
const create = (options: unknown, http?: unknown): Server => {
  const server: unknown = Reflect.apply<undefined, unknown[], unknown>(createServer as Anything, undefined, [
    http,
    options
  ])
  return server as Server
}

const good = (): AnyServerOptions => ({ transformers: [memory()], parsers: [json()] })

/** The error that a server with these options throws, at once. */
const refusal = (options: unknown, http?: unknown): AnywireError => {
  try {
    void create(options, http).close()
  } catch (error) {
    assert.ok(error instanceof AnywireError, `${error}`)
    assert.equal(error.code, 'ERR_OPTION')
    return error
  }
  return assert.fail(`taken: ${JSON.stringify(options)}`)
}

/** An option by its path, as an object. */
const nest = (path: string, value: unknown): object =>
  path.split('.').reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object

describe('the options of a server', () => {
  guard()

  const numbers = [NaN, -1, '1', null, {}, true, -Infinity]
  const wrong: readonly (readonly [path: string, values: readonly unknown[]])[] = [
    ...['limits.message', 'limits.window'].map(path => [path, [...numbers, 0, 0.5, Infinity, 2 ** 53]] as const),
    ...['limits.buffered', 'limits.handshake', 'limits.connections'].map(path => [path, [...numbers, 0]] as const),
    ...['recovery.time', 'recovery.sessions', 'recovery.bytes'].map(path => [path, numbers] as const),
    ['heartbeat', [...numbers, 0.5, Infinity, 2 ** 31]],
    ['limits.rate', [true, 1, 'x', null]],
    ['limits.rate.second', [...numbers, 0]],
    ['limits', [null, 1, 'x', true]],
    ['recovery', [null, 1, 'x', true]],
    ['recovery.same', [null, true, {}]],
    ['transformers', [undefined, null, 'ws', {}, [], [undefined], ['ws'], [{ name: 'ws' }], [{ listen() {} }]]],
    ['parsers', [undefined, null, 'json', [], ['json'], [{ name: 'json' }]]],
    ['plugins', [null, 'rpc', {}, ['rpc'], [null], [{}]]],
    ['authenticate', [null, true, 'yes']],
    ['id', [1, 'id']],
    ['origins', [null, 1, [1], /x/]],
    ['trustProxy', [null, true, -1, 0.5, NaN, '1', [1]]],
    ['path', ['', 'anywire', '/a?b', '/a#b', 1, null]],
    ['schema', [...numbers, 0.5]],
    ['plain', [0, 'no', null]],
    ['port', [...numbers, 65_536, 1.5]],
    ['socket', ['', 1]],
    ['client', ['', 1, true, {}, { location: 1 }, new URL('https://example.com/client.js')]],
    ['host', ['', 1]]
  ]

  for (const [path, values] of wrong) {
    it(`throws at once when '${path}' makes no sense, and names it`, () => {
      for (const value of values) {
        const error = refusal({ ...good(), ...nest(path, value) })
        assert.match(error.message, new RegExp(`'${path}'`), String(value))
      }
    })
  }

  it('throws for origins that no browser sends, and says how to write them', () => {
    for (const [origin, hint] of [
      ['example.com', "begin with the scheme: 'https://example.com'"],
      ['localhost:3000', "begin with the scheme: 'https://localhost:3000'"],
      ['//example.com', "begin with the scheme: 'https://example.com'"],
      ['', "begin with the scheme: 'https://example.com'"],
      ['https://example.com/', "write 'https://example.com'"],
      ['https://Example.com:443/app', "write 'https://example.com'"],
      ['https://bücher.example', "write 'https://xn--bcher-kva.example'"],
      ['HTTP://localhost:80', "write 'http://localhost'"],
      ['https://', 'it is no URL'],
      ['app://host/path', "write 'app://host'"],
      ['app://user@host', "write 'app://host'"],
      ['https://user:secret@example.com', "write 'https://example.com'"],
      ['ws://localhost:3000', "write 'http://localhost:3000'"],
      ['WSS://example.com', "write 'https://example.com'"],
      [' https://example.com', "write 'https://example.com'"],
      ['https://example.com\n', "write 'https://example.com'"],
      [' example.com', "begin with the scheme: 'https://example.com'"],
      ['data:3000', "begin with the scheme: 'https://data:3000'"],
      ...(['ftp://example.com', 'javascript://x', 'data://x', 'about:blank', 'blob:https://example.com'] as const).map(
        origin => [origin, 'no page has an origin with this scheme'] as const
      ),
      ['https://*.example.com', 'a star stands for nothing: take a regular expression']
    ] as const) {
      for (const origins of [origin, ['https://a.example', origin]])
        assert.equal(refusal({ ...good(), origins }).message, `An option is wrong: 'origins' has '${origin}': ${hint}`)
    }
    assert.match(refusal({ ...good(), origins: ['*'] }).message, /'origins' has '\*': for all pages say '\*' alone$/)
    const all = [
      'https://a.example',
      'http://localhost:3000',
      'http://[::1]',
      'null',
      'file://',
      'chrome-extension://a-b',
      'capacitor://localhost',
      'app://ABC:80'
    ]
    for (const origins of ['*', ...all, all, [], [/x/, 'https://a.example']])
      void create({ ...good(), origins }).close()
  })

  it('throws for a name that is none, and says which there are', () => {
    const misspelled: readonly [path: string, right: string][] = [
      ['authentciate', 'authenticate'],
      ['limits.mesage', 'limits.message'],
      ['limits.rate.seconds', 'limits.rate.second'],
      ['recovery.bite', 'recovery.bytes']
    ]
    for (const [path, right] of misspelled) {
      const { message } = refusal({ ...good(), ...nest(path, 1) })
      assert.match(message, new RegExp(`there is no option '${path}', but: .*\\b${right}\\b`))
    }
  })

  it('throws for a plugin that was not called', () => {
    assert.match(refusal({ ...good(), plugins: [ws] }).message, /'plugins' has the function 'ws': call it, as ws\(\)/)
  })

  it('throws for what are no options, and for what is no http.Server', () => {
    for (const options of [undefined, null, 1, 'x']) refusal(options)
    for (const http of [null, 1, 'x', {}, () => {}]) refusal(good(), http)
  })

  it('are told apart from a port, and from nothing', () => {
    const createDefault = (...args: unknown[]): unknown =>
      Reflect.apply<undefined, unknown[], unknown>(createServerWithDefaults as Anything, undefined, args)
    for (const args of [[8080], [undefined, { port: 8080 }], [null], [], ['8080'], [true]]) {
      assert.throws(() => createDefault(...args), { code: 'ERR_OPTION', message: /the first argument .*port: 8080/ })
    }
    assert.throws(() => createDefault({ port: 0 }, { heartbeat: 1 }), { code: 'ERR_OPTION', message: /behind options/ })
    for (const options of [null, 8080, 'x']) {
      assert.throws(() => createDefault({ on() {}, emit() {} }, options), {
        code: 'ERR_OPTION',
        message: /the options/
      })
    }
  })

  it('throws where there is nothing to listen on', () => {
    assert.match(refusal({ ...good(), transformers: [memory(), ws()] }).message, /'port'/)
  })

  it('takes Infinity where it means that there is no limit', async () => {
    const rate = { second: Infinity, burst: Infinity }
    await create({
      ...good(),
      recovery: { time: Infinity, sessions: Infinity, bytes: Infinity },
      limits: { buffered: Infinity, handshake: Infinity, connections: Infinity, rate }
    }).close()
  })

  it('takes undefined for what was not said', async () => {
    const names = wrong.map(([path]) => path).filter(path => !['transformers', 'parsers'].includes(path))
    for (const name of names) {
      const server = create({
        ...good(),
        ...nest(name, undefined),
        ...(name === 'limits.rate.second' && { limits: {} })
      })
      await server.close()
    }
  })

  it('leaves nothing behind where a transformer fails', async () => {
    const events: string[] = []
    const first = {
      ...memory(),
      listen: () => {
        events.push('listen')
        return { close: () => void events.push('close') }
      }
    }
    const failing = {
      name: 'failing',
      supports: first.supports,
      listen: () => {
        throw new Error('mine')
      }
    }
    assert.throws(() => create({ ...good(), transformers: [first, failing] }), { message: 'mine' })
    await turns()
    assert.deepEqual(events, ['listen', 'close'])
  })

  it('are checked where the server closes, too', async () => {
    const server = create(good())
    for (const options of [{ timeout: NaN }, { timeout: -1 }, { reconnect: Infinity }, { reconnect: true }]) {
      assert.throws(() => Reflect.apply(server.close.bind(server), undefined, [options]) as unknown, {
        code: 'ERR_OPTION'
      })
    }
    await server.close({ timeout: Infinity })
  })
})
