import assert from 'node:assert/strict'
import { AnywireError } from '../../lib/errors.ts'
import type { Commit, Row, Store, Value } from '../../lib/store.ts'
import { fastCheck } from './fast-check.ts'
import { ask, Model } from './store-model.ts'
import { turns } from './waiting.ts'
import { storeValues } from './store-values.ts'

/** What the suite needs of a store: a place of its own. */
export interface StoreFixture {
  /** A store that keeps its data in this place, not open yet. The suite closes it before it asks for the next one: the
   * place is for all tests, unless one fails. */
  make(): Store
  /** Removes the place. */
  stop?(): void | Promise<void>
}

export interface StoreContractOptions {
  /** Whether several may have one place open at a time, as tabs of a browser do. Default false: the test is that it is refused. */
  readonly shared?: boolean
  /** How many random histories to try. Default 50. */
  readonly runs?: number
  /** How many registers to commit at once, where much is. Default 10,000. */
  readonly many?: number
}

export const row = (record: string, path: string, value: Value | undefined, seq = 1, t = seq): Row => ({
  record,
  path,
  kind: value === undefined ? 2 : 0,
  value,
  t,
  node: 'node',
  seq
})

export const rows = (...rows: readonly Row[]): Commit => ({ rows, removed: [], entries: [] })

const isStoreError = (error: unknown): boolean => error instanceof AnywireError && error.code === 'ERR_STORE'
const all = (store: Store): Promise<Row[]> => store.rows([{ prefix: '' }])

/**
 * Registers the tests of one store with mocha. Every store must pass them, whoever wrote it.
 * @throws ERR_MISSING_PACKAGE: it needs fast-check
 */
export const storeContract = (
  name: string,
  start: () => StoreFixture | Promise<StoreFixture>,
  { shared = false, runs = 50, many: most = 10_000 }: StoreContractOptions = {}
): void => {
  const fc = fastCheck()
  const { commit: anyCommit, question, text, value: anyValue } = storeValues(fc)

  describe(`${name}: the contract of stores`, () => {
    let fixture: StoreFixture
    let store: Store

    const reopen = async (): Promise<void> => {
      await store.close()
      store = fixture.make()
      await store.open()
    }

    const renew = async (): Promise<void> => {
      fixture = await start()
      store = fixture.make()
      await store.open()
    }

    const end = async (): Promise<void> => {
      await store.close()
      await fixture.stop?.()
    }

    const empty = async (): Promise<void> => {
      const [rows, entries] = [await all(store), await store.entries('')]
      await store.commit({
        rows: [],
        removed: rows.map(({ record, path }) => [record, path]),
        entries: entries.map(([key]) => [key, undefined])
      })
    }

    // To open one takes longer than most of the tests. So they share it, and whoever closes it opens it again.
    before(renew)
    beforeEach(empty)
    afterEach(async function () {
      if (this.currentTest?.state !== 'failed') return
      await end().catch(() => {})
      await renew()
    })
    after(end)

    it('has a name', () => assert.match(store.name, /^[a-z0-9.-]+$/))

    it('is empty at first', async () => {
      assert.deepEqual(await all(store), [])
      assert.deepEqual(await store.records(''), [])
      assert.deepEqual(await store.entries(''), [])
      assert.equal(await store.entry('meta'), undefined)
    })

    it('keeps registers and entries, also when it is opened again', async () => {
      const title = row('todos/1', 'title', 'Milk')
      await store.commit({ rows: [title], removed: [], entries: [['meta', { seq: 1 }]] })
      for (const step of [async () => {}, reopen]) {
        await step()
        assert.deepEqual(await all(store), [title])
        assert.deepEqual(await store.entry('meta'), { seq: 1 })
      }
    })

    it('opens the same store again after a close', async () => {
      await store.commit(rows(row('a', '', 1)))
      await store.close()
      await store.open()
      assert.deepEqual(await store.records(''), ['a'])
    })

    it('replaces and removes', async () => {
      await store.commit(rows(row('a', 'x', 1), row('a', 'y', 1), row('b', 'x', 1)))
      await store.commit({
        rows: [row('a', 'x', 2, 2), row('b', 'x', 2, 2)],
        removed: [
          ['a', 'y'],
          ['b', 'x'],
          ['c', 'never was']
        ],
        entries: []
      })
      assert.deepEqual(await all(store), [row('a', 'x', 2, 2), row('b', 'x', 2, 2)])
    })

    it('takes the later of two of one name', async () => {
      await store.commit({
        rows: [row('a', 'x', 1), row('a', 'x', 2)],
        removed: [
          ['a', 'x'],
          ['a', 'x']
        ],
        entries: [
          ['a', 1],
          ['b', 1],
          ['a', undefined],
          ['b', 2]
        ]
      })
      assert.deepEqual(await all(store), [row('a', 'x', 2)])
      assert.deepEqual(await store.entries(''), [['b', 2]])
    })

    it('takes a commit with nothing in it', async () => {
      await store.commit(rows())
      assert.deepEqual(await all(store), [])
    })

    it('keeps every value as it was', async () => {
      const sample = fc.sample(anyValue, { numRuns: 300, seed: 1 })
      const values: Value[] = [...sample, '\0 \ud800', [[Uint8Array.of(0, 255)], { $: [-0] }], 'x'.repeat(2 ** 20)]
      const written = values.map((value, index) => row('a', String(index).padStart(4, '0'), value))
      await store.commit(rows(...written))
      await reopen()
      assert.deepEqual(await all(store), written)
    })

    it('gives bytes as a Uint8Array of their own', async () => {
      const buffer = Uint8Array.of(9, 1, 2, 9)
      await store.commit(rows(row('a', 'x', buffer.subarray(1, 3)), row('a', 'y', new Uint8Array(0))))
      const [x, y] = (await all(store)).map(({ value }) => value)
      assert.deepEqual(x, Uint8Array.of(1, 2))
      assert.deepEqual(y, new Uint8Array(0))
      assert.equal(Object.getPrototypeOf(x), Uint8Array.prototype)
    })

    it('keeps the largest numbers', async () => {
      const max = Number.MAX_SAFE_INTEGER
      await store.commit(rows({ ...row('a', 'x', max), t: max, seq: max }, { ...row('a', 'y', 0), t: 0, seq: 0 }))
      assert.deepEqual(
        (await all(store)).map(({ value, t, seq }) => [value, t, seq]),
        [
          [max, max, max],
          [0, 0, 0]
        ]
      )
    })

    it('orders names by their UTF-16 code units', async () => {
      const names = [
        '\u{1f600}',
        '\uffff',
        '\ue000',
        '\ud7ff',
        '\ud800',
        '\udfff',
        '\u{10000}',
        'é',
        'z',
        'Z',
        'a',
        'B'
      ]
      await store.commit({
        rows: names.flatMap(name => [row(name, '', 1), row('same', name, 1)]),
        removed: [],
        entries: names.map(name => [name, 1])
      })
      const sorted = [...names].sort()
      assert.deepEqual(await store.records(''), [...names, 'same'].sort())
      const paths = (await store.rows([{ record: 'same' }])).map(({ path }) => path)
      assert.deepEqual(paths, sorted)
      assert.deepEqual(
        (await store.entries('')).map(([key]) => key),
        sorted
      )
      assert.deepEqual(await store.records('', '\ud7ff'), sorted.slice(sorted.indexOf('\ud7ff') + 1))
    })

    it('takes prefixes by the letter', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 8 }), text, async (names, prefix) => {
          const ids = [...new Set(names.filter(name => name !== ''))].sort()
          await empty()
          await store.commit({
            rows: ids.map(id => row(id, '', 1)),
            removed: [],
            entries: ids.map(id => [id, id])
          })
          const found = ids.filter(id => id.startsWith(prefix))
          assert.deepEqual(await store.records(prefix), found)
          assert.deepEqual(
            (await store.rows([{ prefix }])).map(({ record }) => record),
            found
          )
          assert.deepEqual(
            await store.entries(prefix),
            found.map(id => [id, id])
          )
        }),
        { numRuns: runs }
      )
    })

    it('takes long names, and knows them apart', async () => {
      const long = (letters: readonly string[], length: number, end: string): string =>
        // Nothing that could be packed well.
        Array.from({ length: length - 1 }, (_, index) => letters[(index * index * 7919) % letters.length]).join('') +
        end
      const alphabets = [
        ['a', 'b', 'c'],
        Array.from({ length: 9_973 }, (_, index) => String.fromCharCode(0x4e00 + index)),
        Array.from({ length: 997 }, (_, index) => String.fromCharCode(0xd800 + index))
      ]
      const all = (length: number): string[] =>
        alphabets.flatMap(letters => ['a', 'b', 'c'].map(end => long(letters, length, end))).sort()
      const [ids, paths, keys] = [all(256), all(1_024), all(1_024)]
      await store.commit({
        rows: ids.flatMap(id => paths.map((path, index) => row(id, path, index))),
        removed: [],
        entries: keys.map((key, index) => [key, index])
      })
      assert.deepEqual(await store.records(''), ids)
      for (const id of ids) {
        assert.deepEqual(
          (await store.rows([{ record: id }])).map(({ path, value }) => [path, value]),
          paths.map((path, index) => [path, index])
        )
        assert.deepEqual(await store.records(id), [id])
      }
      assert.deepEqual(
        await store.entries(''),
        keys.map((key, index) => [key, index])
      )
      for (const [index, key] of keys.entries()) {
        assert.equal(await store.entry(key), index)
        assert.ok((await store.entries(key.slice(0, 256))).some(([found]) => found === key))
      }
      const removed = ids.flatMap(id => paths.slice(1).map(path => [id, path] as const))
      await store.commit({
        rows: [row('b', paths[0] ?? '', 1)],
        removed,
        entries: keys.slice(1).map(key => [key, undefined])
      })
      assert.equal((await store.rows(ids.map(record => ({ record })))).length, ids.length)
      assert.deepEqual(await store.entries(''), [[keys[0], 0]])
    })

    it('tells what was written behind a number', async () => {
      await store.commit(rows(...[0, 1, 2, 3].map(seq => row('a', `x${seq}`, seq, seq)), row('b', 'x', 1, 2)))
      const since = async (...args: Parameters<Store['rows']>): Promise<unknown[]> =>
        (await store.rows(...args)).map(({ record, path }) => record + path)
      assert.deepEqual(await since([{ record: 'a' }], 1), ['ax2', 'ax3'])
      assert.deepEqual(await since([{ prefix: '' }], 1), ['ax2', 'ax3', 'bx'])
      assert.deepEqual(await since([{ prefix: '' }], 0), ['ax1', 'ax2', 'ax3', 'bx'])
      assert.deepEqual(await since([{ prefix: '' }], 3), [])
      assert.deepEqual(await since([{ record: 'b' }]), ['bx'])
    })

    it('tells each register once, in one order, however many ranges it is in', async () => {
      await store.commit(rows(row('a/1', 'y', 1), row('a/1', 'x', 1), row('a/2', 'x', 1), row('b', 'x', 1)))
      const found = await store.rows([
        { record: 'b' },
        { prefix: 'a/' },
        { record: 'a/1' },
        { prefix: 'a' },
        { record: 'c' }
      ])
      assert.deepEqual(
        found.map(({ record, path }) => record + path),
        ['a/1x', 'a/1y', 'a/2x', 'bx']
      )
      assert.deepEqual(await store.rows([]), [])
    })

    it('takes thousands of ranges', async () => {
      const ids = Array.from({ length: 3_000 }, (_, index) => `a/${index}`)
      await store.commit(rows(...ids.map(id => row(id, '', 1))))
      const found = await store.rows(ids.filter((_, index) => index % 2).map(record => ({ record })))
      assert.equal(found.length, 1_500)
    })

    it('pages through ids', async () => {
      const ids = Array.from({ length: 95 }, (_, index) => `a/${index}`).sort()
      await store.commit(
        rows(row('0', '', 1), ...ids.flatMap(id => [row(id, 'x', 1), row(id, 'y', 1)]), row('b', '', 1))
      )
      const found: string[] = []
      for (let page: string[] = []; ; found.push(...page)) {
        page = await store.records('a/', found.at(-1), 10)
        if (page.length === 0) break
        assert.ok(page.length <= 10)
      }
      assert.deepEqual(found, ids)
      assert.deepEqual(await store.records('a/', 'b'), [])
      assert.deepEqual(await store.records('a/', '0', 1), ids.slice(0, 1))
      assert.deepEqual(await store.records('a/', undefined, 0), [])
    })

    it('keeps no hold of what it was given, and of what it gave', async () => {
      const bytes = Uint8Array.of(1)
      const list: Value[] = [bytes, { a: 1 }]
      const entry = { deep: [1] }
      const written: Row[] = [row('a', 'x', list)]
      const committed = store.commit({ rows: written, removed: [], entries: [['a', entry]] })
      bytes[0] = 2
      list.push(3)
      entry.deep.push(2)
      written.push(row('b', 'x', 1))
      await committed
      for (let time = 0; time < 2; time++) {
        const [found, ...others] = await all(store)
        assert.deepEqual(others, [])
        const value = found?.value as Value[]
        assert.deepEqual(value, [Uint8Array.of(1), { a: 1 }])
        value.pop()
        const kept = (await store.entry('a')) as typeof entry
        assert.deepEqual(kept, { deep: [1] })
        kept.deep.pop()
      }
    })

    it('commits in the order of the calls, and shows each one when it is told', async () => {
      const told: number[] = []
      const commits = Array.from({ length: 100 }, async (_, index) => {
        await store.commit({ rows: [row('a', `x${index % 7}`, index, index)], removed: [], entries: [['last', index]] })
        told.push(index)
        const last = await store.entry('last')
        assert.ok(typeof last === 'number' && last >= index)
      })
      await Promise.all(commits)
      assert.deepEqual(
        told,
        told.map((_, index) => index)
      )
      assert.deepEqual(
        (await all(store)).map(({ seq }) => seq),
        [98, 99, 93, 94, 95, 96, 97]
      )
    })

    it('shows a commit as a whole, or not at all', async () => {
      const ids = Array.from({ length: 40 }, (_, index) => `a/${index}`)
      const write = async (): Promise<void> => {
        for (let time = 1; time <= 10; time++) await store.commit(rows(...ids.map(id => row(id, 'x', time, time))))
      }
      let writing = true
      const written = write().finally(() => (writing = false))
      while (writing) {
        const seen = await all(store)
        assert.ok(new Set(seen.map(({ value }) => value)).size <= 1)
        assert.ok(seen.length === 0 || seen.length === ids.length)
        // A read may take no time at all, and the commits do.
        await turns(1)
      }
      await written
    })

    it('takes thousands of registers at once', async () => {
      const many = Array.from({ length: most }, (_, index) => row(`a/${index % 1_000}`, `x${index}`, 'value', index))
      await store.commit(rows(...many))
      assert.equal((await all(store)).length, many.length)
      assert.equal((await store.records('a/')).length, 1_000)
      assert.equal((await store.rows([{ prefix: 'a/' }], most - 11)).length, 10)
      // To remove them takes longer than a new place.
      await end()
      await renew()
    }).timeout(60_000)

    it('rejects before it is open, and after it was closed', async () => {
      const methods = (closed: Store): (() => Promise<unknown>)[] => [
        () => closed.rows([{ prefix: '' }]),
        () => closed.records(''),
        () => closed.entry('a'),
        () => closed.entries(''),
        () => closed.commit(rows())
      ]
      await store.close()
      const unopened = fixture.make()
      for (const ask of [...methods(store), ...methods(unopened)]) await assert.rejects(ask(), isStoreError)
      await unopened.close()
      await store.open()
      await assert.rejects(store.open(), isStoreError)
      await store.commit(rows())
      const closing = store.close()
      await assert.rejects(store.commit(rows()), isStoreError)
      await closing
      await store.close()
      await store.open()
    })

    it('finishes what it began before it closes', async () => {
      const commits = Array.from({ length: 20 }, (_, index) => store.commit(rows(row('a', `x${index}`, index))))
      await reopen()
      await Promise.all(commits)
      assert.equal((await all(store)).length, 20)
    })

    it('rejects a commit that cannot be kept, and goes on', async () => {
      const impossible = row('a', 'x', [(() => 1) as unknown as Value])
      const fine = store.commit(rows(row('b', 'x', 1)))
      await assert.rejects(store.commit(rows(row('a', 'w', 1), impossible)))
      await fine
      await store.commit(rows(row('b', 'y', 1)))
      assert.deepEqual(await store.records(''), ['b'])
    })

    if (shared) {
      it('shows what another one committed to the same place', async () => {
        const other = fixture.make()
        await other.open()
        await other.commit(rows(row('a', 'x', 1)))
        assert.deepEqual(await store.records(''), ['a'])
        await other.close()
      })
    } else {
      it('has one user at a time', async () => {
        await store.commit(rows(row('a', 'x', 1)))
        const other = fixture.make()
        const outcome = await other.open().then(
          () => store,
          () => other
        )
        // One of the two is out, and the other one has everything.
        await assert.rejects(all(outcome), isStoreError)
        assert.deepEqual(await (outcome === other ? store : other).records(''), ['a'])
        await other.close()
        if (outcome === store) await reopen()
        assert.deepEqual(await store.records(''), ['a'])
      })
    }

    it('says what the plainest of stores would say, whatever is done', async () => {
      const step = fc.oneof(
        { weight: 4, arbitrary: anyCommit },
        { weight: 6, arbitrary: question },
        fc.constant('reopen')
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 20 }), async steps => {
          await empty()
          const model = new Model()
          for (const step of steps) {
            if (step === 'reopen') await reopen()
            else if ('rows' in step) {
              model.commit(step)
              await store.commit(step)
            } else assert.deepEqual(await ask(store, step), model.answer(step))
          }
          assert.deepEqual(await all(store), model.rows)
          assert.deepEqual(await store.entries(''), model.entries)
        }),
        { numRuns: runs }
      )
    }).timeout(60_000)
  })
}
