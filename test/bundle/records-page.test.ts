import assert from 'node:assert/strict'
import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { Server as HttpServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { bundle } from '../../bundle/index.ts'
import { createServer } from '../../index.ts'
import type { Client, Server } from '../../index.ts'
import type { ClientRecords, History, List, LiveRecord, WriteHandle } from '../../plugins/records/client.ts'
import { records } from '../../plugins/records/index.ts'
import { memory } from '../../stores/memory.ts'
import { describeInChromium, openPage } from '../support/chromium.ts'
import type { Watched } from '../support/chromium.ts'
import { isThorough } from '../support/faults-seed.ts'

interface Todo {
  readonly title: string
  readonly done?: boolean
}

/** What the page has. */
interface InPage {
  readonly client: Client & { readonly records: ClientRecords }
  readonly todo: LiveRecord<Todo>
  readonly steps: List<string, WriteHandle>
  readonly taken: History
  readonly told: readonly string[]
}

/** A page that goes online, or only looks at what is kept. */
const pageOf = (url: string): string => `
  <link rel="icon" href="data:,">
  <script type="module">
    import { connect, history, indexeddb, keep, list } from '/anywire/client.js'
    const client = connect(location.origin, { open: ${url !== '/kept'}, records: { persist: keep(indexeddb('app')) } })
    const todo = client.records.get('todos/1')
    const told = []
    client.records.on('cleared', () => told.push('cleared'))
    Object.assign(window, { client, todo, told, steps: list(todo, 'steps'), taken: history(client.records) })
  </script>
`

/** How much the database has. */
const kept = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const opening = indexedDB.open('app')
    await new Promise(resolve => (opening.onsuccess = resolve))
    const { result: database } = opening
    let sum = 0
    for (const name of database.objectStoreNames) {
      const counting = database.transaction(name).objectStore(name).count()
      await new Promise(resolve => (counting.onsuccess = resolve))
      sum += counting.result
    }
    database.close()
    return sum
  })

describeInChromium('a page without a bundler, with records in IndexedDB', function () {
  this.timeout(60_000)
  let folder: string
  let http: HttpServer
  let server: Server
  let origin: string
  let one: Watched

  before(async () => {
    folder = await fs.mkdtemp(join(tmpdir(), 'anywire-records-page-'))
    const out = join(folder, 'client.js')
    // To minify it takes longer than all that the page does.
    const parts = { plugins: ['reconnect', 'records'], stores: ['indexeddb'] }
    await fs.writeFile(out, (await bundle({ ...parts, minify: isThorough })).code)
    http = createHttpServer(({ url = '' }, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(pageOf(url))
    })
    server = createServer(http, { client: out, plugins: [records({ store: memory() })] })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const address = http.address()
    origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    one = await openPage(origin)
  })

  after(async () => {
    await one?.page.context().close()
    await server?.close({ timeout: 0, reconnect: false })
    http?.close()
    await fs.rm(folder, { recursive: true })
  })

  it('writes, takes back, and has it all after it was loaded again', async () => {
    const { page, errors } = one
    await page.evaluate(async () => {
      const { todo, steps, taken } = window as unknown as InPage
      await todo.replace({ title: 'Tea' }).durable
      await steps.push('Boil water').durable
      todo.set('title', 'Coffee')
      taken.undo()
      await todo.set('done', false).durable
    })
    await page.goto(`${origin}/kept`)
    await page.waitForFunction(() => (window as unknown as InPage).todo.status === 'local')
    const found = await page.evaluate(() => {
      const { client, todo, steps } = window as unknown as InPage
      const { title, done } = todo.get() ?? {}
      return [client.state, title, done, steps.items.map(({ value }) => value)]
    })
    assert.deepEqual([found, errors], [['idle', 'Tea', false, ['Boil water']], []])
  })

  it('forgets it in all tabs, and begins anew', async () => {
    const { page } = one
    await page.goto(origin)
    const tab = await page.context().newPage()
    await tab.goto(origin)
    for (const each of [page, tab])
      await each.waitForFunction(() => (window as unknown as InPage).todo.status === 'synced')
    // On its way, or not any more.
    await tab.evaluate(() => void (window as unknown as InPage).todo.set('title', 'Milk'))
    assert.ok((await kept(page)) > 3)
    await page.evaluate(() => (window as unknown as InPage).client.records.clear())
    for (const each of [page, tab]) {
      const left = await each.evaluate(() => {
        const { client, todo, told } = window as unknown as InPage
        return [todo.get(), client.records.pending.length, told]
      })
      assert.deepEqual(left, [undefined, 0, ['cleared']])
    }
    assert.equal(await kept(tab), 0)
    await tab.evaluate(() => {
      const { client } = window as unknown as InPage
      client.destroy()
      client.open()
    })
    await tab.waitForFunction(() => (window as unknown as InPage).todo.get()?.title !== undefined)
    await tab.waitForFunction(() => (window as unknown as InPage).todo.status === 'synced')
    assert.ok((await kept(tab)) > 0)
    await tab.close()
  })
})
