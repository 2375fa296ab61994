import assert from 'node:assert/strict'
import fc from 'fast-check'
import { makePipeline } from '../../lib/pipeline.ts'
import type { Interceptor } from '../../lib/pipeline.ts'
import { guard } from '../support/faults-guard.ts'
import { runs } from '../support/faults-seed.ts'
import { turns, until } from '../support/faults-wait.ts'

/** What an interceptor does with a value. */
const KINDS = ['pass', 'rewrite', 'drop', 'throw', 'pass and throw', 'twice'] as const
const ASYNC = ['await, pass', 'pass, await', 'await, drop', 'reject', 'pass and reject', 'await, twice'] as const
type Kind = (typeof KINDS)[number] | (typeof ASYNC)[number] | 'later'

/** How often a kind passes a value on, and what it reports. */
const passes = (kind: Kind): boolean => !['drop', 'throw', 'await, drop', 'reject'].includes(kind)
const errs = (kind: Kind): boolean => /throw|reject|twice/.test(kind)

interface Value {
  readonly id: number
  readonly kinds: readonly Kind[]
  readonly seen: readonly number[]
}

const interceptor =
  (stage: number): Interceptor =>
  (given, next) => {
    const value = given as Value
    const kind = value.kinds[stage] ?? 'pass'
    const passed = { ...value, seen: [...value.seen, stage] }
    const fail = (): never => {
      throw new Error(`${kind} ${value.id} ${stage}`)
    }
    const later = async (): Promise<void> => {
      await turns(1 + (value.id % 3))
      if (passes(kind)) next(passed)
      if (kind === 'await, twice') next(passed)
      if (errs(kind) && kind !== 'await, twice') fail()
    }
    if (kind === 'later') return void setImmediate(() => next(passed))
    if (kind === 'pass, await') return (next(passed), turns(2))
    if ((ASYNC as readonly string[]).includes(kind)) return later()
    if (passes(kind)) next(passed)
    if (kind === 'twice') next(passed)
    else if (errs(kind)) fail()
    return undefined
  }

const arrive = (value: Value): boolean => value.kinds.every(passes)

/** How many errors a value makes on its way. */
const errors = ({ kinds }: Value): number => {
  const end = kinds.findIndex(kind => !passes(kind))
  return kinds.slice(0, end < 0 ? undefined : end + 1).filter(errs).length
}

interface History {
  readonly stages: number
  readonly values: readonly Value[]
  /** Whether the gate is open after each value. */
  readonly gates: readonly boolean[]
}

const histories = (kinds: readonly Kind[]): fc.Arbitrary<History> =>
  fc.integer({ min: 0, max: 3 }).chain(stages =>
    fc
      .array(fc.tuple(fc.array(fc.constantFrom(...kinds), { minLength: stages, maxLength: stages }), fc.boolean()), {
        maxLength: 12,
        size: 'max'
      })
      .map(all => ({
        stages,
        values: all.map(([kinds], id) => ({ id, kinds, seen: [] })),
        gates: all.map(([, gate]) => gate)
      }))
  )

interface Result {
  readonly out: number[]
  readonly settled: number[]
  readonly failures: unknown[]
}

/** Sends the values through, a few a turn, while the gate opens and closes. */
const travel = async (values: readonly Value[], stages: number, gates: readonly boolean[]): Promise<Result> => {
  const result: Result = { out: [], settled: [], failures: [] }
  let open = true
  const pipeline = makePipeline(
    error => result.failures.push(error),
    () => open
  )
  const gate = (next: boolean): void => {
    open = next
    pipeline.work()
  }
  for (let stage = 0; stage < stages; stage++) pipeline.use(interceptor(stage))
  for (const [index, value] of values.entries()) {
    const done = (passed: unknown): void => {
      const { id, seen } = passed as Value
      assert.deepEqual(
        seen,
        Array.from({ length: stages }, (_, stage) => stage),
        'each interceptor saw it, in order'
      )
      assert.ok(open, 'nothing comes out while the gate is shut')
      result.out.push(id)
    }
    pipeline.run(value, done, () => result.settled.push(value.id))
    const next = gates[index]
    if (next !== undefined) gate(next)
    if (index % 3 === 2) await turns(1)
  }
  gate(true)
  let over = false
  pipeline.after(() => {
    over = true
  })
  await until(() => over)
  await turns(6)
  return result
}

describe('Pipeline', () => {
  guard()

  it('keeps the order, whatever interceptors do with the values', () =>
    fc.assert(
      fc.asyncProperty(histories([...KINDS, ...ASYNC]), async ({ stages, values, gates }) => {
        const { out, settled, failures } = await travel(values, stages, gates)
        assert.deepEqual(
          out,
          values.filter(arrive).map(({ id }) => id)
        )
        assert.deepEqual(
          settled,
          values.map(({ id }) => id),
          'each value is settled once, in order'
        )
        assert.equal(
          failures.length,
          values.reduce((sum, value) => sum + errors(value), 0),
          'each failure is told once'
        )
      }),
      runs(150)
    ))

  it('delays only the values that are passed on later', () =>
    fc.assert(
      fc.asyncProperty(histories(['pass', 'rewrite', 'drop', 'later']), async ({ stages, values }) => {
        const { out, failures } = await travel(values, stages, [])
        const late = values.filter(({ kinds }) => kinds.includes('later')).map(({ id }) => id)
        const arriving = values.filter(arrive).map(({ id }) => id)
        assert.deepEqual(
          out.filter(id => !late.includes(id)),
          arriving.filter(id => !late.includes(id))
        )
        assert.deepEqual(
          [...out].sort((a, b) => a - b),
          arriving
        )
        assert.deepEqual(failures, [])
      }),
      runs(100)
    ))

  it('reports what fails behind the interceptors, and goes on', async () => {
    for (const kind of ['pass', 'await, pass', 'later'] as const) {
      const failures: unknown[] = []
      const out: number[] = []
      const pipeline = makePipeline(error => failures.push(error))
      pipeline.use(interceptor(0))
      for (let id = 0; id < 3; id++) {
        pipeline.run({ id, kinds: [kind], seen: [] }, value => {
          if ((value as Value).id === 1) throw new Error('no room')
          out.push((value as Value).id)
        })
      }
      await until(() => out.length + failures.length === 3)
      assert.deepEqual(out, [0, 2], kind)
      assert.match(`${failures[0]}`, /no room/)
    }
  })

  it('rests when nothing goes on by itself', async () => {
    let open = true
    const told: unknown[] = []
    const pipeline = makePipeline(
      () => assert.fail(),
      () => open
    )
    const run = (value: unknown): void => pipeline.run(value, passed => told.push(passed))
    pipeline.rest(() => told.push('at once'))
    pipeline.use(async (value, next) => {
      await turns(1)
      next(value)
    })
    for (const value of [1, 2, 3]) run(value)
    pipeline.rest(() => told.push('behind'))
    await until(() => told.length === 5)
    assert.deepEqual(told.splice(0), ['at once', 1, 2, 3, 'behind'])
    for (const value of [4, 5]) run(value)
    pipeline.rest(() => told.push('behind those that are read'))
    open = false
    await until(() => told.length === 1)
    open = true
    pipeline.work()
    await until(() => told.length === 3)
    assert.deepEqual(told, ['behind those that are read', 4, 5])
  })

  it('goes on when an interceptor is taken away while values wait, whatever fails then', async () => {
    const failures: unknown[] = []
    const out: unknown[] = []
    const pipeline = makePipeline(error => failures.push(error))
    let release = (): void => {}
    const undo = pipeline.use(async (_value, next) => {
      await new Promise<void>(resolve => (release = resolve))
      next(0)
    })
    pipeline.run(0, value => out.push(value))
    pipeline.run(1, () => {
      throw new Error('no room')
    })
    pipeline.run(2, value => out.push(value))
    undo()
    release()
    await until(() => out.length === 2)
    assert.deepEqual(out, [0, 2])
    assert.equal(failures.length, 1)
    assert.equal(pipeline.length, 0)
  })

  it('takes an interceptor that returns something else than a promise', async () => {
    const failures: unknown[] = []
    const out: unknown[] = []
    const pipeline = makePipeline(error => failures.push(error))
    const odd = ((value, next) => (next(value), value)) as Interceptor
    pipeline.use(odd)
    for (const value of [1, 'text', {}, true]) pipeline.run(value, passed => out.push(passed))
    await until(() => out.length === 4)
    assert.deepEqual(out, [1, 'text', {}, true])
    assert.deepEqual(failures, [])
  })

  it('removes the interceptor that the undo came from, once, even where the same one is there twice', () => {
    const pipeline = makePipeline(() => {})
    const out: unknown[] = []
    const double: Interceptor = (value, next) => next(Number(value) * 2)
    const undo = pipeline.use(double)
    pipeline.use(double)
    pipeline.run(1, value => out.push(value))
    undo()
    undo()
    pipeline.run(1, value => out.push(value))
    assert.deepEqual(out, [4, 2])
  })

  it('has values that are written by interceptors and by receivers wait for their turn', () => {
    const out: unknown[] = []
    const pipeline = makePipeline(() => {})
    const send = (value: number): void => pipeline.run(value, passed => out.push(passed))
    pipeline.use((value, next) => {
      if (value === 1) send(2)
      next(value)
    })
    pipeline.run(1, passed => {
      send(3)
      out.push(passed)
    })
    assert.deepEqual(out, [1, 2, 3])
  })

  it('keeps the order of what is passed on later, also as the gate opens', () => {
    let open = true
    const out: unknown[] = []
    const held: (() => void)[] = []
    const pipeline = makePipeline(assert.ifError, () => open)
    pipeline.use((value, next) => void held.push(() => next(value)))
    for (const value of [1, 2, 3]) pipeline.run(value, passed => out.push(passed))
    open = false
    held[0]?.()
    // As a listener for 'data' does, for whom work is done a moment later.
    open = true
    held[1]?.()
    assert.deepEqual(out, [])
    pipeline.work()
    held[2]?.()
    assert.deepEqual(out, [1, 2, 3])
  })
})
