import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import type { Value } from '../../../lib/store.ts'
import { compareBy, isQuery, matches, problemOf } from '../../../plugins/records/core/query.ts'
import type { Condition, Entry, Query } from '../../../plugins/records/core/query.ts'
import { runs } from '../../support/faults-seed.ts'
import { valueOf } from '../../support/records.ts'
import { decodeFrame, encodeFrame } from '../../support/records-codec.ts'

const TODO = { title: 'milk', done: false, rank: 3, due: null, tags: ['a', 'b', [1]], who: { name: 'Ann', 'a.b': 1 } }

const holds = (...where: Condition[]): boolean => matches({ where }, TODO)

describe('records: queries', () => {
  it('compare a field with a value', () => {
    const rows: readonly (readonly [Condition, boolean])[] = [
      [['rank', '=', 3], true],
      [['rank', '=', '3'], false],
      [['rank', '!=', 3], false],
      [['rank', '!=', 4], true],
      [['rank', '<', 4], true],
      [['rank', '<', 3], false],
      [['rank', '<=', 3], true],
      [['rank', '>', 2], true],
      [['rank', '>', 3], false],
      [['rank', '>=', 3], true],
      [['rank', '>=', 4], false],
      [['title', '<', 'milkshake'], true],
      [['rank', '<', '4'], false],
      [['rank', '>', true], false],
      [['due', '=', null], true],
      [['title', 'in', ['bread', 'milk']], true],
      [['title', 'in', ['bread']], false],
      [['tags', 'has', 'b'], true],
      [['tags', 'has', [1]], true],
      [['tags', 'has', 'c'], false],
      [['title', 'has', 'm'], false],
      [['tags', '=', ['a', 'b', [1]]], true],
      [['who', '=', { 'a.b': 1, name: 'Ann' }], true],
      [['who.name', '=', 'Ann'], true],
      [['who.a\\.b', '=', 1], true]
    ]
    for (const [condition, expected] of rows) assert.equal(holds(condition), expected, JSON.stringify(condition))
  })

  it('do not take nothing for a value', () => {
    for (const path of ['gone', 'gone.too', 'title.length', 'tags.0', 'tags.length', 'toString', 'due.x']) {
      for (const operator of ['=', '<', '<=', '>', '>='] as const) {
        assert.equal(holds([path, operator, null]), false, `${path} ${operator}`)
      }
      assert.equal(holds([path, '!=', null]), true)
      assert.equal(holds([path, 'in', [null]]), false)
      assert.equal(holds([path, 'has', 'a']), false)
    }
    assert.equal(matches({}, undefined), false)
    assert.equal(matches({}, {}), true)
  })

  it('ask for all of their conditions', () => {
    assert.equal(holds(['rank', '=', 3], ['done', '=', false]), true)
    assert.equal(holds(['rank', '=', 3], ['done', '=', true]), false)
  })

  it('order by several paths, missing fields last, ties by id', () => {
    const entries: Entry[] = [
      { id: 'b', value: { rank: 1, name: 'x' } },
      { id: 'a', value: { rank: 1, name: 'x' } },
      { id: 'c', value: { rank: 2, name: 'x' } },
      { id: 'd', value: { rank: 1, name: 'y' } },
      { id: 'f', value: { name: 'z' } },
      { id: 'e', value: undefined }
    ]
    const sorted = (order?: readonly string[]): string =>
      [...entries]
        .sort(compareBy(order))
        .map(({ id }) => id)
        .join('')
    assert.equal(sorted(), 'abcdef')
    assert.equal(sorted(['rank']), 'abdcef')
    assert.equal(sorted(['-rank']), 'cabdef')
    assert.equal(sorted(['-rank', '-name']), 'cdabfe')
    assert.equal(sorted(['name', '-rank']), 'cabdfe')
  })

  it('order totally', () => {
    const entry = fc.record({
      id: fc.string({ maxLength: 2 }),
      value: fc.record({ a: valueOf, b: valueOf }, { requiredKeys: [] })
    })
    fc.assert(
      fc.property(entry, entry, entry, fc.constantFrom(['a'], ['-a'], ['-a', 'b']), (a, b, c, order) => {
        const compare = compareBy(order)
        assert.equal(Math.sign(compare(a, b)) + Math.sign(compare(b, a)), 0)
        if (compare(a, b) <= 0 && compare(b, c) <= 0) assert.ok(compare(a, c) <= 0)
        if (compare(a, b) === 0) assert.equal(a.id, b.id)
      }),
      runs(500)
    )
  })

  it('are told from other values', () => {
    const queries: unknown[] = [
      {},
      { where: [], order: [], limit: 1 },
      { where: [['a.b', 'in', [1]]], order: ['-a', 'b'], limit: 10 },
      { where: undefined, order: undefined, limit: undefined },
      { where: Array.from({ length: 32 }, () => ['a', '=', 1]) },
      { where: [['a', 'in', Array.from({ length: 1_000 }, (_, at) => at)]] },
      { where: [['a', '=', new Uint8Array(3)]] },
      { where: [['a', '=', { b: undefined, c: [null, true, 'text', -0, 0.5] }]] }
    ]
    for (const query of queries) assert.equal(problemOf(query), undefined, JSON.stringify(query))
    const many = (count: number) => Array.from({ length: count }, (_, at) => at)
    const paths = 'a list of at most 8 paths'
    const conditions = 'a list of at most 32 conditions'
    const condition = 'a path, one of = != < <= > >= in has, and a value: a list for in'
    const large = 'more than 1000 values to compare with'
    const others: readonly (readonly [query: unknown, problem: string])[] = [
      [undefined, 'an object, such as { where, order, limit }'],
      [null, 'an object, such as { where, order, limit }'],
      [7, 'an object, such as { where, order, limit }'],
      [[], 'an object, such as { where, order, limit }'],
      [{ more: 1 }, `there is no 'more'`],
      [{ where: 'a' }, `where: ${conditions}`],
      [{ where: [['a', '=']] }, `where[0]: ${condition}`],
      [{ where: [['a', '=', undefined]] }, `where[0]: ${condition}`],
      [{ where: [['a', '=', 1, 2]] }, `where[0]: ${condition}`],
      [{ where: [['a', '~', 1]] }, `where[0]: ${condition}`],
      [
        {
          where: [
            ['b', '=', 1],
            ['a', 'in', 1]
          ]
        },
        `where[1]: ${condition}`
      ],
      [{ where: [['__proto__', '=', 1]] }, `where[0]: ${condition}`],
      [{ where: [['a..b', '=', 1]] }, `where[0]: ${condition}`],
      [{ where: [[7, '=', 1]] }, `where[0]: ${condition}`],
      [{ where: many(33).map(() => ['a', '=', 1]) }, `where: ${conditions}`],
      [{ where: [['a', 'in', many(1_001)]] }, `where: ${large}`],
      [{ where: [0, 1].map(() => ['a', 'in', many(501)]) }, `where: ${large}`],
      [{ where: [['a', '=', { b: many(1_000) }]] }, `where: ${large}`],
      [{ order: 'a' }, `order: ${paths}`],
      [{ order: [7] }, 'order[0]: a path, or one behind a -'],
      [{ order: ['a', '-__proto__'] }, 'order[1]: a path, or one behind a -'],
      [{ order: many(9).map(() => 'a') }, `order: ${paths}`],
      [{ limit: 0 }, 'limit: a whole number from 1'],
      [{ limit: -1 }, 'limit: a whole number from 1'],
      [{ limit: 1.5 }, 'limit: a whole number from 1'],
      [{ limit: '1' }, 'limit: a whole number from 1']
    ]
    for (const [value, problem] of others) {
      assert.equal(problemOf(value), problem, JSON.stringify(value))
      assert.equal(isQuery(value), false)
    }
    const view: Value = { a: 1 }
    assert.ok(matches({ where: undefined }, view))
  })

  it('are taken from clients that make what is a mistake, which is refused where it is made', () => {
    const condition = 'a path, one of = != < <= > >= in has, and a value: a list for in'
    const mistakes: readonly (readonly [query: Query, problem: string])[] = [
      [{ order: ['a', 'b', '-a'] }, "order: 'a' twice"],
      [{ order: ['-'] }, 'order[0]: a path, or one behind a -'],
      [{ order: ['a', ''] }, 'order[1]: a path, or one behind a -'],
      [{ where: [['', '=', 1]] }, `where[0]: ${condition}`]
    ]
    for (const [query, problem] of mistakes) {
      assert.equal(problemOf(query), problem)
      const follow = { scope: 1, name: 'a/', query, epoch: '', since: 0, digest: 0 }
      const frame = { type: 'follow', follows: [follow] } as const
      assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
    }
  })

  it('compare with values, as deep as the other end reads them, and with nothing else', () => {
    const no = 'where: what is no value of a record to compare with'
    const deep = (levels: number): unknown => (levels ? [deep(levels - 1)] : 0)
    const round: unknown[] = []
    round.push(round)
    const holes = Object.assign([1], { length: 2 })
    const nothing: unknown[] = [NaN, Infinity, 10n, new Date(0), () => 0, Symbol('a'), new Map(), '\ud800']
    for (const value of [...nothing, ...nothing.map(each => [each]), { a: NaN }, [undefined], holes, round, deep(62)])
      assert.equal(problemOf({ where: [['a', '=', value]] }), no)
    const deepest: Query = { where: [['a', '=', deep(61) as Value]] }
    assert.equal(problemOf(deepest), undefined)
    const follow = { scope: 1, name: 'a/', query: deepest, epoch: '', since: 0, digest: 0 }
    const frame = { type: 'follow', follows: [follow] } as const
    assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
  })
})
