import * as fc from 'fast-check'
import type { Value } from '../../lib/store.ts'
import type { ClientFrame, Registers, ServerFrame } from '../../plugins/records/core/frame.ts'
import type { Query } from '../../plugins/records/core/query.ts'
import { DELETED, INCREMENT, LEAF, OBJECT } from '../../plugins/records/core/register.ts'
import type { Register, Write } from '../../plugins/records/core/register.ts'

/** What values, writes and frames of records may be: for properties. */

const plain = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true })

const text = fc.string({ unit: 'grapheme', maxLength: 12 })

/** Long text too, and what no other kind of text has. */
const anyText = fc.oneof(
  text,
  fc.constantFrom('', '\0', '\ufeffbom', 'ä'.repeat(200), 'long '.repeat(40), '👍🏽'.repeat(30))
)

const finite = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double({ noDefaultInfinity: true, noNaN: true }).map(value => value + 0)
)

const scalar = fc.oneof(fc.constant(null), fc.boolean(), finite, anyText)

export const valueOf: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar,
    fc.uint8Array({ maxLength: 80 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      text.filter(key => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true }
    )
  )
})).value

const uint = fc.oneof(fc.nat(300), fc.maxSafeNat())
const id = fc.oneof(fc.constantFrom('todos/1', 'todos/22', 'todos/👍', 'todos/👎', ''), text)
const path = fc.oneof(fc.constantFrom('', 'a', 'a.b', 'a.b.c', 'a.👍', 'a.👎'), text)

/** Nodes as anywire makes them, and any other text. */
export const nodeId = fc.oneof(
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map(bytes => Buffer.from(bytes).toString('base64url')),
  fc.constantFrom('', 'a', 'b', 'AAAAAAAAAAB'),
  text
)

const written = {
  path,
  t: fc.oneof(
    uint,
    fc.nat(5_000).map(more => 1_700_000_000_000 * 2_048 + more)
  ),
  node: nodeId
}

export const register: fc.Arbitrary<Register> = fc.oneof(
  plain({ ...written, kind: fc.constant(LEAF), value: valueOf }),
  plain({ ...written, kind: fc.constantFrom(OBJECT, DELETED), value: fc.constant(undefined) }),
  plain({ path, kind: fc.constant(OBJECT), value: fc.constant(undefined), t: fc.constant(0), node: fc.constant('') })
)

const write: fc.Arbitrary<Write> = fc.oneof(
  { weight: 5, arbitrary: register },
  { weight: 1, arbitrary: plain({ ...written, kind: fc.constant(INCREMENT), value: finite }) }
)

const recordsOf = <R extends Write>(one: fc.Arbitrary<R>): fc.Arbitrary<Registers<R>[]> =>
  fc.array(plain({ record: id, registers: fc.array(one, { maxLength: 6 }) }), { maxLength: 4 })

const query: fc.Arbitrary<Query> = fc.record(
  {
    where: fc.array(fc.tuple(fc.constantFrom('a', 'a.b'), fc.constantFrom('=', '<', 'has'), scalar), { maxLength: 3 }),
    order: fc.array(fc.constantFrom('a', '-a.b'), { maxLength: 2 }),
    limit: fc.integer({ min: 1 })
  },
  { requiredKeys: [], noNullPrototype: true }
)

const follow = plain({
  scope: uint,
  name: id,
  query: fc.option(query, { nil: undefined }),
  epoch: text,
  since: uint,
  digest: uint
})

const time = fc.double({ noDefaultInfinity: true, noNaN: true, min: 0 })

export const frame: fc.Arbitrary<ClientFrame | ServerFrame> = fc.oneof(
  plain({
    type: fc.constant('hello'),
    version: uint,
    secret: text,
    schema: fc.option(plain({ id: text, version: uint }), { nil: undefined }),
    asked: time,
    nodes: fc.array(fc.tuple(nodeId, uint), { maxLength: 3 }),
    follows: fc.array(follow, { maxLength: 4 })
  }),
  plain({ type: fc.constant('follow'), follows: fc.array(follow, { maxLength: 4 }) }),
  plain({
    type: fc.constant('follow'),
    follows: fc.array(follow, { maxLength: 4 }),
    behind: fc.tuple(nodeId, uint)
  }),
  plain({ type: fc.constant('unfollow'), scopes: fc.array(uint) }),
  plain({ type: fc.constant('confirm'), node: nodeId, number: uint }),
  plain({ type: fc.constant('nodes'), nodes: fc.array(fc.tuple(nodeId, uint), { maxLength: 3 }) }),
  plain({ type: fc.constant('ping'), asked: time }),
  plain({ type: fc.constant('pong'), asked: time, time }),
  plain({
    type: fc.constant('welcome'),
    epoch: text,
    asked: time,
    time,
    maxValue: uint,
    maxFrame: uint
  }),
  plain({ type: fc.constant('mismatch'), advice: fc.constantFrom('upgrade', 'wait', 'other'), min: uint, max: uint }),
  plain({ type: fc.constant('notice'), what: fc.constantFrom('versionchange', 'bye', 'identity'), number: uint }),
  plain({
    type: fc.constant('write'),
    node: nodeId,
    number: uint,
    atomic: fc.boolean(),
    conditions: fc.array(fc.tuple(id, uint), { maxLength: 3 }),
    records: recordsOf(write)
  }),
  recordsOf(register).chain(records =>
    plain({
      type: fc.constant('delta'),
      seq: fc.maxSafeNat().map(seq => Math.floor(seq / 4)),
      more: fc.boolean(),
      scopes: fc.array(plain({ scope: uint, outcome: fc.constantFrom('reset', 'anew', 'delta', 'ERR_DENIED') }), {
        maxLength: 3
      }),
      records: fc.constant(records),
      versions: fc.array(fc.nat(), { minLength: records.length, maxLength: records.length }),
      whole: fc.array(fc.boolean(), { minLength: records.length, maxLength: records.length }),
      evicted: fc.array(id, { maxLength: 3 }),
      denied: fc.array(id, { maxLength: 3 }),
      acknowledged: fc.array(fc.tuple(nodeId, uint), { maxLength: 3 }),
      results: fc.array(plain({ node: nodeId, number: uint, record: id, code: text, hint: anyText }), { maxLength: 3 }),
      digests: fc.array(fc.tuple(uint, uint), { maxLength: 3 })
    })
  )
)
