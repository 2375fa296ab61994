import assert from 'node:assert/strict'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_ENCODE, ERR_TOO_LARGE } from '../../../lib/failures.ts'
import type { Value } from '../../../lib/store.ts'
import type { Write } from '../../../plugins/records/core/register.ts'
import { decodeFrame } from '../../support/records-codec.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { GatedStore } from '../../support/gated-store.ts'

describe('an authority of records, and what it sends', () => {
  let world: World
  let ann: WireClient

  beforeEach(async () => {
    world = new World({ limits: { frame: 2_000 } })
    await world.authority.open()
    ann = await world.welcomed('ann')
  })

  afterEach(() => world.end())

  it('comes on pages that belong together', async () => {
    for (let n = 0; n < 100; n++) {
      ann.write(`a/${n}`, [at(0, 'ann').make(), at(0, 'ann').set('text', 'x'.repeat(90))])
    }
    ann.write('a/large', [at(0, 'ann').make(), ...Array.from({ length: 200 }, (_, n) => at(0, 'ann').set(`f${n}`, n))])
    await world.pass(10)
    const bob = world.client('bob')
    bob.hello([scope(1, 'a/')])
    await world.pass(10)
    const { deltas } = bob
    assert(deltas.length > 8)
    assert.deepEqual(
      deltas.map(({ more }) => more),
      [...deltas.slice(1).map(() => true), false]
    )
    assert.deepEqual(
      deltas.map(({ scopes }) => scopes.length),
      [1, ...deltas.slice(1).map(() => 0)]
    )
    const found = contents(deltas)
    assert.equal(Object.keys(found).length, 101)
    assert.equal(Object.keys(found['a/large'] ?? {}).length, 201)
    const wholes = deltas.flatMap(({ records, whole }) => records.map(({ record }, at) => [record, whole[at]]))
    assert.deepEqual(wholes.filter(([record]) => record === 'a/large').map(([, whole]) => whole)[0], true)
    assert(
      wholes
        .filter(([record]) => record === 'a/large')
        .slice(1)
        .every(([, whole]) => whole === false)
    )
  })

  it('tells who was full, and was told everything else, what became of a write that came again meanwhile', async () => {
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    const bob = await world.welcomed('ann', [scope(1, 'a/')])
    bob.room = 1
    ann.write('a/1', [at(1, 'ann').set('x', 1)])
    await world.pass()
    assert.deepEqual(bob.delta.acknowledged, [['ann', 2]])
    bob.write('a/1', [at(1, 'ann').set('x', 1)], { number: 2 })
    await world.pass()
    assert.deepEqual(bob.deltas, [])
    bob.drained()
    await world.pass()
    assert.deepEqual(bob.delta.acknowledged, [['ann', 2]])
  })

  it('waits for who reads slowly, who then gets the latest of each', async () => {
    const bob = await world.welcomed('bob', [scope(1, 'a/')])
    bob.room = 1
    for (let n = 1; n <= 500; n++) {
      ann.write('a/1', [at(n, 'ann').implicit(), at(n, 'ann').set('n', n)])
      if (n % 50 === 0) await world.pass()
    }
    assert.equal(bob.deltas.length, 1)
    bob.drained()
    await world.pass()
    const { seq, ...delta } = bob.delta
    assert.deepEqual(contents([{ ...delta, seq }]), { 'a/1': { n: 500 } })
    assert.equal(seq, 10)
  })

  it('goes on page by page with who reads slowly', async () => {
    for (let n = 0; n < 100; n++) ann.write(`a/${n}`, [at(0, 'ann').make(), at(0, 'ann').set('text', 'x'.repeat(90))])
    await world.pass(10)
    const bob = world.client('bob')
    bob.room = 2
    bob.hello([scope(1, 'a/')])
    let pages = 0
    for (let rounds = 0; rounds < 100; rounds++) {
      await world.pass(10)
      const { deltas } = bob
      pages += deltas.length
      if (deltas.at(-1)?.more === false) break
      assert(deltas.length <= 1)
      bob.drained(1)
    }
    assert(pages > 5)
    bob.drained()
    ann.write('a/1', [at(1, 'ann').set('text', '')])
    await world.pass(10)
    assert.deepEqual(contents(bob.deltas), { 'a/1': { text: '' } })
  })

  it('is pulled also where one commit is more than there is room for, whoever wrote it', async () => {
    const bob = await world.welcomed('bob', [scope(1, 'a/')])
    const own = await world.welcomed('own', [scope(1, 'a/')])
    bob.room = own.room = 2
    for (let n = 0; n < 100; n++) own.write(`a/${n}`, [at(0, 'own').make(), at(0, 'own').set('text', 'x'.repeat(90))])
    for (const client of [bob, own]) {
      const deltas = []
      for (let rounds = 0; rounds < 100 && deltas.at(-1)?.more !== false; rounds++) {
        await world.pass(10)
        const came = client.deltas
        assert(came.length <= 2, `${came.length} came at once`)
        deltas.push(...came)
        client.drained(1)
      }
      assert(deltas.length > 5)
      assert.equal(Object.keys(contents(deltas)).length, 100)
      assert.deepEqual(deltas.at(-1)?.acknowledged, client === own ? [['own', 100]] : [])
    }
  })

  it('is the same bytes for who follows the same', async () => {
    await world.authority.close()
    const sent: [number, string][] = []
    world.make({
      multicast: (peers, bytes) => {
        sent.push([peers.length, decodeFrame(bytes).type])
        return world.multicast(peers, bytes)
      }
    })
    await world.authority.open()
    const author = await world.welcomed('author', [scope(1, 'a/')])
    const readers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => {
        const name = `r${n}`
        return world.welcomed(name, [scope(1, n % 2 ? 'a/' : 'a/1')], peerOf(name))
      })
    )
    author.write('a/1', [at(0, 'author').make()])
    await world.pass(5)
    assert.deepEqual(sent, [[20, 'delta']])
    author.write('a/1', [at(1, 'author').set('x', 1)])
    author.write('a/2', [at(1, 'author').make()])
    await world.pass(5)
    assert.deepEqual(sent.slice(1), [
      [10, 'delta'],
      [10, 'delta']
    ])
    for (const [n, reader] of readers.entries()) {
      assert.deepEqual(Object.keys(contents(reader.deltas)), n % 2 ? ['a/1', 'a/2'] : ['a/1'])
    }
  })

  it('is measured time', async () => {
    ann.say({ type: 'ping', asked: 77.5 })
    await world.pass(5)
    const [pong] = ann.news
    assert.deepEqual(pong, { type: 'pong', asked: 77.5, time: Date.now() - 5 })
  })
})

describe('an authority of records, and who breaks the protocol', () => {
  let world: World

  beforeEach(async () => {
    world = new World({ limits: { writes: 5, scopes: 2, fields: 4, value: 1_000 } })
    await world.authority.open()
  })

  afterEach(() => world.end())

  it('ends the connection over what is no frame of a client', async () => {
    const welcome = world.client('eve')
    welcome.hello()
    await world.pass()
    for (const bytes of [
      new Uint8Array(),
      new Uint8Array([255, 255, 255]),
      new Uint8Array([63]),
      new Uint8Array(1_000)
    ]) {
      const eve = await world.welcomed('eve')
      eve.sayBytes(bytes)
      eve.hello()
      await world.pass()
      assert.deepEqual([eve.failures, eve.news], [['ERR_PROTOCOL'], []])
    }
    const early = world.client('eve')
    early.write('a/1', [at(0, 'eve').make()])
    const strange = world.client('../eve')
    strange.hello()
    const other = world.client('eve')
    other.hello([], { version: 2 })
    await world.pass()
    assert.deepEqual(
      [early.failures, strange.failures, other.failures],
      [['ERR_PROTOCOL'], ['ERR_PROTOCOL'], ['ERR_PROTOCOL']]
    )
    assert.deepEqual(world.disk.rows('a/1'), [])
  })

  it('refuses what could be written nowhere, and is not hurt', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    const one = at(0, 'ann')
    const bad = [
      [one.set('constructor', 1)],
      [one.set('a..b', 1)],
      [one.set('', 1)],
      [one.set('x', 'y'.repeat(2_000))],
      [1, 2, 3, 4, 5].map(n => one.set(`f${n}`, n))
    ]
    for (const writes of bad.slice(0, 5)) {
      ann.write('a/1', [one.implicit(), ...writes])
      await world.pass()
    }
    ann.write('', [one.make()])
    await world.pass()
    const results = ann.deltas.flatMap(({ results }) => results.map(({ code }) => code))
    assert.deepEqual(results, ['ERR_PATH', 'ERR_PATH', 'ERR_PATH', 'ERR_TOO_LARGE', 'ERR_LIMIT', 'ERR_PATH'])
    assert.deepEqual([...world.disk.ids('')], [])
  })

  it('limits what is followed, and what waits', async () => {
    const ann = world.client('ann')
    ann.hello([scope(1, 'a/'), scope(2, ''), scope(3, 'b/1'), scope(4, 'c'), scope(1, 'd')])
    await world.pass()
    const outcomes = ann.deltas.flatMap(({ scopes }) => scopes).map(({ scope, outcome }) => `${scope} ${outcome}`)
    assert.deepEqual(outcomes.toSorted(), ['1 reset', '2 ERR_PATH', '3 reset', "4 ERR_LIMIT: 'limits.scopes' is 2"])
    for (let n = 0; n < 7; n++) ann.write('new/1', [at(n, 'ann').implicit(), at(n, 'ann').set('n', n)])
    await world.pass()
    assert.deepEqual(ann.failures, ['ERR_RATE'])
  })

  it('counts what frames take in memory, where that is more than their bytes', async () => {
    await world.authority.close()
    let gate: GatedStore | undefined
    await world.make({ limits: { bytes: 100_000 } }, store => (gate = new GatedStore(store))).open()
    const frames: readonly (readonly Write[])[] = [
      Array.from({ length: 2_000 }, (_, n) => at(n, 'ann').set('x', null)),
      [
        at(0, 'ann').set(
          'x',
          Array.from({ length: 3_000 }, () => [])
        )
      ],
      [at(0, 'ann').set('x', [Array.from({ length: 1_000 }, () => new Uint8Array(0))])]
    ]
    for (const writes of frames) {
      const eve = await world.welcomed('eve')
      gate?.hold('entry')
      eve.write('a/1', writes)
      assert.deepEqual(eve.failures, ['ERR_RATE'])
      gate?.release()
      await world.pass()
    }
    const ann = await world.welcomed('ann')
    ann.write('a/1', [at(0, 'ann').set('x', 'x'.repeat(90_000))])
    assert.deepEqual(ann.failures, [])
  })

  it('counts what is within a value as what it takes in memory', async () => {
    await world.authority.close()
    await world.make().open()
    const ann = await world.welcomed('ann')
    const now = at(0, 'ann')
    const lists = (length: number, item: Value): readonly Write[] => [
      now.make(),
      now.set(
        'x',
        Array.from({ length }, () => item)
      )
    ]
    ann.write('a/1', lists(4_000, Uint8Array.of(1)))
    ann.write('a/2', lists(5_000, Uint8Array.of(1)))
    ann.write('a/3', lists(40_000, []))
    await world.pass()
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ record, code }) => [record, code])),
      [
        ['a/2', 'ERR_TOO_LARGE'],
        ['a/3', 'ERR_TOO_LARGE']
      ]
    )
  })

  it('limits how large a record may get', async () => {
    await world.authority.close()
    await world.make({ limits: { record: 3_000 } }).open()
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    const set = async (path: string, length: number) => {
      const now = at(length, 'ann')
      ann.write('a/1', [now.implicit(), now.set(path, 'x'.repeat(length))])
      await world.pass()
      return ann.deltas.flatMap(({ results }) => results.map(({ code }) => code))
    }
    assert.deepEqual(await set('x', 2_000), [])
    assert.deepEqual(await set('y', 2_000), ['ERR_LIMIT'])
    ann.write('a/1', [at(2_001, 'ann').remove('x')])
    assert.deepEqual(await set('y', 2_002), [])
  })

  it('answers another schema before any data', async () => {
    await world.authority.close()
    await world.make({ schema: { id: 'app', version: 5, min: 3 } }).open()
    const versions = [
      undefined,
      { id: 'app', version: 2 },
      { id: 'app', version: 3 },
      { id: 'app', version: 5 },
      { id: 'app', version: 6 },
      { id: 'other', version: 4 }
    ]
    const answers = []
    for (const schema of versions) {
      const client = world.client('ann')
      client.hello([scope(1, 'a/')], { schema })
      client.write('a/1', [at(0, 'ann').make()])
      await world.pass()
      const [first, ...more] = client.news
      answers.push(first?.type === 'mismatch' ? [first.advice, first.min, first.max, more.length] : first?.type)
      client.end()
    }
    assert.deepEqual(answers, [
      ['upgrade', 3, 5, 0],
      ['upgrade', 3, 5, 0],
      'welcome',
      'welcome',
      ['wait', 3, 5, 0],
      ['other', 3, 5, 0]
    ])
    await world.authority.close()
    await assert.rejects(world.make({ schema: { id: 'app', version: 4 } }).open(), { code: 'ERR_SCHEMA' })
    await world.authority.close()
    // One that says nothing of it knows nothing of what is there.
    await assert.rejects(world.make().open(), { code: 'ERR_SCHEMA', message: /'app' 5, this says no `schema`$/ })
    await world.authority.close()
    await world.make({ schema: { id: 'app', version: 5 } }).open()
  })

  it('writes only what is as it was, where that is asked for', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    const write = async (version: number, n: number) => {
      ann.write('a/1', [at(n, 'ann').implicit(), at(n, 'ann').set('n', n)], { conditions: [['a/1', version]] })
      await world.pass()
      const { results, versions } = ann.delta
      return [results.map(({ record, code }) => [record, code]), versions]
    }
    assert.deepEqual(await write(0, 1), [[], [1]])
    assert.deepEqual(await write(0, 2), [[['', 'ERR_CONFLICT']], []])
    assert.deepEqual(await write(1, 3), [[], [3]])
    const look = async (id: string, version: number) => {
      ann.write(id, [], { conditions: [[id, version]] })
      await world.pass()
      return ann.delta.results.map(({ code }) => code)
    }
    assert.deepEqual([await look('a/1', 3), await look('a/1', 1)], [[], ['ERR_CONFLICT']])
    assert.deepEqual([await look('a/2', 0), await look('a/2', 1)], [[], ['ERR_CONFLICT']])
    ann.write('a/1', [at(4, 'ann').set('n', 4)], { conditions: [['a/1', 3]] })
    ann.write('a/1', [at(5, 'ann').set('n', 5)], { conditions: [['a/1', 3]] })
    await world.pass()
    const { results, ...delta } = ann.delta
    assert.deepEqual(
      results.map(({ number, code }) => [number, code]),
      [[9, 'ERR_CONFLICT']]
    )
    assert.deepEqual(contents([{ ...delta, results }]), { 'a/1': { n: 4 } })
  })

  it('lets what arrives last win, where that is the order', async () => {
    await world.authority.close()
    await world.make({ collections: { 's/': { order: 'server' } } }).open()
    const ann = await world.welcomed('ann', [scope(1, 's/'), scope(2, 'h/')])
    for (const id of ['s/1', 'h/1']) {
      ann.write(id, [at(50, 'ann').make(), at(50, 'ann').set('x', 'later')])
      ann.write(id, [at(40, 'ann').set('x', 'earlier')])
    }
    await world.pass()
    assert.deepEqual(contents(ann.deltas), { 's/1': { '': '{}', x: 'earlier' }, 'h/1': { '': '{}', x: 'later' } })
  })

  for (const [failure, code] of [
    [ERR_TOO_LARGE, 'ERR_TOO_LARGE'],
    [ERR_ENCODE, 'ERR_SERVER']
  ] as const) {
    it(`ends one to whom nothing can be sent with ${code}, and no other`, async () => {
      const full = await world.welcomed('cem', [scope(1, 'a/')])
      const bob = await world.welcomed('bob', [scope(1, 'a/')])
      full.error = new AnywireError(failure)
      bob.write('a/1', [at(1, 'bob').make(), at(1, 'bob').set('n', 1)])
      await world.pass()
      assert.deepEqual([full.failures, bob.failures], [[code], []])
      assert.deepEqual(contents(bob.deltas), { 'a/1': { '': '{}', n: 1 } })
      assert.equal(world.failed.length, 1)
    })
  }
})
