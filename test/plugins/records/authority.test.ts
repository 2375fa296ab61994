import assert from 'node:assert/strict'
import { at, contents, NOW, scope, World } from '../../support/authority.ts'

describe('an authority of records', () => {
  let world: World

  beforeEach(async () => {
    world = new World()
    await world.authority.open()
  })

  afterEach(() => world.end())

  it('welcomes a client, and tells what it follows', async () => {
    const client = world.client()
    client.hello([scope(1, 'todos/1'), scope(2, 'todos/')])
    await world.pass(0)
    const [welcome, delta] = client.news
    assert(welcome?.type === 'welcome')
    assert.match(welcome.epoch, /^[0-9a-f]{18}$/)
    assert.deepEqual(
      { ...welcome, epoch: '' },
      { type: 'welcome', epoch: '', asked: 1.5, time: NOW, maxValue: 262_144, maxFrame: 65_536 }
    )
    assert(delta?.type === 'delta')
    assert.deepEqual(delta.scopes, [
      { scope: 1, outcome: 'reset' },
      { scope: 2, outcome: 'reset' }
    ])
    assert.deepEqual([delta.seq, delta.more, delta.records], [0, false, []])
  })

  it('commits a write, and tells it to its author with the acknowledgement, and to who follows it', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'todos/')])
    const bob = await world.welcomed('bob', [scope(7, 'todos/1')])
    const eve = await world.welcomed('eve', [scope(1, 'todos/2'), scope(2, 'notes/')])
    ann.write('todos/1', [at(0, 'ann').make(), at(0, 'ann').set('title', 'milk')])
    await world.pass()
    const own = ann.delta
    assert.deepEqual(contents([own]), { 'todos/1': { '': '{}', title: 'milk' } })
    assert.deepEqual([own.seq, own.versions, own.acknowledged, own.results], [1, [1], [['ann', 1]], []])
    const { acknowledged, records, seq } = bob.delta
    assert.deepEqual([acknowledged, records, seq], [[], own.records, 1])
    assert.deepEqual(eve.news, [])
  })

  it('tells who comes later all of it, and who comes back what it has missed', async () => {
    const ann = await world.welcomed('ann')
    ann.write('todos/1', [at(0, 'ann').make(), at(0, 'ann').set('title', 'milk')])
    await world.pass()
    ann.write('todos/1', [at(5, 'ann').set('done', true)])
    ann.write('todos/2', [at(6, 'ann').make(), at(6, 'ann').set('title', 'bread')])
    await world.pass()
    const late = world.client('bob')
    late.hello([scope(1, 'todos/')])
    await world.pass()
    const [welcome, delta] = late.news
    assert(welcome?.type === 'welcome' && delta?.type === 'delta')
    assert.deepEqual(contents([delta]), {
      'todos/1': { '': '{}', title: 'milk', done: true },
      'todos/2': { '': '{}', title: 'bread' }
    })
    assert.deepEqual(delta.whole, [true, true])
    const back = world.client('eve')
    back.hello([
      scope(1, 'todos/', { epoch: welcome.epoch, since: 1 }),
      scope(2, 'todos/1', { epoch: welcome.epoch, since: 1 })
    ])
    await world.pass()
    const { scopes, records, seq } = back.delta
    assert.deepEqual(
      scopes.map(({ outcome }) => outcome),
      ['delta', 'delta']
    )
    assert.deepEqual(contents([{ ...delta, records }]), {
      'todos/1': { done: true },
      'todos/2': { '': '{}', title: 'bread' }
    })
    assert.equal(seq, 2)
  })

  it('follows and unfollows within a session', async () => {
    const ann = await world.welcomed('ann')
    const bob = await world.welcomed('bob')
    bob.say({ type: 'follow', follows: [scope(1, 'a/1')] })
    await world.pass()
    assert.deepEqual(bob.delta.scopes, [{ scope: 1, outcome: 'reset' }])
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    assert.deepEqual(Object.keys(contents(bob.deltas)), ['a/1'])
    bob.say({ type: 'follow', follows: [scope(2, 'a/')] })
    bob.say({ type: 'unfollow', scopes: [1] })
    await world.pass()
    assert.deepEqual(bob.delta.scopes, [{ scope: 2, outcome: 'reset' }])
    ann.write('a/1', [at(1, 'ann').set('x', 1)])
    await world.pass()
    assert.deepEqual(contents(bob.deltas), { 'a/1': { x: 1 } })
    bob.say({ type: 'unfollow', scopes: [2] })
    ann.write('a/1', [at(2, 'ann').set('x', 2)])
    await world.pass()
    assert.deepEqual(bob.news, [])
  })

  it('takes a write once, and says again what became of it', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('__proto__', 1)])
    ann.write('a/1', [at(0, 'ann').implicit(), at(0, 'ann').add('n', 2)])
    await world.pass()
    const { acknowledged, results } = ann.delta
    assert.deepEqual(acknowledged, [['ann', 2]])
    assert.deepEqual(
      results.map(({ number, record, code }) => [number, record, code]),
      [[1, 'a/1', 'ERR_PATH']]
    )
    ann.end()
    const again = world.client('ann')
    again.hello([scope(1, 'a/')])
    again.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('__proto__', 1)])
    again.write('a/1', [at(0, 'ann').implicit(), at(0, 'ann').add('n', 2)])
    again.write('a/1', [at(1, 'ann').add('n', 3)])
    await world.pass()
    const all = again.deltas
    assert.deepEqual(all[0]?.acknowledged, [['ann', 2]])
    assert.deepEqual(contents(all), { 'a/1': { '': '{}', n: 5 } })
    assert.deepEqual(
      all.flatMap(({ results }) => results.map(({ code }) => code)),
      ['ERR_PATH']
    )
    assert.deepEqual(all.at(-1)?.acknowledged, [['ann', 3]])
  })

  it('keeps everything over a restart', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1)])
    ann.write('a/\0', [at(0, 'ann').make()])
    await world.pass()
    await world.authority.close()
    await world.make().open()
    const again = world.client('ann')
    again.hello([scope(1, 'a/')])
    await world.pass()
    const [welcome, delta] = again.news
    assert(welcome?.type === 'welcome' && delta?.type === 'delta')
    assert.deepEqual(delta.acknowledged, [['ann', 2]])
    assert.deepEqual(contents([delta]), { 'a/1': { '': '{}', x: 1 } })
    assert.deepEqual(
      delta.results.map(({ code }) => code),
      ['ERR_PATH']
    )
    again.say({ type: 'confirm', node: 'ann', number: 2 })
    again.write('a/1', [at(1, 'ann').set('x', 2)], { number: 3 })
    await world.pass()
    assert.equal(again.delta.seq, 2)
  })
})
