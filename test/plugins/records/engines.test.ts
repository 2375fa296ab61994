import assert from 'node:assert/strict'
import { history } from '../../../plugins/records/client/history.ts'
import { isThorough } from '../../support/faults-seed.ts'
import { encodeFrame } from '../../support/records-codec.ts'
import { HOUR, MINUTE, RecordsWorld } from '../../support/records-world.ts'

/*
 * What Yjs, Automerge, Loro, json-joy and TinyBase were asked, with the answers that are wanted here.
 */

/** What is bounded is so however many there are: others were asked with as many as this. */
const [RECORDS, OVERWRITES] = isThorough ? [50, 20_000] : [8, 4_000]

type User = {
  readonly address?: { readonly city?: string; readonly zip?: string; readonly geo?: { lat?: number; lon?: number } }
}

describe('records: what other engines were asked', () => {
  let world: RecordsWorld
  beforeEach(async () => {
    world = new RecordsWorld()
    await world.start()
  })
  afterEach(() => world.end())

  it('an older offline edit loses against a newer one, however busy its author was', async () => {
    const [one, two] = [world.client(), world.client()]
    await world.join(one, two)
    one.record<{ x: string; y: number }>('r').replace({ x: '', y: 0 })
    await world.settle()
    await two.record('r').when.synced
    one.leave()
    for (let edit = 0; edit < 100; edit++) one.record<{ x: string; y: number }>('r').set('y', edit)
    one.record<{ x: string; y: number }>('r').set('x', 'OLD')
    world.pass(HOUR)
    two.record<{ x: string; y: number }>('r').set('x', 'NEW')
    await world.settle()
    one.join()
    await world.settle()
    for (const each of [one, two]) assert.deepEqual(each.record('r').get(), { x: 'NEW', y: 99 })
  })

  it('two who make one object at the same time both have their fields in it, at any depth', async () => {
    const [one, two] = [world.client(), world.client()]
    one.record<User>('user').set('address.city', 'Rome')
    one.record<User>('user').set('address.geo.lat', 41)
    world.pass(1)
    two.record<User>('user').set('address', { zip: '00100', geo: { lon: 12 } })
    await world.join(one, two)
    await world.settle()
    for (const each of [one, two]) {
      assert.deepEqual(each.record('user').get(), {
        address: { city: 'Rome', zip: '00100', geo: { lat: 41, lon: 12 } }
      })
    }
  })

  it('what is written into a deleted record without knowing stays away, or brings it back, as its collection says', async () => {
    const ids = ['strict/1', 'implicit/1', 'implicit/within/1']
    const [one, two] = [world.client(), world.client()]
    await world.join(one, two)
    for (const id of ids) one.record<{ a: number; b: number }>(id).replace({ a: 1, b: 1 })
    await world.settle()
    for (const id of ids) await two.record(id).when.synced
    two.leave()
    for (const id of ids) one.record(id).delete()
    await world.settle()
    world.pass(HOUR)
    const blind = ids.map(id => two.record<{ a: number; b: number }>(id).set('b', 2))
    const outcomes = Promise.allSettled(blind.map(({ durable }) => durable))
    two.join()
    await world.settle()
    assert.deepEqual(
      (await outcomes).map(({ status }) => status),
      ['rejected', 'fulfilled', 'fulfilled']
    )
    for (const each of [one, two]) {
      assert.equal(each.record('strict/1').get(), undefined)
      for (const id of ids.slice(1)) assert.deepEqual(each.record(id).get(), { b: 2 })
    }
  })

  it('a clock that is ten minutes fast, or an hour slow, neither wins nor splits anything', async () => {
    const [fast, slow, right] = [world.client({ skew: 10 * MINUTE }), world.client({ skew: -HOUR }), world.client()]
    await world.join(fast, slow, right)
    fast.record<{ x: string }>('r').replace({ x: 'fast' })
    await world.settle()
    for (const each of [slow, right]) await each.record('r').when.synced
    for (const [each, text] of [
      [slow, 'slow'],
      [right, 'right'],
      [fast, 'fast'],
      [right, 'last']
    ] as const) {
      world.pass(1_000)
      each.record<{ x: string }>('r').set('x', text)
      await world.settle()
      for (const other of [fast, slow, right]) assert.equal(other.record<{ x: string }>('r').get('x'), text)
    }
  })

  it('offline edits of a wrong clock count from when they were made', async () => {
    const [fast, right] = [world.client({ skew: 10 * MINUTE }), world.client()]
    await world.join(right)
    right.record<{ x: string }>('r').replace({ x: '' })
    await world.settle()
    fast.record<{ x: string }>('r').set('x', 'before')
    world.pass(MINUTE)
    right.record<{ x: string }>('r').set('x', 'after')
    await world.settle()
    fast.join()
    await world.settle()
    for (const each of [fast, right]) assert.equal(each.record<{ x: string }>('r').get('x'), 'after')
  })

  it('one changed field of thousands costs one round trip and at most 64 bytes', async () => {
    const [one, two] = [world.client(), world.client()]
    await world.join(one, two)
    for (let record = 0; record < RECORDS; record++) {
      one
        .record(`big/${record}`)
        .patch(Object.fromEntries(Array.from({ length: 1_000 }, (_, field) => [`f${field}`, field])))
    }
    two.collection('big/')
    await world.settle()
    two.leave()
    one.record<{ f7: number }>('big/7').set('f7', -1)
    await world.settle()
    two.count()
    two.join()
    await world.settle()
    const { sent, received } = two.counted
    assert.equal(two.record<{ f7: number }>('big/7').get('f7'), -1)
    const data = received.filter(({ type }) => type === 'delta')
    assert.deepEqual([sent.map(({ type }) => type), data.length], [['hello'], 1], 'it asks once, and is answered once')
    const [bytes] = data.map(frame => encodeFrame(frame).length)
    assert.ok(bytes !== undefined && bytes <= 64, `${bytes} bytes`)
  })

  it('thousands of overwrites of 10 cells leave a document of at most 200 bytes', async () => {
    const [one, two, late] = [world.client(), world.client(), world.client()]
    await world.join(one, two)
    const cells = [one, two].map(each => each.record<Record<string, number>>('cells'))
    for (let write = 0; write < OVERWRITES; write++) cells[write % 2]?.set(`c${write % 10}`, write)
    await world.settle()
    late.record('cells')
    late.count()
    late.join()
    await world.settle()
    assert.equal(Object.keys(late.record('cells').get() ?? {}).length, 10)
    const bytes = late.counted.received
      .filter(({ type }) => type === 'delta')
      .reduce((sum, frame) => sum + encodeFrame(frame).length, 0)
    assert.ok(bytes <= 200, `${bytes} bytes`)
  })

  it('undo never takes back what somebody else wrote later', async () => {
    const [one, two] = [world.client(), world.client()]
    await world.join(one, two)
    one.record<{ x: string; y: string }>('r').replace({ x: 'a', y: 'a' })
    await world.settle()
    await two.record('r').when.synced
    const steps = history(one.records)
    one.record<{ x: string; y: string }>('r').patch({ x: 'mine', y: 'mine' })
    await world.settle()
    two.record<{ x: string; y: string }>('r').set('x', 'theirs')
    await world.settle()
    steps.undo()
    await world.settle()
    for (const each of [one, two]) assert.deepEqual(each.record('r').get(), { x: 'theirs', y: 'a' })
  })
})
