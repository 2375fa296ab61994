import assert from 'node:assert/strict'
import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compile } from '../../bundle/compile.ts'
import { locate } from '../../bundle/parts.ts'
import { createServer } from '../../index.ts'
import type { Server } from '../../index.ts'
import { describeInChromium, openPage } from '../support/chromium.ts'

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
  let folder: string
  let http: HttpServer
  let server: Server
  let origin: string

  before(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'anywire-page-'))
    const source = `export * from ${JSON.stringify(locate('./dist/browser.js'))}`
    await fs.writeFile(join(folder, 'client.js'), (await compile(source, process.cwd())).code)
    await fs.writeFile(
      join(folder, 'client.global.js'),
      (await compile(source, process.cwd(), { format: 'global', minify: false })).code
    )
    http = createHttpServer(({ url = '' }, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(`<link rel="icon" href="data:,">${PAGES[url] ?? ''}`)
    })
    server = createServer(http, { client: folder })
    server.on('connection', peer => peer.on('data', value => peer.write(value)))
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const address = http.address()
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  })

  after(async () => {
    await server.close()
    http.close()
    await fs.rm(folder, { recursive: true })
  })

  for (const path of Object.keys(PAGES)) {
    it(`talks from a ${path.slice(1)}`, async () => {
      const { page, errors } = await openPage(`${origin}${path}`)
      await page.waitForFunction(`document.title === 'world'`)
      assert.deepEqual(errors, [])
      await page.context().close()
    })
  }
})
