import assert from 'node:assert/strict'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { OnWrite } from '../../../plugins/records/server/hook.ts'
import { at, peerOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { GatedStore } from '../../support/gated-store.ts'

const sleep = (time: number): Promise<void> => new Promise(resolve => setTimeout(resolve, time))

/** Writes all of it or nothing, into several records. */
const together = (client: WireClient, records: readonly string[]): void => {
  const number = ++client.number
  client.write('', [], {
    number,
    atomic: true,
    records: records.map(record => ({ record, registers: [at(number, client.node).make()] }))
  })
}

const acknowledged = ({ deltas }: WireClient): number =>
  deltas.flatMap(({ acknowledged }) => acknowledged.map(([, number]) => number)).at(-1) ?? 0

/** What is written, before anybody is asked about it. */
interface Step {
  readonly client: WireClient
  readonly records: readonly string[]
}

describe('records: who waits for several records', () => {
  let world: World

  afterEach(() => world.end())

  const clients = (count: number): Promise<WireClient[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => world.welcomed(`c${n}`, [], peerOf(`c${n}`))))

  const opened = async (count: number, options: Partial<AuthorityOptions>): Promise<WireClient[]> => {
    world = new World(options)
    await world.authority.open()
    return clients(count)
  }

  const asked: Readonly<Record<string, Partial<AuthorityOptions>>> = {
    onWrite: { onWrite: () => sleep(10) },
    permit: { permit: ({ verb }) => verb === 'read' || sleep(10).then(() => true) }
  }
  for (const [name, options] of Object.entries(asked))
    it(`gets them in its turn, though two others keep each of them busy: by ${name}`, async () => {
      const [ann, bob, cid] = (await opened(3, options)) as [WireClient, WireClient, WireClient]
      for (let n = 1; n <= 50; n++) ann.write('docs/x', [at(n, ann.node).make()])
      await world.pass(5)
      for (let n = 1; n <= 50; n++) bob.write('docs/y', [at(n, bob.node).make()])
      await world.pass(1)
      together(cid, ['docs/x', 'docs/y'])
      // What is under way, and its own.
      await world.pass(30)
      assert.equal(acknowledged(cid), 1)
      await world.pass(1_000)
      assert.deepEqual([acknowledged(ann), acknowledged(bob), world.failed], [50, 50, []])
    })

  it('has others wait no longer than for any answer, where its own does not come', async () => {
    const times: Readonly<Record<string, number>> = { c0: 5, c1: 1_000, c2: 0 }
    const [ann, bob, cid] = (await opened(3, {
      permit: ({ peer, verb }) => verb === 'read' || sleep(times[peer.id] ?? 0).then(() => true),
      timeout: 100
    })) as [WireClient, WireClient, WireClient]
    ann.write('docs/x', [at(1, ann.node).make()])
    await world.pass()
    together(bob, ['docs/x', 'docs/y'])
    await world.pass()
    cid.write('docs/y', [at(1, cid.node).make()])
    // Others wait for one answer for a tenth of the time.
    await world.pass(12)
    assert.deepEqual([acknowledged(ann), acknowledged(cid)], [1, 0])
    await world.pass(5)
    assert.equal(acknowledged(cid), 1)
    await world.pass(1_000)
    assert.match(String(world.failed), /permit, .* of 'docs\/x', 'docs\/y'/)
  })

  it('has others wait no longer when its client confirms nothing', async () => {
    let store: GatedStore | undefined
    world = new World({}, inner => (store = new GatedStore(inner)))
    await world.authority.open()
    const [ann, bob] = (await clients(2)) as [WireClient, WireClient]
    store?.hold('commit')
    ann.write('docs/z', [at(1, ann.node).make()])
    await world.pass()
    // What comes of it is committed next: more than a client may leave unconfirmed.
    for (let n = 0; n <= 1_000; n++) ann.write('docs/none', [at(1, ann.node).set('a', n)])
    bob.write('docs/x', [at(2, bob.node).make()])
    await world.pass()
    store?.release('commit')
    store?.hold('commit')
    await world.pass()
    together(ann, ['docs/x', 'docs/y'])
    bob.write('docs/y', [at(3, bob.node).make()])
    await world.pass()
    store?.release('commit')
    await world.pass()
    assert.equal(acknowledged(bob), 2)
  })

  it('has all of them in memory at once, also where there is room for one', async () => {
    let store: GatedStore | undefined
    world = new World({ limits: { cache: 1 } }, inner => {
      store = new GatedStore(inner)
      const rows = store.rows.bind(store)
      // It would be asked for ever.
      store.rows = (...args) => (store && store.begun.rows > 10 ? new Promise(() => {}) : rows(...args))
      return store
    })
    await world.authority.open()
    const [ann] = (await clients(1)) as [WireClient]
    ann.write('docs/x', [at(1, ann.node).make()])
    await world.pass()
    together(ann, ['docs/x', 'docs/y'])
    await world.pass()
    assert.equal(acknowledged(ann), 2)
  })

  it('waits only for who came before, and who is under way: in any order', async () => {
    const { seed, numRuns } = runs(60)
    for (let run = 0; run < numRuns; run++) {
      await play(new Dice(seed + run))
      await world.end()
    }
    world = new World()
  })

  /** Clients write sets of records, and hooks take their time, as dice fall. */
  const play = async (dice: Dice): Promise<void> => {
    const waiting: Step[] = []
    const wrong: string[] = []
    const begin = ({ client, records }: Step): void => {
      const place = waiting.findIndex(step => step.client === client)
      for (const before of waiting.splice(place, 1) && waiting.slice(0, place))
        if (before.records.some(record => records.includes(record)))
          wrong.push(`${client.node} before ${before.client.node}`)
    }
    const steps = new Map<string, Step>()
    const work = async (step: Step | undefined): Promise<void> => {
      if (step && waiting.includes(step)) begin(step)
      if (!dice.chance(0.2)) await sleep(dice.below(20))
    }
    const onWrite: OnWrite = ({ peer }) => work(steps.get(peer?.id ?? ''))
    const permit: AuthorityOptions['permit'] = ({ peer, verb }) =>
      verb === 'read' || work(steps.get(peer.id)).then(() => true)
    const all = await opened(2 + dice.below(8), dice.chance(0.5) ? { onWrite } : { permit })
    const ids = Array.from({ length: 2 + dice.below(5) }, (_, n) => `docs/${n}`)
    const [first] = all
    assert(first)
    // All are in memory from here on: who is read comes later.
    together(first, ids)
    await world.pass(200)
    const left = new Map(all.map(client => [client, 5]))
    const idle = new Set(all)
    for (let time = 0; left.size; time++) {
      assert(time < 3_000, `${[...left.keys()].map(({ node }) => node).join()} are not done`)
      for (const client of all) {
        if (!idle.has(client) && acknowledged(client) === client.number) idle.add(client)
        const count = idle.has(client) ? left.get(client) : undefined
        if (count === 0) left.delete(client)
        else if (count && dice.chance(0.3)) {
          left.set(client, count - 1)
          idle.delete(client)
          const records = ids.filter(() => dice.chance(0.4))
          const step = { client, records: records.length ? records : [dice.pick(['docs/0', 'docs/1'])] }
          steps.set(client.node, step)
          waiting.push(step)
          together(client, step.records)
        }
      }
      await world.pass()
    }
    assert.deepEqual([wrong, waiting, world.failed], [[], [], []])
  }
})
