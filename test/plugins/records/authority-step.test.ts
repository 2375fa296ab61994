import assert from 'node:assert/strict'
import { LEAF } from '../../../plugins/records/core/register.ts'
import { at, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'
import { collectGarbage } from '../../support/garbage.ts'
import { SlowStore } from '../../support/slow-store.ts'

const NAMES = ['a/', 'a/', 'b/', 'a/1'] as const
const RECORDS = ['a/1', 'a/2', 'b/1'] as const

/** What one client has been told, and up to which commit. */
class Reader {
  readonly client: WireClient
  readonly follows = new Map<string, number>()
  readonly values = new Map<string, unknown>()
  seq = 0

  constructor(client: WireClient) {
    this.client = client
  }

  /** Takes what came. Commits come in order, and none comes twice. */
  read(): void {
    assert(this.client.room >= 0, 'it was told more than it has room for')
    for (const { seq, more, records, evicted, scopes } of this.client.deltas) {
      assert(seq >= this.seq, `${seq} behind ${this.seq}`)
      if (!scopes.length && records.length && !more) assert(seq > this.seq, `${seq} twice`)
      this.seq = seq
      for (const id of evicted) this.values.delete(id)
      for (const { record, registers } of records)
        for (const { path, kind, value } of registers)
          if (path === 'x') this.values.set(record, kind === LEAF ? value : undefined)
    }
  }

  sees(record: string): boolean {
    return [...this.follows.keys()].some(name => name === record || (name.endsWith('/') && record.startsWith(name)))
  }
}

/** Clients that come, go, write, read slowly and ask for other things, while others follow the same. */
const play = async (dice: Dice): Promise<void> => {
  const world = new World({}, store => new SlowStore(store, { dice, latency: 3, failures: () => 0 }))
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
    const follows = [
      scope(scopes, name),
      ...(hasQuery ? [scope(++scopes, name, { query: { where: [['x', '>=', 0]] } })] : [])
    ]
    reader.client.say({ type: 'follow', follows })
  }
  const steps = [
    () => {
      const name = `c${readers.length}`
      const client = world.client(name, peerOf(name))
      client.hello([])
      const reader = new Reader(client)
      readers.push(reader)
      follow(reader, dice.pick(NAMES))
    },
    (reader: Reader) => follow(reader, dice.pick(NAMES)),
    (reader: Reader) => follow(reader, dice.pick(['a/', 'b/'] as const), true),
    (reader: Reader) => {
      const [name, number] = [...reader.follows][0] ?? []
      if (name === undefined || number === undefined) return
      reader.follows.delete(name)
      reader.client.say({ type: 'unfollow', scopes: [number] })
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
  const late = new Reader(world.client('late', peerOf('late')))
  late.client.hello([scope(1, 'a/'), scope(2, 'b/')])
  await world.pass(50)
  late.read()
  assert.equal(late.values.size, RECORDS.length)
  for (const reader of readers) {
    reader.read()
    assert.deepEqual(reader.client.failures, [])
    for (const [record, value] of late.values)
      if (reader.sees(record)) assert.equal(reader.values.get(record), value, record)
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
})
