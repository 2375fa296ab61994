import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spy } from 'sinon'
import type { Store } from '../../../lib/store.ts'
import type { AnyRecord } from '../../../plugins/records/client/types.ts'
import type { Records } from '../../../plugins/records/client/surface.ts'
import type { OnWrite } from '../../../plugins/records/server/hook.ts'
import { Turns } from '../../../plugins/records/server/turns.ts'
import { memory } from '../../../stores/memory.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { codeOf, ProcessWorld } from '../../support/process-world.ts'
import { assertSerial } from '../../support/serial.ts'
import type { Step } from '../../support/serial.ts'
import { sqlite } from '../../support/sqlite.ts'

/** What a write may take in all, and what it takes beside its hooks. */
const TIMEOUT = 400
const SLACK = 20

const CLIENTS = 6
const WRITES = 6
const SHARED = ['r/0', 'r/1', 'r/2', 'r/3'] as const

interface Shared {
  /** Who has written it last. */
  readonly last?: string
}

/** What is seen of a record. */
const fieldsOf = (value: unknown): Shared => (typeof value === 'object' && value !== null ? value : {})

/** What becomes of a hook when it has read. */
const ENDS = ['comes', 'comes', 'comes', 'comes', 'comes', 'throws', 'hangs', 'hangs later', 'comes late'] as const

const turn = globalThis.setImmediate

/** A store of which it is known whether it is at work: time stands still then. */
class BusyStore implements Store {
  readonly name = 'busy'
  count = 0
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  readonly open: Store['open'] = () => this.#store.open()
  readonly close: Store['close'] = () => this.#store.close()
  readonly rows: Store['rows'] = (...args) => this.#during(this.#store.rows(...args))
  readonly records: Store['records'] = (...args) => this.#during(this.#store.records(...args))
  readonly entry: Store['entry'] = key => this.#during(this.#store.entry(key))
  readonly entries: Store['entries'] = prefix => this.#during(this.#store.entries(prefix))
  readonly commit: Store['commit'] = commit => this.#during(this.#store.commit(commit))

  async #during<T>(work: Promise<T>): Promise<T> {
    this.count++
    try {
      return await work
    } finally {
      this.count--
    }
  }
}

/** Writes of clients and of the process, whose hooks read, write, wait, write elsewhere, fail and hang as dice fall. */
const play = async (dice: Dice, inner: Store): Promise<void> => {
  const store = new BusyStore(inner)
  const steps = new Map<string, Step>()
  const calls = new Map<string, number>()
  let written = 0
  /** Their names; it is in them how deep within hooks they are. */
  const nameOf = (depth: number): string => `${depth}-${++written}`
  const sleep = async (): Promise<void> => {
    if (dice.chance(0.3)) return
    await new Promise<void>(resolve => (dice.chance(0.5) ? setImmediate(resolve) : setTimeout(resolve, dice.below(8))))
  }

  /** Writes as somebody who knows nothing. */
  const write = (by: Records, depth: number): [name: string, code: Promise<string>] => {
    const name = nameOf(depth)
    const record = dice.chance(0.2) ? dice.pick(SHARED) : dice.chance(0.3) ? 'x/same' : `x/${name}`
    const code = codeOf(by.get<AnyRecord>(record).set('', { last: name, [name]: true }))
    void code.then(code => {
      // It is only known of those what they went by that are done, or that their hook has refused.
      if (code === '' || code === 'ERR_INVALID') return
      assert(code === 'ERR_TIMEOUT' || code === 'ERR_CONFLICT', code)
      failed.add(name)
    })
    return [name, code]
  }
  const failed = new Set<string>()

  let working = 0
  const onWrite: OnWrite = async (...args) => {
    working++
    try {
      await hook(...args)
    } finally {
      working--
    }
  }
  const hang = (): Promise<void> => {
    working--
    return new Promise(() => {})
  }
  const hook: OnWrite = async ({ records: [about] }, tx) => {
    const { record = '', before, after } = about ?? {}
    const name = Object.keys(fieldsOf(after)).find(key => key !== 'last' && !(key in fieldsOf(before))) ?? ''
    const reads = new Map<string, string>()
    const writes = new Set<string>()
    if (record.startsWith('r/')) {
      reads.set(record, fieldsOf(before).last ?? '')
      // Otherwise it was written earlier than what came before it.
      if (fieldsOf(after).last === name) writes.add(record)
    }
    steps.set(name, { reads, writes })
    const run = (calls.get(name) ?? 0) + 1
    calls.set(name, run)
    const depth = Number(name.split('-')[0])
    const end = dice.pick(ENDS)
    for (let count = dice.below(4); count--;) {
      const other = dice.pick(SHARED)
      await sleep()
      const { last = '' } = (await tx.get<Shared>(other)) ?? {}
      if (!reads.has(other)) reads.set(other, last)
      if (dice.chance(0.5)) {
        writes.add(other)
        await tx.set(other, 'last', name)
      }
    }
    if (end === 'throws' && dice.chance(0.5)) {
      writes.clear()
      throw new Error('no')
    }
    if ((end === 'hangs' || (end === 'hangs later' && run > 1)) && dice.chance(0.5)) await hang()
    if (end === 'comes late' && dice.chance(0.3))
      await new Promise(resolve => setTimeout(resolve, dice.below(2 * TIMEOUT)))
    if (depth < 3 && dice.chance(0.4)) {
      const [, code] = write(world.own, depth + 1)
      if (dice.chance(0.7)) await code
    }
    await sleep()
  }

  const begin = spy(Turns.prototype, 'begin')
  const world = new ProcessWorld({ onWrite, timeout: TIMEOUT }, () => store)
  try {
    await world.opened()
    const pass = async (): Promise<void> => {
      await world.pass()
      while (store.count) await new Promise(resolve => turn(resolve))
    }
    let left = CLIENTS + 1
    const act = async (by: Records): Promise<void> => {
      for (let count = 0; count < WRITES; count++) {
        const began = Date.now()
        const [name, code] = write(by, 0)
        await code
        // What the process writes has its order, with what hooks write that come too late.
        assert(by === world.own || Date.now() - began <= TIMEOUT + SLACK, `${name} took ${Date.now() - began} ms`)
      }
      left--
    }
    const acting = Promise.all([...Array.from({ length: CLIENTS }, () => world.records()), world.own].map(act))
    acting.catch(() => (left = 0))
    while (left) await pass()
    await acting
    // What nobody waits for is over in time too: within hooks within hooks, one behind the other.
    // So is what is written by hooks that come to an end when it is too late.
    for (let time = 0; world.own.pending.length || working; time++) {
      assert(time < 20 * TIMEOUT)
      await pass()
    }
    for (const name of failed) steps.delete(name)
    const last = new Map<string, string>()
    for (const record of SHARED) {
      const found = world.own.snapshot<Shared>(record)
      await pass()
      await pass()
      last.set(record, (await found)?.last ?? '')
    }
    assertSerial(steps, last)
    const [turns] = begin.thisValues as Turns[]
    assert.equal(turns?.size, 0)
  } catch (error) {
    // That there is something left then is no news.
    await world.end().catch(() => {})
    throw error
  } finally {
    begin.restore()
  }
  await world.end()
}

describe('records: hooks that do what they like', function () {
  this.timeout(300_000)
  let folder: string

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'anywire-serial-'))
  })

  after(() => rm(folder, { recursive: true }))

  it('have writes be done one after the other, each in time, and leave nothing: memory', async () => {
    const { seed, numRuns } = runs(12)
    for (let run = 0; run < numRuns; run++) await play(new Dice(seed + run), memory())
  })

  it('have writes be done one after the other, each in time, and leave nothing: sqlite', async () => {
    const { seed, numRuns } = runs(2)
    for (let run = 0; run < numRuns; run++) await play(new Dice(seed + run), sqlite(join(folder, `${run}.db`)))
  })
})
