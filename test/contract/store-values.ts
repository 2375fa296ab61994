import type * as FastCheck from 'fast-check'
import type { Commit, Range, Row, Value } from '../../lib/store.ts'

/** What somebody's SQL, LIKE, JSON, key ranges or UTF-8 could trip over; in no order. */
const PIECES = [
  ['a', 'b', 'A', '/', '.', '\\', '%', '_', '*', '?', "'", '"', '`', ';', '--', '$1', ':a', '{', '}', ',', ' ', '\n'],
  ['\u0001', '\u007f', '\u00e9', 'e\u0301', '\u2028', '\ud7ff', '\ue000', '\ue001', '\ufeff', '\ufffd', '\uffff'],
  ['\u{10000}', '\u{1f600}', '\u{10ffff}', '\ud800', '\udbff', '\udc00', '\udfff', 'null', '__proto__']
].flat()

export type Question =
  | { readonly ranges: readonly Range[]; readonly since: number | undefined }
  | { readonly prefix: string; readonly after: string | undefined; readonly limit: number | undefined }
  | { readonly entry: string }
  | { readonly entries: string }

/** Values of all kinds, and what stores are asked and given. */
export const storeValues = (fc: typeof FastCheck) => {
  /** Short, so that different ones often collide, or begin alike. */
  const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 3 }).map(pieces => pieces.join(''))
  const few = fc.oneof(fc.constantFrom('', 'a', 'a/', 'a/1', 'b'), text)
  const id = few.filter(name => name !== '')

  const leaf: FastCheck.Arbitrary<Value> = fc.oneof(
    fc.constantFrom<Value>(
      null,
      true,
      false,
      0,
      -0,
      1e308,
      5e-324,
      Number.MAX_SAFE_INTEGER,
      -1e21,
      '',
      '\0',
      '{"$":1}'
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    text,
    fc.uint8Array({ maxLength: 5 }).map(bytes => Uint8Array.from(bytes))
  )

  const key = fc.oneof(fc.constantFrom('a', '$', '$$', '$bytes', '0'), text).filter(name => !name.includes('__proto__'))

  /** Any value that a field may have. */
  const value: FastCheck.Arbitrary<Value> = fc.letrec<{ inner: Value }>(tie => ({
    inner: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('inner'), { maxLength: 4 }),
      fc.dictionary(key, tie('inner'), { maxKeys: 4, noNullPrototype: true })
    )
  })).inner

  const row: FastCheck.Arbitrary<Row> = fc.record(
    {
      record: id,
      path: few,
      kind: fc.integer({ min: 0, max: 9 }),
      value: fc.option(value, { nil: undefined }),
      t: fc.maxSafeNat(),
      node: few,
      seq: fc.oneof(fc.nat(9), fc.maxSafeNat())
    },
    { noNullPrototype: true }
  )

  /** What comes together. */
  const commit: FastCheck.Arbitrary<Commit> = fc.record({
    rows: fc.array(row, { maxLength: 6 }),
    removed: fc.array(fc.tuple(id, few), { maxLength: 4 }),
    entries: fc.array(fc.tuple(id, fc.option(value, { nil: undefined, freq: 3 })), { maxLength: 4 })
  })

  const range: FastCheck.Arbitrary<Range> = fc.oneof(fc.record({ record: id }), fc.record({ prefix: few }))
  const maybe = <T>(of: FastCheck.Arbitrary<T>): FastCheck.Arbitrary<T | undefined> => fc.option(of, { nil: undefined })

  /** What can be asked of a store. */
  const question: FastCheck.Arbitrary<Question> = fc.oneof(
    fc.record({ ranges: fc.array(range, { maxLength: 4 }), since: maybe(fc.nat(9)) }),
    fc.record({ prefix: few, after: maybe(few), limit: maybe(fc.nat(4)) }),
    fc.record({ entry: id }),
    fc.record({ entries: few })
  )

  return { text, value, commit, question }
}
