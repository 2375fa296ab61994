import assert from 'node:assert/strict'
import { stripVTControlCharacters } from 'node:util'
import { describe as describeValue, printable, toLine, toPretty } from '../../cli/format.ts'

describe('how the terminal shows values', () => {
  const lines: [value: unknown, line: string][] = [
    [{ a: [1, 'x', null, true] }, '{"a":[1,"x",null,true]}'],
    [undefined, 'null'],
    [12n, '"12"'],
    [{ bytes: Uint8Array.of(1, 2, 3) }, '{"bytes":"AQID"}'],
    [Uint16Array.of(1), '"AQA="'],
    [Uint8Array.of(1).buffer, '"AQ=="'],
    [new Map([['a', new Set([1])]]), '[["a",[1]]]'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [NaN, 'null']
  ]
  for (const [value, line] of lines) it(`as ${line}`, () => assert.equal(toLine(value), line))

  it('as JSON in colors', () => {
    const text = toPretty({ 'a:"b': ['x: 1', -1.5e9, true, null] }, true)
    assert.equal(stripVTControlCharacters(text), JSON.stringify({ 'a:"b': ['x: 1', -1.5e9, true, null] }, undefined, 2))
    for (const part of [
      '\x1b[34m"a:\\"b"\x1b[39m:',
      '\x1b[32m"x: 1"',
      '\x1b[33m-1500000000',
      '\x1b[35mtrue',
      '\x1b[35mnull'
    ]) {
      assert.ok(text.includes(part), part)
    }
    assert.equal(toPretty([1], false), '[\n  1\n]')
  })

  it('as Node shows them, where JSON would not say all', () => {
    assert.equal(toPretty(new Map([[1, 2n]]), false), 'Map(1) { 1 => 2n }')
    assert.equal(describeValue({ a: undefined }), '{ a: undefined }')
    assert.equal(describeValue({ a: 1 }), '{"a":1}')
  })

  it('without orders to the terminal', () => {
    assert.equal(printable('a\x1b[2J\u009b1m\tb\nc\r'), 'a\\u001b[2J\\u009b1m\tb\nc\\u000d')
    assert.equal(toPretty('\u009b', false), '"\\u009b"')
    assert.equal(JSON.parse(toPretty('\u007f\u0000', false)), '\u007f\u0000')
  })
})
