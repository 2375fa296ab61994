import assert from 'node:assert/strict'
import { decodeFrame, encodeFrame } from './records-codec.ts'
import type { RecordState } from '../../plugins/records/core/record-state.ts'
import type { Register } from '../../plugins/records/core/register.ts'
import type { Dice } from './records-history.ts'
import type { Core, History } from './records-history.ts'
import { liveOf, viewOf } from './records-specification.ts'

const strip = ({ path, kind, value, t, node }: Register): Register => ({ path, kind, value, t, node })

const sorted = (registers: Iterable<Register>): Register[] =>
  [...registers].map(strip).sort((a, b) => (a.path < b.path ? -1 : 1))

/** All that can be told of a state. */
const describe = (state: RecordState): unknown => ({
  view: JSON.stringify(state.view()),
  size: state.size,
  registers: sorted(state.registers())
})

const mergeAll = (state: RecordState, registers: Iterable<Register>): RecordState => {
  for (const register of registers) state.merge(strip(register))
  return state
}

/** Two states as one: what the plugin does when one end hears of the other. */
const join = (a: RecordState, b: RecordState): RecordState => mergeAll(a.copy(), b.registers())

/** A law that holds for every history; it throws where it does not. */
export type Law = (core: Core, history: History, dice: Dice) => void

export const laws: Readonly<Record<string, Law>> = {
  'any order, with doubles, is what the specification says'({ RecordState }, { written }, dice) {
    const live = liveOf(written)
    const view = JSON.stringify(viewOf(live))
    for (let round = 0; round < 2; round++) {
      const state = new RecordState()
      for (const register of dice.shuffle([...written, ...written.filter(() => dice.chance(0.3))])) {
        state.merge(register)
        if (dice.chance(0.2)) state.view()
      }
      assert.equal(JSON.stringify(state.view()), view)
      assert.deepEqual(sorted(state.registers()), live.map(strip))
      assert.equal(state.size, live.length)
      for (const { path } of dice.shuffle(written).slice(0, 3)) {
        assert.deepEqual(state.view(path), viewOf(live, path))
        assert.equal(
          state.isDeleted(path),
          live.some(register => register.path === path && register.kind === 2)
        )
      }
      assert.equal(
        state.isMade,
        live.some(({ path, kind }) => path === '' && kind === 1)
      )
    }
  },

  'replicas that told each other everything are equal'(_, { replicas }, dice) {
    const states = replicas.map(({ state }) => state.copy())
    // Two rounds in any order: in the second one nobody has news any more.
    for (let round = 0; round < 2; round++) {
      for (const state of dice.shuffle(states)) {
        for (const other of dice.shuffle(states)) mergeAll(state, dice.shuffle(other.registers()))
      }
    }
    const [first, ...others] = states.map(describe)
    for (const other of others) assert.deepEqual(other, first)
  },

  'joining is commutative, associative and idempotent'(_, { replicas }) {
    const [a, b, c] = replicas.map(({ state }) => state)
    assert.ok(a && b && c)
    assert.deepEqual(describe(join(a, b)), describe(join(b, a)))
    assert.deepEqual(describe(join(join(a, b), c)), describe(join(a, join(b, c))))
    assert.deepEqual(describe(join(a, a)), describe(a))
    const both = join(a, b)
    assert.deepEqual(describe(join(both, b)), describe(both))
    for (const register of b.registers()) assert.equal(both.merge(register), false)
  },

  'what is remembered of a state is what is there'({ RecordState }, { replicas }) {
    for (const { state } of replicas) {
      const fresh = mergeAll(new RecordState(), state.registers())
      assert.deepEqual(describe(state), describe(fresh))
      assert.deepEqual(describe(state.copy()), describe(state))
      assert.equal(state.view(), state.view())
    }
  },

  'the registers behind a number bring a state up to date'({ RecordState }, { written }, dice) {
    const cut = dice.below(written.length + 1)
    const ahead = new RecordState()
    for (const [at, register] of written.entries()) if (at < cut) ahead.merge(register, at + 1)
    const behind = ahead.copy()
    for (const [at, register] of written.entries()) if (at >= cut) ahead.merge(register, at + 1)
    const news = ahead.registers(cut)
    assert.deepEqual(describe(mergeAll(behind, news)), describe(ahead))
    // And they are no more than what was written since.
    for (const { seq } of news) assert.ok(seq > cut)
    assert.ok(ahead.registers(ahead.last).length === 0)
  },

  'a copy goes its own way'(_, { replicas: [one, other] }) {
    assert.ok(one && other)
    const before = describe(one.state)
    const copy = one.state.copy()
    mergeAll(copy, other.state.registers())
    copy.merge({ path: 'a.b', kind: 0, value: 'new', t: 1e9, node: 'one' })
    copy.view()
    assert.deepEqual(describe(one.state), before)
  },

  'what is pruned is told, once'({ RecordState }, { written }) {
    const paths = new Set<string>()
    const gone = (path: string): void => assert.ok(paths.delete(path), path)
    const state = new RecordState(gone)
    for (const register of written) {
      if (state.merge(register)) paths.add(register.path)
      assert.equal(state.size, paths.size)
    }
    assert.deepEqual(
      [...paths].sort(),
      sorted(state.registers()).map(({ path }) => path)
    )
  },

  'what one writes now, one sees now'(_, { replicas }, dice) {
    for (const { state, clock } of replicas) {
      const own = state.copy()
      const { path } = dice.pick([...state.registers(), { path: 'a.b' }])
      assert.ok(own.merge({ path: path || 'a', kind: 0, value: 'mine', ...clock.tick() }))
      assert.equal(own.view(path || 'a'), 'mine')
    }
  },

  'collecting what was deleted changes neither view nor digest'(
    { RecordState, collect, digestOf },
    { replicas },
    dice
  ) {
    for (const { state, clock } of replicas) {
      const before = { view: JSON.stringify(state.view()), digest: digestOf(state) }
      const all = state.registers()
      const kept = state.copy()
      const horizon = clock.last - dice.below(5_000)
      const gone = collect(kept, horizon)
      assert.deepEqual({ view: JSON.stringify(kept.view()), digest: digestOf(kept) }, before)
      const isGone = ({ kind, t }: Register): boolean => kind === 2 && t < horizon
      assert.deepEqual(
        gone.map(({ path }) => path).sort(),
        sorted(all.filter(isGone)).map(({ path }) => path)
      )
      assert.deepEqual(sorted(kept.registers()), sorted(all.filter(register => !isGone(register))))
      assert.deepEqual(describe(kept), describe(mergeAll(new RecordState(), kept.registers())))
    }
  },

  'digests tell states apart'({ RecordState, digestOf }, { replicas: [replica] }, dice) {
    const all = replica?.state.registers().filter(({ kind }) => kind !== 2) ?? []
    const other = all[dice.below(all.length)]
    if (!other) return
    const digest = replica && digestOf(replica.state)
    const others = all.filter(register => register !== other)
    const path = other.path && `${other.path}z`
    const changes = [{ t: other.t + 1 }, { node: `${other.node}z` }, ...(path ? [{ path }] : [])]
    if (other.kind === 0) changes.push({ value: 'another' } as never)
    for (const change of changes) {
      assert.notEqual(digestOf(mergeAll(new RecordState(), [...others, { ...other, ...change }])), digest)
    }
    assert.notEqual(digestOf(mergeAll(new RecordState(), others)), digest)
  },

  'frames carry a state'({ RecordState }, { replicas }) {
    const records = replicas.map(({ state }, at) => ({ record: `r/${at}`, registers: state.registers().map(strip) }))
    const rest = { scopes: [], evicted: [], denied: [], acknowledged: [], results: [], digests: [] }
    const versions = replicas.map(({ seq }) => seq)
    const whole = replicas.map(() => true)
    const frame = decodeFrame(encodeFrame({ type: 'delta', seq: 1, more: false, records, versions, whole, ...rest }))
    assert.ok(frame.type === 'delta')
    for (const [at, { registers }] of frame.records.entries()) {
      assert.deepEqual(describe(mergeAll(new RecordState(), registers)), describe(replicas[at]?.state ?? assert.fail()))
    }
  }
}
