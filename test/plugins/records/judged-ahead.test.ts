import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { PermitQuestion } from '../../../plugins/records/index.ts'
import type { Peer } from '../../../lib/server/peer.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'

const wait = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** What is asked at the same time, at most, and how often. */
class Asked {
  now = 0
  most = 0
  readonly records: string[] = []

  async ask(record: string, answer: () => unknown): Promise<boolean> {
    this.records.push(record)
    this.most = Math.max(this.most, ++this.now)
    await answer()
    this.now--
    return true
  }
}

describe('records: writes of one client that are judged asynchronously', () => {
  let world: World
  let asked: Asked

  afterEach(() => world.end())

  const start = async (options: Partial<AuthorityOptions> = {}) => {
    asked = new Asked()
    world = new World({
      permit: ({ verb, record }: PermitQuestion) =>
        verb === 'read' || asked.ask(record, () => wait(record.startsWith('slow/') ? 300 : 20)),
      ...options
    })
    await world.authority.open()
    return world.welcomed('ann', [], peerOf('ann'))
  }

  it('are so at the same time, where they are about different records, and done in their order', async () => {
    const ann = await start()
    for (let n = 0; n < 320; n++) ann.write(`a/${n}`, [at(n, 'ann').make()])
    await world.pass(15 * 20)
    const acknowledged = ann.deltas.flatMap(({ acknowledged }) => acknowledged.map(([, number]) => number))
    assert.equal(acknowledged.at(-1), 320)
    assert.deepEqual(
      acknowledged,
      acknowledged.toSorted((a, b) => a - b)
    )
    assert.equal(asked.records.length, 320)
    assert.equal(asked.most, 32)
  })

  it('wait for those before them, whatever was said of them already', async () => {
    const ann = await start()
    ann.write('slow/1', [at(1, 'ann').make()])
    ann.write('a/1', [at(2, 'ann').make()])
    await world.pass(100)
    assert.deepEqual([ann.deltas, asked.records], [[], ['slow/1', 'a/1']])
    await world.pass(210)
    assert.deepEqual(ann.delta.acknowledged, [['ann', 2]])
    assert.deepEqual(asked.records, ['slow/1', 'a/1'])
  })

  it('are judged again where others wrote the record meanwhile', async () => {
    const seen: unknown[] = []
    const ann = await start({
      permit: ({ verb, record, current }) => {
        if (verb === 'read') return true
        if (record === 'a/1') seen.push(current)
        return asked.ask(record, () => wait(record === 'slow/1' ? 300 : 0))
      }
    })
    const bob = await world.welcomed('bob', [], peerOf('bob'))
    bob.write('a/1', [at(0, 'bob').make(), at(0, 'bob').set('n', 1)])
    await world.pass(10)
    ann.write('slow/1', [at(1, 'ann').make()])
    ann.write('a/1', [at(2, 'ann').set('n', 3)])
    await world.pass(10)
    bob.write('a/1', [at(1, 'bob').set('n', 2)])
    await world.pass(400)
    // Of a record that is made it is asked, and of its field.
    assert.deepEqual(seen, [undefined, undefined, { n: 1 }, { n: 1 }, { n: 2 }])
  })

  it('are judged again when it is their turn before they are refused, as who refuses may have asked for what was not there yet', async () => {
    const ann = await start({
      permit: ({ verb, record }) => {
        if (verb === 'read') return true
        if (record === 'boards/1') return asked.ask(record, () => wait(50))
        asked.records.push(record)
        if (record === 'no/1') return wait(100).then(() => false)
        const isThere = world.disk.rows('boards/1').length > 0
        return wait(5).then(() => isThere)
      }
    })
    ann.write('boards/1', [at(1, 'ann').make()])
    // What is refused before it is nothing that would have to be committed.
    ann.write('no/1', [at(2, 'ann').make()])
    ann.write('cards/1', [at(3, 'ann').make()])
    await world.pass(400)
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [[2, 'ERR_DENIED']]
    )
    assert.deepEqual(asked.records, ['boards/1', 'no/1', 'cards/1', 'no/1', 'cards/1'])
  })

  /** One who is banned while the write in front is judged. @returns the ends of the records whose writes are done */
  const ban = async (isTold: (ann: WireClient, peer: Peer) => void, time = 300): Promise<string[]> => {
    let isBanned = false
    const peer = peerOf('ann')
    world = new World({
      permit: async ({ verb, record }) => {
        const isAllowed = !isBanned
        if (verb !== 'read') await wait(record === 'slow/1' ? time : 0)
        return isAllowed
      }
    })
    await world.authority.open()
    const ann = await world.welcomed('ann', [], peer)
    ann.write('slow/1', [at(1, 'ann').make()])
    for (let n = 0; n < 5; n++) ann.write(`docs/${n}`, [at(2, 'ann').make()])
    await world.pass(50)
    isBanned = true
    isTold(ann, peer)
    await world.pass(time + 50)
    return [...world.disk.ids('')].toSorted()
  }

  it('are judged again when permissions have changed', async () => {
    assert.deepEqual(await ban((_ann, peer) => world.authority.refresh('', other => other === peer)), ['slow/1'])
  })

  it('are judged again when their author is somebody else', async () => {
    assert.deepEqual(await ban(ann => ann.refresh()), ['slow/1'])
  })

  it('are judged again when their author has gone, and nobody tells of it', async () => {
    const left = await ban(ann => {
      ann.end()
      world.authority.refresh('', () => true)
    })
    assert.deepEqual(left, ['slow/1'])
  })

  it('are judged again when that was too long ago', async () => {
    assert.deepEqual(await ban(() => {}, 1_001), ['slow/1'])
  })

  it('come to the same as one after the other', async () => {
    await start()
    await world.end()
    const write = fc.record({
      record: fc.constantFrom('boards/1', 'boards/2', 'cards/1', 'cards/2', 'cards/3'),
      what: fc.constantFrom('make', 'set', 'delete', 'both'),
      condition: fc.boolean()
    })
    /** A card is of a board that is there, and no more than three of something are in it. */
    const play = async (
      script: readonly { record: string; what: string; condition: boolean }[],
      pause: () => unknown,
      isAlone = false
    ) => {
      world = new World({
        permit: async ({ verb, record, records, current }) => {
          if (verb === 'read') return true
          await pause()
          if (record.startsWith('boards/')) return true
          const number = typeof current === 'object' && current !== null && 'n' in current ? Number(current['n']) : 0
          return (await records.has(number % 2 ? 'boards/1' : 'boards/2')) && number !== 7
        },
        collections: {
          'cards/': {
            validate: async (_value, record, records) => {
              await pause()
              return record !== 'cards/3' || (await records.has('cards/1'))
            }
          }
        }
      })
      await world.authority.open()
      const ann = await world.welcomed('ann', [scope(1, 'boards/'), scope(2, 'cards/')], peerOf('ann'))
      for (const [n, { record, what, condition }] of script.entries()) {
        const { make, set, remove } = at(n, 'ann')
        const writes =
          {
            make: [make(), set('n', n)],
            set: [set('n', n)],
            delete: [remove()],
            both: [make(), set('n', n)]
          }[what] ?? []
        const records = what === 'both' ? [{ record: 'boards/2', registers: [make()] }] : []
        ann.write(record, [], {
          records: [{ record, registers: writes }, ...(record === 'boards/2' ? [] : records)],
          atomic: what === 'both',
          conditions: condition && what === 'make' ? [[record, 0]] : []
        })
        // Each is done before the next one comes.
        if (isAlone) await world.pass(100)
      }
      await world.pass(3_000)
      const { deltas } = ann
      const outcome = {
        contents: contents(deltas),
        results: deltas.flatMap(({ results }) => results),
        acknowledged: deltas.at(-1)?.acknowledged ?? [],
        left: [...world.disk.ids('')].flatMap(id =>
          world.disk.rows(id).map(({ path, kind, value, t, node }) => [id, path, kind, value, t, node])
        )
      }
      await world.end()
      return outcome
    }
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 2, maxLength: 25 }), fc.nat(), async (script, seed) => {
        const dice = new Dice(seed)
        const pause = () => wait(dice.below(10))
        assert.deepEqual(await play(script, pause), await play(script, pause, true))
      }),
      { numRuns: 60 }
    )
    await start()
  })
})
