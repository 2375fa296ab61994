import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from '../../../core.ts'
import type { Store } from '../../../lib/store.ts'
import { json } from '../../../parsers/json.ts'
import { msgpack } from '../../../parsers/msgpack.ts'
import { reconnect } from '../../../plugins/reconnect/client.ts'
import { records } from '../../../plugins/records/index.ts'
import { memory as memoryStore } from '../../../stores/memory.ts'
import { postgres } from '../../../stores/postgres/index.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { turns } from '../../support/faults-wait.ts'
import { places } from '../../support/places.ts'
import type { Place } from '../../support/places.ts'
import { PrivatePostgres } from '../../support/postgres.ts'
import { sqlite } from '../../support/sqlite.ts'

/*
 * Where other engines lose 1 to 3 of 4 fields, and half of the promises: four clients that each own one field of one record write
 * it 50 times, all at the same time.
 */

const FIELDS = ['a', 'b', 'c', 'd'] as const
const WRITES = 50

type Board = Partial<Record<(typeof FIELDS)[number], number>>

interface Scene {
  readonly place: Place
  readonly store: () => Store
  /** What happens between two writes of a client. */
  readonly pause: (write: number) => unknown
  /** Called before each write of the first client. */
  readonly fault?: (write: number) => void
  readonly parser?: typeof json | typeof msgpack
}

const run = async ({ place, store, pause, fault = () => {}, parser = json }: Scene): Promise<void> => {
  const server = createServer(place.http, {
    transformers: [place.transformer()],
    parsers: [parser()],
    plugins: [records<{ board: Board }>({ store: store() })]
  })
  const url = await place.url()
  const clients = FIELDS.map(() =>
    connect(url, {
      transformers: [place.client],
      parser: parser(),
      plugins: [reconnect({ min: 1, max: 10 }), records<{ board: Board }>()]
    })
  )
  try {
    const boards = clients.map(client => client.records.get('board'))
    await Promise.all(boards.map(board => board.when.synced))
    let settled = 0
    await Promise.all(
      FIELDS.map(async (field, at) => {
        const writes: Promise<unknown>[] = []
        for (let write = 1; write <= WRITES; write++) {
          if (at === 0) fault(write)
          const handle = boards[at]?.set(field, write)
          assert.ok(handle)
          writes.push(handle.durable.then(() => settled++))
          await pause(write)
        }
        await Promise.all(writes)
      })
    )
    assert.equal(settled, FIELDS.length * WRITES)
    const expected = Object.fromEntries(FIELDS.map(field => [field, WRITES]))
    const own = server.records.get('board')
    for (const board of [own, ...boards]) {
      for await (const value of board) if (FIELDS.every(field => value?.[field] === WRITES)) break
      assert.deepEqual(board.get(), expected)
      assert.equal(JSON.stringify(board.get()), JSON.stringify(own.get()), 'replicas are equal, byte for byte')
      assert.deepEqual(board.pending, [])
    }
  } finally {
    for (const client of clients) client.destroy()
    await server.close({ timeout: 0 })
    await place.close()
  }
}

const backToBack = (): void => {}
const spaced = (): Promise<void> => turns(2)

describe('records: four clients, one record, a field each', () => {
  for (const [name, make] of Object.entries(places)) {
    it(`over ${name}, back to back`, () => run({ place: make(), store: memoryStore, pause: backToBack }))

    it(`over ${name}, spaced, while wires are cut`, async () => {
      const place = make()
      await run({
        place,
        store: memoryStore,
        pause: spaced,
        fault: write => {
          if (write % 10 === 0) place.cut()
        }
      })
    })
  }

  it('with latency', async () => {
    const network = memory({ latency: 5 })
    const place: Place = {
      client: network,
      transformer: () => network,
      url: async () => 'http://memory',
      cut: () => network.cut(),
      close: async () => {}
    }
    await run({ place, store: memoryStore, pause: spaced })
  })

  it('with the msgpack parser', () =>
    run({ place: (places['memory'] as () => Place)(), store: memoryStore, pause: backToBack, parser: msgpack }))

  it('on SQLite', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
    try {
      const place = (places['memory'] as () => Place)()
      await run({
        place,
        store: () => sqlite(join(folder, 'data.db')),
        pause: spaced,
        fault: write => write === 25 && place.cut()
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  describe('on PostgreSQL', () => {
    let database: PrivatePostgres

    before(async function () {
      database = await PrivatePostgres.start(this)
    })

    for (const [name, pause] of Object.entries({ 'back to back': backToBack, spaced })) {
      it(`${name}, while wires are cut`, async () => {
        const place = (places['memory'] as () => Place)()
        await run({
          place,
          store: () => postgres({ url: database.url, schema: name }),
          pause,
          fault: write => write === 25 && place.cut()
        })
      })
    }
  })
})
