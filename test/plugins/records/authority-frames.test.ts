import assert from 'node:assert/strict'
import { IMPLICIT, OBJECT } from '../../../plugins/records/core/register.ts'
import type { Write } from '../../../plugins/records/core/register.ts'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import type { PermitQuestion } from '../../../plugins/records/server/options.ts'
import { at, contents, peerOf, scope, userOf, World } from '../../support/authority.ts'
import type { WireClient } from '../../support/authority.ts'

describe('an authority of records, and frames that anywire never sends', () => {
  let world: World

  const start = async (options: Partial<AuthorityOptions> = {}) => {
    world = new World(options)
    await world.authority.open()
  }

  const join = (user: string, ...names: string[]) =>
    world.welcomed(
      user,
      names.map((name, number) => scope(number + 1, name)),
      peerOf(user)
    )

  const made = (node: string, fields: Record<string, number>) => {
    const now = at(1, node)
    return [now.implicit(), ...Object.entries(fields).map(([path, value]) => now.set(path, value))]
  }

  /** What a client is told of its writes. */
  const told = ({ deltas }: WireClient) =>
    deltas.flatMap(({ results }) => results.map(({ number, record, code }) => [number, record, code]))

  afterEach(() => world.end())

  it('ask about objects below a record, whatever their stamps', async () => {
    await start({ permit: question => question.verb === 'read' || userOf(question) === 'root' })
    const root = await join('root', 'd/')
    root.write('d/1', made('root', { title: 1 }))
    await world.pass()
    const eve = await join('eve')
    const object = (path: string, stamp: Pick<Write, 't' | 'node'>): Write => ({
      path,
      kind: OBJECT,
      value: undefined,
      ...stamp
    })
    eve.write('d/1', [object('defaced', IMPLICIT)])
    eve.write('d/1', [object('defaced.by', { t: at(1, 'root').make().t, node: 'root' })])
    await world.pass()
    assert.deepEqual(told(eve), [
      [1, 'd/1', 'ERR_DENIED'],
      [2, 'd/1', 'ERR_DENIED']
    ])
    assert.deepEqual(contents(root.deltas), { 'd/1': { '': '{}', title: 1 } })
  })

  it('ask about what would be there in the end', async () => {
    const values: unknown[] = []
    const permit = ({ verb, value }: PermitQuestion): boolean => {
      if (verb === 'write') values.push(value)
      return verb !== 'write' || Number(value) <= 10
    }
    await start({ permit })
    const ann = await join('ann', 'd/1')
    ann.write('d/1', made('ann', { n: 0 }))
    await world.pass()
    ann.write(
      'd/1',
      Array.from({ length: 100 }, () => at(2, 'ann').add('n', 10))
    )
    ann.write('d/1', [at(3, 'ann').set('n', 1_000_000), at(4, 'ann').add('n', 1)])
    ann.write('d/1', [at(5, 'ann').set('n', 4), at(6, 'ann').add('n', 5)])
    await world.pass()
    const { deltas } = ann
    assert.deepEqual(values, [0, 1_000, 1_000_001, 9])
    assert.deepEqual(contents(deltas)['d/1']?.['n'], 9)
  })

  it('ask about what arrives last, where that wins', async () => {
    await start({
      permit: ({ verb, value }) => verb !== 'write' || Number(value) <= 10,
      collections: { 'd/': { order: 'server' } }
    })
    const ann = await join('ann', 'd/1')
    ann.write('d/1', made('ann', { n: 0 }))
    ann.write('d/1', [at(-1_000, 'ann').set('n', 11)])
    await world.pass()
    assert.deepEqual(told(ann), [[2, 'd/1', 'ERR_DENIED']])
  })

  it('ask about what is hidden for now', async () => {
    await start({ permit: ({ verb, path, value }) => verb !== 'write' || path !== 'n' || typeof value !== 'number' })
    const ann = await join('ann')
    ann.write('d/1', made('ann', { 'n.x': 1 }))
    ann.write('d/1', [at(0, 'ann').set('n', 1)])
    await world.pass()
    assert.deepEqual(told(ann), [[2, 'd/1', 'ERR_DENIED']])
  })

  it('refuse sums that are no numbers', async () => {
    await start()
    const ann = await join('ann')
    const bob = await join('bob', 'd/')
    const now = at(1, 'ann')
    ann.write('d/1', [now.implicit(), now.add('n', 1.7e308), now.add('n', 1.7e308)])
    ann.write('d/1', [now.implicit(), now.add('n', 1.7e308)])
    await world.pass()
    ann.write('d/1', [now.add('n', 1.7e308), at(2, 'ann').set('n.x', 1)])
    ann.write('d/1', [now.add('n', -1.7e308)])
    await world.pass()
    assert.deepEqual(told(ann), [
      [1, 'd/1', 'ERR_INVALID'],
      [3, 'd/1', 'ERR_INVALID']
    ])
    assert.deepEqual([contents(bob.deltas)['d/1']?.['n'], bob.failures, world.failed], [0, [], []])
  })

  it('refuse one that names a record twice, so that limits hold', async () => {
    await start({ limits: { fields: 10 } })
    const ann = await join('ann', 'd/')
    const part = (field: string) => ({
      record: 'd/1',
      registers: made('ann', Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`${field}${n}`, n])))
    })
    ann.write('', [], { records: [part('a'), part('b')] })
    ann.write('', [], { records: [part('a')] })
    ann.write('', [], { records: [part('b')] })
    await world.pass()
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ results }) => results.map(({ number, record, code }) => [number, record, code])),
      [
        [1, '', 'ERR_INVALID'],
        [3, 'd/1', 'ERR_LIMIT']
      ]
    )
    assert.equal(Object.keys(contents(deltas)['d/1'] ?? {}).length, 7)
  })

  it('change and delete a record that has all that it may have', async () => {
    await start({ limits: { fields: 4, record: 1_000 } })
    const ann = await join('ann', 'd/')
    const text = 'x'.repeat(800)
    for (const id of ['d/1', 'd/2', 'd/3']) ann.write(id, made('ann', { a: 1, b: 1, c: 1 }))
    ann.write('d/4', [at(1, 'ann').implicit(), at(1, 'ann').set('a', text)])
    await world.pass()
    assert.deepEqual(told(ann), [])
    const now = at(2, 'ann')
    const later = at(3, 'ann')
    ann.write('d/1', [now.set('a', 2), now.add('b', 1)])
    ann.write('d/1', [now.remove('c')])
    ann.write('d/1', [now.set('d', 1)])
    ann.write('d/1', [now.remove('e')])
    ann.write('d/2', [now.remove()])
    ann.write('d/3', [now.make(), now.set('d', 1), now.set('e', 1), now.set('f', 1)])
    ann.write('d/4', [now.set('a', text.toUpperCase())])
    ann.write('d/4', [later.set('a', 'y'.repeat(1_000))])
    ann.write('d/4', [later.remove('a')])
    await world.pass()
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [
        [7, 'ERR_LIMIT'],
        [8, 'ERR_LIMIT'],
        [12, 'ERR_LIMIT']
      ]
    )
    assert.deepEqual(contents(deltas), {
      'd/1': { a: 2, b: 2, c: '-' },
      'd/2': { '': '-' },
      'd/3': { '': '{}', d: 1, e: 1, f: 1 },
      'd/4': { a: '-' }
    })
  })

  it('tell by conditions nothing of records that are for others', async () => {
    await start({ permit: question => userOf(question) === 'root' || question.record.startsWith('mine/') })
    const root = await join('root')
    root.write('secret/1', made('root', { n: 1 }))
    await world.pass()
    const eve = await join('eve')
    const answers = async (record: string, registers: readonly Write[]) => {
      const found = new Set<string>()
      for (const id of ['secret/1', 'secret/2']) {
        for (let version = 0; version < 3; version++) {
          const records = [
            { record: 'mine/1', registers: made('eve', { x: 1 }) },
            ...(record ? [{ record: id, registers }] : [])
          ]
          eve.write('', [], { records, conditions: [[id, version]] })
          await world.pass()
          for (const [, record, code] of told(eve)) found.add(`${record} ${code}`)
        }
      }
      return [...found]
    }
    const now = at(2, 'eve')
    assert.deepEqual(await answers('', []), [' ERR_INVALID'])
    for (const registers of [[now.set('x', 1)], [now.remove()], [], [now.set('constructor', 1)]]) {
      const code = registers[0]?.path === 'constructor' ? 'ERR_PATH' : 'ERR_DENIED'
      assert.deepEqual(await answers('secret', registers), [` ${code}`], JSON.stringify(registers))
    }
    assert.deepEqual(await answers('secret', [now.implicit()]), [' ERR_DENIED'])
  })

  it('refuse keys within values that no path could have', async () => {
    await start()
    const ann = await join('ann')
    const now = at(1, 'ann')
    for (const key of ['constructor', 'prototype', '', 'a\0b']) {
      ann.write('d/1', [now.implicit(), now.set('x', [{ fine: [{ [key]: 1 }] }])])
    }
    ann.write('d/1', [now.implicit(), now.set('x', [{ fine: [{ 'a.b': 1 }] }])])
    await world.pass()
    assert.deepEqual(
      told(ann),
      [1, 2, 3, 4].map(number => [number, 'd/1', 'ERR_PATH'])
    )
  })
})
