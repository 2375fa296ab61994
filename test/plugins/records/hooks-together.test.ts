import assert from 'node:assert/strict'
import type { Store } from '../../../lib/store.ts'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { OnWrite, WriteTransaction } from '../../../plugins/records/server/hook.ts'
import { at, contents, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { GatedStore } from '../../support/gated-store.ts'
import { refusing } from '../../support/refusing-store.ts'

/** What a hook finds of a number. */
const read = async (tx: WriteTransaction, record: string): Promise<number> => {
  const found = await tx.get(record)
  return typeof found === 'object' && found !== null && 'n' in found ? Number(found['n']) : 0
}

/** One that a hook waits for. */
const sleep = (time: number): Promise<void> => new Promise(resolve => setTimeout(resolve, time))

describe('an authority of records, and hooks that want the same', () => {
  let world: World
  let store: GatedStore
  let calls: number

  const opened = async (
    onWrite: OnWrite,
    wrap: (store: Store) => Store = store => store,
    options: Partial<AuthorityOptions> = {}
  ): Promise<WireClient> => {
    calls = 0
    const counted: OnWrite = (write, tx) => {
      calls++
      return onWrite(write, tx)
    }
    world = new World({ onWrite: counted, ...options }, inner => (store = new GatedStore(wrap(inner))))
    const opening = world.authority.open()
    await world.pass(20)
    await opening
    return world.welcomed('eve', [scope(1, 'log/'), scope(2, 'a/'), scope(3, 'flights/')])
  }

  const clients = (count: number): Promise<WireClient[]> =>
    Promise.all(Array.from({ length: count }, (_, n) => world.welcomed(`c${n}`)))

  const make = (client: WireClient, record = `a/${client.node}`): void =>
    client.write(record, [at(0, client.node).make()])

  const outcomes = (all: readonly WireClient[]): (readonly [node: string, number: number, code: string])[] =>
    all.flatMap(({ deltas }) =>
      deltas.flatMap(({ results }) => results.map(({ node, number, code }) => [node, number, code] as const))
    )

  const acknowledged = ({ deltas }: WireClient): number =>
    deltas.flatMap(({ acknowledged }) => acknowledged.map(([, number]) => number)).at(-1) ?? 0

  afterEach(async () => {
    store.release()
    await world.end()
  })

  for (const [title, wait] of [
    ['wait for nothing else', undefined],
    ['wait for the next turn', () => new Promise<void>(resolve => setImmediate(resolve))],
    ['take their time', () => sleep(2)]
  ] as const) {
    const count: OnWrite = async (_write, tx) => {
      const n = await read(tx, 'log/total')
      await wait?.()
      await tx.set('log/total', 'n', n + 1)
    }

    it(`count all that is written while a commit is under way, where they ${title}`, async () => {
      const eve = await opened(count)
      const [first, ...others] = await clients(20)
      assert(first)
      store.hold('commit')
      make(first)
      await world.pass(10)
      for (const client of others) make(client)
      await world.pass(100)
      store.release('commit')
      await world.pass(100)
      assert.equal(contents(eve.deltas)['log/total']?.['n'], 20)
      assert.deepEqual(outcomes([first, ...others]), [])
    })

    it(`count all that is written at once, and few of them more than twice, where they ${title}`, async () => {
      const eve = await opened(count)
      const all = await clients(60)
      for (const client of all) for (let n = 0; n < 3; n++) make(client, `a/${client.node}/${n}`)
      await world.pass(2_000)
      assert.equal(contents(eve.deltas)['log/total']?.['n'], 180)
      assert.deepEqual(outcomes(all), [])
      assert(calls < 3 * 180, `${calls} calls`)
    })
  }

  it('sell no more than there is, and refuse only who comes too late', async () => {
    const eve = await opened(async ({ records }, tx) => {
      if (!records[0]?.record.startsWith('bookings/')) return
      const seats = await read(tx, 'flights/1')
      if (seats < 1) throw new Error('sold out')
      await tx.set('flights/1', 'n', seats - 1)
    })
    eve.write('flights/1', [at(0, 'eve').make(), at(0, 'eve').set('n', 10)])
    await world.pass(10)
    const all = await clients(30)
    store.hold('commit')
    eve.write('flights/2', [at(0, 'eve').make()])
    await world.pass(10)
    for (const client of all) make(client, `bookings/${client.node}`)
    await world.pass(10)
    store.release()
    await world.pass(100)
    assert.equal(contents(eve.deltas)['flights/1']?.['n'], 0)
    const refused = outcomes(all)
    assert.deepEqual(
      refused,
      all.slice(10).map(({ node }) => [node, 1, 'ERR_INVALID'])
    )
    assert.equal(world.failed.length, 20, 'each is told once')
  })

  it('refuse nothing because of what was not so any more', async () => {
    const eve = await opened(async ({ records: [written] }, tx) => {
      if (written?.record === 'a/slow') {
        const n = await read(tx, 'a/open')
        await sleep(10)
        if (!n) throw new Error('closed')
      }
    })
    eve.write('a/open', [at(0, 'eve').make()])
    await world.pass(5)
    const [ann] = await clients(1)
    assert(ann)
    make(ann, 'a/slow')
    await world.pass(5)
    eve.write('a/open', [at(1, 'eve').set('n', 1)])
    await world.pass(50)
    assert.deepEqual([outcomes([ann]), world.failed], [[], []])
    assert.deepEqual(contents(eve.deltas)['a/slow'], { '': '{}' })
  })

  it('have their turn in the order in which they came, also before those that come all the time', async () => {
    const eve = await opened(async ({ records: [written] }, tx) => {
      const n = await read(tx, 'log/total')
      await sleep(written?.record === 'a/slow' ? 20 : 1)
      await tx.set('log/total', 'n', n + 1)
    })
    const [slow, ...quick] = await clients(4)
    assert(slow)
    make(slow, 'a/slow')
    let ended = 0
    for (let n = 0; n < 100; n++) {
      for (const client of quick) make(client, `a/${client.node}/${n}`)
      await world.pass()
      if (!ended && acknowledged(slow)) ended = n
    }
    assert(ended && ended < 60, `it ended after ${ended} ms`)
    await world.pass(2_000)
    assert.equal(contents(eve.deltas)['log/total']?.['n'], 301)
  })

  it('are called no more than twice, also where they read other records then, that are changed all the time', async () => {
    let slowly = 0
    const eve = await opened(async ({ records: [written] }, tx) => {
      const isSlow = written?.record === 'a/slow'
      if (isSlow) slowly++
      let sum = 0
      for (let n = 0; isSlow && n < 10; n++) {
        sum += await read(tx, `log/${10 * (slowly % 2) + n}`)
        await sleep(3)
      }
      if (isSlow) await tx.set('log/sum', 'n', sum)
      else await tx.increment(`log/${written?.record.split('/')[2]}`, 'n', 1)
    })
    const [slow, ...quick] = await clients(3)
    assert(slow)
    make(slow, 'a/slow')
    for (let n = 0; n < 100; n++) {
      for (const [half, client] of quick.entries()) make(client, `a/${client.node}/${10 * half + (n % 10)}/${n}`)
      await world.pass()
    }
    await world.pass(100)
    const { 'log/sum': sum, ...counts } = contents(eve.deltas)
    assert.equal(slowly, 2)
    assert(sum)
    assert.deepEqual(
      Array.from({ length: 20 }, (_, n) => counts[`log/${n}`]?.['n']),
      Array.from({ length: 20 }, () => 10)
    )
  })

  it('do not wait for one another where they want other records', async () => {
    const eve = await opened(async ({ records: [written] }, tx) => {
      await tx.get('settings')
      const total = `log/${written?.record.split('/')[1]}`
      const n = await read(tx, total)
      await sleep(10)
      await tx.set(total, 'n', n + 1)
    })
    const all = await clients(20)
    for (const [n, client] of all.entries()) make(client, `a/${n % 10}/${n}`)
    await world.pass(25)
    const seen = contents(eve.deltas)
    assert.deepEqual(
      Array.from({ length: 10 }, (_, n) => seen[`log/${n}`]?.['n']),
      Array.from({ length: 10 }, () => 2)
    )
  })

  it('only add to the same number, and are called once, at the same time', async () => {
    const eve = await opened(async (_write, tx) => {
      await tx.increment('log/total', 'n', 1)
      await sleep(20)
      await tx.increment('log/total', 'n', 2)
    })
    const all = await clients(30)
    for (const client of all) make(client)
    await world.pass(25)
    assert.deepEqual([calls, contents(eve.deltas)['log/total']?.['n']], [30, 90])
    store.hold('commit')
    for (const client of all) make(client, `a/again/${client.node}`)
    await world.pass(25)
    store.release()
    await world.pass(25)
    assert.deepEqual([calls, contents(eve.deltas)['log/total']?.['n'], outcomes(all)], [60, 180, []])
  })

  it('are called again where they have read what they add to, or it is no number any more', async () => {
    const eve = await opened(async ({ records: [written] }, tx) => {
      if (!written?.record.startsWith('a/')) return
      await tx.increment('log/total', 'n', 1)
      if (written.record === 'a/c0') await tx.set('log/seen', 'n', await read(tx, 'log/total'))
      await sleep(10)
    })
    const all = await clients(2)
    for (const client of all) make(client)
    await world.pass(50)
    const seen = contents(eve.deltas)
    assert.deepEqual([seen['log/total']?.['n'], outcomes(all)], [2, []])
    assert(seen['log/seen']?.['n'] === 1 || seen['log/seen']?.['n'] === 2)
    const before = calls
    make(all[1] as WireClient, 'a/text')
    await world.pass(2)
    eve.write('log/total', [at(100_000, 'eve').set('n', 'a text')])
    await world.pass(50)
    assert.equal(calls - before, 3)
    assert.deepEqual(outcomes(all), [['c1', 2, 'ERR_PATH']])
  })

  for (const [title, value] of [
    ['no number', 'text'],
    ['too large', 1.7e308]
  ] as const)
    it(`are called again where they look at what they have added to, and it is ${title} by then`, async () => {
      const onWrite: OnWrite = async ({ records: [written] }, tx) => {
        if (written?.record !== 'a/x') return
        await tx.increment('log/total', 'n', 1e308)
        await new Promise(resolve => setTimeout(resolve, 20))
        await tx.get('log/total')
      }
      const world = new World({ onWrite })
      try {
        const opening = world.authority.open()
        await world.pass(20)
        await opening
        const [ann, eve] = [await world.welcomed('ann'), await world.welcomed('eve', [scope(1, 'log/')])]
        eve.write('log/total', [at(0, 'eve').make(), at(0, 'eve').set('n', 10)])
        await world.pass(50)
        ann.write('a/x', [at(0, 'ann').make()])
        await world.pass(10)
        eve.write('log/total', [at(60, 'eve').set('n', value)])
        await world.pass(500)
        assert.equal(world.disk.rows('log/total').find(({ path }) => path === 'n')?.value, value)
        const results = ann.frames.flatMap(frame => (frame.type === 'delta' ? frame.results : []))
        assert.deepEqual([results.length, eve.failures], [1, []])
      } finally {
        await world.end()
      }
    })

  it('wait for no one in a circle', async () => {
    const eve = await opened(async ({ records: [written] }, tx) => {
      const [one, two] = written?.record.endsWith('0') ? (['log/x', 'log/y'] as const) : (['log/y', 'log/x'] as const)
      const first = await read(tx, one)
      await sleep(1)
      const second = await read(tx, two)
      await sleep(1)
      await tx.set(one, 'n', first + 1)
      await tx.set(two, 'n', second + 1)
    })
    const all = await clients(20)
    for (const [n, client] of all.entries()) make(client, `a/${client.node}/${n % 2}`)
    await world.pass(500)
    const seen = contents(eve.deltas)
    assert.deepEqual([seen['log/x']?.['n'], seen['log/y']?.['n'], outcomes(all)], [20, 20, []])
  })

  it('are called again where they went by what a store refuses, and that is refused alone', async () => {
    const eve = await opened(
      async (_write, tx) => {
        const n = await read(tx, 'log/total')
        await tx.set('log/total', 'n', n + 1)
      },
      refusing('poison', () => sleep(5))
    )
    const all = await clients(4)
    const [bad, ...others] = all
    assert(bad)
    make(eve)
    await world.pass(50)
    assert.equal(contents(eve.deltas)['log/total']?.['n'], 1)
    bad.write('a/bad', [at(0, bad.node).make(), at(0, bad.node).set('text', 'poison')])
    for (const client of others) make(client)
    await world.pass(5_000)
    assert.deepEqual(outcomes(all), [[bad.node, 1, 'ERR_STORE']])
    assert.deepEqual(contents(eve.deltas), {
      ...Object.fromEntries(others.map(({ node }) => [`a/${node}`, { '': '{}' }])),
      'log/total': { n: 4 }
    })
    make(bad, 'a/again')
    await world.pass(50)
    assert.deepEqual(contents(eve.deltas), { 'a/again': { '': '{}' }, 'log/total': { n: 5 } })
  })

  it('are called again, where the store refuses what they went by before they are committed', async () => {
    const eve = await opened(
      async (_write, tx) => {
        const n = await read(tx, 'log/total')
        await tx.set('log/total', 'n', n + 1)
      },
      refusing('poison', () => sleep(5))
    )
    const all = await clients(4)
    const [bad, ...others] = all
    assert(bad)
    bad.write('a/bad', [at(0, bad.node).make(), at(0, bad.node).set('text', 'poison')])
    await world.pass(2)
    for (const client of others) make(client)
    await world.pass(5_000)
    assert.deepEqual(outcomes(all), [[bad.node, 1, 'ERR_STORE']])
    assert.equal(contents(eve.deltas)['log/total']?.['n'], 3)
  })

  it('write over what a clock that is fast has written', async () => {
    await opened(async () => {})
    const [early] = await clients(1)
    assert(early)
    early.write('log/total', [at(0, early.node).make(), at(50_000, early.node).set('n', 5)])
    await world.pass(10)
    await world.authority.close()
    world.make({
      onWrite: async (_write, tx) => {
        const n = await read(tx, 'log/total')
        await tx.set('log/total', 'n', n + 1)
      }
    })
    await world.authority.open()
    const eve = await world.welcomed('eve', [scope(1, 'log/')])
    make(eve)
    await world.pass(10)
    assert.equal(contents(eve.deltas)['log/total']?.['n'], 6)
  })

  it('that wait for a write of their own to what they have read are over in time, and nobody hangs', async () => {
    const eve = await opened(
      async ({ records: [written] }, tx) => {
        if (!written?.record.startsWith('a/')) return
        await tx.get('log/total')
        const number = own.number + 1
        own.write('log/total', [at(number, own.node).implicit(), at(number, own.node).add('n', 1)])
        // As long as it is not told, as one of the process waits for `durable`.
        while (acknowledged(own) < number) await sleep(1)
      },
      undefined,
      { timeout: 100 }
    )
    const [own, other] = (await clients(2)) as [WireClient, WireClient]
    make(other, 'a/1')
    await world.pass(500)
    assert.deepEqual(outcomes([other]), [[other.node, 1, 'ERR_TIMEOUT']])
    assert.equal(contents(eve.deltas)['log/total']?.['n'], own.number)
    assert.match(String(world.failed[0]), /onWrite, of 'a\/1'/)
  })
})
