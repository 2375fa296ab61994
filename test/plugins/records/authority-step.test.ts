import assert from 'node:assert/strict'
import type { Peer } from '../../../lib/server/peer.ts'
import type { Permissions } from '../../../plugins/permissions/index.ts'
import { collectionOf } from '../../../plugins/records/core/path.ts'
import { LEAF } from '../../../plugins/records/core/register.ts'
import { at, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { collectGarbage } from '../../support/garbage.ts'
import { SlowStore } from '../../support/slow-store.ts'

const NAMES = ['a/', 'a/', 'b/', 'a/1'] as const
const RECORDS = ['a/1', 'a/2', 'b/1'] as const

/** What queries ask for. */
const MOST = 60

/** What one client has been told, and up to which commit. */
class Reader {
  readonly client: WireClient
  readonly peer: Peer
  readonly follows = new Map<string, number>()
  /** Collections of which it follows a query too, also where it does not follow all of it any more. */
  readonly queries = new Set<string>()
  readonly values = new Map<string, unknown>()
  /** Whether it may not see anything of b/. */
  isBanned = false
  seq = 0

  constructor(client: WireClient, peer: Peer) {
    this.client = client
    this.peer = peer
  }

  /** Takes what came. Commits come in order, and none comes twice. */
  read(): void {
    assert(this.client.room >= 0, 'it was told more than it has room for')
    for (const { seq, more, records, evicted, denied, scopes } of this.client.deltas) {
      assert(seq >= this.seq, `${seq} behind ${this.seq}`)
      if (!scopes.length && records.length && !more) assert(seq > this.seq, `${seq} twice`)
      this.seq = seq
      for (const id of [...evicted, ...denied]) this.values.delete(id)
      for (const { record, registers } of records)
        for (const { path, kind, value } of registers) {
          assert(!this.isBanned || !record.startsWith('b/'), `${record} must not be seen`)
          if (path === 'x') this.values.set(record, kind === LEAF ? value : undefined)
        }
    }
  }

  sees(record: string, value: unknown): boolean {
    if (this.isBanned && record.startsWith('b/')) return false
    const isIn = (name: string): boolean => name === record || (name.endsWith('/') && record.startsWith(name))
    return [...this.follows.keys()].some(isIn) || (Number(value) < MOST && [...this.queries].some(isIn))
  }
}

/** Clients that come, go, write, read slowly and ask for other things, while others follow the same. */
const play = async (dice: Dice): Promise<void> => {
  const banned = new Set<Peer>()
  const permissions: Pick<Permissions, 'check'> = {
    check: ({ peer, name }) => !(name.startsWith('b.') && banned.has(peer))
  }
  const world = new World({ permissions }, store => new SlowStore(store, { dice, latency: 3, failures: () => 0 }))
  const opening = world.authority.open()
  await world.pass(50)
  await opening
  const readers: Reader[] = []
  const gone: WireClient[] = []
  let scopes = 0
  let time = 0
  const follow = (reader: Reader, name: string, hasQuery = false): void => {
    if (reader.follows.has(name)) return
    reader.follows.set(name, ++scopes)
    if (hasQuery) reader.queries.add(name)
    const follows = [
      scope(scopes, name),
      ...(hasQuery ? [scope(++scopes, name, { query: { where: [['x', '<', MOST]] } })] : [])
    ]
    reader.client.say({ type: 'follow', follows })
  }
  const steps = [
    () => {
      const name = `c${readers.length}`
      const peer = peerOf(name)
      const client = world.client(name, peer)
      client.hello([])
      const reader = new Reader(client, peer)
      readers.push(reader)
      follow(reader, dice.pick(NAMES))
    },
    (reader: Reader) => follow(reader, dice.pick(NAMES)),
    (reader: Reader) => follow(reader, dice.pick(['a/', 'b/'] as const), true),
    (reader: Reader) => {
      const [name, number] = [...reader.follows][0] ?? []
      if (name === undefined || number === undefined) return
      reader.read()
      reader.follows.delete(name)
      reader.client.say({ type: 'unfollow', scopes: [number] })
    },
    (reader: Reader) => {
      reader.read()
      const { client } = reader
      reader.isBanned = !reader.isBanned
      if (reader.isBanned) banned.add(reader.peer)
      else banned.delete(reader.peer)
      for (const id of reader.isBanned ? [...reader.values.keys()] : [])
        if (id.startsWith('b/')) reader.values.delete(id)
      client.refresh()
    },
    (reader: Reader) => (reader.client.room = 1 + dice.below(2)),
    (reader: Reader) => reader.client.drained(),
    (reader: Reader) => {
      reader.client.end()
      readers.splice(readers.indexOf(reader), 1)
      gone.push(reader.client)
    }
  ] as const
  const write = (reader: Reader): void => {
    const { client } = reader
    for (const record of RECORDS) {
      if (!dice.chance(0.5)) continue
      const now = at(++time, client.node)
      client.write(record, [now.make(), now.set('x', time)])
    }
  }
  for (let step = 0; step < 8; step++) steps[0]()
  for (let step = 0; step < 150; step++) {
    const reader = readers[dice.below(readers.length)]
    if (reader && dice.chance(0.6)) write(reader)
    else if (!reader || dice.chance(0.2)) steps[0]()
    else dice.pick(steps)(reader)
    if (dice.chance(0.7)) await world.pass(dice.below(3))
    for (const each of readers) each.read()
    for (const client of gone) assert.equal(client.deltas.length, 0)
  }
  for (const { client } of readers) client.drained()
  await world.pass(50)
  assert.deepEqual(world.failed, [])
  // What somebody wrote who ended at once may not have been committed.
  const nobody = peerOf('late')
  const late = new Reader(world.client('late', nobody), nobody)
  late.client.hello([scope(1, 'a/'), scope(2, 'b/')])
  await world.pass(50)
  late.read()
  assert.equal(late.values.size, RECORDS.length)
  for (const reader of readers) {
    reader.read()
    assert.deepEqual(reader.client.failures, [])
    for (const [record, value] of late.values)
      if (reader.sees(record, value)) assert.equal(reader.values.get(record), value, record)
      // Where there are no queries, its client knows by itself what to let go of.
      else if (reader.queries.has(collectionOf(record))) assert.ok(!reader.values.has(record), record)
  }
  await world.end()
}

describe('an authority of records, and those who are told the same', () => {
  it('tells each of them everything once and in order, whoever else comes, goes, writes or reads slowly', async function () {
    this.timeout(60_000)
    for (let seed = 1; seed <= runs(6).numRuns; seed++) await play(new Dice(seed))
  })

  it('keeps nothing of who has gone, though nothing is committed since', async () => {
    const world = new World()
    await world.authority.open()
    const join = async (name: string): Promise<readonly [WireClient, WeakRef<object>]> => {
      const peer = peerOf(name)
      return [await world.welcomed(name, [scope(1, 'a/')], peer), new WeakRef(peer)]
    }
    const others = [await join('bob'), await join('cid'), await join('dan')]
    const leave = async (): Promise<WeakRef<object>> => {
      const [client, peer] = await join('eve')
      const writer = await world.welcomed('fay')
      writer.write('a/1', [at(1, 'fay').make()])
      await world.pass()
      assert.equal(client.deltas.length, 1)
      client.end()
      return peer
    }
    const gone = await leave()
    await world.pass()
    collectGarbage()
    assert.equal(gone.deref(), undefined)
    assert.ok(others.every(([, peer]) => peer.deref()))
    await world.end()
  })

  it('tells who only has a query left no more than that has', async () => {
    const world = new World()
    await world.authority.open()
    const writer = await world.welcomed('fay')
    const clients: WireClient[] = []
    for (const name of ['bob', 'cid', 'dan']) clients.push(await world.welcomed(name, [scope(1, 'a/')], peerOf(name)))
    const write = async (time: number): Promise<readonly string[][]> => {
      const now = at(time, 'fay')
      writer.write('a/1', [now.make(), now.set('x', time)])
      await world.pass()
      return clients.map(({ deltas }) => deltas.flatMap(({ records }) => records.map(({ record }) => record)))
    }
    assert.deepEqual(await write(1), [['a/1'], ['a/1'], ['a/1']])
    const [bob] = clients
    bob?.say({ type: 'follow', follows: [scope(2, 'a/', { query: { where: [['x', '<', 0]] } })] })
    await world.pass()
    bob?.say({ type: 'unfollow', scopes: [1] })
    await world.pass()
    assert.deepEqual(await write(2), [[], ['a/1'], ['a/1']])
    await world.end()
  })
})
