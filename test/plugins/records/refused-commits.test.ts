import assert from 'node:assert/strict'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { OnWrite, WriteTransaction } from '../../../plugins/records/server/hook.ts'
import { at, peerOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { GatedStore } from '../../support/gated-store.ts'
import { refusing } from '../../support/refusing-store.ts'

const CLIENTS = 5
const POISON = 'poison'

/** What a hook finds of a number. */
const read = async (tx: WriteTransaction, record: string): Promise<number> => {
  const found = await tx.get(record)
  return typeof found === 'object' && found !== null && 'n' in found ? Number(found['n']) : 0
}

const fieldOf = (value: unknown, key: string): number =>
  typeof value === 'object' && value !== null ? Number(new Map(Object.entries(value)).get(key) ?? 0) : 0

const sleep = (time: number): Promise<void> => new Promise(resolve => setTimeout(resolve, time))

/** What became of writes, by clients and numbers: '' for those that are done. */
const outcomesOf = ({ node, frames }: WireClient): Map<string, string> => {
  const codes = new Map<string, string>()
  let last = 0
  for (const frame of frames) {
    if (frame.type !== 'delta') continue
    for (const { number, code } of frame.results) {
      assert(!codes.has(`${node}/${number}`), 'each is told once')
      codes.set(`${node}/${number}`, code)
    }
    for (const [, number] of frame.acknowledged) {
      assert(number > last, 'in order')
      last = number
    }
  }
  for (let number = 1; number <= last; number++) {
    const name = `${node}/${number}`
    if (!codes.has(name)) codes.set(name, '')
  }
  return codes
}

/** Clients write what a store never takes beside what hooks count, in records that all want, as dice fall. */
const play = async (dice: Dice): Promise<void> => {
  /** What hooks found of what the same client has written, when they were called last. */
  const found = new Map<string, number>()
  const onWrite: OnWrite = async ({ records: [written], peer }, tx) => {
    const number = Number(written?.record.split('/')[2])
    if (!peer || !number) return
    if (dice.chance(0.5)) await sleep(dice.below(4))
    const own = `last/${peer.id}`
    found.set(`${peer.id}/${number}`, await read(tx, own))
    await tx.set(own, 'n', number)
    const total = `log/${number % 2}`
    await tx.set(total, 'n', (await read(tx, total)) + 1)
  }
  const world = new World(
    { onWrite },
    refusing(POISON, async () => {
      if (dice.chance(0.7)) await sleep(dice.below(10))
    })
  )
  try {
    const opening = world.authority.open()
    await world.pass(20)
    await opening
    const clients: WireClient[] = []
    for (let n = 0; n < CLIENTS; n++) {
      const client = world.client(`c${n}`, peerOf(`c${n}`))
      client.hello()
      clients.push(client)
    }
    await world.pass(100)
    const expected = new Map<string, string>()
    const counted = new Set<string>()
    for (let time = 0; time < 60; time++) {
      const client = dice.pick(clients as [WireClient, ...WireClient[]])
      for (let count = dice.below(4); count--;) {
        const name = `${client.node}/${client.number + 1}`
        const isPoison = dice.chance(0.1)
        const stamp = at(time, client.node, client.number)
        const isCounted = dice.chance(0.8)
        if (isCounted) counted.add(name)
        const writes = [stamp.make(), stamp.set('text', isPoison ? POISON : 'text')]
        client.write(isCounted ? `a/${name}` : `free/${client.node}-${client.number}`, writes)
        expected.set(name, isPoison ? 'ERR_STORE' : '')
      }
      await world.pass(dice.chance(0.3) ? dice.below(800) : dice.below(10))
    }
    await world.pass(40_000)
    assert.deepEqual(new Map(clients.flatMap(client => [...outcomesOf(client)])), expected)
    const done: number[] = []
    const last = new Map<string, number>()
    for (const [name, code] of expected) {
      if (!counted.has(name)) continue
      const [node = '', number] = name.split('/')
      // What is refused is missing, and nothing comes twice or before another one.
      assert.equal(found.get(name), last.get(node) ?? 0, name)
      if (code) continue
      last.set(node, Number(number))
      done.push(Number(number))
    }
    for (const rest of [0, 1])
      assert.equal(
        world.disk.rows(`log/${rest}`).find(({ path }) => path === 'n')?.value,
        done.filter(number => number % 2 === rest).length
      )
  } finally {
    await world.end()
  }
}

describe('records: what a store refuses for ever', function () {
  this.timeout(120_000)

  it('is refused alone: nobody waits for what is undone with it', async () => {
    const world = new World(
      {
        permit: ({ verb, record }) => verb === 'read' || record !== 'a/denied',
        onWrite: async ({ records: [written] }, tx) => {
          if (written?.record.startsWith('a/')) await tx.set('log', 'n', (await read(tx, 'log')) + 1)
        }
      },
      refusing(POISON, () => sleep(5))
    )
    try {
      const opening = world.authority.open()
      await world.pass(20)
      await opening
      const [ann, bob] = [
        await world.welcomed('ann', [], peerOf('ann')),
        await world.welcomed('bob', [], peerOf('bob'))
      ]
      const make = (client: WireClient, record: string, text = ''): void =>
        client.write(record, [at(0, client.node).make(), at(0, client.node).set('text', text)])
      make(bob, 'a/bob', POISON)
      make(ann, 'a/ann')
      make(ann, 'free/1')
      // That is in one commit; what is decided meanwhile is for the next one.
      await world.pass(3)
      make(ann, 'free/2')
      make(ann, 'a/denied')
      make(ann, 'a/2')
      await world.pass(2_000)
      assert.deepEqual([...outcomesOf(bob)], [['bob/1', 'ERR_STORE']])
      assert.deepEqual(
        [1, 2, 3, 4, 5].map(number => outcomesOf(ann).get(`ann/${number}`)),
        ['', '', '', 'ERR_DENIED', '']
      )
      assert.equal(world.disk.rows('log').find(({ path }) => path === 'n')?.value, 2)
    } finally {
      await world.end()
    }
  })

  const rules: readonly (readonly [string, Partial<AuthorityOptions>, string])[] = [
    [
      'valid',
      {
        collections: {
          'a/': { validate: value => fieldOf(value, 'n') + fieldOf(value, 'm') <= 10 }
        }
      },
      'ERR_INVALID'
    ],
    [
      'allowed',
      { permit: ({ verb, path, current }) => verb === 'read' || path !== 'n' || fieldOf(current, 'm') === 0 },
      'ERR_DENIED'
    ],
    ['to be added', {}, 'ERR_INVALID']
  ]
  for (const [title, options, code] of rules)
    it(`takes with it what was ${title} only by that`, async () => {
      let gate: GatedStore | undefined
      const store = refusing(POISON, () => Promise.resolve())
      const world = new World(options, inner => (gate = new GatedStore(store(inner))))
      try {
        const opening = world.authority.open()
        await world.pass(20)
        await opening
        const [ann, bob, eve] = [
          await world.welcomed('ann', [], peerOf('ann')),
          await world.welcomed('bob', [], peerOf('bob')),
          await world.welcomed('eve', [], peerOf('eve'))
        ]
        const isSum = title === 'to be added'
        ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('m', isSum ? 1.7e308 : 9)])
        await world.pass(20)
        gate?.hold('commit')
        ann.write('b/1', [at(0, 'ann').make()])
        await world.pass(5)
        bob.write('a/1', [at(1, 'bob').set('m', 0), at(1, 'bob').set('text', POISON)])
        await world.pass(5)
        eve.write(
          'a/1',
          isSum
            ? [at(2, 'eve').implicit(), at(2, 'eve').add('m', 1e308)]
            : [at(2, 'eve').implicit(), at(2, 'eve').set('n', 10)]
        )
        await world.pass(5)
        gate?.release()
        await world.pass(20_000)
        const kept = Object.fromEntries(world.disk.rows('a/1').map(({ path, value }) => [path, value]))
        assert.deepEqual(
          [outcomesOf(bob), outcomesOf(eve)].map(found => [...found.values()]),
          [['ERR_STORE'], [code]]
        )
        assert.deepEqual(kept, { '': undefined, m: isSum ? 1.7e308 : 9 })
      } finally {
        await world.end()
      }
    })

  it('keeps nobody waiting for what its writer has behind that, and had a place for', async () => {
    let gate: GatedStore | undefined
    const onWrite: OnWrite = async ({ records }, tx) => {
      if (records.length > 1) await sleep(1)
      else if (records[0]?.record === 'a/s') await tx.get('a/t')
    }
    const store = refusing(POISON, () => Promise.resolve())
    const world = new World({ onWrite }, inner => (gate = new GatedStore(store(inner))))
    try {
      const opening = world.authority.open()
      await world.pass(20)
      await opening
      const [ann, bob, eve] = [await world.welcomed('ann'), await world.welcomed('bob'), await world.welcomed('eve')]
      for (const id of ['a/s', 'a/r', 'a/t']) ann.write(id, [at(0, 'ann').make()])
      await world.pass(20)
      gate?.hold('commit')
      ann.write('a/r', [at(1, 'ann').set('x', 1)])
      await world.pass(5)
      bob.write('a/t', [at(2, 'bob').set('x', POISON)])
      await world.pass(5)
      // It goes by what is never kept, and what is behind it waits for the commit that is under way.
      eve.write('a/s', [at(3, 'eve').set('x', 1)])
      await world.pass(5)
      const records = ['a/s', 'a/r'].map(record => ({ record, registers: [at(4, 'eve').set('y', 2)] }))
      eve.say({ type: 'write', node: 'eve', number: ++eve.number, atomic: true, conditions: [], records })
      await world.pass(5)
      gate?.release()
      await world.pass(20_000)
      ann.write('a/r', [at(5, 'ann').set('x', 2)])
      await world.pass(20_000)
      const outcomes = [ann, bob, eve].map(client => [...outcomesOf(client).values()])
      assert.deepEqual(outcomes, [['', '', '', '', ''], ['ERR_STORE'], ['', '']])
    } finally {
      await world.end()
    }
  })

  it('is refused alone, and what hooks went by it is judged again, in order', async () => {
    const { seed, numRuns } = runs(30)
    for (let run = 0; run < numRuns; run++)
      await play(new Dice(seed + run)).catch((error: Error) => {
        throw new Error(`SEED=${seed + run}`, { cause: error })
      })
  })
})
