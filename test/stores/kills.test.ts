import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { postgres } from '../../stores/postgres/index.ts'
import { runs } from '../support/faults-seed.ts'
import { PrivatePostgres } from '../support/postgres.ts'
import { sqlite, worker } from '../support/sqlite.ts'
import { killOften, openWhenFree, StoreWriter } from '../support/store-kills.ts'
import { checkNumbered } from '../support/store-numbers.ts'

const { numRuns: times } = runs(1)

describe('a process that is killed while it writes', function () {
  this.timeout((1 + times) * 30_000)

  describe('to SQLite', () => {
    let folder: string
    before(() => (folder = mkdtempSync(join(tmpdir(), 'anywire-'))))
    after(() => rmSync(folder, { recursive: true }))

    for (const synchronous of ['full', 'normal'] as const) {
      it(`loses nothing that it was told is done, and leaves nothing half: ${synchronous}`, async () => {
        const file = join(folder, `${synchronous}.db`)
        await killOften(times, ['sqlite', file, worker.href, synchronous], () => sqlite(file))
      })
    }

    it('has the file to itself, and leaves it to others', async () => {
      const file = join(folder, 'shared.db')
      const writer = StoreWriter.start(['sqlite', file, worker.href])
      await writer.wrote(1)
      const store = sqlite(file)
      await assert.rejects(store.open(), { code: 'ERR_STORE', message: /shared\.db is open in another process/ })
      await writer.kill()
      await store.open()
      await checkNumbered(store)
      await store.close()
    })
  })

  describe('to PostgreSQL', () => {
    let server: PrivatePostgres
    before(async function () {
      server = await PrivatePostgres.start(this)
    })

    it('loses nothing that it was told is done, and leaves nothing half', async () => {
      await killOften(times, ['postgres', server.url, 'killed'], () => postgres({ url: server.url, schema: 'killed' }))
    })

    it('has the schema to itself, and leaves it to others', async () => {
      const writer = StoreWriter.start(['postgres', server.url, 'shared'])
      await writer.wrote(1)
      const store = postgres({ url: server.url, schema: 'shared' })
      await assert.rejects(store.open(), { code: 'ERR_STORE', message: /another process has the schema shared of/ })
      await writer.kill()
      await openWhenFree(store)
      await checkNumbered(store)
      await store.close()
    })

    it('loses nothing when it is the database that dies', async () => {
      for (let time = 0; time < Math.ceil(times / 2); time++) {
        const writer = StoreWriter.start(['postgres', server.url, 'crashed'])
        await writer.wrote(20)
        await server.crash()
        await writer.kill()
        await server.run()
        const store = postgres({ url: server.url, schema: 'crashed' })
        await store.open()
        assert.ok((await checkNumbered(store)) >= writer.told)
        await store.close()
      }
    })
  })
})
