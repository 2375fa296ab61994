import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseHello } from '../../../lib/server/hello.ts'
import { runs } from '../../support/faults-seed.ts'

const good = { v: 1, parser: 'json', plugins: [['a', 1]], limit: 1_024, window: 1_024 }

describe('parseHello', () => {
  it('takes what a hello has, and nothing else', () => {
    const session = { session: 'id.secret', got: [2, 1] }
    const all = { ...good, auth: { a: [1] }, schema: 3, ...session }
    assert.deepEqual(parseHello({ ...all, more: 'than asked', __proto__: null }), all)
    assert.deepEqual(parseHello({ ...good, session: 'id.secret' }), { ...good, auth: undefined })
    assert.deepEqual(parseHello({ ...good, ...session, got: [1] }), { ...good, auth: undefined })
    assert.deepEqual(parseHello({ ...good, ...session, session: 'x'.repeat(513) }), { ...good, auth: undefined })
  })

  it('never throws, and returns nothing for what is none', () => {
    fc.assert(
      fc.property(fc.anything(), value => {
        parseHello(value)
      }),
      runs(500)
    )
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), fc.jsonValue(), (name, value) => {
        const hello = parseHello({ ...good, [name]: value })
        if (hello) assert.equal(typeof hello.parser, 'string')
      }),
      runs(300)
    )
    for (const name of Object.keys(good)) assert.equal(parseHello({ ...good, [name]: undefined }), undefined, name)
  })

  it('refuses limits with which nothing could be said to the client', () => {
    for (const name of ['limit', 'window']) {
      for (const size of [0, 1, 1_023])
        assert.equal(parseHello({ ...good, [name]: size }), undefined, `${name} ${size}`)
    }
  })

  it('refuses an auth that is too deep, or could change prototypes', () => {
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
    const refused: unknown[] = [
      nested(65),
      nested(100_000),
      JSON.parse('{"__proto__":1}'),
      JSON.parse('[{"constructor":{"prototype":1}}]')
    ]
    const taken: unknown[] = [
      nested(64),
      null,
      'x',
      { constructor: 'Ford' },
      { constructor: { name: 'x' } },
      { prototype: 1 }
    ]
    for (const auth of refused) assert.equal(parseHello({ ...good, auth }), undefined)
    for (const auth of taken) assert.deepEqual(parseHello({ ...good, auth })?.auth, auth)
  })
})
