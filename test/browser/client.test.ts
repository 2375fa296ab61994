import assert from 'node:assert/strict'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { CDPSession } from 'playwright-core'
import { compile } from '../../bundle/compile.ts'
import { createServer } from '../../index.ts'
import type { Peer } from '../../index.ts'
import { engineio } from '../../transformers/engine.io/index.ts'
import { ws } from '../../transformers/ws/index.ts'
import { describeInChromium, visit } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'
import type * as Page from '../support/client-page.ts'
import type { Kind } from '../support/client-page.ts'
import { isThorough } from '../support/faults-seed.ts'
import { until } from '../support/faults-wait.ts'

declare const page: typeof Page

const PAGE = '<!doctype html><link rel="icon" href="data:,"><script src="script.js"></script>'

/** How often a wire is cut. */
const CUTS = isThorough ? 10 : 4

describeInChromium('the client in Chromium', function () {
  this.timeout(60_000)
  let script: string
  let http: HttpServer
  let server: ReturnType<typeof createServer>
  let peers: Peer[]
  let far: unknown[]
  let port = 0
  let tab: Watched
  /** A tab that the next test can have: each has an origin of its own, for the port is another. */
  let free: Watched | undefined
  const sockets = new Set<Socket>()

  const serve = async (): Promise<void> => {
    http = createHttpServer((request, response) => {
      const isScript = request.url === '/script.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
      response.end(isScript ? script : PAGE)
    })
    http.on('connection', socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    server = createServer(http, { transformers: [ws(), engineio()] })
    server.on('connection', peer => {
      peers.push(peer)
      peer.on('data', value => {
        far.push(value)
        peer.write(value)
      })
    })
    await new Promise<void>(resolve => http.listen(port, '127.0.0.1', resolve))
    port = (http.address() as AddressInfo).port
  }

  /** Ends the server as a process that is killed. */
  const kill = async (): Promise<void> => {
    const closed = new Promise(resolve => http.close(resolve))
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
    await server.close({ timeout: 0 })
  }

  const open = async (...kinds: Kind[]): Promise<void> => {
    tab = await visit(free, `http://127.0.0.1:${port}/`)
    free = undefined
    await tab.page.evaluate(kinds => page.start(kinds), kinds)
    await tab.page.waitForFunction(() => page.state() === 'open')
  }

  const story = (): Promise<readonly string[]> => tab.page.evaluate(() => page.told())

  before(async () => {
    // That terser breaks nothing is shown by the page of test/bundle, which has the client of the package.
    const shape = { format: 'global', global: 'page', minify: isThorough } as const
    script = (await compile(`export * from './test/support/client-page.ts'`, process.cwd(), shape)).code
  })

  beforeEach(async () => {
    peers = []
    far = []
    port = 0
    await serve()
  })

  afterEach(async function () {
    const passed = this.currentTest?.state === 'passed'
    if (passed) await tab.page.goto('about:blank')
    else await tab.page.context().close()
    await kill()
    // What the browser itself says of a server, or a session of engine.io, that is gone.
    const gone = /ERR_(CONNECTION|INTERNET|EMPTY|SOCKET)|WebSocket connection to|status of 400/
    const hurts = /cut|killed|offline|left|moves/.test(this.currentTest?.title ?? '')
    const errors = tab.errors.filter(error => !hurts || !gone.test(error))
    if (!passed) return
    free = tab
    assert.deepEqual(errors, [], 'errors in the console')
  })

  after(() => free?.page.context().close())

  // An upgrade is also what "moves between wires" shows.
  for (const kind of isThorough ? (['ws', 'polling', 'upgrading'] as const) : (['ws', 'polling'] as const)) {
    describe(`over ${kind}`, () => {
      it('carries values of all sorts both ways, and an end', async () => {
        await open(kind)
        const all = ['', 'é漢\u{1f600}\u001e', 0, null, { nested: [true, { deep: 'x' }] }]
        assert.deepEqual(await tab.page.evaluate(all => page.echo(all), all), all)
        assert.ok(await tab.page.evaluate(() => page.echoText(900_000)))
        const sizes = [0, 1, 70_000, 700_000]
        assert.deepEqual(await tab.page.evaluate(sizes => page.echoBytes(sizes), sizes), sizes)
        const [peer] = peers
        const ended = new Promise(resolve => peer?.on('close', resolve))
        await tab.page.evaluate(() => page.end())
        assert.deepEqual(await ended, { code: 4000, reason: 'done', after: 0, reconnect: true })
        await tab.page.waitForFunction(() => page.told().length === 2)
        assert.deepEqual(await story(), ['open', 'close 4000'])
      })

      it('is told to wait while the server does not read, and goes on', async () => {
        await open(kind)
        const [peer] = peers
        peer?.pause()
        const done = tab.page.evaluate(() => page.pump(250))
        await tab.page.waitForFunction(() => page.progress()[1] > 1_000_000)
        const [pumped, buffered] = await tab.page.evaluate(() => page.progress())
        assert.ok(pumped < 200 && buffered < 2_000_000, `${pumped} written, ${buffered} bytes`)
        peer?.resume()
        await done
        await until(() => far.length === 250)
      })

      it('comes back when the server was killed, with what was written meanwhile', async () => {
        await open(kind)
        await tab.page.evaluate(() => page.count(0, 10))
        await until(() => far.length === 10)
        await kill()
        await tab.page.waitForFunction(() => page.state() !== 'open')
        await tab.page.evaluate(() => page.count(10, 20))
        await serve()
        await until(() => far.length >= 20)
        assert.deepEqual(
          far,
          Array.from({ length: 20 }, (_, index) => index)
        )
        assert.ok((await story()).join().endsWith('open'))
      })

      it('loses nothing when its wire is cut, again and again', async () => {
        await open(kind)
        for (let round = 0; round < CUTS; round++) {
          await tab.page.evaluate(from => page.count(from, from + 100), round * 100)
          peers[0]?.disconnect()
          await tab.page.waitForFunction(() => page.state() === 'open')
        }
        await tab.page.waitForFunction(count => page.received() === count, 100 * CUTS)
        assert.equal(await tab.page.evaluate(() => page.disorder()), undefined)
        assert.equal(peers.length, 1)
      })
    })
  }

  it('moves between wires while values are on their way', async () => {
    await open('ws', 'polling')
    for (let round = 0; round < 6; round++) {
      await tab.page.evaluate(from => page.count(from, from + 500), round * 500)
      await tab.page.evaluate(name => page.migrate(name), round % 2 ? 'ws' : 'engine.io')
    }
    await tab.page.waitForFunction(() => page.received() === 3_000)
    assert.equal(await tab.page.evaluate(() => page.disorder()), undefined)
    const moves = Array.from({ length: 6 }, (_, round) => (round % 2 ? 'engine.io to ws' : 'ws to engine.io'))
    assert.deepEqual(await story(), ['open', ...moves])
  })

  describe('when the page', () => {
    it('goes offline keeps what is written, and comes back at once when it is online', async () => {
      await open('ws')
      const context = tab.page.context()
      await context.setOffline(true)
      await tab.page.waitForFunction(() => page.state() === 'away')
      await tab.page.evaluate(() => page.count(0, 5))
      assert.equal(await tab.page.evaluate(() => page.waiting()), 5)
      await context.setOffline(false)
      await until(() => far.length === 5)
      assert.deepEqual(await story(), ['open', 'disconnect', 'recovered'])
    })

    it('is frozen while its wire is cut is back when it is shown again', async () => {
      await open('ws')
      const session: CDPSession = await tab.page.context().newCDPSession(tab.page)
      await session.send('Page.setWebLifecycleState', { state: 'frozen' })
      peers[0]?.disconnect()
      await until(() => peers[0]?.state === 'away')
      await session.send('Page.setWebLifecycleState', { state: 'active' })
      await until(() => peers[0]?.state === 'open')
      await tab.page.evaluate(() => page.count(0, 1))
      await until(() => far.length === 1)
    })

    it('is left and come back to works, from the cache of the browser or anew', async () => {
      await open('ws')
      await tab.page.goto(`http://127.0.0.1:${port}/other`)
      await tab.page.goBack()
      const cached = await tab.page.evaluate(() => {
        try {
          return page.state() !== ''
        } catch {
          return false
        }
      })
      if (!cached) await tab.page.evaluate(() => page.start(['ws']))
      await tab.page.waitForFunction(() => page.state() === 'open')
      await tab.page.evaluate(() => page.count(0, 1))
      await until(() => far.length === 1)
    })
  })
})
