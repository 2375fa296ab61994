import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page as Tab } from 'playwright-core'
import { compile } from '../../bundle/compile.ts'
import { AnywireError } from '../../lib/errors.ts'
import { ERR_STORE } from '../../lib/failures.ts'
import type { Store } from '../../lib/store.ts'
import type { IndexedDbOptions } from '../../stores/indexeddb/client.ts'
import { row, rows, storeContract } from '../contract/store.ts'
import { describeInChromium, openPage } from '../support/chromium.ts'
import { isThorough, runs } from '../support/faults-seed.ts'
import type * as Page from '../support/indexeddb-page.ts'
import type { Answer, Method } from '../support/indexeddb-page.ts'
import { packForTab, unpackFromTab } from '../support/tab-values.ts'

declare const page: typeof Page

const unpack = (answer: Answer): unknown => {
  if ('value' in answer) return answer.value
  assert.equal(answer.code, 'ERR_STORE')
  throw new AnywireError(ERR_STORE, answer.message.replace(`${ERR_STORE[2]}: `, ''))
}

interface PageStore extends Store {
  readonly number: number
}

let last = 0

/** A store in a page, for the suite, which runs here. */
const inPage = (tab: Tab, name: string, options: IndexedDbOptions = {}): PageStore => {
  const number = ++last
  const made = tab.evaluate(args => page.make(...args), [number, name, options] as const)
  const call = async <T>(method: Method, ...args: readonly unknown[]): Promise<T> => {
    // What is changed from here on must not reach the page.
    const asked = [number, method, packForTab(args)] as const
    await made
    return unpack(unpackFromTab(await tab.evaluate(args => page.call(...args), asked)) as Answer) as T
  }
  return {
    name: 'indexeddb',
    number,
    open: () => call('open'),
    rows: (...args) => call('rows', ...args),
    records: (...args) => call('records', ...args),
    entry: key => call('entry', key),
    entries: prefix => call('entries', prefix),
    commit: commit => call('commit', commit),
    close: () => call('close')
  }
}

describeInChromium('indexeddb in Chromium', function () {
  this.timeout(60_000)
  let http: Server
  let url: string
  let tab: Tab
  let names = 0

  before(async () => {
    const source = `export * from './test/support/indexeddb-page.ts'`
    const { code } = await compile(source, process.cwd(), { format: 'global', global: 'page', minify: false })
    http = createServer((request, response) => {
      const isScript = request.url === '/script.js'
      response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
      response.end(isScript ? code : '<!doctype html><link rel="icon" href="data:,"><script src="script.js"></script>')
    })
    await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    tab = (await openPage(url)).page
  })

  after(async () => {
    await tab?.context().close()
    http?.closeAllConnections()
    await new Promise(resolve => http?.close(resolve))
  })

  storeContract(
    'indexeddb',
    () => {
      const name = `contract ${names++}`
      return { make: () => inPage(tab, name), stop: () => tab.evaluate(name => page.remove(name), name) }
    },
    // Each is a request of its own, with no limit on how many there are in a transaction.
    { shared: true, runs: runs(8).numRuns, many: isThorough ? 10_000 : 2_000 }
  )

  const start = async (options?: IndexedDbOptions): Promise<{ store: Store; name: string; number: number }> => {
    const name = `specifics ${names++}`
    const store = inPage(tab, name, options)
    await store.open()
    return { store, name, number: store.number }
  }

  let second: Tab | undefined

  /** Another tab of the same browser, with the same databases: a page anew each time, in one and the same tab. */
  const openTab = async (): Promise<Tab> => {
    second ??= await tab.context().newPage()
    await second.goto(url)
    return second
  }

  /** Leaves the page of that tab. */
  const leave = (other: Tab): Promise<unknown> => other.goto('about:blank')

  it('keeps nothing of a commit of which something cannot be kept', async () => {
    const { store, number } = await start()
    const answer = await tab.evaluate(number => page.commitFunction(number), number)
    assert.throws(() => unpack(answer), { code: 'ERR_STORE', message: /DataCloneError/ })
    assert.deepEqual(await store.records(''), [])
    await store.close()
  })

  it('keeps what it was given, whatever becomes of it', async () => {
    const { store, number } = await start({ durability: 'strict' })
    unpack(await tab.evaluate(number => page.commitAndChange(number), number))
    assert.deepEqual(
      (await store.rows([{ prefix: '' }])).map(({ path, value }) => [path, value]),
      [['x', Uint8Array.of(1)]]
    )
    await store.close()
  })

  it('lets others have their turn while much is read', async () => {
    const { store, number } = await start()
    const pages = isThorough ? 20 : 5
    await store.commit(rows(...Array.from({ length: pages * 250 }, (_, index) => row(`a/${index}`, 'x', 'value'))))
    const turns = await tab.evaluate(number => page.turnsWhileReading(number), number)
    assert.ok(turns >= pages - 1, `${turns} turns while ${pages} pages were read`)
    await store.close()
  })

  it('reads a record as one object, and many with one request', async () => {
    const { store, number } = await start()
    const all = Array.from({ length: 600 }, (_, at) => ['', 'a', 'b', 'c'].map(path => row(`a/${at}`, path, at)))
    await store.commit(rows(...all.flat()))
    const reads = await tab.evaluate(number => page.countReads(number), number)
    assert.equal(
      reads.reduce((sum, objects) => sum + objects),
      600
    )
    assert.ok(reads.length <= 4, `${reads.length} requests`)
    await store.close()
  })

  it('reads few large records at a time', async () => {
    const { store, number } = await start()
    unpack(await tab.evaluate(number => page.commitTexts(number, 80, 250_000), number))
    const reads = await tab.evaluate(number => page.countReads(number), number)
    assert.equal(
      reads.reduce((sum, objects) => sum + objects),
      80
    )
    assert.ok(Math.max(...reads) <= 25, reads.join())
    await store.close()
  })

  it('takes over what an older version has kept', async () => {
    const name = `specifics ${names++}`
    const old = [row('a', 'x', 1), row('a', 'y', 'text'), row('b', '', undefined)]
    await tab.evaluate(args => page.makeFirstVersion(...args), [name, packForTab(old)] as const)
    const store = inPage(tab, name)
    await store.open()
    assert.deepEqual(await store.rows([{ prefix: '' }]), old)
    assert.equal(await store.entry('key'), 'kept')
    await store.close()
  })

  it('takes as long as it needs for that', async () => {
    const name = `specifics ${names++}`
    const old = [row('a', 'x', 1)]
    const other = await openTab()
    await other.evaluate(args => page.makeFirstVersion(...args), [name, packForTab(old)] as const)
    const { number } = inPage(other, name)
    assert.deepEqual(await other.evaluate(number => page.openSlowly(number), number), { value: undefined })
    await leave(other)
  })

  it('rejects what does not fit in the quota, and goes on', async () => {
    // Another profile: the browser remembers for a while how much room there was.
    const { page: full } = await openPage(url)
    const session = await full.context().newCDPSession(full)
    await session.send('Storage.overrideQuotaForOrigin', { origin: url, quotaSize: 3 * 2 ** 20 })
    const store = inPage(full, 'full')
    await store.open()
    await store.commit(rows(row('b', 'x', 1)))
    const answer = await full.evaluate(number => page.commitMegabytes(number, 5), store.number)
    assert.throws(() => unpack(answer), { code: 'ERR_STORE', message: /QuotaExceededError/ })
    // What was refused may take its room for a while yet.
    await session.send('Storage.overrideQuotaForOrigin', { origin: url, quotaSize: 100 * 2 ** 20 })
    await store.commit(rows(row('b', 'y', 1)))
    assert.deepEqual(
      (await store.rows([{ prefix: '' }])).map(({ record, path }) => record + path),
      ['bx', 'by']
    )
    await full.context().close()
  })

  it('shares its data with other tabs', async () => {
    const { store, name } = await start()
    const other = await openTab()
    const there = inPage(other, name)
    await there.open()
    await there.commit(rows(row('a', 'x', 1)))
    assert.deepEqual(await store.records(''), ['a'])
    // The page is gone, and what it has committed is not.
    await leave(other)
    assert.deepEqual(await store.records(''), ['a'])
    await store.close()
  })

  it('is opened again when the browser has closed it, unless what it had is gone', async () => {
    const name = `specifics ${names++}`
    const other = await openTab()
    await other.evaluate(() => page.watchDatabases())
    const store = inPage(other, name)
    await store.open()
    await store.commit(rows(row('a', 'x', 1)))
    const closed = { code: 'ERR_STORE', message: /the browser has closed it$/ }
    for (let count = 0; count < 2; count++) {
      await other.evaluate(name => page.lose(name), name)
      // Who tries again finds it open, sooner or later.
      await assert.rejects(store.records(''), closed)
      let ids: readonly string[] = []
      while (!ids.length) ids = await store.records('').catch(() => [])
      assert.deepEqual(ids, ['a'])
    }
    await other.evaluate(name => page.lose(name), name)
    await other.evaluate(name => page.remove(name), name)
    const gone = { code: 'ERR_STORE', message: /somebody has removed what was kept: reload$/ }
    await assert.rejects(store.records(''), closed)
    await assert.rejects(
      (async () => {
        for (;;)
          await store.records('').catch((error: Error) => closed.message.test(error.message) || assert.fail(error))
      })(),
      gone
    )
    assert.deepEqual(
      (await other.evaluate(() => indexedDB.databases())).filter(database => database.name === name),
      []
    )
    await leave(other)
  })

  it('is closed also where it is just opened, and can be opened again', async () => {
    const store = inPage(tab, `specifics ${names++}`)
    await Promise.all([store.open(), store.close()])
    await assert.rejects(store.records(''), { code: 'ERR_STORE', message: /it is not open$/ })
    await store.open()
    await store.close()
  })

  it('stays closed where the browser closes it too', async () => {
    const name = `specifics ${names++}`
    const other = await openTab()
    await other.evaluate(() => page.watchDatabases())
    const store = inPage(other, name)
    await store.open()
    await store.close()
    await other.evaluate(name => page.lose(name), name)
    await assert.rejects(store.records(''), { code: 'ERR_STORE', message: /it is not open$/ })
    await store.open()
    await leave(other)
  })

  it('makes way for a newer version in another tab, and says so', async () => {
    const { store, name } = await start()
    const other = await openTab()
    assert.equal(await other.evaluate(name => page.openVersion(name, 3, false), name), 'open')
    const reload = { code: 'ERR_STORE', message: /newer version of this page has it: reload$/ }
    await assert.rejects(store.commit(rows(row('a', 'x', 1))), reload)
    await assert.rejects(store.records(''), reload)
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /VersionError/ })
    await leave(other)
  })

  it('says that it was removed', async () => {
    const { store, name } = await start()
    const other = await openTab()
    await other.evaluate(name => page.remove(name), name)
    await assert.rejects(store.records(''), {
      code: 'ERR_STORE',
      message: /somebody has removed what was kept: reload$/
    })
    await leave(other)
  })

  it('does not wait for ever where another tab stays in the way', async () => {
    const name = `specifics ${names++}`
    const other = await openTab()
    // What an older version of the page would have, in the numbers of IndexedDB: any version but ours. It is removed meanwhile.
    assert.equal(await other.evaluate(name => page.openVersion(name, 1, true), name), 'open')
    const removed = other.evaluate(name => page.remove(name), name)
    const store = inPage(tab, name, { timeout: 300 })
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /does not answer|close them/ })
    await other.evaluate(name => page.closeVersion(name), name)
    await removed
    // A busy browser may take longer than that for it.
    const patient = inPage(tab, name)
    await patient.open()
    await patient.close()
    await leave(other)
  })

  it('does not wait for ever for a browser that does not answer', async () => {
    const other = await openTab()
    await other.evaluate(() => page.silence())
    const store = inPage(other, 'silent', { timeout: 50 })
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /the browser does not answer$/ })
    await leave(other)
  })

  it('says that there is no IndexedDB', async () => {
    const other = await openTab()
    await other.evaluate(() => page.removeIndexedDb())
    await assert.rejects(inPage(other, 'none').open(), { code: 'ERR_STORE' })
    await leave(other)
  })
})
