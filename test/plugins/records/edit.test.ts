import assert from 'node:assert/strict'
import fc from 'fast-check'
import { AnywireError } from '../../../lib/errors.ts'
import type { Value } from '../../../lib/store.ts'
import { decodeFrame, encodeFrame } from '../../support/records-codec.ts'
import { Edit } from '../../../plugins/records/core/edit.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import { INCREMENT, OBJECT } from '../../../plugins/records/core/register.ts'
import type { Register, Write } from '../../../plugins/records/core/register.ts'

type Fields = { readonly [key: string]: unknown }

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

const key = fc.constantFrom('a', 'b', 'c.d', 'e\\f')
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(number => number + 0),
  fc.string(),
  fc.uint8Array({ maxLength: 4 }),
  fc.array(fc.oneof(fc.integer(), fc.dictionary(key, fc.integer(), { noNullPrototype: true })), { maxLength: 3 })
)
const { fields } = fc.letrec<{ fields: Fields; item: unknown }>(tie => ({
  fields: fc.dictionary(key, tie('item'), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Fields>,
  item: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, tie('fields'))
}))

const LARGEST = 10_000
let t = 0

const isRegister = (write: Write): write is Register => write.kind !== INCREMENT

const change = (state: RecordState, act: (edit: Edit) => unknown): readonly Write[] => {
  const edit = new Edit(state, { t: ++t, node: 'me' }, LARGEST)
  act(edit)
  for (const write of edit.writes) if (isRegister(write)) state.merge(write)
  return edit.writes
}

const make = (value: unknown): RecordState => {
  const state = new RecordState()
  change(state, edit => edit.replace('', value))
  return state
}

/** What `set` promises: fields of objects one by one, everything else as one. */
const merged = (before: unknown, patch: unknown): unknown => {
  if (!isFields(patch)) return patch
  const result: Record<string, unknown> = isFields(before) ? { ...before } : {}
  for (const [name, value] of Object.entries(patch)) result[name] = merged(result[name], value)
  return result
}

describe('records: edits', () => {
  it('replace makes a record what it is given', () => {
    fc.assert(
      fc.property(fields, fields, (before, value) => {
        const state = make(before)
        change(state, edit => edit.replace('', value))
        assert.deepEqual(state.view(), value)
        assert.ok(state.isMade)
      })
    )
  })

  it('set merges fields at any depth, and what is there already costs no write', () => {
    fc.assert(
      fc.property(fields, fields, (before, patch) => {
        const state = make(before)
        change(state, edit => edit.set('', patch))
        assert.deepEqual(state.view(), merged(before, patch))
        assert.deepEqual(
          change(state, edit => edit.set('', patch)),
          []
        )
      })
    )
  })

  it('set of a path is read back at that path, whatever stood in the way', () => {
    fc.assert(
      fc.property(fields, fc.constantFrom('a', 'a.b', 'b.a.x', 'c\\.d'), leaf, (before, path, value) => {
        const state = make(before)
        try {
          change(state, edit => edit.set(path, value))
        } catch (error) {
          return assert.match(String(error), /is an array, which is one value/)
        }
        assert.deepEqual(state.view(path), value)
      })
    )
  })

  it('a deleted field is gone, and can be made again', () => {
    const state = make({ a: { b: 1 }, c: 2 })
    change(state, edit => edit.delete('a'))
    assert.deepEqual(state.view(), { c: 2 })
    change(state, edit => edit.set('a', {}))
    assert.deepEqual(state.view(), { a: {}, c: 2 })
    change(state, edit => edit.set('a', undefined))
    assert.deepEqual(state.view(), { c: 2 })
  })

  it('an empty object has a stamp of who makes it, that is not hidden by what others made above', () => {
    for (const node of ['ann', 'you']) {
      const state = new RecordState()
      state.merge({ path: '', kind: OBJECT, value: undefined, t: ++t, node })
      const writes = change(state, edit => edit.set('a', {}))
      assert.deepEqual(
        writes.map(write => write.node),
        ['me']
      )
      assert.deepEqual(state.view(), { a: {} })
    }
  })

  it('undefined within what is set deletes a field, and within what is made anew is nothing', () => {
    const state = make({ a: 1, b: { c: 1, d: { e: 1 } } })
    const writes = change(state, edit => edit.set('', { a: undefined, b: { d: { e: undefined }, f: undefined } }))
    assert.deepEqual(
      writes.map(({ path }) => path),
      ['a', 'b.d.e']
    )
    assert.deepEqual(state.view(), { b: { c: 1, d: {} } })
    change(state, edit => edit.set('b', { c: undefined }))
    assert.deepEqual(state.view(), { b: { d: {} } })
    change(state, edit => edit.replace('', { a: undefined, g: 1 }))
    assert.deepEqual(state.view(), { g: 1 })
  })

  it('two who make one object at the same time both have their fields in it', () => {
    const one = new Edit(undefined, { t: 5, node: 'a' }, LARGEST).set('address', { city: 'Rome' })
    const two = new Edit(undefined, { t: 6, node: 'b' }, LARGEST).set('address', { zip: '00100' })
    const state = new RecordState()
    for (const write of [...two.writes, ...one.writes]) if (isRegister(write)) state.merge(write)
    assert.deepEqual(state.view(), { address: { zip: '00100', city: 'Rome' } })
    assert.ok(state.isMade)
  })

  it('writing into a record that was deleted does not bring it back', () => {
    const state = make({ a: 1 })
    change(state, edit => edit.delete(''))
    change(state, edit => edit.set('b', 2))
    assert.equal(state.isMade, false)
    change(state, edit => edit.replace('', { c: 3 }))
    assert.ok(state.isMade)
    assert.deepEqual(state.view(), { c: 3 })
  })

  it('equal values are the same bytes', () => {
    const [one, other] = [[{ b: 1, a: -0 }], [{ a: 0, b: 1 }]].map(list => JSON.stringify(make({ list }).view()))
    assert.equal(one, other)
    assert.ok(Object.is(make({ zero: -0 }).view('zero'), 0))
  })

  it('what was given may be changed afterwards', () => {
    const tags = ['a', { deep: 1 }]
    const bytes = Uint8Array.of(1)
    const state = make({ tags, bytes })
    tags.push('b')
    bytes[0] = 2
    assert.deepEqual(state.view(), { tags: ['a', { deep: 1 }], bytes: Uint8Array.of(1) })
  })

  it('refuses what is no value', () => {
    const endless: unknown[] = []
    endless.push(endless)
    const loop: { loop?: unknown } = {}
    loop.loop = loop
    const values: unknown[] = [
      NaN,
      Infinity,
      1n,
      Symbol('x'),
      () => 1,
      new Date(),
      new Map(),
      [undefined],
      '\ud83d',
      ['\udc4d'],
      endless,
      loop
    ]
    for (const value of values) {
      assert.throws(() => change(new RecordState(), edit => edit.set('a', value)), { code: 'ERR_ENCODE' })
    }
    assert.throws(() => change(new RecordState(), edit => edit.replace('', [1])), { code: 'ERR_ENCODE' })
    assert.throws(() => change(new RecordState(), edit => edit.increment('a', NaN)), { code: 'ERR_ENCODE' })
  })

  it('says of what is no value where it is to be, and what it is', () => {
    class Box {
      readonly a = 1
    }
    const bare: unknown = Object.create(Object.create(null) as object)
    const wrong: readonly (readonly [value: unknown, why: string])[] = [
      [NaN, "'a.b': NaN is no value of a record"],
      [[-Infinity], "'a.b': -Infinity is no value of a record"],
      [{ c: [new Date()] }, "'a.b.c': Date is no value of a record"],
      [[{ c: new Box() }], "'a.b': Box is no value of a record"],
      [1n, "'a.b': bigint is no value of a record"],
      [() => 1, "'a.b': function is no value of a record"],
      [[undefined], "'a.b': undefined is no value of a record"],
      [bare, "'a.b': object is no value of a record"]
    ]
    for (const [value, why] of wrong)
      for (const operation of ['set', 'replace'] as const)
        assert.throws(
          () => change(new RecordState(), edit => edit[operation]('a.b', value)),
          (error: Error) => error.message.endsWith(`: ${why}`)
        )
    assert.throws(() => change(new RecordState(), edit => edit.increment('n', NaN)), /'n': NaN is no number to add$/)
  })

  it('refuses keys that could change prototypes, and paths into arrays', () => {
    const hostile = JSON.parse('{ "a": { "__proto__": { "polluted": true } } }') as Value
    const inner = JSON.parse('[{ "__proto__": { "polluted": true } }]') as Value
    for (const act of [
      (edit: Edit) => edit.set('', hostile),
      (edit: Edit) => edit.replace('', hostile),
      (edit: Edit) => edit.set('a', inner),
      (edit: Edit) => edit.set('a.__proto__.polluted', 1),
      (edit: Edit) => edit.set('a.constructor.prototype', 1),
      (edit: Edit) => edit.delete('a..b'),
      (edit: Edit) => edit.set('a.\ud83d', 1),
      (edit: Edit) => edit.set('', { '\udc4d': 1 }),
      (edit: Edit) => edit.set('tags.0', 1)
    ]) {
      assert.throws(() => change(make({ tags: [1] }), act), { code: 'ERR_PATH' })
    }
    assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  })

  it('refuses what is nested too deep for a frame, and nothing else', () => {
    const nest = (levels: number): unknown => (levels ? [nest(levels - 1)] : 1)
    const [write] = change(new RecordState(), edit => edit.set('a', nest(64))).slice(-1)
    assert.ok(write)
    const records = [{ record: 'r', registers: [write] }]
    const frame = { type: 'write', node: 'me', number: 1, atomic: false, conditions: [], records } as const
    assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
    assert.throws(() => change(new RecordState(), edit => edit.set('a', nest(65))), { code: 'ERR_ENCODE' })
  })

  it('refuses what is too large', () => {
    assert.throws(() => change(new RecordState(), edit => edit.set('a', 'x'.repeat(LARGEST))), {
      code: 'ERR_TOO_LARGE'
    })
  })

  it('what is accepted can be sent, and comes as it was written; of anything else the author is told at once', () => {
    const codes = new Set(['ERR_ENCODE', 'ERR_PATH', 'ERR_TOO_LARGE'])
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true
    })
    fc.assert(
      fc.property(anything, value => {
        const edit = new Edit(undefined, { t: 1, node: 'me' }, LARGEST)
        try {
          edit.set('a', value)
        } catch (error) {
          assert.ok(error instanceof AnywireError && codes.has(error.code), String(error))
          return
        }
        const records = [{ record: 'a/1', registers: edit.writes }]
        const frame = { type: 'write', node: 'me', number: 1, atomic: false, conditions: [], records } as const
        assert.deepEqual(decodeFrame(encodeFrame(frame)), frame)
      })
    )
  })

  it('refuses arrays with holes, as it does those with undefined', () => {
    for (const value of [Object.assign([], { 2: 1 }), [1, undefined], [[Object.assign([], { 1: 1 })]]])
      assert.throws(() => new Edit(undefined, { t: 1, node: 'me' }, LARGEST).set('a', value), { code: 'ERR_ENCODE' })
  })

  it('refuses objects in which paths are too long, however they are written', () => {
    const value = { ['k'.repeat(600)]: { ['k'.repeat(600)]: 1 } }
    for (const operation of ['set', 'replace'] as const)
      assert.throws(() => new Edit(undefined, { t: 1, node: 'me' }, LARGEST)[operation]('a', value), {
        code: 'ERR_PATH'
      })
  })

  it('copies bytes, those of a Buffer too', () => {
    const bytes = Buffer.from([1, 2])
    const edit = new Edit(undefined, { t: 1, node: 'me' }, LARGEST).set('a', bytes)
    bytes[0] = 9
    assert.deepEqual(edit.writes.at(-1)?.value, Uint8Array.of(1, 2))
  })
})
