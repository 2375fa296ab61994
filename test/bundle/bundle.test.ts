import assert from 'node:assert/strict'
import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createContext, runInContext } from 'node:vm'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { bundle } from '../../bundle/index.ts'
import type { Bundle, BundleOptions } from '../../bundle/index.ts'
import { locate, readCatalog } from '../../bundle/parts.ts'
import type { withParts } from '../../bundle/with-parts.ts'
import { createServer } from '../../index.ts'
import type { ServerPlugin } from '../../index.ts'
import { msgpack } from '../../parsers/msgpack.ts'
import type { ws } from '../../transformers/ws/client.ts'

interface Exports {
  readonly connect: ReturnType<typeof withParts>
  readonly ws: typeof ws
  readonly retryable: (code: number) => boolean
}

let minified: Promise<Bundle> | undefined
/** The bundle of the defaults, made once. */
const defaults = (): Promise<Bundle> => (minified ??= bundle())

/** A bundle that nobody is to measure: it is made in a tenth of the time. */
const plain = (options?: BundleOptions): Promise<Bundle> => bundle({ ...options, minify: false })

const load = async (making: Promise<Bundle>): Promise<Exports> => {
  const { code } = await making
  return (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as Exports
}

/** The sources that something is left of. */
const sources = async (options?: BundleOptions): Promise<string> => {
  const { map = '' } = await plain({ ...options, sourcemap: true })
  return (JSON.parse(map) as { sources: string[] }).sources.join('\n')
}

/** A listening server that echoes, and what closes it. */
const echo = async (plugins: readonly ServerPlugin[] = []) => {
  const http = createHttpServer()
  const server = createServer(http, { parsers: [msgpack()], plugins })
  server.on('connection', peer => peer.on('data', value => peer.write(value)))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const close = async (): Promise<void> => {
    await server.close()
    http.close()
  }
  return { url: `http://127.0.0.1:${port}`, close }
}

/** `assert.match` would print the whole bundle. */
const has = (code: string, pattern: RegExp): void => assert.ok(pattern.test(code), `${pattern} is missing`)
const hasNot = (code: string, pattern: RegExp): void => assert.ok(!pattern.test(code), `${pattern} is there`)

describe('bundle', function () {
  this.timeout(60_000)

  it('makes a module whose connect has the defaults of anywire', async () => {
    const { connect, retryable, ...factories } = await load(defaults())
    const client = connect('http://localhost', { open: false })
    assert.equal(client.parser.name, 'json')
    assert.ok('reconnect' in client && 'offline' in client)
    assert.equal(retryable(1000), false)
    assert.deepEqual(Object.keys(factories).sort(), ['AnywireError', 'json', 'offline', 'reconnect', 'ws'])
  })

  it('makes a client that talks to a server', async () => {
    const { connect, ws } = await load(plain({ parser: 'msgpack', plugins: [] }))
    const { url, close } = await echo()
    const client = connect(url, {
      transformers: [ws({ WebSocket: WebSocket as unknown as typeof globalThis.WebSocket })]
    })
    client.write({ big: 12n })
    for await (const value of client) {
      assert.deepEqual(value, { big: 12n })
      client.end()
    }
    await close()
  })

  it('has with a plugin what else its applications use, and what keeps records with a store alone', async () => {
    const loaded = async (options: BundleOptions): Promise<string[]> => Object.keys(await load(plain(options)))
    /** What the module of a part has beside its factory, and is in no bundle. */
    const left: string[] = []
    for (const [name, { module, factory }] of readCatalog().plugins) {
      const exported = await loaded({ plugins: [name] })
      const own = Object.keys((await import(module)) as object)
      assert.ok(exported.includes(factory))
      left.push(...own.filter(other => !exported.includes(other)))
    }
    // One is for handlers with schemas; the others come with a store.
    assert.deepEqual(left.sort(), ['keep', 'method', 'migrations'])
    const kept = await loaded({ plugins: ['records'], stores: ['indexeddb', 'memory'] })
    for (const name of ['records', 'list', 'members', 'history', 'pathOf', 'keep', 'migrations', 'indexeddb', 'memory'])
      assert.ok(kept.includes(name), name)
    hasNot(await sources({ plugins: ['records'] }), /keeper|stores\//)
  })

  it('makes a classic script with one global', async () => {
    const globals = {
      URL,
      AbortController,
      setTimeout,
      clearTimeout,
      queueMicrotask,
      performance,
      TextEncoder,
      TextDecoder
    }
    const context: Record<string, unknown> = createContext({ ...globals })
    const { code } = await bundle({ format: 'global', global: 'live' })
    runInContext(code, createContext(context))
    assert.deepEqual(
      Object.keys(context).filter(name => !(name in globals)),
      ['live']
    )
    assert.equal(typeof (context['live'] as Exports).connect, 'function')
    has((await plain({ format: 'global' })).code, /^("use strict";\n)?var anywire = /)
  })

  it('says how large it is', async () => {
    const { code, size, gzip, brotli, map } = await defaults()
    assert.equal(map, undefined)
    assert.equal(size, Buffer.byteLength(code))
    assert.equal(gzip, gzipSync(code, { level: 9 }).length)
    assert.equal(brotli, brotliCompressSync(code).length)
    const long = await plain()
    assert.ok(long.size > 1.5 * size)
    has(long.code, /\bmakeClient\b/)
  })

  it('has nothing that was not named', async () => {
    const whole = await sources()
    for (const part of [
      'transformers/ws/client',
      'parsers/json',
      'plugins/reconnect/client',
      'plugins/offline/client'
    ]) {
      has(whole, new RegExp(`\\b${part}\\.`))
    }
    hasNot(whole, /msgpack|raw|memory|server/)
    hasNot(await sources({ plugins: ['reconnect'] }), /offline/)
    hasNot(await sources({ plugins: ['offline'] }), /reconnect/)
    hasNot(await sources({ plugins: [] }), /plugins\//)
    hasNot(await sources({ transformers: ['memory'] }), /transformers\/ws/)
    const packed = await sources({ parser: 'msgpack' })
    has(packed, /parsers\/msgpack/)
    hasNot(packed, /parsers\/json/)
    has((await defaults()).code, /discard/)
    hasNot((await plain({ plugins: ['reconnect'] })).code, /discard/)
  })

  it('never has anything of Node', async () => {
    hasNot((await plain()).code, /node:|require\(|\bBuffer\b|\bprocess\b/)
  })

  it('configures plugins in place, switches them off, and adds others behind them', async () => {
    const { connect } = await load(defaults())
    const seen: string[] = []
    const mine = {
      name: 'mine',
      version: 1,
      local: true,
      client: (client: object) => void seen.push(...Object.keys(client))
    }
    const client = connect('http://localhost', { open: false, offline: false, reconnect: { min: 5 }, plugins: [mine] })
    assert.ok('reconnect' in client)
    assert.equal('offline' in client, false)
    assert.ok(seen.includes('reconnect'))
    assert.ok('offline' in connect('http://localhost', { open: false, offline: true, reconnect: true }))
  })

  const { transformers, parsers, plugins, stores } = readCatalog()
  for (const name of transformers.keys()) it(`knows ${name}`, () => plain({ transformers: [name] }))
  for (const name of parsers.keys()) it(`knows ${name}`, () => plain({ parser: name }))
  for (const name of plugins.keys()) it(`knows ${name}`, () => plain({ plugins: [name] }))
  for (const name of stores.keys())
    it(`knows ${name}, to keep records`, () => plain({ plugins: ['records'], stores: [name] }))

  describe('with imports', () => {
    let folder: string

    before(async () => {
      folder = await fs.mkdtemp(join(tmpdir(), 'anywire-bundle-'))
      const lines = [
        `export const cursors = ({ color = 'red' } = {}) => ({ name: 'cursors', version: 1, local: true, client: () => ({ color }) })`,
        `export const make = cursors`,
        `export const unused = 'never named'`
      ]
      await fs.writeFile(join(folder, 'cursors.js'), lines.join('\n'))
    })

    after(() => fs.rm(folder, { recursive: true }))

    it('takes parts from elsewhere', async () => {
      const from = join(folder, 'cursors.js')
      for (const cursors of [from, { from, factory: 'make' }]) {
        const options = { plugins: ['reconnect', 'cursors'], imports: { cursors } }
        const made = plain(options)
        const { connect } = await load(made)
        const client = connect('http://localhost', { open: false, cursors: { color: 'blue' } })
        assert.deepEqual(Object.getOwnPropertyDescriptor(client, 'cursors')?.value, { color: 'blue' })
        hasNot((await made).code, /never named/)
      }
    })

    it('prefers them to its own', async () => {
      const { code } = await plain({
        plugins: ['offline'],
        imports: { offline: { from: join(folder, 'cursors.js'), factory: 'make' } }
      })
      has(code, /cursors/)
      hasNot(code, /discard/)
    })
  })

  const wrong: [options: BundleOptions, message: RegExp][] = [
    [{ plugins: ['nope'] }, /there is no plugin 'nope', but: .*offline, .*reconnect/],
    [{ transformers: ['nope'] }, /there is no transformer 'nope', but: .*memory.*ws/],
    [{ parser: 'nope' }, /there is no parser 'nope', but: json, msgpack, raw/],
    [{ parser: 'toString' }, /there is no parser 'toString'/],
    [{ plugins: ['nope'], imports: { mine: './mine.js' } }, /but: .*mine, /],
    [{ stores: ['indexeddb'] }, /stores are for the plugin 'records'/],
    [{ plugins: ['records'], stores: ['sqlite'] }, /there is no store 'sqlite', but: indexeddb, memory/],
    [{ plugins: ['records', 'list'], imports: { list: './a.js' } }, /'list' is there twice/],
    [{ plugins: ['offline', 'offline'] }, /'offline' is there twice/],
    [{ plugins: ['mine'], imports: { mine: './does-not-exist.js' } }, /does-not-exist/],
    [{ plugins: ['mine'], imports: { mine: { from: locate('./dist/parsers/json.js'), factory: 'nope' } } }, /nope/],
    [{ plugins: ['mine'], imports: { mine: { from: './a.js', factory: 'a b' } } }, /'a b' is no name/],
    [{ plugins: ['my-part'], imports: { 'my-part': './a.js' } }, /'my-part' is no name/],
    [{ plugins: ['connect'], imports: { connect: './a.js' } }, /'connect' is there twice/],
    [{ imports: { mine: './a.js' } }, /'mine' is imported, and is in none of the lists/],
    [{ format: 'global', global: 'a;b' }, /'a;b' is no name for a global variable/],
    [{ format: 'global', global: 'class.live' }, /'class\.live' is no name for a global variable/],
    [{ format: 'global', global: 'window.class' }, /'window\.class' is no name for a global variable/],
    [{ format: 'global', global: 'globalThis' }, /'globalThis' is no name for a global variable/]
  ]
  it('names a package that is missing', async () => {
    for (const from of ['no-such-package', 'no-such-package/part.js']) {
      await assert.rejects(bundle({ plugins: ['mine'], imports: { mine: from } }), {
        code: 'ERR_MISSING_PACKAGE',
        message: /: npm install no-such-package$/
      })
    }
    await assert.rejects(bundle({ plugins: ['readFile'], imports: { readFile: 'node:fs' } }), { code: 'ERR_OPTION' })
  })

  for (const [options, message] of wrong) {
    it(`refuses ${JSON.stringify(options)}`, () => assert.rejects(bundle(options), { code: 'ERR_OPTION', message }))
  }
})
