import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, promises as fs } from 'node:fs'
import { createServer as createHttpServer, request } from 'node:http'
import type { IncomingHttpHeaders, Server as HttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { stub } from 'sinon'
import { readyMade } from '../../bundle/ready-made.ts'
import { createServer } from '../../index.ts'
import type { DefaultServerOptions } from '../../index.ts'
import { chooseEncoding } from '../../lib/server/encoding.ts'
import { turns } from '../support/faults-wait.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

const MODULE = `export const connect = () => ${JSON.stringify('x'.repeat(5_000))}`
const SCRIPT = 'var anywire = {}'

describe('the client that a server hands out', () => {
  let folder: string
  let http: HttpServer
  const closes: (() => Promise<unknown>)[] = []

  beforeEach(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'anywire-client-'))
    for (const [name, text] of [
      ['client.js', MODULE],
      ['client.js.map', '{}'],
      ['client.global.js', SCRIPT]
    ] as const) {
      await fs.writeFile(join(folder, name), text)
    }
    http = createHttpServer((_request, response) => response.writeHead(418).end('application'))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
  })

  afterEach(async () => {
    for (const close of closes.splice(0)) await close()
    http.close()
    await fs.rm(folder, { recursive: true })
  })

  const start = (options: DefaultServerOptions = {}) => {
    const server = createServer(http, { client: folder, ...options })
    closes.push(() => server.close())
    return server
  }

  const ask = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> => {
    const address = http.address()
    const port = typeof address === 'object' ? address?.port : undefined
    return new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, headers, method, agent: false }, response => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) })
        )
      })
      sent.on('error', reject)
      sent.end()
    })
  }

  it('is a module, a classic script, and their source maps', async () => {
    start()
    const { status, headers, body } = await ask('/anywire/client.js')
    assert.equal(status, 200)
    assert.equal(body.toString(), MODULE)
    assert.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    assert.equal(headers['content-length'], `${body.length}`)
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['access-control-allow-origin'], '*')
    assert.equal(headers['content-encoding'], undefined)
    assert.equal((await ask('/anywire/client.global.js')).body.toString(), SCRIPT)
    const map = await ask('/anywire/client.js.map')
    assert.equal(map.headers['content-type'], 'application/json; charset=utf-8')
    assert.equal(map.body.toString(), '{}')
  })

  it('is compressed as the browser likes it', async () => {
    start()
    const br = await ask('/anywire/client.js', { 'accept-encoding': 'gzip, deflate, br' })
    assert.equal(br.headers['content-encoding'], 'br')
    assert.equal(br.headers.vary, 'Accept-Encoding')
    assert.equal(brotliDecompressSync(br.body).toString(), MODULE)
    assert.ok(br.body.length < 200)
    const zipped = await ask('/anywire/client.js', { 'accept-encoding': 'gzip' })
    assert.equal(zipped.headers['content-encoding'], 'gzip')
    assert.equal(gunzipSync(zipped.body).toString(), MODULE)
  })

  const choices: [header: string | undefined, encoding: string][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip, deflate, br', 'br'],
    ['BR', 'br'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['gzip; q=0.5 , br ;q=0.5', 'br'],
    ['br;q=0, gzip;q=0', 'identity'],
    ['*', 'br'],
    ['br;q=0, *', 'gzip'],
    ['br;q=nonsense', 'identity'],
    ['deflate', 'identity']
  ]
  for (const [header, encoding] of choices) {
    it(`takes ${encoding} for Accept-Encoding: ${header}`, () => assert.equal(chooseEncoding(header), encoding))
  }

  it('answers HEAD without a body', async () => {
    start()
    const { status, headers, body } = await ask('/anywire/client.js', {}, 'HEAD')
    assert.deepEqual([status, headers['content-length'], body.length], [200, `${MODULE.length}`, 0])
  })

  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    it(`does not allow ${method}`, async () => {
      start()
      const { status, headers } = await ask('/anywire/client.js', {}, method)
      assert.deepEqual([status, headers.allow], [405, 'GET, HEAD'])
    })
  }

  it('is not sent again to who has it', async () => {
    start()
    const { headers } = await ask('/anywire/client.js', { 'accept-encoding': 'br' })
    const { etag = '' } = headers
    for (const tag of [etag, etag.replace('W/', ''), `"other", ${etag}`, '*']) {
      const again = await ask('/anywire/client.js', { 'if-none-match': tag })
      assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, etag])
      assert.equal(again.headers['cache-control'], 'no-cache')
    }
    assert.equal((await ask('/anywire/client.js', { 'if-none-match': '"other"' })).status, 200)
  })

  it('is cached for ever under its version, and under no other', async () => {
    start({ client: { location: pathToFileURL(folder), version: '1.2.3' } })
    const cached = async (path: string) => (await ask(path)).headers['cache-control']
    const { etag = '' } = (await ask('/anywire/client.js')).headers
    const hash = etag.replace(/^W\/|"/g, '')
    assert.equal(await cached('/anywire/client.js'), 'no-cache')
    assert.equal(await cached('/anywire/client.js?v=1.2.3'), 'public, max-age=31536000, immutable')
    assert.equal(await cached(`/anywire/client.js?v=${hash}`), 'public, max-age=31536000, immutable')
    for (const other of ['v=1.2.4', 'v=', 'v', `w=${hash}`])
      assert.equal(await cached(`/anywire/client.js?${other}`), 'no-cache')
  })

  it('is read again once the file has changed', async () => {
    start()
    const before = await ask('/anywire/client.js', { 'accept-encoding': 'br' })
    await fs.writeFile(join(folder, 'client.js'), 'export {}')
    const after = await ask('/anywire/client.js', { 'accept-encoding': 'br' })
    assert.equal(brotliDecompressSync(after.body).toString(), 'export {}')
    assert.notEqual(after.headers.etag, before.headers.etag)
  })

  it('is missed with a line that says what to do, until it is there', async () => {
    await fs.rm(join(folder, 'client.js'))
    start()
    const { status, headers, body } = await ask('/anywire/client.js')
    assert.deepEqual([status, headers['cache-control']], [404, 'no-store'])
    assert.match(body.toString(), /npm run build/)
    await fs.writeFile(join(folder, 'client.js'), MODULE)
    assert.equal((await ask('/anywire/client.js')).status, 200)
  })

  it('is an error of the server where it is not there, which names the place', async () => {
    for (const [client, place] of [
      [join(folder, 'nowhere'), join(folder, 'nowhere', 'client.js')],
      [join('build', 'no.js'), resolve('build', 'no.js')],
      [join(folder, 'mine.mjs'), join(folder, 'mine.mjs')],
      [join(folder, 'mine.cjs'), join(folder, 'mine.cjs')],
      [{ location: pathToFileURL(join(folder, 'mine.js')) }, join(folder, 'mine.js')]
    ] as const) {
      const told = new Promise(done =>
        start({ client }).on('error', (error, { stage }) => done([error.message, stage]))
      )
      assert.deepEqual(await told, [`An option is wrong: 'client': there is no ${place}`, 'client'])
      await closes.pop()?.()
    }
    const errors: unknown[] = []
    await fs.rm(join(folder, 'client.js'))
    start().on('error', error => errors.push(error))
    assert.equal((await ask('/anywire/client.global.js')).status, 200)
    assert.deepEqual(errors, [], 'one of the two is enough')
  })

  it('is no error of a server that is closing', async () => {
    let fail = (): void => {}
    const looking = new Promise<void>((_, reject) => (fail = () => reject(new Error('not there'))))
    const access = stub(fs, 'access').returns(looking)
    closes.push(async () => access.restore())
    const errors: unknown[] = []
    const server = start()
    server.on('error', error => errors.push(error))
    const closed = server.close()
    fail()
    await closed
    await turns()
    assert.deepEqual(errors, [])
  })

  it('may be an own file whose name says that it is a module', async () => {
    const file = join(folder, 'mine.mjs')
    await fs.writeFile(file, 'mine')
    start({ client: file })
    for (const name of ['mine.mjs', 'client.js']) {
      const { headers, body } = await ask(`/anywire/${name}`)
      assert.deepEqual([body.toString(), headers['content-type']], ['mine', 'text/javascript; charset=utf-8'])
    }
  })

  it('may be an own file', async () => {
    const file = join(folder, 'mine.js')
    await fs.writeFile(file, 'mine')
    await fs.writeFile(`${file}.map`, '{"mine":true}')
    start({ client: pathToFileURL(file) })
    assert.equal((await ask('/anywire/client.js')).body.toString(), 'mine')
    assert.equal((await ask('/anywire/mine.js.map')).body.toString(), '{"mine":true}')
    assert.equal((await ask('/anywire/client.global.js')).status, 418)
  })

  it('leaves all other paths to the application', async () => {
    start()
    for (const path of [
      '/',
      '/client.js',
      '/anywire',
      '/anywire/',
      '/anywire/other.js',
      '/anywire/../client.js',
      '/anywirex/client.js'
    ]) {
      assert.equal((await ask(path)).body.toString(), 'application', path)
    }
  })

  it('has the path of the server', async () => {
    start({ path: '/live/socket' })
    assert.equal((await ask('/live/socket/client.js')).status, 200)
    assert.equal((await ask('/anywire/client.js')).status, 418)
  })

  it('is left out when it is switched off', async () => {
    start({ client: false })
    assert.equal((await ask('/anywire/client.js')).status, 418)
  })

  it('goes with the server', async () => {
    const server = start()
    await server.close()
    assert.equal((await ask('/anywire/client.js')).status, 418)
  })

  it('is the one that was built, unless there is another', async function () {
    const built = new URL('client.js', readyMade()?.location)
    if (!existsSync(built)) {
      process.stderr.write('skipped, for want of dist/client: npm run build\n')
      return this.skip()
    }
    start({ client: true })
    const version = (JSON.parse(await fs.readFile('package.json', 'utf8')) as { version: string }).version
    const { status, headers, body } = await ask(`/anywire/client.js?v=${version}`)
    assert.equal(status, 200)
    assert.match(headers['cache-control'] ?? '', /immutable/)
    assert.equal(body.toString(), await fs.readFile(built, 'utf8'))
  })
})
