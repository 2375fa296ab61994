import assert from 'node:assert/strict'
import { runInNewContext } from 'node:vm'
import { AnywireError } from '../../../lib/errors.ts'
import { ERR_LIMIT } from '../../../lib/failures.ts'
import type { StandardSchema } from '../../../lib/standard-schema.ts'
import type { AuthorityOptions } from '../../../plugins/records/server/authority.ts'
import { at, contents, peerOf, scope, World } from '../../support/authority.ts'

/** Accepts objects with a number `n` below 10. */
const small: StandardSchema = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: value => {
      const n = typeof value === 'object' && value !== null && 'n' in value ? value.n : undefined
      if (typeof n === 'number' && n < 10) return { value }
      return { issues: [{ message: 'not below 10', path: ['n'] }] }
    }
  }
}

describe('an authority of records, and the functions of its application', () => {
  let world: World
  let time: number

  const start = async (options: Partial<AuthorityOptions>) => {
    world = new World(options)
    await world.authority.open()
    return world.welcomed('ann', [scope(1, 'a/'), scope(2, 'log/')])
  }

  beforeEach(() => (time = 0))

  afterEach(() => world.end())

  const now = () => at(++time, 'ann')

  const make = (fields: Record<string, number | string>) => {
    const one = now()
    return [one.make(), ...Object.entries(fields).map(([path, value]) => one.set(path, value))]
  }

  for (const [title, wait] of [
    ['at once', false],
    ['later', true]
  ] as const) {
    it(`validate records as they would be: ${title}`, async () => {
      const answer = async (value: unknown) => value
      const validate = wait
        ? {
            '~standard': {
              ...small['~standard'],
              validate: (value: unknown) => answer(value).then(small['~standard'].validate)
            }
          }
        : small
      const ann = await start({ collections: { 'a/': { validate } } })
      ann.write('a/1', make({ n: 1 }))
      ann.write('a/2', make({ n: 10 }))
      ann.write('a/1', [now().add('n', 8)])
      ann.write('a/1', [now().add('n', 1)])
      ann.write('a/1', [now().set('x', 1)])
      ann.write('b/1', make({ n: 10 }))
      const part = (n: number) => ({ record: 'a/3', registers: make({ n }) })
      ann.write('', [], { records: [part(4), { record: 'a/1', registers: [now().add('n', 5)] }] })
      ann.write('', [], { records: [part(5), { record: 'a/1', registers: [now().add('n', 5)] }], atomic: true })
      ann.write('a/1', [now().remove()])
      await world.pass(10)
      const { deltas } = ann
      assert.deepEqual(
        deltas.flatMap(({ results }) => results.map(({ number, record, code, hint }) => [number, record, code, hint])),
        [
          [2, 'a/2', 'ERR_INVALID', 'The server does not accept this value: n: not below 10'],
          [4, 'a/1', 'ERR_INVALID', 'The server does not accept this value: n: not below 10'],
          [7, 'a/1', 'ERR_INVALID', 'The server does not accept this value: n: not below 10'],
          [8, '', 'ERR_INVALID', "'a/1': The server does not accept this value: n: not below 10"]
        ]
      )
      assert.equal(contents(deltas)['a/3']?.['n'], 4)
      assert.deepEqual(deltas.at(-1)?.acknowledged, [['ann', 9]])
    })
  }

  it('are those of the longest name that the id of a record begins with', async () => {
    const asked: string[] = []
    const validate = (by: string) => (_value: unknown, record: string) => {
      asked.push(`${by}: ${record}`)
    }
    const ann = await start({
      collections: {
        'a/': { validate: validate('a/'), resurrect: 'implicit' },
        'a/x/': { validate: validate('a/x/'), resurrect: 'strict' },
        'a/xx/': { order: 'server' },
        'b/y/': { validate: validate('b/y/') },
        '': { validate: validate('') }
      }
    })
    const ids = ['a/1', 'a/x/1', 'a/x/y/1', 'a/xx/y/1', 'b/1', 'b/y/1', 'c', 'a']
    for (const id of ids) ann.write(id, make({}))
    await world.pass()
    assert.deepEqual(asked, ['a/: a/1', 'a/x/: a/x/1', 'a/x/: a/x/y/1', 'a/: a/xx/y/1', 'b/y/: b/y/1', ': c', ': a'])
    for (const id of ['a/xx/y/1', 'a/x/1']) {
      ann.write(id, [now().remove()])
      ann.write(id, [now().set('n', 1)])
    }
    await world.pass()
    assert.deepEqual(
      ann.deltas.flatMap(({ results }) => results.map(({ record, code }) => [record, code])),
      [['a/x/1', 'ERR_CONFLICT']]
    )
  })

  it('may answer with promises of another kind', async () => {
    /** No instance of the promises of this realm. */
    const later = runInNewContext('async answer => answer') as (answer: boolean) => Promise<boolean>
    assert(!(later(true) instanceof Promise))
    const ann = await start({
      permit: ({ record }) => later(record !== 'a/denied'),
      collections: { 'a/': { validate: (_value, record) => later(record !== 'a/invalid') } }
    })
    const eve = await world.welcomed('eve', [], peerOf('eve'))
    for (const id of ['a/fine', 'a/denied', 'a/invalid']) eve.write(id, [at(1, 'eve').make()])
    await world.pass(20)
    assert.deepEqual(
      eve.deltas.flatMap(({ results }) => results.map(({ record, code }) => [record, code])),
      [
        ['a/denied', 'ERR_DENIED'],
        ['a/invalid', 'ERR_INVALID']
      ]
    )
    assert.deepEqual(Object.keys(contents(ann.deltas)), ['a/fine'])
  })

  it('see what is written, and refuse it', async () => {
    const events: unknown[] = []
    const ann = await start({
      onWrite: ({ peer, records }) => {
        events.push([peer, ...records])
        if (records.some(({ record }) => record === 'a/bad')) throw new AnywireError(ERR_LIMIT, 'of patience')
        if (records.some(({ record }) => record === 'a/broken')) throw new Error('secret')
      }
    })
    ann.write('a/1', make({ n: 1 }))
    ann.write('a/1', [now().set('n', 2)])
    ann.write('a/bad', make({ n: 1 }))
    ann.write('a/broken', make({ n: 1 }))
    ann.write('a/1', [now().remove()])
    await world.pass(10)
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ results }) => results.map(({ number, record, code, hint }) => [number, record, code, hint])),
      [
        [3, '', 'ERR_LIMIT', 'A limit was reached: of patience'],
        [4, '', 'ERR_INVALID', 'The server does not accept this value']
      ]
    )
    assert.deepEqual(
      world.failed.map(error => error instanceof Error && error.message),
      ['secret']
    )
    assert.deepEqual(events.slice(0, 2), [
      [undefined, { record: 'a/1', before: undefined, after: { n: 1 } }],
      [undefined, { record: 'a/1', before: { n: 1 }, after: { n: 2 } }]
    ])
    assert.deepEqual(events[4], [undefined, { record: 'a/1', before: { n: 2 }, after: undefined }])
  })

  it('write more in the same commit', async () => {
    const ann = await start({
      onWrite: async ({ records }, tx) => {
        for (const { record } of records) {
          await tx.increment('log/counts', 'writes', 1)
          await tx.set('log/last', '', { record })
          assert.deepEqual(await tx.get('log/last'), { record })
          if (record === 'a/2') throw new Error('no')
        }
      }
    })
    const bob = await world.welcomed('bob')
    ann.write('a/1', make({ n: 1 }))
    bob.write('a/3', [at(9, 'bob').make()])
    ann.write('a/2', make({ n: 1 }))
    ann.write('a/4', make({ n: 1 }))
    await world.pass(10)
    const { deltas } = ann
    assert.equal(contents(deltas)['log/counts']?.['writes'], 3)
    assert.deepEqual(Object.keys(contents(deltas)).toSorted(), ['a/1', 'a/3', 'a/4', 'log/counts', 'log/last'])
    for (const { records } of deltas) {
      const ids = records.map(({ record }) => record)
      assert.equal(
        ids.some(id => id.startsWith('a/')),
        ids.includes('log/counts'),
        'one without the other'
      )
    }
  })

  it('are waited for, with all that they write', async () => {
    const late: Promise<unknown>[] = []
    const ann = await start({
      onWrite: ({ records: [written] }, tx) => {
        void tx.increment('log/1', 'n', 1).then(() => tx.increment('log/1', 'n', 1))
        if (written?.record === 'a/2') void tx.set('log/1', '', 5)
        setTimeout(() => late.push(assert.rejects(tx.set('log/1', 'late', 1), { code: 'ERR_CANCELLED' })), 2)
      }
    })
    for (const id of ['a/1', 'a/2', 'a/3']) ann.write(id, make({ n: 1 }))
    await world.pass(10)
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [[2, 'ERR_ENCODE']]
    )
    assert.deepEqual(contents(deltas)['log/1'], { '': '{}', n: 4 })
    await Promise.all(late)
    assert.equal(late.length, 3)
  })

  it('write no half of what they want, also where they catch what failed', async () => {
    const ann = await start({
      onWrite: async (_write, tx) => {
        await tx.increment('log/1', 'n', 1.7e308)
        await tx.increment('log/1', 'n', 1.7e308).catch(() => {})
      }
    })
    ann.write('a/1', make({ n: 1 }))
    await world.pass(10)
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [[1, 'ERR_INVALID']]
    )
    assert.deepEqual(contents(deltas), {})
  })

  it('do not lose what others write meanwhile into what they read', async () => {
    const ann = await start({
      onWrite: async (_write, tx) => {
        const log = await tx.get('log/sum')
        const sum = typeof log === 'object' && log !== null && 'n' in log ? Number(log['n']) : 0
        await new Promise(resolve => setTimeout(resolve, 3))
        await tx.set('log/sum', 'n', sum + 1)
      }
    })
    const others = await Promise.all(['b', 'c', 'd', 'e'].map(name => world.welcomed(name)))
    for (const client of [ann, ...others]) client.write(`a/${client.node}`, [at(0, client.node).make()])
    await world.pass(200)
    assert.equal(contents(ann.deltas)['log/sum']?.['n'], 5)
  })

  it('write no more into a record than it may have', async () => {
    const text = 'x'.repeat(400)
    const ann = await start({
      limits: { fields: 10, record: 2_000 },
      onWrite: async ({ records }, tx) => {
        const [first] = records
        if (first?.record === 'a/fields') for (let n = 0; n < 10; n++) await tx.set('log/1', `f${n}`, n)
        else for (let n = 0; n < 5; n++) await tx.set('log/1', `f${n}`, text)
      }
    })
    ann.write('a/fields', make({ n: 1 }))
    ann.write('a/bytes', make({ n: 1 }))
    await world.pass(10)
    const { deltas } = ann
    assert.deepEqual(
      deltas.flatMap(({ results }) => results.map(({ number, code }) => [number, code])),
      [
        [1, 'ERR_LIMIT'],
        [2, 'ERR_LIMIT']
      ]
    )
    assert.deepEqual(contents(deltas), {})
  })

  it('change and delete records that have all that they may have', async () => {
    const ann = await start({
      limits: { fields: 2 },
      onWrite: async ({ records }, tx) => {
        const [first] = records
        if (first?.record === 'b/set') await tx.set('a/1', 'n', 2)
        else if (first?.record === 'b/delete') await tx.delete('a/1')
      }
    })
    ann.write('a/1', make({ n: 1 }))
    ann.write('b/set', make({ n: 1 }))
    await world.pass(10)
    assert.equal(contents(ann.deltas)['a/1']?.['n'], 2)
    ann.write('b/delete', make({ n: 1 }))
    await world.pass(10)
    const { deltas } = ann
    assert.deepEqual([deltas.flatMap(({ results }) => results), contents(deltas)['a/1']], [[], { '': '-' }])
  })
})
