import assert from 'node:assert/strict'
import fc from 'fast-check'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

describe('an authority of records, and whose node it is', () => {
  let world: World

  beforeEach(async () => {
    world = new World()
    await world.authority.open()
  })

  afterEach(() => world.end())

  /** One who knows the node of somebody else, and not the secret. */
  const thief = (node: string): WireClient => {
    const client = world.client(node)
    client.secret = 'some-other-secret'
    return client
  }

  it('takes nothing under a node from who does not show its secret, and tells so once', async () => {
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 'mine')])
    await world.pass()
    const eve = thief('ann')
    eve.hello([scope(1, 'a/')])
    await world.pass()
    assert.deepEqual(eve.delta.acknowledged, [], 'nor is it told how far the node is')
    for (const number of [2, 3, 9_999]) eve.write('a/1', [at(9, 'ann').set('x', 'stolen')], { number })
    eve.say({ type: 'confirm', node: 'ann', number: 1 })
    await world.pass()
    const { results, acknowledged, records } = eve.delta
    assert.deepEqual(
      results.map(({ node, number, record, code }) => [node, number, record, code]),
      [['ann', 2, '', 'ERR_NODE']]
    )
    assert.deepEqual([acknowledged, records, eve.failures], [[], [], []])
    ann.write('a/1', [at(1, 'ann').set('x', 'still mine')])
    await world.pass()
    assert.deepEqual(contents([...ann.deltas]), { 'a/1': { '': '{}', x: 'still mine' } })
    assert.equal(world.authority.counters.writes, 2)
  })

  it('tells others of one storage how far a node is that they name, together with what it did, and nobody else', async () => {
    const other = (node: string, secret: string): WireClient => Object.assign(world.client(node), { secret })
    const ann = await world.welcomed('ann', [scope(1, 'a/')])
    const tab = other('tab', ann.secret)
    const eve = other('eve', 'some-other-secret')
    for (const client of [tab, eve]) client.hello([scope(1, 'a/')])
    await world.pass()
    assert.deepEqual(
      [tab, eve].flatMap(({ delta }) => delta.acknowledged),
      []
    )
    for (const client of [tab, eve]) client.say({ type: 'nodes', nodes: [['ann', 1]] })
    await world.pass()
    assert.deepEqual([tab.delta.acknowledged, eve.deltas], [[['ann', 0]], []])
    ann.write('a/1', [at(0, 'ann').make()])
    ann.write('a/1', [at(1, 'ann').set('', 1)])
    await world.pass()
    const { acknowledged, records, results } = tab.delta
    assert.deepEqual([acknowledged, records.length], [[['ann', 2]], 1])
    assert.deepEqual(
      results.map(({ node, number }) => [node, number]),
      ann.delta.results.map(({ node, number }) => [node, number])
    )
    assert.deepEqual(eve.delta.acknowledged, [])
  })

  it('ends who names too many nodes, or what is none', async () => {
    const many = await world.welcomed('ann')
    many.say({ type: 'nodes', nodes: Array.from({ length: 101 }, (_, at) => [`n${at}`, 1]) })
    const none = await world.welcomed('eve')
    none.say({ type: 'nodes', nodes: [['no node', 1]] })
    await world.pass()
    assert.deepEqual([many.failures, none.failures], [['ERR_RATE'], ['ERR_PROTOCOL']])
  })

  it('knows it over a restart, from what tells nobody the secret', async () => {
    const ann = await world.welcomed('ann')
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    const kept = JSON.stringify(world.disk.keys('').map(key => [key, world.disk.entry(key)]))
    assert.ok(kept.includes('last/ann') && !kept.includes(ann.secret))
    await world.authority.close()
    await world.make().open()
    const eve = thief('ann')
    eve.hello()
    eve.write('a/1', [at(1, 'ann').set('x', 1)], { number: 2 })
    await world.pass()
    assert.deepEqual(
      eve.deltas.flatMap(({ results }) => results.map(({ code }) => code)),
      ['ERR_NODE']
    )
    const again = world.client('ann')
    again.hello()
    again.write('a/1', [at(1, 'ann').set('x', 1)], { number: 2 })
    await world.pass()
    assert.deepEqual(again.deltas.at(-1)?.acknowledged, [['ann', 2]])
  })

  it('gives a node of which nothing was kept to who shows a secret with it first', async () => {
    await world.authority.close()
    world.disk.commit({ rows: [], removed: [], entries: [['last/ann', { number: 5, results: [], seen: Date.now() }]] })
    await world.make().open()
    const ann = await world.welcomed('ann')
    ann.write('a/1', [at(0, 'ann').make()], { number: 6 })
    await world.pass()
    const eve = thief('ann')
    eve.hello()
    eve.write('a/1', [at(1, 'ann').set('x', 1)], { number: 7 })
    await world.pass()
    assert.deepEqual(
      eve.deltas.flatMap(({ results }) => results.map(({ code }) => code)),
      ['ERR_NODE']
    )
  })

  it('takes a node from all who have a copy of its storage', async () => {
    const [one, two] = [world.client('ann'), world.client('ann')]
    for (const client of [one, two]) {
      client.hello()
      client.write('a/1', [at(0, 'ann').implicit(), at(0, 'ann').add('n', 1)])
    }
    await world.pass()
    for (const client of [one, two]) assert.deepEqual(client.deltas.at(-1)?.acknowledged, [['ann', 1]])
    assert.equal(world.authority.counters.writes, 1)
  })

  it('ends the connection of who shows no secret, or asks for too much', async () => {
    for (const secret of ['', 'short', 'x'.repeat(65), 'spaces are no part of one', 'nor\0are\0others\0at\0all']) {
      const client = world.client()
      client.hello([], { secret })
      await world.pass()
      assert.deepEqual([client.failures, client.news], [['ERR_PROTOCOL'], []])
    }
    const many = Array.from({ length: 101 }, (_, n) => `node${n}`)
    const greedy = world.client()
    greedy.hello([], { nodes: many.map(node => [node, 1]) })
    await world.pass()
    assert.deepEqual(greedy.failures, ['ERR_RATE'])
    for (const node of many) {
      const client = await world.welcomed(node)
      client.write('a/1', [at(0, node).make()])
      client.end()
    }
    await world.pass()
    const eve = thief('eve')
    eve.hello()
    for (const node of many) eve.write('a/1', [at(1, node).make()], { node, number: 2 })
    await world.pass()
    assert.deepEqual(eve.failures, ['ERR_RATE'])
  })

  it('tells with what is followed first what became of all nodes that are asked about', async () => {
    const nodes = ['ann', 'bob', 'eve']
    for (const node of nodes) {
      const client = world.client(node)
      client.secret = 'that-of-one-storage'
      client.hello()
      client.write('a/1', [at(0, node).implicit(), at(0, node).add('n', 1)])
      client.write('a/\0', [at(0, node).make()])
      await world.pass()
      client.end()
    }
    const next = world.client('new')
    next.secret = 'that-of-one-storage'
    next.hello([scope(1, 'a/')], { nodes: [...nodes, 'unknown', 'ann'].map(node => [node, 1]) })
    await world.pass()
    const { delta } = next
    const { acknowledged, results } = delta
    assert.deepEqual(contents([delta]), { 'a/1': { '': '{}', n: 3 } })
    assert.deepEqual(
      acknowledged,
      nodes.map(node => [node, 2])
    )
    assert.deepEqual(
      results.map(({ node, code }) => [node, code]),
      nodes.map(node => [node, 'ERR_PATH'])
    )
  })

  it('tells what was refused also to who has a copy of what waited, when the other has confirmed it', async () => {
    const [one, two] = [await world.welcomed('ann'), world.client('ann')]
    for (let n = 0; n < 3; n++) one.write('a/\0', [at(n, 'ann').make()])
    await world.pass()
    one.say({ type: 'confirm', node: 'ann', number: 3 })
    await world.pass()
    two.hello([], { nodes: [['ann', 2]] })
    await world.pass()
    const { acknowledged, results } = two.delta
    assert.deepEqual(acknowledged, [['ann', 3]])
    assert.deepEqual(
      results.map(({ number, code }) => [number, code]),
      [
        [2, 'ERR_PATH'],
        [3, 'ERR_PATH']
      ]
    )
    const three = world.client('ann')
    three.hello([], { nodes: [['ann', 4]] })
    await world.pass()
    assert.deepEqual(three.deltas, [], 'what comes next nobody has decided')
  })

  it('tells it not before what is followed first has begun, however long that takes', async () => {
    await world.authority.close()
    const permit = ({ verb }: { readonly verb: string }): boolean | Promise<boolean> =>
      verb !== 'read' || new Promise(resolve => setTimeout(() => resolve(true), 500))
    await world.make({ permit }).open()
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    ann.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1)])
    await world.pass()
    ann.end()
    const again = world.client('ann', peerOf('ann'))
    again.hello([scope(1, 'a/')])
    again.write('a/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1)], { number: 1 })
    again.write('a/2', [at(1, 'ann').make(), at(1, 'ann').set('x', 2)], { number: 2 })
    await world.pass(400)
    assert.deepEqual(
      again.deltas.flatMap(({ acknowledged }) => acknowledged),
      []
    )
    await world.pass(2_000)
    const { deltas } = again
    const first = deltas.find(({ acknowledged }) => acknowledged.length)
    assert(first)
    assert.deepEqual(contents([first]), { 'a/1': { '': '{}', x: 1 }, 'a/2': { '': '{}', x: 2 } })
    assert.deepEqual(first.acknowledged, [['ann', 2]])
  })

  it('tells at once of what is written elsewhere while what is followed first has not begun', async () => {
    await world.authority.close()
    const permit = ({ verb, record }: { readonly verb: string; readonly record: string }): boolean | Promise<boolean> =>
      verb !== 'read' || !record.startsWith('slow/') || new Promise(resolve => setTimeout(() => resolve(true), 500))
    await world.make({ permit }).open()
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    ann.end()
    const again = world.client('ann', peerOf('ann'))
    again.hello([scope(1, 'slow/1')], { nodes: [['ann', 1]] })
    again.write('a/2', [at(1, 'bob').make()], { node: 'bob', number: 1 })
    again.write('a/\0', [at(1, 'bob').make()], { node: 'bob', number: 2 })
    await world.pass()
    again.write('slow/1', [at(1, 'eve').make()], { node: 'eve', number: 1 })
    await world.pass(400)
    const first = again.deltas
    assert.deepEqual(
      first.flatMap(({ acknowledged }) => acknowledged),
      [['bob', 2]]
    )
    assert.deepEqual(
      first.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [[2, 'ERR_PATH']]
    )
    await world.pass(2_000)
    const { deltas } = again
    assert.deepEqual(
      deltas.flatMap(({ acknowledged }) => acknowledged),
      [
        ['ann', 1],
        ['eve', 1]
      ]
    )
    const late = deltas.filter(({ acknowledged }) => acknowledged.some(([node]) => node === 'eve'))
    assert.deepEqual(contents(late), { 'slow/1': { '': '{}' } })
  })

  it('does of random writes those of owners, each once, and nothing of others', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ who: fc.nat(2), node: fc.nat(2), again: fc.boolean(), anew: fc.boolean() }), {
          maxLength: 40
        }),
        async steps => {
          await world.authority.close()
          world.disk.commit({
            rows: [],
            removed: [...world.disk.ids('')].flatMap(id => world.disk.rows(id).map(({ path }) => [id, path] as const)),
            entries: world.disk.keys('').map(key => [key, undefined])
          })
          await world.make().open()
          const nodes = ['ann', 'bob', 'eve']
          const join = (who: number): WireClient => {
            const client = world.client(nodes[who])
            client.hello()
            return client
          }
          const clients = nodes.map((_node, who) => join(who))
          const numbers = [0, 0, 0]
          // Owners come first.
          for (const [who, client] of clients.entries())
            client.write('a/1', [at(0, nodes[who] ?? '').implicit(), at(0, nodes[who] ?? '').add('n', 1)], {
              number: (numbers[who] = 1)
            })
          await world.pass()
          for (const { who, node, again, anew } of steps) {
            if (anew) {
              clients[who]?.end()
              clients[who] = join(who)
            }
            const name = nodes[node] ?? ''
            const isOwn = who === node
            if (isOwn && !again) numbers[node] = (numbers[node] ?? 0) + 1
            const number = (numbers[node] ?? 0) + (isOwn ? 0 : 1)
            const now = at(0, name)
            clients[who]?.write('a/1', [now.implicit(), now.add('n', isOwn ? 1 : 1_000)], { node: name, number })
            await world.pass()
          }
          const row = world.disk.rows('a/1').find(({ path }) => path === 'n')
          assert.equal(
            row?.value,
            numbers.reduce((sum, number) => sum + number, 0)
          )
        }
      ),
      { numRuns: 30 }
    ))
})
