import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Store } from '../../lib/store.ts'
import { row, rows } from '../contract/store.ts'
import { Clock } from '../support/faults-clock.ts'
import { undoing } from '../support/faults-guard.ts'
import { runs } from '../support/faults-seed.ts'
import { LosingProxy } from '../support/losing-proxy.ts'
import { ask, PostgresPlace } from '../support/postgres-place.ts'
import { PrivatePostgres } from '../support/postgres.ts'

describe('postgres, whose connections are lost,', () => {
  const use = undoing()
  let server: PrivatePostgres
  let place: PostgresPlace

  before(async function () {
    server = await PrivatePostgres.start(this)
  })

  beforeEach(function () {
    place = new PostgresPlace(server, `lost: ${this.currentTest?.title.slice(0, 50)}`)
  })

  afterEach(async () => {
    await place.close()
  })

  /** More than there are connections, so that all of them have been used. */
  const readOften = (store: Store): Promise<string[][]> =>
    Promise.all(Array.from({ length: 10 }, () => store.records('')))

  it('goes on after its connections were lost', async () => {
    const store = await place.start()
    await store.commit(rows(row('a', 'x', 1)))
    await place.cut()
    await store.commit(rows(row('a', 'y', 1)))
    assert.equal((await store.rows([{ record: 'a' }])).length, 2)
  })

  it('rejects while the database is away, and goes on when it is back', async () => {
    const store = await place.start()
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
    const store = await place.start()
    await place.cut()
    const other = await place.start()
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

  it('gives up a commit that gets no answer, and takes the lock back from it', async () => {
    const store = await place.start()
    await store.commit(rows(row('a', 'x', 1)))
    const client = await place.connect()
    await ask(client, 'BEGIN')
    await ask(client, `SELECT * FROM "${place.schema}".fields FOR UPDATE`)
    const clock = new Clock(use)
    const over = assert.rejects(store.commit(rows(row('a', 'x', 2))), { code: 'ERR_STORE', message: /timeout/i })
    await place.waiting()
    await clock.pass(30_000)
    await over
    await ask(client, 'ROLLBACK')
    await store.commit(rows(row('a', 'x', 3)))
    assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 3)
  })

  it('commits and reads over connections whose end it has not heard of', async () => {
    const store = await place.start()
    await store.commit(rows(row('a', 'x', 1)))
    await readOften(store)
    await place.cutUnheard()
    await Promise.all([store.commit(rows(row('a', 'y', 1))), store.commit(rows(row('b', 'x', 1))), readOften(store)])
    for (const found of await readOften(store)) assert.deepEqual(found, ['a', 'b'])
    assert.equal((await store.rows([{ record: 'a' }])).length, 2)
  })

  it('goes on however its connections are ended again and again', async () => {
    const store = await place.start()
    let seq = 0
    const commit = async (): Promise<void> => {
      const written = ++seq
      await store.commit(rows(row('a', 'x', written, written)))
      assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, written)
    }
    const steps = {
      commit,
      read: () => readOften(store),
      cut: () => place.cut(),
      cutUnheard: () => place.cutUnheard(),
      // Whoever is told to end may do what it is asked before.
      cutting: () => place.cutUnheard(false)
    }
    const step = fc.constantFrom(...(Object.keys(steps) as (keyof typeof steps)[]))
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20, size: 'max' }), async names => {
        for (const name of names) await steps[name]()
        await commit()
      }),
      // The store is the same in all of them.
      { ...runs(10), endOnFailure: true }
    )
  })

  describe('and the server does not know it', () => {
    let proxy: LosingProxy

    beforeEach(async () => {
      proxy = await LosingProxy.listen(server.socket)
    })

    afterEach(async () => {
      await place.close()
      await proxy.close()
    })

    /** A store behind the proxy that has written and read. */
    const startBehind = async (): Promise<Store> => {
      const store = await place.start({ url: `postgres://anywire@127.0.0.1:${proxy.port}/postgres` })
      await store.commit(rows(row('a', 'x', 1)))
      await readOften(store)
      return store
    }

    it('commits what nobody knows whether it was done', async () => {
      const store = await startBehind()
      proxy.lose(/anywire commit/, 1)
      await store.commit(rows(row('a', 'x', 2), row('b', 'x', 1)))
      assert.deepEqual(
        (await store.rows([{ prefix: '' }])).map(({ value }) => value),
        [2, 1]
      )
      assert.equal(proxy.lost, 1)
    })

    it('commits though what was lost is at work yet, and has the lock', async () => {
      const store = await startBehind()
      const client = await place.connect()
      await ask(client, 'BEGIN')
      await ask(client, `SELECT * FROM "${place.schema}".fields FOR UPDATE`)
      const commit = store.commit(rows(row('a', 'x', 2)))
      const [first] = await place.waiting()
      proxy.cut()
      await place.waiting(pids => pids.some(pid => pid !== first))
      await ask(client, 'COMMIT')
      await commit
      assert.equal((await store.rows([{ record: 'a' }]))[0]?.value, 2)
    })

    for (const [what, asked, ask] of [
      ['commits', /anywire commit/, (store: Store) => store.commit(rows(row('b', 'x', 1)))],
      ['reads', /SELECT DISTINCT record/, (store: Store) => store.records('')]
    ] as const) {
      it(`${what} once more, and no more where the connection was new`, async () => {
        const store = await startBehind()
        proxy.lose(asked)
        await assert.rejects(ask(store), { code: 'ERR_STORE', message: /terminated/ })
        assert.equal(proxy.lost, 2)
        await assert.rejects(ask(store), { code: 'ERR_STORE', message: /terminated/ })
        assert.equal(proxy.lost, 3)
        proxy.lose(asked, 0)
        await ask(store)
      })
    }
  })
})
