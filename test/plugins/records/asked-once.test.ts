import assert from 'node:assert/strict'
import type { PermitQuestion } from '../../../plugins/records/server/options.ts'
import type { Query } from '../../../plugins/records/core/query.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import { GatedStore } from '../../support/gated-store.ts'

/** What is followed, and how many of ten records are asked about. */
const QUERIES: readonly (readonly [query: Query | undefined, count: number])[] = [
  [undefined, 10],
  [{}, 10],
  [{ where: [['n', '<', 4]] }, 4],
  [{ where: [['n', '<', 4]], order: ['n'], limit: 2 }, 4]
]

describe('an authority of records asks who may see a record', () => {
  let world: World
  let asked: string[]
  let delay: number
  let isAllowed: boolean

  beforeEach(async () => {
    asked = []
    delay = 0
    isAllowed = true
    const permit = ({ record, verb }: PermitQuestion): boolean | Promise<boolean> => {
      if (verb !== 'read') return true
      if (!record.endsWith('/')) asked.push(record)
      const answer = isAllowed
      return delay ? new Promise(resolve => setTimeout(() => resolve(answer), delay)) : answer
    }
    world = new World({ permit })
    await world.authority.open()
    const root = await world.welcomed('root')
    for (let n = 0; n < 10; n++) root.write(`a/${n}`, [at(1, 'root').make(), at(1, 'root').set('n', n)])
    await world.pass()
  })

  afterEach(() => world.end())

  for (const wait of [0, 5])
    for (const [query, count] of QUERIES)
      it(`once, as somebody begins to follow ${JSON.stringify(query ?? 'all')}, and not where it is not asked for: ${wait ? 'a' : ''}synchronous`, async () => {
        delay = wait
        const ann = await world.welcomed('ann', [scope(1, 'a/', { query })], peerOf('ann'))
        await world.pass(100)
        assert.deepEqual([asked.length, new Set(asked).size], [count, count])
        const told = ann.frames.flatMap(frame => (frame.type === 'delta' ? frame : []))
        assert.equal(Object.keys(contents(told)).length, query?.limit ?? count)
        ann.refresh()
        await world.pass(100)
        assert.equal(asked.length, 2 * count)
      })

  it('again where permissions change, or the record does, while it is read', async () => {
    for (const [isRefreshed, first] of [
      [true, 11],
      [false, 13]
    ] as const) {
      await world.authority.close()
      isAllowed = true
      let judge = (): void => {}
      let isHeld = true
      const held = new Promise<void>(resolve => (judge = resolve))
      const permit = ({ record, verb, value }: PermitQuestion): boolean | Promise<boolean> => {
        const answer = verb !== 'read' || record.endsWith('/') || (isAllowed && !isHidden(value))
        if (verb !== 'read' || record.endsWith('/')) return answer
        return isHeld ? held.then(() => answer) : new Promise(resolve => setTimeout(() => resolve(answer), 5))
      }
      let gate: GatedStore | undefined
      await world.make({ permit }, store => (gate = new GatedStore(store))).open()
      const root = await world.welcomed('root')
      const write = (number: number): void =>
        root.write('a/3', [at(number, 'root').set(number % 2 ? 'seen' : 'hidden', true)], { number })
      // From here on it is in memory.
      write(first)
      await world.pass()
      const ann = world.client('ann', peerOf('ann'))
      ann.hello([scope(1, 'a/')])
      await world.pass()
      // What is in it is judged, and is to be read once more.
      gate?.hold('rows')
      isHeld = false
      judge()
      await world.pass()
      if (isRefreshed) {
        isAllowed = false
        ann.refresh()
      } else write(first + 1)
      await world.pass()
      gate?.release()
      await world.pass(100)
      const told = ann.frames.flatMap(frame => (frame.type === 'delta' ? frame : []))
      assert.equal(Object.keys(contents(told)).length, isRefreshed ? 0 : 9)
    }
  })
})

const isHidden = (value: unknown): boolean => typeof value === 'object' && value !== null && 'hidden' in value
