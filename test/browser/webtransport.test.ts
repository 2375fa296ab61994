import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { compile } from '../../bundle/compile.ts'
import { describeInChromium, openPage, visit } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'
import { describeOverHttp3, newerNode } from '../support/glibc.ts'
import type { Order } from '../support/moq-server.ts'
import type * as Page from '../support/webtransport-page.ts'

interface Started {
  readonly port: number
  readonly hash: number[]
}

declare const page: typeof Page

const startServer = async (node: readonly [string, ...string[]]): Promise<[ChildProcess, Started]> => {
  const [command, ...start] = node
  // The package behind it is TypeScript.
  const server = spawn(command, [...start, '--import', 'tsx', 'test/support/moq-server.ts'], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  for await (const line of createInterface({ input: server.stdout })) return [server, JSON.parse(line) as Started]
  throw new Error('the server did not start')
}

/** A page with the client, on this host: browsers speak WebTransport in secure contexts only. */
const startPage = async (): Promise<Server> => {
  const { code } = await compile(`export * from './test/support/webtransport-page.ts'`, process.cwd(), {
    format: 'global',
    global: 'page',
    minify: false
  })
  const http = createServer((request, response) => {
    const isScript = request.url === '/client.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? code : '<!doctype html><link rel="icon" href="data:,"><script src="client.js"></script>')
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  return http
}

const urlOf = (http: Server): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}/`

const node = newerNode()

describeOverHttp3(describeInChromium, 'webtransport over HTTP/3, in Chromium', function () {
  this.timeout(60_000)
  let server: ChildProcess
  let started: Started
  let http: Server
  let tab: Watched
  /** A tab that the next test can have. */
  let free: Watched | undefined

  before(async () => {
    assert(node)
    ;[server, started] = await startServer(node)
    http = await startPage()
  })

  beforeEach(async () => {
    tab = await visit(free, urlOf(http))
    free = undefined
    await tab.page.evaluate(({ port, hash }) => page.start(port, hash), started)
  })

  afterEach(async function () {
    if (this.currentTest?.state !== 'passed') return tab.page.context().close()
    await tab.page.goto('about:blank')
    free = tab
    assert.deepEqual(tab.errors, [], 'errors in the console')
  })

  after(async () => {
    await free?.page.context().close()
    http?.close()
    if (server?.exitCode !== null) return
    const exited = once(server, 'exit')
    server.kill('SIGTERM')
    assert.deepEqual(await exited, [0, null])
  })

  /** Gives orders to the server, and returns the next values. */
  const order = (count: number, ...orders: readonly Order[]): Promise<unknown[]> =>
    tab.page.evaluate(([count, orders]) => page.order(count, orders), [count, orders] as const)

  it('carries values both ways, over one session', async () => {
    const value = { text: 'é漢\u{1f600}', list: [1, -1.5, null, true], nested: { empty: '' } }
    assert.deepEqual(await order(1, { order: 'echo', value }), [value])
    assert.deepEqual(await order(3_000, { order: 'flood', count: 3_000 }), [...Array(3_000).keys()])
    const [facts] = await order(1, { order: 'facts' })
    assert.deepEqual(facts, { datagrams: 0, url: '/anywire?page=1&anywire=1', transformer: 'webtransport', last: null })
    assert.ok((await tab.page.evaluate(() => page.room())) > 1_000)
  })

  it('carries bytes, and much of them', async () => {
    const sizes = [0, 5, 900_000]
    assert.deepEqual(
      await tab.page.evaluate(sizes => page.echoBytes(sizes), sizes),
      sizes.map(size => [size, true])
    )
  })

  it('carries what may be lost as datagrams, both ways', async () => {
    // Any one may be lost, but not all of them.
    assert.deepEqual(
      await tab.page.evaluate(() => page.lengths(1, { order: 'datagrams', count: 50, size: 100 })),
      [100]
    )
    await tab.page.evaluate(() => page.sendDatagrams(50))
    const datagrams = await tab.page.evaluate(() => page.datagrams())
    assert.ok(datagrams > 0 && datagrams <= 50, `${datagrams} datagrams`)
  })

  it('carries what no datagram has room for over the stream', async () => {
    const lengths = await tab.page.evaluate(() => page.lengths(2, { order: 'datagrams', count: 2, size: 20_000 }))
    assert.deepEqual(lengths, [20_000, 20_000])
  })

  it('tells the code and reason of an end, behind what was written before', async () => {
    assert.deepEqual(await tab.page.evaluate(() => page.floodAndEnd(20_000)), [20_000, 4001, 'as you wish'])
  })

  it('ends a session that the page ends', async () => {
    await tab.page.evaluate(() => page.end())
    const other = await openPage(urlOf(http))
    await other.page.evaluate(({ port, hash }) => page.start(port, hash), started)
    const [facts] = await other.page.evaluate(() => page.order(1, [{ order: 'facts' }]))
    assert.deepEqual((facts as { readonly last: unknown }).last, [4002, 'the page has enough'])
    await other.page.context().close()
  })
})
