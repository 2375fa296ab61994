import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Store } from '../../lib/store.ts'
import { openDatabase } from '../../stores/sqlite/database.ts'
import type { OpenDatabase } from '../../stores/sqlite/database.ts'
import { loadDriver } from '../../stores/sqlite/driver.ts'
import { Writer } from '../../stores/sqlite/writer.ts'
import { row, rows } from '../contract/store.ts'
import { isThorough } from '../support/faults-seed.ts'
import { program } from '../support/program.ts'
import { missing, sqlite, worker } from '../support/sqlite.ts'

describe('sqlite', () => {
  let folder: string
  let file: string
  let stores: Store[]

  const start = async (...args: Partial<Parameters<typeof sqlite>>): Promise<Store> => {
    const store = sqlite(args[0] ?? file, args[1])
    stores.push(store)
    await store.open()
    return store
  }

  const databaseOf = (role: 'writer' | 'reader' = 'writer'): OpenDatabase =>
    openDatabase({ file, role, synchronous: 'full', driver: undefined })

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'anywire-'))
    file = join(folder, 'data.db')
    stores = []
  })

  afterEach(async () => {
    for (const store of stores) await store.close()
    rmSync(folder, { recursive: true })
  })

  it('needs the path of a file', () => {
    for (const name of ['', ':memory:', 'file::memory:?cache=shared']) {
      assert.throws(() => sqlite(name), { code: 'ERR_OPTION', message: /anywire\/stores\/memory$/ })
    }
  })

  it('says that the file is taken, by whatever name', async () => {
    await start()
    symlinkSync(file, join(folder, 'link.db'))
    for (const name of [file, join(folder, 'link.db')]) {
      await assert.rejects(start(name), { code: 'ERR_STORE', message: /data\.db is open in another process, or twice/ })
    }
  })

  it('says which folder is missing', async () => {
    await assert.rejects(start(join(folder, 'none', 'data.db')), {
      code: 'ERR_STORE',
      message: /no folder for .*none.data\.db$/
    })
  })

  it('leaves the files of others alone', async () => {
    const other = loadDriver(undefined)(file)
    other.exec('CREATE TABLE fields (theirs TEXT)')
    other.close()
    await assert.rejects(start(), { code: 'ERR_STORE', message: /data\.db is a database of another application$/ })
    writeFileSync(
      join(folder, 'text.db'),
      'no database at all, but a text that is long enough to be looked at as one'.repeat(20)
    )
    await assert.rejects(start(join(folder, 'text.db')), { code: 'ERR_STORE', message: /not a database/ })
  })

  it('does not touch what a later version made', async () => {
    const later = databaseOf()
    later.database.exec('PRAGMA user_version = 99')
    later.close()
    await assert.rejects(start(), { code: 'ERR_STORE', message: /made by a later version of anywire$/ })
    const again = loadDriver(undefined)(file)
    assert.equal((again.prepare('PRAGMA user_version').get() as { user_version: number }).user_version, 99)
    again.close()
  })

  it('names the package that is missing', () => {
    const nothing = (name: string): never => {
      throw Object.assign(new Error(name), { code: 'MODULE_NOT_FOUND' })
    }
    for (const [driver, message] of [
      [undefined, /not installed: npm install libsql, or better-sqlite3@12$/],
      ['better-sqlite3', /not installed: npm install better-sqlite3@12$/],
      ['libsql', /not installed: npm install libsql$/],
      ['node:sqlite', /not installed: Node 22\.13/]
    ] as const) {
      assert.throws(() => loadDriver(driver, nothing), { code: 'ERR_MISSING_PACKAGE', message })
    }
  })

  it('tries the next library where one is there and does not work, and says of each why', () => {
    const opened: string[] = []
    const database = (name: string, error?: string) =>
      function Database(file: string) {
        if (error) throw new Error(error)
        opened.push(`${name} ${file}`)
        return { close: () => {} }
      }
    const bindings = 'Could not locate the bindings file. Tried:\n → /a/better_sqlite3.node'
    const library =
      (libsql: unknown) =>
      (name: string): unknown => {
        if (name === 'better-sqlite3') return database(name, bindings)
        if (name === 'libsql') return libsql
        throw Object.assign(new Error(name), { code: 'ERR_UNKNOWN_BUILTIN_MODULE' })
      }
    loadDriver(undefined, library(database('libsql')))('data.db')
    assert.deepEqual(opened, ['libsql :memory:', 'libsql data.db'])
    assert.throws(() => loadDriver(undefined, library(database('libsql', 'built for another Node'))), {
      code: 'ERR_MISSING_PACKAGE',
      message:
        /: better-sqlite3 does not work: Could not locate the bindings file\. Tried:\nlibsql does not work: built for another Node\nnpm install libsql, or better-sqlite3@12\nthe option `driver` says which one is taken$/
    })
    assert.throws(() => loadDriver('better-sqlite3', library(database('libsql'))), {
      code: 'ERR_MISSING_PACKAGE',
      message:
        /better-sqlite3 does not work: Could not locate the bindings file\. Tried:\nnpm install better-sqlite3@12$/
    })
  })

  it('takes the first library that there is', () => {
    const asked: string[] = []
    const only = (name: string): unknown => {
      asked.push(name)
      if (name === 'libsql')
        return class {
          close() {}
        }
      throw Object.assign(new Error(name), { code: 'MODULE_NOT_FOUND' })
    }
    loadDriver(undefined, only)
    assert.deepEqual(asked, ['node:sqlite', 'better-sqlite3', 'libsql'])
  })

  it('takes the library that is asked for, and tells through its threads that it is missing', async () => {
    await start(file, { driver: 'libsql' })
    const node = start(join(folder, 'node.db'), { driver: 'node:sqlite' })
    if (!missing('node:sqlite')) await node
    else
      await assert.rejects(node, {
        code: 'ERR_MISSING_PACKAGE',
        message: 'An optional package is not installed: Node 22.13 or later has it'
      })
  })

  it('reads while a commit waits', async () => {
    const store = await start()
    await store.commit(rows(row('a', 'x', 1)))
    const backup = loadDriver(undefined)(file)
    backup.exec('BEGIN IMMEDIATE')
    let done = false
    const commit = store.commit(rows(row('a', 'x', 2))).then(() => (done = true))
    for (let time = 0; time < 20; time++) {
      const [found] = await store.rows([{ record: 'a' }])
      assert.equal(found?.value, 1)
    }
    assert.equal(done, false)
    backup.exec('ROLLBACK')
    backup.close()
    await commit
    const [found] = await store.rows([{ record: 'a' }])
    assert.equal(found?.value, 2)
  })

  it('lets others have their turn while much is read', async () => {
    const store = await start()
    const pages = isThorough ? 40 : 10
    const count = pages * 500
    await store.commit(rows(...Array.from({ length: count }, (_, index) => row(`a/${index}`, 'x', 'value'))))
    let turns = 0
    let reading = true
    const turn = (): void => {
      turns++
      if (reading) setImmediate(turn)
    }
    const read = store.rows([{ prefix: '' }]).finally(() => (reading = false))
    setImmediate(turn)
    assert.equal((await read).length, count)
    assert.ok(turns >= pages - 1, `${turns} turns of the event loop while ${pages} pages were read`)
  })

  it('keeps what it had when the disk is full, and goes on when it is not any more', () => {
    const { database, close } = databaseOf()
    const writer = new Writer(database)
    const commit = (name: string, size: number): unknown =>
      writer.commit([
        { rows: [['a', name, 0, JSON.stringify('x'.repeat(size)), 1, '', 1]], removed: [], entries: [] }
      ])[0]
    const paths = (): unknown[] =>
      database
        .prepare('SELECT path FROM fields')
        .all()
        .map(found => (found as { path: string }).path)
    assert.equal(commit('before', 10), undefined)
    database.exec('PRAGMA max_page_count = 20')
    assert.match(String(commit('full', 200_000)), /disk is full/)
    assert.deepEqual(paths(), ['before'])
    database.exec('PRAGMA max_page_count = 100000')
    assert.equal(commit('more', 200_000), undefined)
    assert.deepEqual(paths(), ['before', 'more'])
    close()
  })

  it('finds what it reads by an index', () => {
    const { database, close } = databaseOf()
    const plan = (sql: string): string =>
      database
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(step => (step as { detail: string }).detail)
        .join()
    const order = 'ORDER BY record, path'
    assert.equal(
      plan(`SELECT * FROM fields WHERE record = 'a' AND +seq > 1 ${order}`),
      'SEARCH fields USING PRIMARY KEY (record=?)'
    )
    assert.equal(
      plan(`SELECT * FROM fields WHERE record >= 'a' AND record < 'b' AND +seq > 1 ${order}`),
      'SEARCH fields USING PRIMARY KEY (record>? AND record<?)'
    )
    assert.equal(
      plan('SELECT * FROM fields INDEXED BY fields_seq WHERE seq > 1 LIMIT 9'),
      'SEARCH fields USING INDEX fields_seq (seq>?)'
    )
    close()
  })

  it('waits for the disk by default', () => {
    for (const [synchronous, level] of [
      ['full', 2],
      ['normal', 1]
    ] as const) {
      const { database, close } = openDatabase({ file, role: 'writer', synchronous, driver: undefined })
      const pragma = (name: string): unknown => Object.values(database.prepare(`PRAGMA ${name}`).get() as object)[0]
      assert.equal(pragma('synchronous'), level)
      assert.equal(pragma('journal_mode'), 'wal')
      close()
    }
  })

  it('rejects when its thread dies, and says what is missing where its file is', async () => {
    const dies = new URL('data:text/javascript,process.exit(1)')
    await assert.rejects(start(file, { worker: dies }), {
      code: 'ERR_STORE',
      message: /its thread has ended: the next attempt starts another one$/
    })
    const nowhere = new URL('worker.js', `file://${folder}/`)
    await assert.rejects(start(file, { worker: nowhere }), {
      code: 'ERR_STORE',
      message: /worker\.js is missing: keep anywire out/
    })
  })

  it('goes on after a thread has died, unless somebody else has opened the file since', async () => {
    const mortal = pathToFileURL(join(folder, 'mortal.mjs'))
    writeFileSync(
      mortal,
      `import { parentPort } from 'node:worker_threads'
      const on = parentPort.on.bind(parentPort)
      const isDeath = message => JSON.stringify(message).includes('die')
      parentPort.on = (event, listener) => on(event, message => (isDeath(message) ? process.exit(1) : listener(message)))
      await import(${JSON.stringify(worker.href)})`
    )
    const store = await start(file, { worker: mortal })
    await store.commit(rows(row('a', 'x', 1)))
    const dead = { code: 'ERR_STORE', message: /its thread has ended: the next attempt starts another one$/ }
    await Promise.all([assert.rejects(store.entry('die'), dead), assert.rejects(store.records('a'), dead)])
    assert.deepEqual(await Promise.all([store.records(''), store.records('')]), [['a'], ['a']])
    const die = async (): Promise<void> => {
      const waiting = store.commit(rows(row('die', 'x', 1)))
      await Promise.all([assert.rejects(waiting, dead), assert.rejects(store.commit(rows(row('b', 'x', 1))), dead)])
    }
    await die()
    await store.commit(rows(row('b', 'x', 1)))
    assert.deepEqual(await store.records(''), ['a', 'b'])
    await die()
    // The lock is gone with the thread, sooner or later.
    let other: Store | undefined
    while (!other) other = await start(file).catch(() => undefined)
    await assert.rejects(store.commit(rows(row('b', 'x', 2))), {
      code: 'ERR_STORE',
      message: /is open in another process/
    })
    await other.close()
    const old = { code: 'ERR_STORE', message: /another process has opened .*: open the store again$/ }
    await assert.rejects(store.commit(rows(row('b', 'x', 2))), old)
    await store.close()
    await store.open()
    await store.commit(rows(row('c', 'x', 1)))
    assert.deepEqual(await store.records(''), ['a', 'b', 'c'])
  })

  it('keeps no process alive, and what it was asked is done before the process ends', async () => {
    const flags = program('test/support/sqlite.ts')
    const script = `
      import { sqlite } from ${JSON.stringify(pathToFileURL(`${flags.pop()}`).href)}
      const store = sqlite(${JSON.stringify(file)})
      await store.open()
      void store.commit({ rows: [], removed: [], entries: [['a', 1]] })`
    const { status, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 60_000
    })
    assert.equal(status, 0, stderr)
    const store = await start()
    assert.equal(await store.entry('a'), 1)
  }).timeout(60_000)
})
