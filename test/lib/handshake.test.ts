import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { isCount, isFinal, isGoodbye, isProgress, isWelcome, parseJson } from '../../lib/handshake.ts'
import { runs } from '../support/faults-seed.ts'
import { writeWelcome } from '../support/faults-welcome.ts'

describe('handshake', () => {
  it('counts with safe integers, and with nothing else', () => {
    for (const count of [0, 1, 2 ** 53 - 1]) assert.equal(isCount(count), true)
    for (const count of [-1, 0.5, NaN, Infinity, 2 ** 53, '1', true, null, undefined, [1], {}, 1n])
      assert.equal(isCount(count), false, inspect(count))
    assert.equal(isProgress([1, 0]), true)
    for (const progress of [[], [1], [1, 2, 3], [1, -1], ['1', 0], '10', { 0: 1, 1: 0, length: 2 }])
      assert.equal(isProgress(progress), false)
  })

  it('takes goodbyes with codes that a wire can close with', () => {
    for (const code of [1000, 3000, 3999, 4000, 4999]) assert.equal(isGoodbye([code, '', 0]), true, `${code}`)
    for (const code of [0, 999, 1001, 1005, 1006, 1015, 2999, 5000, -1000, 3000.5, '3000', null])
      assert.equal(isGoodbye([code, '', 0]), false, `${code}`)
    for (const goodbye of [null, {}, [], [1000], [1000, ''], [1000, 1, 0], [1000, '', -1], [1000, '', '0']])
      assert.equal(isGoodbye(goodbye), false)
  })

  it('never throws at what it reads', () => {
    const read = (more?: Record<string, unknown>): unknown => parseJson(writeWelcome(more).slice(2))
    assert.equal(isWelcome(read()), true)
    for (const name of ['id', 'got', 'from', 'lanes', 'transformers', 'limit', 'window', 'heartbeat']) {
      assert.equal(isWelcome(read({ [name]: undefined })), false, name)
    }
    fc.assert(
      fc.property(fc.anything(), fc.string(), (value, text) => {
        for (const check of [isCount, isProgress, isGoodbye, isWelcome]) assert.equal(typeof check(value), 'boolean')
        parseJson(text)
        parseJson(value)
      }),
      runs(500)
    )
    assert.equal(parseJson('{'), undefined)
    assert.equal(parseJson(Uint8Array.of(1, 2)), undefined)
  })

  it('knows what is of no use to repeat', () => {
    assert.deepEqual([1006, 1008, 1009, 1000, 3003].map(isFinal), [false, true, true, false, false])
  })
})
