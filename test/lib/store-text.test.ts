import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { isInSpans, spansOf } from '../../lib/store-ranges.ts'
import { endOfPrefix, fromText, toText } from '../../lib/store-text.ts'

const units = [
  0x61, 0x7a, 0xd7ff, 0xd800, 0xd801, 0xdbff, 0xdc00, 0xdfff, 0xe000, 0xe001, 0xe002, 0xfffd, 0xfffe, 0xffff
]
const name = fc
  .array(fc.oneof(fc.constantFrom(...units), fc.integer({ min: 1, max: 0xffff })), { maxLength: 4 })
  .map(codes => String.fromCharCode(...codes))

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

describe('names as databases keep them', () => {
  it('come back, and are texts that UTF-8 has', () => {
    fc.assert(
      fc.property(name, name => {
        assert.equal(fromText(toText(name)), name)
        assert.doesNotMatch(toText(name), /\p{Surrogate}/u)
      })
    )
  })

  it('stay as they are but for what is beyond the BMP, and four of the private ones', () => {
    for (const name of ['', 'todos/1', 'é\u2028\ufeff\ud7ff\ue002\ufffd']) assert.equal(toText(name), name)
  })

  it('have the order of their UTF-16 units, as bytes and as text', () => {
    fc.assert(
      fc.property(name, name, (a, b) => {
        const order = compare(a, b)
        assert.equal(Math.sign(Buffer.compare(Buffer.from(toText(a)), Buffer.from(toText(b)))), order)
        assert.equal(compare(toText(a), toText(b)), order)
      })
    )
  })

  it('are within the ends of their prefixes, and no others are', () => {
    fc.assert(
      fc.property(name, name, (prefix, other) => {
        for (const candidate of [other, prefix + other]) {
          const [text, from] = [toText(candidate), toText(prefix)]
          assert.equal(text >= from && text < endOfPrefix(from), candidate.startsWith(prefix))
        }
      })
    )
  })

  it('are in the spans of exactly the ranges that they are in', () => {
    const range = fc.oneof(fc.record({ record: name }), fc.record({ prefix: name }))
    fc.assert(
      fc.property(fc.array(range, { maxLength: 6 }), fc.array(name), (ranges, names) => {
        const spans = spansOf(ranges)
        const texts = spans.map(({ from }) => from)
        assert.deepEqual(texts, [...new Set(texts)].sort())
        for (const [index, { from }] of spans.entries()) {
          const to = spans[index - 1]?.to
          assert.ok(to === undefined || to <= from)
        }
        const asked = ranges.map(range => ('record' in range ? range.record : range.prefix))
        for (const candidate of [...names, ...asked]) {
          const expected = ranges.some(range =>
            'record' in range ? range.record === candidate : candidate.startsWith(range.prefix)
          )
          assert.equal(isInSpans(spans, toText(candidate)), expected)
        }
      })
    )
  })
})
