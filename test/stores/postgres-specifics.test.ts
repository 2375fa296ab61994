import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { postgres } from '../../stores/postgres/index.ts'
import { isEnd, isRefusal, loadPackage } from '../../stores/postgres/package.ts'
import { run } from '../cli/run.ts'
import { row, rows } from '../contract/store.ts'
import { Clock } from '../support/faults-clock.ts'
import { undoing } from '../support/faults-guard.ts'
import { ask, PostgresPlace, WAITING } from '../support/postgres-place.ts'
import { PrivatePostgres } from '../support/postgres.ts'

describe('postgres, without a database', () => {
  it('names the package that is missing', () => {
    const message = 'An optional package is not installed: npm install @anywire/not-there'
    assert.throws(() => loadPackage('@anywire/not-there'), { code: 'ERR_MISSING_PACKAGE', message })
  })

  it('tells a refusal from an end, in whatever language the server speaks', () => {
    const answer = (severity: string, code: string): Error => Object.assign(new Error('…'), { severity, code })
    for (const refusal of [answer('ERROR', '57014'), answer('FEHLER', '22P05')]) {
      assert.deepEqual([isRefusal(refusal), isEnd(refusal)], [true, false])
    }
    for (const end of [answer('FATAL', '53200'), answer('ВАЖНО', '57P01')]) {
      assert.deepEqual([isRefusal(end), isEnd(end)], [false, true])
    }
    const broken = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    assert.deepEqual([isRefusal(broken), isEnd(broken)], [false, false])
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
  const use = undoing()
  let server: PrivatePostgres
  let place: PostgresPlace

  before(async function () {
    server = await PrivatePostgres.start(this)
  })

  beforeEach(function () {
    place = new PostgresPlace(server, this.currentTest?.title.slice(0, 50) ?? '')
  })

  afterEach(async () => {
    await place.close()
  })

  it('keeps several schemas in one database', async () => {
    const [one, other] = [await place.start(), await place.start({ schema: 'other' })]
    await one.commit(rows(row('a', 'x', 1)))
    assert.deepEqual(await other.records(''), [])
  })

  it('reads while a commit waits', async () => {
    const store = await place.start()
    await store.commit(rows(row('a', 'x', 1)))
    const client = await place.connect()
    await ask(client, 'BEGIN')
    await ask(client, `SELECT * FROM "${place.schema}".fields FOR UPDATE`)
    let done = false
    const commit = store.commit(rows(row('a', 'x', 2))).then(() => (done = true))
    for (let time = 0; time < 20; time++) assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 1)
    assert.equal(done, false)
    await ask(client, 'COMMIT')
    await commit
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 2)
  })

  it('rejects what the database gives up, and goes on with it when it does not any more', async () => {
    const store = await place.start()
    await store.commit(rows(row('a', 'x', 1)))
    const client = await place.connect()
    await ask(client, 'BEGIN')
    await ask(client, `LOCK TABLE "${place.schema}".fields IN ACCESS EXCLUSIVE MODE`)
    const canceled = { code: 'ERR_STORE', message: /canceling statement/ }
    let isOver = false
    const over = Promise.all([
      assert.rejects(store.commit(rows(row('a', 'x', 2))), canceled),
      assert.rejects(store.commit(rows(row('a', 'y', 2))), canceled),
      assert.rejects(store.records(''), canceled)
    ]).finally(() => (isOver = true))
    const other = await place.connect()
    // Both commits together, and then each of them.
    while (!isOver) await ask(other, `SELECT pg_cancel_backend(pid) ${WAITING}`)
    await over
    await ask(client, 'COMMIT')
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 1)
    await store.commit(rows(row('a', 'x', 2)))
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 2)
  })

  it('rejects what finds no connection in time, as others have them all, and goes on when they are done', async () => {
    const store = await place.start({ readers: 1 })
    await store.commit(rows(row('a', 'x', 1)))
    const client = await place.connect()
    await ask(client, 'BEGIN')
    await ask(client, `LOCK TABLE "${place.schema}".fields IN ACCESS EXCLUSIVE MODE`)
    const clock = new Clock(use)
    const late = { code: 'ERR_STORE', message: /timeout/i }
    const over = Promise.all([assert.rejects(store.records(''), late), assert.rejects(store.records(''), late)])
    await place.waiting()
    await clock.pass(30_000)
    await over
    await ask(client, 'COMMIT')
    assert.deepEqual(await store.records(''), ['a'])
    await store.commit(rows(row('b', 'x', 1)))
  })

  it('finds what it reads by an index', async () => {
    const store = await place.start()
    await store.commit(rows(...Array.from({ length: 5_000 }, (_, index) => row(`a/${index}`, 'x', 'value', index))))
    const client = await place.connect()
    await ask(client, `SET search_path TO "${place.schema}"`)
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
    const client = await place.connect()
    await ask(client, `CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0`)
    const store = place.make({ url: server.url.replace('/postgres?', '/latin?') })
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /has to be UTF8, and is LATIN1$/ })
  })

  it('does not touch what a later version made', async () => {
    const store = await place.start()
    await store.close()
    await ask(await place.connect(), `UPDATE "${place.schema}".about SET version = 99`)
    await assert.rejects(store.open(), { code: 'ERR_STORE', message: /made by a later version of anywire: 99$/ })
  })

  it('makes its tables by a command, for a server that may not', async () => {
    const { schema } = (place = new PostgresPlace(server, 'made'))
    const admin = await place.connect()
    await ask(admin, 'CREATE ROLE server LOGIN')
    await ask(admin, 'REVOKE CREATE ON DATABASE postgres FROM server')
    const url = server.url.replace('anywire@', 'server@')
    await assert.rejects(place.make({ url }).open(), { code: 'ERR_STORE', message: /permission denied/ })

    const args = ['store', server.url, '--schema', schema]
    assert.deepEqual(await run(args), {
      code: 0,
      stdout: 'The tables in the schema made are made: version 1\n',
      stderr: ''
    })
    assert.match((await run(args)).stdout, /are up to date: version 1/)

    await ask(admin, 'GRANT USAGE ON SCHEMA made TO server')
    await ask(admin, 'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA made TO server')
    const store = await place.start({ url })
    await store.commit(rows(row('a', 'x', 1)))
    assert.deepEqual(await store.records(''), ['a'])
  })

  it('makes its tables once, whoever comes at the same time', async () => {
    const schema = 'together'
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
