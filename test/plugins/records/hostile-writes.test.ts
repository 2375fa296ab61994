import assert from 'node:assert/strict'
import { spy } from 'sinon'
import { Branch } from '../../../plugins/records/core/place.ts'
import type { Place } from '../../../plugins/records/core/place.ts'
import type { Write } from '../../../plugins/records/core/register.ts'
import type { Permit } from '../../../plugins/records/server/options.ts'
import { at, peerOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

type At = ReturnType<typeof at>
type Make = (of: (time: number) => At, n: number) => readonly Write[]

const many = (count: number, make: (index: number) => Write | readonly Write[]): Write[] =>
  Array.from({ length: count }, (_, index) => make(index)).flat()

/** Later than all else that is written here. */
const LATE = 20_000

const fields: Make = (of, n) => many(n, index => of(LATE).set(`o.f${index}`, 1))
const items: Make = (of, n) =>
  many(n, index => [of(1).set(`list.${index}.@pos`, 'a'), of(1).set(`list.${index}.@value`, 1)])

/** What is there, and what is written of which the cost could be the square. */
const WRITES: Readonly<Record<string, readonly [there: Make, written: Make]>> = {
  'deletions of items': [items, (of, n) => many(n, index => of(2 + index).remove(`list.${index}`))],
  'deletions of positions': [items, (of, n) => many(n, index => of(2 + index).remove(`list.${index}.@pos`))],
  'objects, each over the same fields that are newer': [fields, (of, n) => many(n, index => of(2 + index).make('o'))],
  'deletions, each over the same fields that are newer, and increments beside': [
    fields,
    (of, n) => many(n, index => [of(2 + index).remove('o'), of(2 + index).add('count', 1)])
  ],
  'deletions, each over the same fields that are newer, and increments below': [
    fields,
    (of, n) => many(n, index => [of(2 + index).remove('o'), of(2 + index).add('o.count', 1)])
  ],
  'deletions over fields that are newer, one less each time, and increments below': [
    (of, n) => many(n, index => of(2 * index + 3).set(`o.f${index}`, 1)),
    (of, n) => many(n, index => [of(2 * index + 2).remove('o'), of(2 * index + 2).add('o.count', 1)])
  ],
  'increments of what has newer fields': [fields, (of, n) => many(n, index => of(2 + index).add('o', 1))],
  'increments of what had fields, that were deleted later': [
    (of, n) => many(n, index => of(LATE).remove(`o.f${index}`)),
    (of, n) => many(n, index => of(2 + index).add('o', 1))
  ],
  'increments of what gets one field more each time': [
    () => [],
    (of, n) => many(n, index => [of(LATE + index).set(`o.f${index}`, 1), of(2 + index).add('o', 1)])
  ],
  'a field that is deleted with its object again and again, beside others': [
    (of, n) => many(n, index => of(1).set(`f${index}`, 1)),
    (of, n) =>
      many(n, index => [of(2 * index + 2).set('o.f', index), of(2 * index + 3).remove('o'), of(2).add('count', 1)])
  ]
}

/** How many places below others are gone through, and objects, within some work. */
const countedIn = async (work: () => Promise<void>): Promise<number> => {
  let count = 0
  const counted = function* <T>(items: Iterable<T>): Generator<T> {
    for (const item of items) {
      count++
      yield item
    }
  }
  const entries = spy(Object, 'entries')
  const own = { configurable: true, writable: true }
  const prototype = Map.prototype as Map<string, Place>
  Object.defineProperty(Branch.prototype, Symbol.iterator, {
    ...own,
    value(this: Branch) {
      return counted(prototype.entries.call(this) as Iterable<unknown>)
    }
  })
  Object.defineProperty(Branch.prototype, 'values', {
    ...own,
    value(this: Branch) {
      return counted(prototype.values.call(this) as Iterable<unknown>)
    }
  })
  try {
    await work()
    return count + entries.callCount
  } finally {
    entries.restore()
    Reflect.deleteProperty(Branch.prototype, Symbol.iterator)
    Reflect.deleteProperty(Branch.prototype, 'values')
  }
}

/** The work that a server has with what a client writes, who may do some of it. */
const workOf = async ([there, written]: readonly [Make, Make], n: number): Promise<number> => {
  const world = new World({ permit: ({ verb, path }) => verb === 'read' || path !== 'secret' })
  try {
    await world.authority.open()
    const [eve, ann] = [await world.welcomed('eve'), await world.welcomed('ann', [], peerOf('ann'))]
    eve.write('docs/1', [at(0, 'eve').make(), ...there(time => at(time, 'eve'), n)])
    await world.pass(10)
    assert.deepEqual(eve.delta.results, [])
    const count = await countedIn(async () => {
      ann.write(
        'docs/1',
        written(time => at(time, 'ann'), n)
      )
      await world.pass(10)
    })
    assert.deepEqual(ann.delta.acknowledged, [['ann', 1]])
    return count
  } finally {
    await world.end()
  }
}

describe('records: a write costs a server no more than in proportion to its size', function () {
  this.timeout(60_000)

  for (const [name, writes] of Object.entries(WRITES))
    it(name, async () => {
      const [some, twice] = [await workOf(writes, 1_000), await workOf(writes, 2_000)]
      assert(twice < 2.5 * some, `${some}, and ${twice} of twice as much`)
    })
})

describe('records: small writes to a large record', () => {
  let world: World

  afterEach(() => world.end())

  const large = async (
    size: number,
    permit: Permit
  ): Promise<{ readonly eve: WireClient; readonly ann: WireClient }> => {
    world = new World({ permit })
    await world.authority.open()
    const [eve, ann] = [await world.welcomed('eve'), await world.welcomed('ann', [], peerOf('ann'))]
    eve.write('docs/1', [at(0, 'eve').make(), ...many(size, index => at(0, 'eve').set(`f${index}.x`, index))])
    await world.pass(10)
    assert.deepEqual(eve.delta.results, [])
    return { eve, ann }
  }

  it('have nobody go through it for who may not do them', async () => {
    const { ann } = await large(5_000, ({ verb }) => verb === 'read')
    const write = (): void => ann.write('docs/1', [at(1, 'ann').implicit(), at(1, 'ann').set('f7.y.z', 1)])
    // What is seen of it is made once.
    write()
    await world.pass(10)
    const count = await countedIn(async () => {
      for (let n = 0; n < 100; n++) write()
      await world.pass(100)
    })
    assert.equal(ann.deltas.flatMap(({ results }) => results).length, 101)
    assert.ok(count < 100, `${count} places`)
  })

  it('are judged in turns, with those of others in between', async () => {
    let asked = 0
    const { eve, ann } = await large(9_000, ({ verb }) => {
      asked++
      return verb === 'read'
    })
    for (let n = 0; n < 100; n++) ann.write('docs/1', [at(1, 'ann').make()])
    assert.ok(asked < 20, `${asked} at once`)
    eve.write('docs/2', [at(1, 'eve').make()])
    let turns = 0
    for (; !eve.deltas.length; turns++) await world.clock.nextAsync()
    assert.ok(turns < 10 && asked < 50, `${turns} turns, ${asked} of the others`)
    await world.pass(100)
    assert.equal(asked, 100)
    assert.deepEqual(ann.deltas.at(-1)?.acknowledged, [['ann', 100]])
  })
})
