import assert from 'node:assert/strict'
import { connect as connectCore } from '../../../core.ts'
import { AnywireError, connect } from '../../../index.ts'
import { json } from '../../../parsers/json.ts'
import { http } from '../../../plugins/http/index.ts'
import { permissions } from '../../../plugins/permissions/index.ts'
import { pubsub } from '../../../plugins/pubsub/index.ts'
import { rooms } from '../../../plugins/rooms/index.ts'
import { memory } from '../../../transformers/memory/index.ts'

const isOptionError = (error: unknown, begin: string): boolean =>
  error instanceof AnywireError && error.code === 'ERR_OPTION' && error.message.startsWith(begin)

describe('the options of connect, in Node', () => {
  const core = { transformers: [memory()], parser: json(), open: false }
  const ways = {
    anywire: (options: object) => connect('http://memory', { ...core, ...options }),
    'anywire/core': (options: object) => connectCore('http://memory', { ...core, ...options })
  }

  for (const [name, make] of Object.entries(ways)) {
    it(`of ${name}: what is misspelled is refused, and named`, () => {
      const wrong: Readonly<Record<string, object>> = {
        plugin: { plugin: [] },
        'limits.messages': { limits: { messages: 1 } },
        retry: { retry: { max: 1 } }
      }
      for (const [path, options] of Object.entries(wrong)) {
        assert.throws(() => make(options), {
          code: 'ERR_OPTION',
          message: new RegExp(`there is no option '${path}', but: `)
        })
      }
      make({ plugin: undefined, limits: { message: 2_000, window: undefined }, plugins: [pubsub()] }).destroy()
    })

    it(`of ${name}: a plugin that only servers have is refused`, () => {
      for (const plugin of [rooms(), permissions(), http({ authenticate: () => true })])
        assert.throws(() => make({ plugins: [plugin] }), {
          code: 'ERR_OPTION',
          message: new RegExp(`'${plugin.name}' is for servers`)
        })
      make({ plugins: [{ name: 'quiet', version: 1 }] }).destroy()
    })
  }

  for (const [name, make] of Object.entries(ways)) {
    const wrong: readonly [path: string, values: readonly unknown[], whose?: string][] = [
      ['timeout', [NaN, 0, -1, '5000', null]],
      ['limits.message', [NaN, 0, Infinity, '1']],
      ['limits.window', [NaN, -1]],
      ['limits.buffered', [NaN, 0]],
      ['limits', [5, null]],
      ['schema', [NaN, -1, '2']],
      ['open', ['no', 0]],
      ['query', ['a=b', []]],
      ['query.room', [1, undefined]],
      ['auth', [5n, { id: 5n }]],
      ['transformers', [['ws'], [null], [{ name: 'ws' }]], 'each of '],
      ['transformers', [[], 'ws']],
      ['parser', ['json', {}, null]],
      [
        'plugins',
        [
          [pubsub(), undefined],
          [pubsub(), false],
          [pubsub(), 'rpc']
        ],
        'each of '
      ],
      ['plugins', [{}, 'rpc']]
    ]
    for (const [path, values, whose = ''] of wrong) {
      it(`of ${name}: ${whose}'${path}' that makes no sense is refused`, () => {
        const [option = '', inner] = path.split('.')
        for (const value of values)
          assert.throws(
            () => make({ [option]: inner ? { [inner]: value } : value }),
            error => isOptionError(error, `An option is wrong: ${whose}'${path}' `)
          )
      })
    }

    it(`of ${name}: a factory that was not called is named`, () => {
      for (const [path, value] of [
        ['plugins', [pubsub]],
        ['transformers', [memory]],
        ['parser', json]
      ] as const) {
        const factory = [value].flat()[0]?.name
        const text = `An option is wrong: '${path}' has the function '${factory}': call it, as ${factory}()`
        assert.throws(() => make({ [path]: value }), { code: 'ERR_OPTION', message: text })
      }
    })

    it(`of ${name}: what may be anything may be anything`, () => {
      make({ auth: () => 5n, timeout: Infinity, limits: { buffered: Infinity }, query: {}, schema: 0 }).destroy()
      make({ auth: null, query: { room: '' }, plugins: [] }).destroy()
    })
  }

  it('of anywire/core: what must be named is', () => {
    const make = connectCore as (url: string, options?: object) => unknown
    assert.throws(() => make('http://memory'), { code: 'ERR_OPTION', message: /the options must be an object/ })
    assert.throws(() => make('http://memory', { parser: json() }), { code: 'ERR_OPTION', message: /'transformers'/ })
    assert.throws(() => make('http://memory', { transformers: [memory()] }), {
      code: 'ERR_OPTION',
      message: /'parser'/
    })
  })

  it('of anywire: its defaults have options too', () => {
    connect('http://memory', { ...core, reconnect: false, offline: {}, wires: {} }).destroy()
    const client = connect('http://memory', { ...core, reconnect: true, offline: true, wires: true })
    assert.deepEqual([client.reconnect.attempts, client.offline.size, typeof client.wires.on], [0, 0, 'function'])
    client.destroy()
    assert.throws(() => ways['anywire/core']({ reconnect: false }), /there is no option 'reconnect'/)
    for (const [options, message] of [
      [{ reconnect: { max: NaN } }, /'max' of 'reconnect' must be a number of at least 0, or Infinity, not NaN/],
      [{ reconnect: { maxx: 1 } }, /'reconnect' has no option 'maxx', but: min, max/],
      [{ reconnect: 'yes' }, /the options of 'reconnect' must be an object, not a text/],
      [{ offline: { byte: 5 } }, /'offline' has no option 'byte', but: bytes/],
      [{ wires: { patience: '1' } }, /'patience' of 'wires' must be a number/]
    ] as const)
      assert.throws(() => ways.anywire(options), { code: 'ERR_OPTION', message })
  })

  it('says what is there instead', () => {
    for (const [options, message] of [
      [{ transformers: memory }, "'transformers' is the function 'memory': call it, in a list, as [memory()]"],
      [{ transformers: [] }, "'transformers' is an empty list"],
      [{ transformers: 5 }, "'transformers' must be a list, not 5"],
      [{ query: { room: 5 } }, "'query.room' must be a text, not 5"],
      [{ timeout: '5' }, "'timeout' must be a number of at least 1, or Infinity, not '5'"],
      [{ open: 'no' }, "'open' must be true or false, not 'no'"],
      [{ limits: 'token' }, "'limits' must be an object, not a text"]
    ] as const)
      assert.throws(() => ways.anywire(options), { message: `An option is wrong: ${message}` })
  })

  it('what is wrong with a URL is said', () => {
    for (const [url, message] of [
      ['localhost:8080', "the URL 'localhost:8080' has no scheme: write http://localhost:8080"],
      ['example.com', "the URL 'example.com' has no scheme: write http://example.com"],
      ['127.0.0.1:80/x', "the URL '127.0.0.1:80/x' has no scheme: write http://127.0.0.1:80/x"],
      ['/', "the URL '/' is relative, which only a page knows: write http://localhost/"],
      ['//a/b', "the URL '//a/b' is relative, which only a page knows: write http://a/b"],
      ['', 'the URL is empty'],
      ['http://', "the URL 'http://' is none"],
      [
        'wss+unix:/a.sock',
        "the URL 'wss+unix:/a.sock' has the scheme wss+unix:, but unix sockets are spoken to in plain text: write ws+unix:"
      ],
      ['ftp://a', "the URL 'ftp://a' has the scheme ftp:, which is not http:, https:, ws:, wss: or ws+unix:"],
      [undefined, 'the URL must be a text, a URL or a function, not undefined'],
      [5, 'the URL must be a text, a URL or a function, not 5']
    ] as const) {
      const error = { code: 'ERR_OPTION', message: `An option is wrong: ${message}` }
      for (const make of [connect, connectCore] as readonly ((url: unknown, options: object) => unknown)[])
        assert.throws(() => make(url, core), error)
    }
  })
})
