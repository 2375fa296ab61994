import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import type { Store } from '../../lib/store.ts'
import { postgres } from '../../stores/postgres/index.ts'
import type { PostgresOptions } from '../../stores/postgres/index.ts'
import { loadPackage } from '../../stores/postgres/package.ts'
import type { Client } from '../../stores/postgres/package.ts'
import { run } from '../cli/run.ts'
import { row, rows } from '../contract/store.ts'
import { turns } from '../support/faults-wait.ts'
import { PrivatePostgres } from '../support/postgres.ts'

describe('postgres, without a database', () => {
  it('needs a schema and readers', () => {
    assert.throws(() => postgres({ schema: '' }), { code: 'ERR_OPTION', message: /schema needs a name/ })
    assert.throws(() => postgres({ readers: 0 }), { code: 'ERR_OPTION', message: /readers is 1 or more/ })
  })

  it('names the package that is missing', () => {
    const message = 'An optional package is not installed: npm install @anywire/not-there'
    assert.throws(() => loadPackage('@anywire/not-there'), { code: 'ERR_MISSING_PACKAGE', message })
  })

  it('says that nobody answers, and not with which password it asked', async () => {
    const url = 'postgres://user:s3cret@127.0.0.1:1/none'
    for (const given of [{ url }, url]) {
      await assert.rejects(postgres(given).open(), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_STORE')
        assert.match(error.message, /ECONNREFUSED 127.0.0.1:1/)
        assert.doesNotMatch(error.message, /s3cret/)
        return true
      })
    }
  })
})

describe('postgres', () => {
  let server: PrivatePostgres
  let stores: Store[]
  let clients: Client[]
  let schema = ''

  const make = (options: PostgresOptions = {}): Store => {
    const store = postgres({ url: server.url, schema, ...options })
    stores.push(store)
    return store
  }

  const start = async (options?: PostgresOptions): Promise<Store> => {
    const store = make(options)
    await store.open()
    return store
  }

  const connect = async (url = server.url): Promise<Client> => {
    const client = new (loadPackage().Client)({ connectionString: url })
    clients.push(client)
    client.on('error', () => {})
    await client.connect()
    return client
  }

  const ask = async (client: Client, text: string): Promise<unknown[][]> =>
    (await client.query({ text, rowMode: 'array' })).rows

  /** Ends the connections of a store, as a failing network or an administrator does. */
  const cut = async (): Promise<void> => {
    const client = await connect()
    await ask(client, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'anywire'`)
    while ((await ask(client, `SELECT 1 FROM pg_stat_activity WHERE application_name = 'anywire'`)).length > 0)
      await turns(1)
  }

  before(async function () {
    server = await PrivatePostgres.start(this)
  })

  beforeEach(function () {
    schema = this.currentTest?.title.slice(0, 50) ?? ''
    stores = []
    clients = []
  })

  afterEach(async () => {
    for (const store of stores) await store.close()
    for (const client of clients) await client.end()
  })

  it('keeps several schemas in one database', async () => {
    const [one, other] = [await start(), await start({ schema: 'other' })]
    await one.commit(rows(row('a', 'x', 1)))
    assert.deepEqual(await other.records(''), [])
  })

  it('reads while a commit waits', async () => {
    const store = await start()
    await store.commit(rows(row('a', 'x', 1)))
    const client = await connect()
    await ask(client, 'BEGIN')
    await ask(client, `SELECT * FROM "${schema}".fields FOR UPDATE`)
    let done = false
    const commit = store.commit(rows(row('a', 'x', 2))).then(() => (done = true))
    for (let time = 0; time < 20; time++) assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 1)
    assert.equal(done, false)
    await ask(client, 'COMMIT')
    await commit
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 2)
  })

  it('goes on after its connections were lost', async () => {
    const store = await start()
    await store.commit(rows(row('a', 'x', 1)))
    await cut()
    await store.commit(rows(row('a', 'y', 1)))
    assert.equal((await store.rows([{ record: 'a' }])).length, 2)
  })

  it('rejects while the database is away, and goes on when it is back', async () => {
    const store = await start()
    await store.commit(rows(row('a', 'x', 1)))
    await server.crash()
    try {
      await assert.rejects(store.commit(rows(row('a', 'y', 1))), { code: 'ERR_STORE' })
      await assert.rejects(store.records(''), { code: 'ERR_STORE' })
    } finally {
      await server.run()
    }
    await store.commit(rows(row('a', 'z', 1)))
    assert.deepEqual(
      (await store.rows([{ record: 'a' }])).map(({ path }) => path),
      ['x', 'z']
    )
  })

  it('writes no more where somebody else has written meanwhile', async () => {
    const store = await start()
    await cut()
    const other = await start()
    await assert.rejects(store.commit(rows(row('a', 'x', 1))), {
      code: 'ERR_STORE',
      message: /another process has the schema/
    })
    await other.commit(rows(row('b', 'x', 1)))
    await other.close()
    await assert.rejects(store.commit(rows(row('a', 'x', 1))), {
      code: 'ERR_STORE',
      message: /another process has written/
    })
    await store.close()
    await store.open()
    assert.deepEqual(await store.records(''), ['b'])
  })

  it('gives up a commit that gets no answer, and the lock with it', async () => {
    const store = await start({ timeout: 2_000 })
    await store.commit(rows(row('a', 'x', 1)))
    const client = await connect()
    await ask(client, 'BEGIN')
    await ask(client, `SELECT * FROM "${schema}".fields FOR UPDATE`)
    await assert.rejects(store.commit(rows(row('a', 'x', 2))), { code: 'ERR_STORE', message: /timeout/i })
    await ask(client, 'ROLLBACK')
    await client.end()
    const again = await connect()
    while ((await ask(again, `SELECT 1 FROM pg_locks WHERE locktype = 'advisory'`)).length > 0) await turns(1)
    await store.commit(rows(row('a', 'x', 3)))
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 3)
  })

  it('rejects what takes longer than the database allows, and goes on with it when it does not any more', async () => {
    const store = await start({ client: { statement_timeout: 100 } })
    await store.commit(rows(row('a', 'x', 1)))
    const client = await connect()
    await ask(client, 'BEGIN')
    await ask(client, `LOCK TABLE "${schema}".fields IN ACCESS EXCLUSIVE MODE`)
    const late = { code: 'ERR_STORE', message: /statement timeout/ }
    await Promise.all([
      assert.rejects(store.commit(rows(row('a', 'x', 2))), late),
      assert.rejects(store.commit(rows(row('a', 'y', 2))), late),
      assert.rejects(store.records(''), late)
    ])
    await ask(client, 'COMMIT')
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 1)
    await store.commit(rows(row('a', 'x', 2)))
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 2)
  })

  it('rejects what finds no connection in time, as others have them all, and goes on when they are done', async () => {
    const store = await start({ readers: 1, timeout: 2_000 })
    await store.commit(rows(row('a', 'x', 1)))
    const client = await connect()
    await ask(client, 'BEGIN')
    await ask(client, `LOCK TABLE "${schema}".fields IN ACCESS EXCLUSIVE MODE`)
    const late = { code: 'ERR_STORE', message: /timeout/i }
    await Promise.all([assert.rejects(store.records(''), late), assert.rejects(store.records(''), late)])
    await ask(client, 'COMMIT')
    assert.deepEqual(await store.records(''), ['a'])
    await store.commit(rows(row('b', 'x', 1)))
  })

  it('finds what it reads by an index', async () => {
    const store = await start()
    await store.commit(rows(...Array.from({ length: 5_000 }, (_, index) => row(`a/${index}`, 'x', 'value', index))))
    const client = await connect()
    await ask(client, `SET search_path TO "${schema}"`)
    await ask(client, 'ANALYZE fields')
    const plan = async (where: string): Promise<string> =>
      (await ask(client, `EXPLAIN SELECT * FROM ${where}`)).flat().join('\n')
    assert.match(
      await plan(`unnest(ARRAY['a/1', 'a/2']) AS asked (record) JOIN fields ON fields.record = asked.record`),
      /Index.* (on|using) fields_pkey/
    )
    assert.match(
      await plan(
        `unnest(ARRAY['a/1'], ARRAY['a/2']) AS asked (start, stop) JOIN fields ON fields.record >= start AND fields.record < stop`
      ),
      /Index.* (on|using) fields_pkey/
    )
    assert.match(await plan('fields WHERE seq > 4990'), /Index.* (on|using) fields_seq/)
  })

  it('needs a database in UTF-8', async () => {
    const client = await connect()
    await ask(client, `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
    const store = make({ url: server.url.replace(/postgres$/, 'latin') })
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /has to be UTF8, and is LATIN1$/ })
  })

  it('does not touch what a later version made', async () => {
    const store = await start()
    await store.close()
    await ask(await connect(), `UPDATE "${schema}".about SET version = 99`)
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /made by a later version of anywire: 99$/ })
  })

  it('makes its tables by a command, for a server that may not', async () => {
    schema = 'made'
    const admin = await connect()
    await ask(admin, 'CREATE ROLE server LOGIN')
    await ask(admin, 'REVOKE CREATE ON DATABASE postgres FROM server')
    const url = server.url.replace('anywire@', 'server@')
    await assert.rejects(make({ url }).open(), { code: 'ERR_STORE', message: /permission denied/ })

    const args = ['store', server.url, '--schema', schema]
    assert.deepEqual(await run(args), {
      code: 0,
      stdout: 'The tables in the schema made are made: version 1\n',
      stderr: ''
    })
    assert.match((await run(args)).stdout, /are up to date: version 1/)

    await ask(admin, 'GRANT USAGE ON SCHEMA made TO server')
    await ask(admin, 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA made TO server')
    const store = await start({ url })
    await store.commit(rows(row('a', 'x', 1)))
    assert.deepEqual(await store.records(''), ['a'])
  })

  it('makes its tables once, whoever comes at the same time', async () => {
    schema = 'together'
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => run(['store', server.url, '--schema', schema])))
    assert.deepEqual(
      outcomes.map(({ code, stderr }) => code + stderr),
      ['0', '0', '0', '0']
    )
    assert.equal(outcomes.filter(({ stdout }) => stdout.includes('are made')).length, 1)
  })

  it('is what the package says', () => {
    const require = createRequire(import.meta.url)
    const { Client, Pool } = require('pg') as ReturnType<typeof loadPackage>
    assert.deepEqual([loadPackage().Client, loadPackage().Pool], [Client, Pool])
  })
})
