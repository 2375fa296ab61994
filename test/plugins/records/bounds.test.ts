import assert from 'node:assert/strict'
import { Committer } from '../../../plugins/records/client/committer.ts'
import type { Result } from '../../../plugins/records/core/frame.ts'
import { LEAF } from '../../../plugins/records/core/register.ts'
import type { Change } from '../../../plugins/records/server/change.ts'
import { Journal } from '../../../plugins/records/server/journal.ts'
import { RecordCache } from '../../../plugins/records/server/record-cache.ts'
import { Recent } from '../../../plugins/records/server/recent.ts'
import { Writer } from '../../../plugins/records/server/writer.ts'
import { memory } from '../../../stores/memory.ts'

const change = (record: string, seq: number, value = ''): Change => ({
  record,
  collection: '',
  registers: [{ record, path: 'x', kind: LEAF, value, t: seq, node: 'n', seq }],
  version: seq,
  whole: false
})

const result = (number: number, code = 'denied'): Result => ({ node: 'n', number, record: 'r', code, hint: 'why' })

describe('records: what is remembered is bounded', () => {
  it('the last commits, by their bytes', () => {
    const recent = new Recent(10, 10_000)
    for (let seq = 11; seq <= 110; seq++) recent.add([change(`r${seq}`, seq, 'x'.repeat(1_000))])
    assert.equal(recent.reaches(10), false)
    assert.equal(recent.reaches(99), false, 'eleven of them are more than that')
    assert.equal(recent.between(99, 110), undefined)
    assert.ok(recent.reaches(107), 'half of it is there at any time')
    assert.deepEqual(
      recent.between(107, 109)?.map(({ record }) => record),
      ['r108', 'r109']
    )
  })

  it('all commits, where they are few', () => {
    const recent = new Recent(10, 10_000)
    for (let seq = 11; seq <= 15; seq++) recent.add([change(`r${seq}`, seq, 'x'.repeat(1_000))])
    assert.equal(recent.between(10, 15)?.length, 5)
    assert.equal(recent.reaches(9), false)
  })

  it('empty commits count too', () => {
    const recent = new Recent(0, 10_000)
    for (let seq = 1; seq <= 1_000; seq++) recent.add([])
    assert.equal(recent.reaches(0), false)
  })

  it('records that nobody needs, by their bytes', async () => {
    const store = memory()
    await store.open()
    const rows = ['a', 'b', 'c'].map(record => ({
      record,
      path: 'x',
      kind: LEAF,
      value: 'x'.repeat(1_000),
      t: 1,
      node: 'n',
      seq: 1
    }))
    await store.commit({ rows, removed: [], entries: [] })
    const cache = new RecordCache(store, 10, 2_500)
    const use = async (id: string): Promise<void> => cache.unpin(await cache.load(id))
    for (const id of ['a', 'b', 'a', 'c']) await use(id)
    assert.deepEqual(
      ['a', 'b', 'c'].map(id => !!cache.get(id)),
      [true, false, true]
    )
    const record = await cache.load('c')
    record.write([{ path: 'y', kind: LEAF, value: 'y'.repeat(1_500), t: 2, node: 'n' }], 2)
    assert.equal(cache.size, 2, 'what is needed stays')
    cache.unpin(record)
    assert.equal(cache.size, 0, 'and goes where it alone is too much')
    await use('a')
    assert.equal(cache.size, 1)
  })

  it('what came into a query and left it, by the number of commits', () => {
    const journal = new Journal(5)
    const moves = (id: string) => ({ entered: new Set([id]), left: new Set<string>(), denied: new Set<string>() })
    for (let seq = 6; seq <= 1_005; seq++) journal.add(seq, moves(`r${seq}`))
    const since = (seq: number): number | undefined => journal.since(journal.placeAt(seq))?.entered.size
    assert.equal(since(4), undefined)
    assert.equal(since(5), 1_000)
    const before = journal.placeAt(5)
    journal.add(1_006, moves('last'))
    assert.equal(journal.since(before), undefined)
    assert.equal(since(5), undefined)
    assert.equal(since(504), undefined)
    assert.equal(since(505), 501)
    assert.deepEqual([...journal.of(1_006).entered], ['last'])
    for (let seq = 1_007; seq <= 1_506; seq++) journal.add(seq, moves(`r${seq}`))
    assert.equal(since(505), undefined, 'half of it goes each time')
    assert.equal(since(1_005), 501)
  })

  it('what is kept of results: each commit writes its own, and those that nobody needs go', () => {
    const writer = new Writer('n')
    const commit = (...results: Result[]): [kept: string[], gone: string[]] => {
      const last = results.at(-1)?.number ?? writer.last + 1
      const entries = writer.entries(last, results, 0)
      writer.commit(last, { last, results, count: 0 })
      const keys = (isKept: boolean): string[] =>
        entries.flatMap(([key, value]) => ((value !== undefined) === isKept ? [key] : []))
      return [keys(true), keys(false)]
    }
    assert.deepEqual(commit(result(1), result(2)), [['last/n', 'results/n/1'], []])
    assert.deepEqual(commit(result(3, 'restamp'), result(4, 'restamp')), [['last/n', 'results/n/3'], []])
    assert.deepEqual(commit(), [['last/n'], []])
    writer.confirm(3)
    assert.deepEqual(commit(result(9)), [['last/n', 'results/n/9'], []])
    writer.confirm(4)
    assert.deepEqual(commit(), [['last/n'], ['results/n/3']])
    assert.deepEqual(commit(), [['last/n'], []])
    assert.deepEqual(
      writer.results.map(({ number, hint }) => [number, hint]),
      [
        [1, ''],
        [2, ''],
        [9, 'why']
      ]
    )
  })

  it('what a client confirmed: the last refusals without their texts, for a copy of it', () => {
    const writer = new Writer('n')
    const results = Array.from({ length: 300 }, (_, at) => result(at + 1, at % 2 ? 'restamp' : 'denied'))
    writer.commit(1, { last: 300, results, count: 0 })
    writer.confirm(290)
    const confirmed = writer.results.filter(({ number }) => number <= 290)
    assert.equal(confirmed.length, 100)
    assert.deepEqual([...new Set(confirmed.map(({ code, hint }) => code + hint))], ['denied'])
    assert.deepEqual(
      writer.results.slice(100).map(({ number, hint }) => [number, hint]),
      results.slice(290).map(({ number }) => [number, 'why'])
    )
  })

  it('how often a client that ends tries to write what its store does not take: once more', async () => {
    const errors: unknown[] = []
    const committer = new Committer(
      () => Promise.reject(new Error('full')),
      error => errors.push(String(error))
    )
    committer.entry('a', 1)
    await committer.close()
    assert.deepEqual(errors, ['Error: full'])
  })
})
