import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import { createServer } from '../../../core.ts'
import type { Store } from '../../../lib/store.ts'
import type { Server } from '../../../lib/server/server.ts'
import { atEndOfTurn } from '../../../lib/tick.ts'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { OnWrite, WriteTransaction } from '../../../plugins/records/server/hook.ts'
import type { AnyRecord } from '../../../plugins/records/client/types.ts'
import { records } from '../../../plugins/records/index.ts'
import type { RecordsOptions } from '../../../plugins/records/index.ts'
import type { ServerRecords } from '../../../plugins/records/server/server-records.ts'
import { json } from '../../../parsers/json.ts'
import { memory as store } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { codeOf, ProcessWorld } from '../../support/process-world.ts'

/** What a hook finds of a number. */
const read = async (tx: WriteTransaction, record: string): Promise<number> => {
  const found = await tx.get<{ readonly n?: number }>(record)
  return found?.n ?? 0
}

/** All of so many. */
const done = (count = 1): string[] => Array.from({ length: count }, () => '')

const sleep = (time: number): Promise<void> => new Promise(resolve => setTimeout(resolve, time))

/** The collection of what is written first, and its id. */
const isIn = (collection: string, { records: [written] }: Parameters<OnWrite>[0]): boolean =>
  !!written?.record.startsWith(collection)

describe('writes of the process within hooks', () => {
  let world: ProcessWorld
  let calls: number

  const opened = async (
    onWrite: OnWrite,
    options: Partial<AuthorityOptions> = {},
    wrap?: (store: Store) => Store
  ): Promise<void> => {
    calls = 0
    const counted: OnWrite = (write, tx) => {
      calls++
      return onWrite(write, tx)
    }
    world = new ProcessWorld({ onWrite: counted, timeout: 1_000, ...options }, wrap)
    await world.opened()
  }

  /** Clients that make a record each. */
  const make = (name: string, count = 1): Promise<string[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => codeOf(world.records().get(`${name}/${n}`).replace({ n }))))

  const set = (record: string, value: AnyRecord): Promise<unknown> => world.own.get(record).replace(value).durable

  const seen = async (record: string): Promise<unknown> => {
    const found = world.own.snapshot(record)
    await world.pass(5)
    return found
  }

  /** What comes of something within so much time. */
  const within = async <T>(time: number, work: Promise<T>): Promise<T | 'nothing'> => {
    let result: T | 'nothing' = 'nothing'
    void work.then(value => (result = value))
    await world.pass(time)
    return result
  }

  afterEach(() => world.end())

  it('come before all who may wait for the hook, also where it waits for them', async () => {
    let lines = 0
    await opened(async (write, tx) => {
      const isOrder = isIn('orders/', write)
      if (!isOrder && !isIn('notes/', write)) return
      const n = await read(tx, 'stock/1')
      await sleep(1 + (lines % 3))
      if (isOrder) {
        await tx.set('stock/1', 'n', n - 1)
        await world.own.get('log/1').set(`line${++lines}`, n).durable
      } else {
        await tx.get('log/1')
        await tx.set('log/1', 'noted', n)
        await tx.set('stock/1', 'noted', n)
      }
    })
    const made = Promise.all([set('log/1', {}), set('stock/1', { n: 100 })])
    await world.pass(20)
    await made
    const codes = ['orders', 'notes'].map(name => make(name, 20))
    assert.deepEqual(await within(900, Promise.all(codes)), [done(20), done(20)])
    assert.equal(((await seen('stock/1')) as { n: number }).n, 80)
    assert.deepEqual(world.failed, [])
  })

  it('have hooks of their own, which may write in the same way', async () => {
    const chain = ['a/', 'b/', 'c/', 'd/']
    await opened(async (write, tx) => {
      const at = chain.findIndex(name => isIn(name, write))
      const n = await read(tx, `count${at}/1`)
      await sleep(2)
      const next = chain[at + 1]
      if (next) await world.own.get(`${next}1`).set(`by${calls}`, n).durable
      await tx.set(`count${at}/1`, 'n', n + 1)
    })
    assert.deepEqual(await within(900, make('a', 4)), done(4))
    assert.deepEqual(await seen('count0/1'), { n: 4 })
    assert.deepEqual(world.failed, [])
  })

  it('are let through by those who write the same records', async () => {
    await opened(async write => {
      const [mine, other] = isIn('a/', write) ? ['a', 'b'] : ['b', 'a']
      if (world.own.get(`${mine}/0`).get('by')) return
      await sleep(2)
      if (!isIn(`${mine}/`, write) || write.peer) return
      if (write.records[0]?.before === undefined) await world.own.get(`${other}/0`).set('by', mine).durable
    })
    const codes = ['a', 'b'].map(name => make(name))
    assert.deepEqual(await within(900, Promise.all(codes)), [done(), done()])
    assert.deepEqual(world.failed, [])
  })

  for (const [title, isRead] of [
    ['is about', false],
    ['has read', true]
  ] as const)
    it(`are refused at once, where they are to what a hook ${title}`, async () => {
      const refused: unknown[] = []
      await opened(async (write, tx) => {
        if (!isIn('a/', write)) return
        const record = isRead ? 'log/1' : 'a/0'
        if (isRead) await tx.get(record)
        await world.own
          .get(record)
          .set('n', 1)
          .durable.catch((error: unknown) => refused.push(error))
      })
      assert.deepEqual(await within(10, make('a')), done())
      assert.equal(calls, 1)
      assert.match(String(refused[0]), /goes by '(log\/1|a\/0)': it writes what it is about, or has read, with `tx`/)
    })

  it('are refused, where the hook reads what it has not waited for', async () => {
    let code: Promise<string> | undefined
    await opened(async (write, tx) => {
      if (isIn('log/', write)) return sleep(5)
      if (!isIn('a/', write)) return
      code = codeOf(world.own.get('log/1').set('n', 1))
      await tx.get('log/1')
      await sleep(20)
    })
    assert.deepEqual(await within(50, make('a')), done())
    assert.equal(await code, 'ERR_CONFLICT')
    assert.equal(calls, 2)
  })

  it('may be read when they are done', async () => {
    let found: unknown
    await opened(async (write, tx) => {
      if (!isIn('a/', write)) return
      await world.own.get('log/1').set('n', 1).durable
      found = await tx.get('log/1')
    })
    assert.deepEqual(await within(50, make('a')), done())
    assert.deepEqual(found, { n: 1 })
  })

  it('are done in their order, also where it does not wait for them, and behind it', async () => {
    await opened(async write => {
      if (!isIn('a/', write)) return
      const log = world.own.get('log/1')
      for (let n = 0; n < 10; n++) log.set('n', n)
      setTimeout(() => world.own.get('a/0').set('late', log.get('n')), 30)
      void sleep(5).then(() => log.set('later', true))
      await Promise.resolve()
    })
    assert.deepEqual(await within(100, make('a')), done())
    assert.deepEqual(await seen('log/1'), { n: 9, later: true })
    assert.deepEqual(await seen('a/0'), { n: 0, late: 9 })
    assert.deepEqual(world.failed, [])
  })

  it('are as many as there are hooks', async () => {
    await opened(async write => {
      if (!isIn('a/', write)) return
      await sleep(5)
      await world.own.get(`log/${write.records[0]?.record.slice(2)}`).set('n', 1).durable
    })
    assert.deepEqual(await within(100, make('a', 300)), done(300))
    assert.deepEqual(world.failed, [])
  })
})

describe('what is done within hooks of a server', () => {
  let server: Server & { readonly records: Pick<ServerRecords, 'get' | 'on' | 'watch'> }
  let codes: Promise<string>[]

  const serve = (onWrite: (tx: WriteTransaction, own: Pick<ServerRecords, 'get'>) => Promise<void>): void => {
    codes = []
    const options: RecordsOptions = {
      store: store(),
      onWrite: async (write, tx) => (isIn('a/', write) ? onWrite(tx, server.records) : undefined)
    }
    server = createServer(undefined, { transformers: [memory()], parsers: [json()], plugins: [records(options)] })
    server.records.on('rejected', () => {})
  }

  afterEach(() => server.close({ timeout: 0 }))

  it('is known behind timers, promises and callbacks', async () => {
    serve(async (tx, own) => {
      await tx.get('log/1')
      await new Promise<void>(resolve => {
        setTimeout(() => {
          void Promise.resolve().then(async () => {
            await setImmediate()
            process.nextTick(() => {
              codes.push(codeOf(own.get('log/1').set('n', 1)))
              resolve()
            })
          })
        }, 1)
      })
    })
    await server.records.get('a/1').replace({}).durable
    assert.deepEqual(await Promise.all(codes), ['ERR_CONFLICT'])
  })

  it('is not what watchers do, though a hook has written what they are told of', async () => {
    serve(async (tx, own) => {
      await tx.get('seen/1')
      // As what it sends does: so the end of this turn is within the hook.
      atEndOfTurn({ tick: () => {} })
      await own.get('log/1').set('n', 1).durable
    })
    server.records.watch('log/', () => codes.push(codeOf(server.records.get('seen/1').set('n', 1))))
    await server.records.get('a/1').replace({}).durable
    assert.notDeepEqual(codes, [])
    assert.deepEqual(new Set(await Promise.all(codes)), new Set(['']))
  })
})

describe('hooks that do not come to an end', () => {
  let world: ProcessWorld
  let runs: Map<string, number>

  /** Hooks that all go by one record, and of which some hang when they are called again. */
  const opened = async (
    hangs: (id: string, run: number) => boolean,
    time: (id: string) => number = () => 1
  ): Promise<void> => {
    runs = new Map()
    const onWrite: OnWrite = async ({ records: [written] }, tx) => {
      const id = written?.record ?? ''
      if (!id.startsWith('a/')) return
      const run = (runs.get(id) ?? 0) + 1
      runs.set(id, run)
      const n = await read(tx, 'log/1')
      await sleep(time(id))
      if (hangs(id, run)) await new Promise(() => {})
      await tx.set('log/1', 'n', n + 1)
    }
    world = new ProcessWorld({ onWrite, timeout: 1_000 })
    await world.opened()
  }

  /** What became of writes by then. */
  const outcomes = (count: number): (string | undefined)[] => {
    const codes: (string | undefined)[] = Array.from({ length: count }, () => undefined)
    for (const at of codes.keys())
      void codeOf(world.records().get(`a/${at}`).replace({ at })).then(code => (codes[at] = code))
    return codes
  }

  afterEach(() => world.end())

  it('hold up others for a tenth of the time that they have', async () => {
    await opened((id, run) => id === 'a/3' && run > 1)
    const codes = outcomes(10)
    await world.pass(90)
    assert.deepEqual(codes.slice(0, 5), ['', '', '', undefined, undefined])
    await world.pass(40)
    assert.deepEqual(
      codes.toSpliced(3, 1),
      Array.from({ length: 9 }, () => '')
    )
    assert.equal(codes[3], undefined)
    await world.pass(900)
    assert.equal(codes[3], 'ERR_TIMEOUT')
    assert.match(String(world.failed), /onWrite, of 'a\/3'$/)
  })

  it('hold up others no longer than that in all, however many they are', async () => {
    await opened((id, run) => Number(id.slice(2)) % 2 === 1 && run > 1)
    const codes = outcomes(100)
    await world.pass(1_100)
    assert.deepEqual(
      codes,
      codes.map((_, at) => (at % 2 ? 'ERR_TIMEOUT' : ''))
    )
  })

  it('hold up those who write the same record no longer', async () => {
    await opened(() => false)
    let hangs = true
    world.authority = world.make({
      timeout: 1_000,
      onWrite: async () => {
        if (hangs) await new Promise(() => {})
      }
    })
    await world.opened()
    const codes: string[] = []
    void codeOf(world.records().get('a/1').replace({ n: 1 })).then(code => codes.push(`first ${code}`))
    await world.pass(5)
    hangs = false
    void codeOf(world.records().get('a/1').set('n', 2)).then(code => codes.push(`second ${code}`))
    await world.pass(80)
    assert.deepEqual(codes, [])
    await world.pass(30)
    assert.deepEqual(codes, ['second '])
    await world.pass(1_000)
    assert.deepEqual(codes, ['second ', 'first ERR_TIMEOUT'])
  })

  it('are waited for no longer than a write may take, which says for whom it waited', async () => {
    await opened(
      () => false,
      id => (id === 'a/0' ? 150 : 40)
    )
    const codes = outcomes(40)
    await world.pass(1_200)
    assert.deepEqual([codes[0], codes[1], codes.at(-1)], ['ERR_TIMEOUT', '', 'ERR_TIMEOUT'])
    assert.match(world.failed.join('\n'), /its turn, of 'a\/\d+': another hook goes by 'log\/1', of 'a\/\d+'$/m)
  })

  it('that are slow, and come to an end, are called again behind others', async () => {
    await opened(
      () => false,
      () => 150
    )
    const codes = outcomes(3)
    await world.pass(1_100)
    assert.deepEqual(codes, ['', '', ''])
    const found = world.own.snapshot('log/1')
    await world.pass(10)
    assert.deepEqual(await found, { n: 3 })
  })
})
