import assert from 'node:assert/strict'
import { AnywireError } from '../../../lib/errors.ts'
import type { Permissions } from '../../../plugins/permissions/index.ts'
import type { PermitQuestion } from '../../../plugins/records/server/options.ts'
import { at, contents, peerOf, scope, userOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

describe('an authority of records, and permissions', () => {
  let world: World
  let time: number
  /** Who may see what, by the field `for`; and what was asked. */
  let asked: PermitQuestion[]
  let delay: number
  let admins: Set<string>

  const permit = (question: PermitQuestion): boolean | Promise<boolean> => {
    asked.push(question)
    const user = userOf(question)
    const { current } = question
    const owner = typeof current === 'object' && current !== null && 'for' in current ? current['for'] : user
    const allowed = owner === user || admins.has(user)
    return delay ? new Promise(resolve => setTimeout(() => resolve(allowed), delay)) : allowed
  }

  beforeEach(async () => {
    asked = []
    delay = time = 0
    admins = new Set(['root'])
    world = new World({ permit })
    await world.authority.open()
  })

  afterEach(() => world.end())

  const put = (id: string, fields: Record<string, number | string>) => {
    const now = at(++time, 'root')
    return [id, [now.implicit(), ...Object.entries(fields).map(([path, value]) => now.set(path, value))]] as const
  }

  for (const wait of [0, 5]) {
    const title = wait ? 'asynchronous' : 'synchronous'

    it(`tell of a collection what may be seen, and evict what may not be seen any more: ${title}`, async () => {
      const root = await world.welcomed('root', [], peerOf('root'))
      for (const [id, user] of Object.entries({ 'a/1': 'ann', 'a/2': 'bob', 'a/3': 'ann' })) {
        root.write(...put(id, { for: user, n: 1 }))
      }
      await world.pass(10)
      delay = wait
      const ann = world.client('ann', peerOf('ann'))
      ann.hello([scope(1, 'a/')])
      await world.pass(50)
      assert.deepEqual(Object.keys(contents(ann.deltas)), ['a/1', 'a/3'])
      root.write(...put('a/2', { n: 2 }))
      await world.pass(50)
      assert.deepEqual(ann.news, [])
      root.write(...put('a/1', { n: 2 }))
      await world.pass(50)
      assert.deepEqual(contents([ann.delta]), { 'a/1': { n: 2 } })
      root.write(...put('a/1', { for: 'bob' }))
      await world.pass(50)
      const lost = ann.delta
      assert.deepEqual([lost.denied, lost.evicted, lost.records], [['a/1'], [], []])
      root.write(...put('a/2', { for: 'ann' }))
      await world.pass(50)
      const gained = ann.delta
      assert.deepEqual(contents([gained]), { 'a/2': { '': '{}', for: 'ann', n: 2 } })
      assert.deepEqual(gained.whole, [true])
      // Whoever may see a record may see that it is gone.
      root.write('a/2', [at(++time, 'root').remove()])
      await world.pass(50)
      assert.deepEqual(contents([ann.delta]), { 'a/2': { '': '-' } })
    })

    it(`refuse a record, and evict one that may not be seen any more: ${title}`, async () => {
      const root = await world.welcomed('root', [], peerOf('root'))
      root.write(...put('a/1', { for: 'ann' }))
      root.write(...put('a/2', { for: 'bob' }))
      await world.pass(10)
      delay = wait
      const ann = world.client('ann', peerOf('ann'))
      ann.hello([scope(1, 'a/1'), scope(2, 'a/2'), scope(3, 'a/3')])
      await world.pass(50)
      const { deltas } = ann
      const news = deltas.flatMap(({ scopes }) => scopes).toSorted((a, b) => a.scope - b.scope)
      assert.deepEqual(
        news.map(({ outcome }) => outcome),
        ['reset', 'ERR_DENIED', 'reset']
      )
      assert.deepEqual(Object.keys(contents(deltas)), ['a/1'])
      root.write(...put('a/1', { for: 'bob' }))
      root.write(...put('a/3', { for: 'ann' }))
      await world.pass(50)
      const later = ann.deltas
      assert.deepEqual(
        later.flatMap(({ denied }) => denied),
        ['a/1']
      )
      assert.deepEqual(contents(later), { 'a/3': { '': '{}', for: 'ann' } })
    })

    it(`judge each record of a write by itself, and all of an atomic one: ${title}`, async () => {
      const root = await world.welcomed('root', [scope(1, 'a/')], peerOf('root'))
      root.write(...put('a/1', { for: 'ann' }))
      root.write(...put('a/2', { for: 'bob' }))
      await world.pass(10)
      delay = wait
      asked = []
      const ann = await world.welcomed('ann', [], peerOf('ann'))
      const set = (id: string) => ({ record: id, registers: [at(++time, 'ann').set('n', time)] })
      const all = ['a/1', 'a/2', 'a/\0'].map(set)
      ann.write('', [], { records: all })
      ann.write('', [], { records: all, atomic: true })
      ann.write('a/1', [at(++time, 'ann').set('m', 1)])
      await world.pass(100)
      const { deltas } = ann
      assert.deepEqual(
        deltas.flatMap(({ results }) => results.map(({ number, record, code }) => [number, record, code])),
        [
          [1, 'a/2', 'ERR_DENIED'],
          [1, 'a/\0', 'ERR_PATH'],
          [2, '', 'ERR_DENIED']
        ]
      )
      assert.deepEqual(deltas.at(-1)?.acknowledged, [['ann', 3]])
      const { m, n } = contents(root.deltas)['a/1'] ?? {}
      assert.deepEqual([m, n], [1, all[0]?.registers[0]?.value])
    })
  }

  it('say what is to be done', async () => {
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    const wishes = async (record: string, ...registers: ReturnType<ReturnType<typeof at>['set']>[]) => {
      asked = []
      ann.write(record, registers)
      await world.pass(10)
      return asked.map(({ verb, path, value, previous }) => [verb, path, value, previous])
    }
    const now = () => at(++time, 'ann')
    const one = now()
    assert.deepEqual(await wishes('a/1', one.implicit(), one.set('x', 1), one.set('y.z', 2)), [
      ['create', '', { x: 1, y: { z: 2 } }, undefined],
      ['write', 'x', 1, undefined],
      ['write', 'y', { z: 2 }, undefined],
      ['write', 'y.z', 2, undefined]
    ])
    const two = now()
    assert.deepEqual(await wishes('a/1', two.implicit(), two.add('x', 4), two.make('y'), two.set('y.q', 3)), [
      ['write', 'x', 5, 1],
      ['write', 'y', { q: 3 }, { z: 2 }],
      ['write', 'y.z', undefined, 2],
      ['write', 'y.q', 3, undefined]
    ])
    assert.deepEqual(await wishes('a/1', now().remove('x')), [['write', 'x', undefined, 5]])
    const three = now()
    assert.deepEqual(await wishes('a/1', three.make(), three.set('k', 1)), [
      ['write', '', { k: 1 }, { y: { q: 3 } }],
      ['write', 'y', undefined, { q: 3 }],
      ['write', 'y.q', undefined, 3],
      ['write', 'k', 1, undefined]
    ])
    const four = now()
    assert.deepEqual(await wishes('a/1', four.make('y'), four.set('y.a.b', 1), four.set('y\\.a', 2)), [
      ['write', 'y', { a: { b: 1 } }, undefined],
      ['write', 'y\\.a', 2, undefined],
      ['write', 'y.a', { b: 1 }, undefined],
      ['write', 'y.a.b', 1, undefined]
    ])
    assert.deepEqual(await wishes('a/1', now().remove()), [
      ['delete', '', undefined, { k: 1, y: { a: { b: 1 } }, 'y.a': 2 }]
    ])
  })

  for (const wait of [0, 5])
    it(`refuse a record that was not there, and is made so that it may not be seen, as one that was: ${wait} ms`, async () => {
      const root = await world.welcomed('root', [], peerOf('root'))
      delay = wait
      const ann = await world.welcomed('ann', [scope(1, 'a/1'), scope(2, 'b/1'), scope(3, 'b/')], peerOf('ann'))
      await world.pass(50)
      void ann.news
      root.write(...put('a/1', { for: 'bob' }))
      root.write(...put('b/1', { for: 'bob' }))
      await world.pass(50)
      const refused = ann.deltas
      assert.deepEqual(
        refused.flatMap(({ scopes }) => scopes),
        [1, 2].map(scope => ({ scope, outcome: 'ERR_DENIED' }))
      )
      assert.deepEqual(contents(refused), {})
      root.write(...put('a/1', { n: 1 }))
      await world.pass(50)
      assert.deepEqual(ann.news, [], 'it is told once')
      root.write(...put('a/1', { for: 'ann' }))
      await world.pass(50)
      assert.deepEqual(contents(ann.deltas), { 'a/1': { '': '{}', for: 'ann', n: 1 } })
    })

  it('miss nothing of a commit that shows a record which was refused', async () => {
    const root = await world.welcomed('root', [], peerOf('root'))
    root.write(...put('a/1', { for: 'bob', n: 1 }))
    await world.pass(10)
    const query = { order: ['-n'], limit: 1 }
    const ann = await world.welcomed('ann', [scope(1, 'a/', { query }), scope(2, 'a/1')], peerOf('ann'))
    root.write(...put('a/2', { for: 'ann', n: 2 }))
    root.write(...put('a/1', { for: 'ann' }))
    await world.pass(10)
    assert.deepEqual(contents(ann.deltas), {
      'a/1': { '': '{}', for: 'ann', n: 1 },
      'a/2': { '': '{}', for: 'ann', n: 2 }
    })
  })

  it('are asked again', async () => {
    const root = await world.welcomed('root', [], peerOf('root'))
    root.write(...put('a/1', { for: 'ann' }))
    root.write(...put('a/2', { for: 'bob' }))
    await world.pass(10)
    admins.add('ann')
    const ann = await world.welcomed('ann', [scope(1, 'a/'), scope(2, 'a/2')], peerOf('ann'))
    admins.delete('ann')
    ann.refresh()
    await world.pass(10)
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ scopes }) => scopes),
      [{ scope: 2, outcome: 'ERR_DENIED' }]
    )
    // What it may see still it has.
    assert.deepEqual([deltas.flatMap(({ denied }) => denied), contents(deltas)], [['a/2'], {}])
    root.write(...put('a/2', { n: 1 }))
    await world.pass(10)
    assert.deepEqual(ann.news, [])
  })

  it('that fail deny, and are reported', async () => {
    await world.authority.close()
    await world
      .make({
        permit: ({ path }) => {
          if (path === 'x') throw new Error('sync')
          if (path === 'y') return Promise.reject(new Error('async'))
          return true
        }
      })
      .open()
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    ann.write('a/1', [at(0, 'ann').make()])
    await world.pass()
    ann.write('a/1', [at(1, 'ann').set('x', 1)])
    ann.write('a/1', [at(1, 'ann').set('y', 1)])
    await world.pass(10)
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ code }) => code)),
      ['ERR_DENIED', 'ERR_DENIED']
    )
    assert.deepEqual(
      world.failed.map(error => error instanceof Error && error.message),
      ['sync', 'async']
    )
  })

  for (const isRest of [true, false]) {
    it(`are those of the collection, or of one that it is in, or ${isRest ? 'those of all' : 'none'}`, async () => {
      await world.authority.close()
      const asked: string[] = []
      const by =
        (rule: string) =>
        ({ verb, record }: PermitQuestion): boolean => {
          asked.push(`${rule}: ${verb} ${record}`)
          return true
        }
      const collections = {
        'a/': { permit: by('a/') },
        'a/x/': { order: 'server' },
        'a/y/': { permit: by('a/y/') }
      } as const
      await world.make({ collections, ...(isRest && { permit: by('all') }) }).open()
      const follows = ['a/', 'a/x/', 'a/y/', 'b/'].map((name, at) => scope(at + 1, name))
      const ann = await world.welcomed('ann', follows, peerOf('ann'))
      for (const id of ['a/1', 'a/x/1', 'a/y/1', 'b/1']) ann.write(id, [at(++time, 'ann').make()])
      await world.pass(10)
      const rest = (question: string): string[] => (isRest ? [`all: ${question}`] : [])
      assert.deepEqual(asked, [
        'a/: read a/',
        'a/: read a/x/',
        'a/y/: read a/y/',
        ...rest('read b/'),
        'a/: create a/1',
        'a/: create a/x/1',
        'a/y/: create a/y/1',
        ...rest('create b/1'),
        'a/: read a/1',
        'a/: read a/x/1',
        'a/y/: read a/y/1',
        ...rest('read b/1')
      ])
      assert.deepEqual(Object.keys(contents(ann.deltas)), ['a/1', 'a/x/1', 'a/y/1', 'b/1'])
    })
  }

  it('see other records as they will be: nothing that is refused, and all of what is one', async () => {
    await world.authority.close()
    const looks: unknown[] = []
    const permit = async ({ record, records, path }: PermitQuestion): Promise<boolean> => {
      if (record.startsWith('no/')) return false
      if (path) return true
      looks.push([record, await records.get(record), await records.get('no/1'), await records.has('a/1')])
      return true
    }
    await world.make({ permit }).open()
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    const part = (record: string) => ({ record, registers: [at(1, 'ann').make(), at(1, 'ann').set('n', 1)] })
    ann.write('', [], { records: ['no/1', 'a/1', 'a/2'].map(part) })
    await world.pass(10)
    assert.deepEqual(looks.splice(0), [
      ['a/1', { n: 1 }, undefined, true],
      ['a/2', { n: 1 }, undefined, false]
    ])
    ann.write('', [], { records: ['no/1', 'a/3'].map(part), atomic: true })
    await world.pass(10)
    assert.deepEqual(looks.at(-1), ['a/3', { n: 1 }, { n: 1 }, true])
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) =>
        results.map(({ number, record, code, hint }) => [number, record, code, hint])
      ),
      [
        [1, 'no/1', 'ERR_DENIED', "The permissions of the server do not allow this: 'create' of 'no/1'"],
        [2, '', 'ERR_DENIED', "'no/1': The permissions of the server do not allow this: 'create' of 'no/1'"]
      ]
    )
  })

  it('of the permissions plugin count too', async () => {
    await world.authority.close()
    const names: string[] = []
    const permissions: Pick<Permissions, 'check'> = {
      check: ({ verb, name, value, previous }) => {
        names.push(`${verb} ${name} ${JSON.stringify(value)} ${JSON.stringify(previous)}`)
        return name !== 'private.*' && name !== 'a.no%2E1'
      }
    }
    await world.make({ permissions }).open()
    const ann = await world.welcomed('ann', [scope(1, 'private/'), scope(2, 'a/b/'), scope(3, 'a/no.1')], peerOf('ann'))
    const [, delta] = ann.frames
    assert(delta?.type === 'delta')
    assert.deepEqual(
      delta.scopes.map(({ outcome }) => outcome),
      ['ERR_DENIED', 'ERR_DENIED', 'reset']
    )
    assert.deepEqual(names.splice(0), [
      'read private.* undefined undefined',
      'read a.b.* undefined undefined',
      'read a.no%2E1 undefined undefined'
    ])
    ann.write('a/b/1', [at(0, 'ann').make(), at(0, 'ann').set('x', 1)])
    await world.pass(10)
    assert.deepEqual(names, ['create a.b.1 {"x":1} undefined'])
  })

  it('are not waited for for ever: who is not answered may not read', async () => {
    const never = new Promise<boolean>(() => {})
    await world.authority.close()
    const hangs = (question: PermitQuestion): boolean | Promise<boolean> =>
      question.record.startsWith('hang') ? never : question.record === 'a/2' && question.verb === 'read' ? never : true
    await world.make({ permit: hangs, timeout: 5_000 }).open()
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    for (const id of ['a/1', 'a/2']) ann.write(id, [at(0, 'ann').make()])
    await world.pass()
    world.failed.length = 0
    const bob = world.client('bob', peerOf('bob'))
    bob.hello([scope(1, 'hang/')])
    bob.say({ type: 'follow', follows: [scope(2, 'a/')] })
    await world.pass(4_000)
    assert.deepEqual(bob.deltas, [])
    await world.pass(2_000)
    const { deltas } = bob
    assert.deepEqual(
      deltas.flatMap(({ scopes }) => scopes),
      [
        { scope: 1, outcome: 'ERR_DENIED' },
        { scope: 2, outcome: 'reset' }
      ]
    )
    assert.deepEqual(contents(deltas), { 'a/1': { '': '{}' } })
    assert.deepEqual(
      world.failed.map(error => error instanceof AnywireError && error.code),
      ['ERR_TIMEOUT', 'ERR_TIMEOUT']
    )
  })

  it('have as long as it takes where the time to answer has no end', async () => {
    await world.authority.close()
    const slow = ({ verb }: PermitQuestion): Promise<boolean> =>
      new Promise(resolve => setTimeout(() => resolve(true), verb === 'read' ? 60_000 : 0))
    for (const timeout of [Infinity, 2 ** 31]) {
      await world.make({ permit: slow, timeout }).open()
      const ann = await world.welcomed('ann', [scope(1, 'a/1')], peerOf('ann'))
      await world.pass(100_000)
      const { deltas } = ann
      assert.deepEqual([deltas.flatMap(({ scopes }) => scopes), world.failed], [[{ scope: 1, outcome: 'reset' }], []])
      await world.authority.close()
    }
  })

  it('that take long for one scope keep nothing of it from being told when another one begins', async () => {
    await world.authority.close()
    const soon = ({ verb, record }: PermitQuestion): boolean | Promise<boolean> =>
      verb !== 'read' || record === 'b/1' || new Promise(resolve => setTimeout(() => resolve(true), 10))
    await world.make({ permit: soon }).open()
    const ann = await world.welcomed('ann', [], peerOf('ann'))
    for (const id of ['a/1', 'a/2', 'a/3']) ann.write(id, [at(0, 'ann').make()])
    await world.pass()
    const bob = await world.welcomed('bob', [scope(1, 'a/')], peerOf('bob'))
    await world.pass(100)
    assert.deepEqual(Object.keys(contents(bob.deltas)), ['a/1', 'a/2', 'a/3'])
    const write = async (id: string, ...writes: Parameters<WireClient['write']>[1]): Promise<void> => {
      ann.write(id, writes)
      await world.pass(2)
    }
    await write('a/1', at(1, 'ann').set('x', 1))
    await write('a/2', at(1, 'ann').remove())
    await write('a/3', at(1, 'ann').set('x', 1))
    await world.pass(6)
    // What was committed up to now is judged; this is not, when the other scope begins.
    await write('a/1', at(2, 'ann').set('x', 2))
    bob.say({ type: 'follow', follows: [scope(2, 'b/1')] })
    await world.pass(100)
    assert.deepEqual(contents(bob.deltas), { 'a/1': { x: 2 }, 'a/2': { '': '-' }, 'a/3': { x: 1 } })
  })

  /** One who follows a collection of 1,500 records, and has not read all that she is told of it. */
  const slowReader = async () => {
    const process = await world.welcomed('root')
    for (let n = 0; n < 1_500; n++) process.write(`a/${10_000 + n}`, [at(n, 'root').make()])
    await world.pass(100)
    const eve = world.client('eve', peerOf('eve'))
    eve.room = 2
    eve.hello([scope(1, 'a/')])
    await world.pass(100)
    return { process, eve }
  }

  it('that change while much is told end it: what a collection has from then on is not told', async () => {
    await world.authority.close()
    let isAllowed = true
    await world.make({ permissions: { check: () => isAllowed } }).open()
    const { process, eve } = await slowReader()
    const before = Object.keys(contents(eve.deltas)).length
    assert(before > 0 && before < 1_500)
    isAllowed = false
    eve.refresh()
    process.write('a/11499', [at(2_000, 'root').set('x', 'secret')])
    await world.pass(100)
    eve.drained()
    await world.pass(100)
    const { deltas } = eve
    assert.deepEqual(contents(deltas), {})
    assert.deepEqual(
      deltas.flatMap(({ scopes }) => scopes.map(({ outcome }) => outcome)),
      ['ERR_DENIED']
    )
    // What begins anew is told as a whole.
    isAllowed = true
    eve.refresh()
    await world.pass(100)
    assert.equal(Object.keys(contents(eve.deltas)).length, 1_500)
  })

  it('that change while much is told take records from it that were read, and not told, before; and give them back', async () => {
    await world.authority.close()
    const banned = new Set<string>()
    await world.make({ permit: ({ record, verb }) => verb !== 'read' || !banned.has(record) }).open()
    const { process, eve } = await slowReader()
    const before = Object.keys(contents(eve.deltas))
    const [first, second, third] = ['a/11490', 'a/11495', 'a/11499']
    // All of them are read, and wait for room.
    assert(before.length > 1_000 && !before.includes(first))
    const refresh = async (): Promise<void> => {
      world.authority.refresh('a/114', () => true)
      await world.pass(100)
    }
    for (const id of [first, second, third]) banned.add(id)
    await refresh()
    // It may see that one again, which it was not told.
    banned.delete(first)
    await refresh()
    eve.drained()
    await world.pass(100)
    const all = [...before, ...Object.keys(contents(eve.deltas))]
    assert.deepEqual([all.length, new Set(all).size], [1_498, 1_498])
    assert.deepEqual(
      [first, second, third].map(id => all.includes(id)),
      [true, false, false]
    )
    process.write(second, [at(2_000, 'root').set('x', 1)])
    await world.pass(100)
    assert.deepEqual(contents(eve.deltas), {})
    banned.clear()
    await refresh()
    assert.deepEqual(contents(eve.deltas), { [second]: { '': '{}', x: 1 }, [third]: { '': '{}' } })
    process.write(second, [at(3_000, 'root').set('x', 2)])
    await world.pass(100)
    assert.deepEqual(contents(eve.deltas), { [second]: { x: 2 } })
  })
})
