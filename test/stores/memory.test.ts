import assert from 'node:assert/strict'
import { memory, MemoryDisk } from '../../stores/memory.ts'
import { row, rows, storeContract } from '../contract/store.ts'

storeContract('memory', () => {
  const disk = new MemoryDisk()
  return { make: () => memory({ disk }) }
})

describe('memory', () => {
  it('keeps what it has while it is closed', async () => {
    const store = memory()
    await store.open()
    await store.commit(rows(row('a', 'x', 1)))
    await store.close()
    await store.open()
    assert.deepEqual(await store.records(''), ['a'])
  })

  it('keeps bytes, and not the memory that they are a part of', async () => {
    const store = memory()
    const part = new Uint8Array(100_000).subarray(0, 3)
    await store.open()
    await store.commit({ ...rows(row('a', 'x', [part])), entries: [['key', { part }]] })
    const [kept] = await store.rows([{ record: 'a' }])
    assert.deepEqual([kept?.value, await store.entry('key')], [[part], { part }])
    for (const value of [kept?.value, Object.values(Object(await store.entry('key')) as object)]) {
      assert.ok(Array.isArray(value) && value[0] instanceof Uint8Array)
      assert.equal(value[0].buffer.byteLength, 3)
    }
  })

  it('refuses what it would keep as something else', async () => {
    const store = memory()
    await store.open()
    class Point {
      readonly x = 1
    }
    const self: unknown[] = []
    self.push(self)
    const refused: readonly [unknown, RegExp][] = [
      [new Date(0), /a Date is no value/],
      [new Map([[1, 1]]), /a Map is no value/],
      [new Set([1]), /a Set is no value/],
      [new ArrayBuffer(1), /a ArrayBuffer is no value/],
      [/x/, /a RegExp is no value/],
      [Float32Array.of(1.5), /a Float32Array is no value/],
      [new Point(), /a Point is no value/],
      [() => 1, /a function is no value/],
      [self, /nested too deep/]
    ]
    for (const [value, message] of refused)
      for (const inner of [value, { deep: [value] }])
        await assert.rejects(store.commit({ rows: [], removed: [], entries: [['key', inner]] }), {
          code: 'ERR_STORE',
          message
        })
    assert.equal(await store.entry('key'), undefined)
    const kept = { bare: Object.assign(Object.create(null) as object, { a: [null, 1n, 'x', true] }) }
    await store.commit({ rows: [], removed: [], entries: [['key', kept]] })
    assert.deepEqual(await store.entry('key'), { bare: { a: [null, 1n, 'x', true] } })
  })

  it('cuts off whoever had the disk before, as a crash does', async () => {
    const disk = new MemoryDisk()
    const [before, after] = [memory({ disk }), memory({ disk })]
    await before.open()
    await before.commit(rows(row('a', 'x', 1)))
    await after.open()
    await assert.rejects(before.commit(rows(row('b', 'x', 1))), {
      code: 'ERR_STORE',
      message: /another one has opened/
    })
    await before.close()
    assert.deepEqual(await after.records(''), ['a'])
  })
})
