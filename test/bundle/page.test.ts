import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { createServer } from '../../index.ts'
import type { Server } from '../../index.ts'
import { describeInChromium, visit } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'

const TALK = `
  const client = connect(location.origin)
  client.on('data', value => { document.title = value.hello })
  client.write({ hello: 'world' })
`

const PAGES: Readonly<Record<string, string>> = {
  '/module': `<script type="module">import { connect } from '/anywire/client.js'; ${TALK}</script>`,
  '/script': `<script src="/anywire/client.global.js"></script><script>const { connect } = anywire; ${TALK}</script>`
}

describeInChromium('the client that a server hands out, in a page', function () {
  this.timeout(60_000)
  let http: HttpServer
  let server: Server
  let origin: string
  let tab: Watched | undefined

  before(async () => {
    http = createHttpServer(({ url = '' }, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<link rel="icon" href="data:,">${PAGES[url] ?? ''}`)
    })
    server = createServer(http)
    server.on('connection', peer => peer.on('data', value => peer.write(value)))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const address = http.address()
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  })

  after(async () => {
    await tab?.page.context().close()
    await server.close()
    http.close()
  })

  for (const path of Object.keys(PAGES)) {
    it(`talks from a ${path.slice(1)}`, async () => {
      tab = await visit(tab, `${origin}${path}`)
      await tab.page.waitForFunction(`document.title === 'world'`)
      assert.deepEqual(tab.errors, [])
    })
  }
})
