import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from '../../../core.ts'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_LIMIT } from '../../../lib/failures.ts'
import type { Store } from '../../../lib/store.ts'
import { json } from '../../../parsers/json.ts'
import { records } from '../../../plugins/records/index.ts'
import type { WriteEvent, WriteTransaction } from '../../../plugins/records/index.ts'
import { memory as store } from '../../../stores/memory.ts'
import { memory } from '../../../transformers/memory/index.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { SlowStore } from '../../support/slow-store.ts'
import { sqlite } from '../../support/sqlite.ts'

interface Booking {
  readonly flight: string
  /** The place of the write among those of its client. */
  readonly step: number
}
interface Count {
  readonly n: number
}
type App = {
  readonly 'bookings/': Booking
  readonly 'flights/': Count
  readonly 'log/': Count
  readonly 'steps/': Count
}

const CLIENTS = 12
const STEPS = 8
const FLIGHTS = ['flights/1', 'flights/2', 'flights/3'] as const
const SEATS = 10

/** @param failures - how likely something fails */
type MakeStore = (dice: Dice, failures: () => number) => Store

const waits = {
  nothing: undefined,
  'the next turn': () => new Promise<void>(resolve => setImmediate(resolve)),
  'a timer': () => new Promise<void>(resolve => setTimeout(resolve, 1)),
  'one or the other': (dice: Dice) =>
    new Promise<void>(resolve => {
      if (dice.chance(0.3)) resolve()
      else if (dice.chance(0.5)) setImmediate(resolve)
      else setTimeout(resolve, dice.below(3))
    })
} as const

describe('records: hooks of many clients that want the same', function () {
  this.timeout(120_000)
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anywire-hooks-'))
  })

  after(() => rm(folder, { recursive: true }))

  let files = 0
  const stores: Record<string, MakeStore> = {
    memory: () => store(),
    sqlite: () => sqlite(join(folder, `${++files}.db`)),
    'a slow store that fails': (dice, failures) => new SlowStore(store(), { dice, latency: 3, failures })
  }

  for (const [name, make] of Object.entries(stores))
    for (const [title, wait] of Object.entries(waits))
      it(`have counted all and sold nothing twice: ${name}, and hooks that wait for ${title}`, async () => {
        const { seed, numRuns } = runs(1)
        for (let run = 0; run < numRuns; run++) await play(new Dice(seed + run), make, wait)
      })
})

const bookingOf = (value: Booking | Count | undefined): Booking | undefined =>
  value && 'flight' in value ? value : undefined

/** Clients book and cancel at the same time; what they may, and what is counted, depends on what all others did. */
const play = async (dice: Dice, make: MakeStore, wait: ((dice: Dice) => Promise<void>) | undefined): Promise<void> => {
  const network = memory()
  const disorder: string[] = []

  const onWrite = async ({ records }: WriteEvent<unknown, App>, tx: WriteTransaction<App>): Promise<void> => {
    const [written] = records
    if (!written?.record.startsWith('bookings/')) return
    const { before, after, record } = written
    const booked = bookingOf(after ?? before)
    await wait?.(dice)
    const total = await tx.get('log/total')
    await wait?.(dice)
    if (booked && !before !== !after) {
      const flight = `flights/${booked.flight}` as const
      const seats = (await tx.get(flight))?.n ?? 0
      if (after && !seats) throw new AnywireError(ERR_LIMIT, 'sold out')
      await tx.set(flight, 'n', after ? seats - 1 : seats + 1)
    }
    // One that was refused may be cancelled all the same.
    const client = `steps/${record.split('/')[1]}` as const
    const last = (await tx.get(client))?.n ?? -1
    const step = after && booked ? booked.step : last
    if (after && step <= last) disorder.push(`${record}: ${step} behind ${last}`)
    await tx.set(client, 'n', step)
    await tx.set('log/total', 'n', (total?.n ?? 0) + 1)
  }

  const errors: unknown[] = []
  // One that fails at once is not opened.
  let failures = 0
  const server = createServer(undefined, {
    transformers: [network],
    parsers: [json()],
    plugins: [records<App>({ store: make(dice, () => failures), onWrite })]
  })
  server.on('error', error => errors.push(error))
  await server.records.ready
  failures = 0.02
  for (const flight of FLIGHTS) await server.records.get(flight).replace({ n: SEATS }).durable
  const clients = Array.from({ length: CLIENTS }, () => {
    const client = connect('http://memory', {
      transformers: [network],
      parser: json(),
      plugins: [records<App>()]
    })
    client.records.on('rejected', () => {})
    return client
  })
  let count = 0
  const booked = new Map<string, string>()
  // What changes one that was sold out has nothing to change.
  const told = (code: string): void => assert(code === 'ERR_LIMIT' || code === 'ERR_CONFLICT', code)
  await Promise.all(
    clients.map(async (client, number) => {
      const writes: Promise<unknown>[] = []
      for (let step = 0; step < STEPS; step++) {
        const id = `bookings/${number}/${dice.below(4)}` as const
        const booking = client.records.get(id)
        const flight = String(1 + dice.below(FLIGHTS.length))
        const isCancelled = booking.exists && dice.chance(0.4)
        const write = isCancelled
          ? booking.delete()
          : booking.exists
            ? booking.set('step', step)
            : booking.replace({ flight, step })
        writes.push(
          write.durable.then(
            () => {
              count++
              if (isCancelled) booked.delete(id)
              else if (!booked.has(id)) booked.set(id, flight)
            },
            ({ code }: AnywireError) => told(code)
          )
        )
        if (dice.chance(0.3)) await Promise.all(writes)
      }
      await Promise.all(writes)
    })
  )
  const total = await server.records.snapshot('log/total')
  assert.deepEqual([total, disorder], [{ n: count }, []])
  for (const flight of FLIGHTS) {
    const sold = [...booked.values()].filter(to => `flights/${to}` === flight).length
    assert.deepEqual(await server.records.snapshot(flight), { n: SEATS - sold }, flight)
  }
  for (const client of clients) client.destroy()
  await server.close({ timeout: 0 })
  assert(errors.every(error => error instanceof AnywireError && error.code === 'ERR_STORE'))
}
