import assert from 'node:assert/strict'
import type { Value } from '../../../lib/store.ts'
import { below } from '../../../plugins/records/core/path.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import { DELETED, IMPLICIT, INCREMENT, LEAF, OBJECT } from '../../../plugins/records/core/register.ts'
import type { Write } from '../../../plugins/records/core/register.ts'
import { merged } from '../../../plugins/records/server/trials.ts'
import { wishesOf } from '../../../plugins/records/server/wishes.ts'
import { at, contents, peerOf, scope, userOf, World } from '../../support/authority.ts'
import { Dice } from '../../support/dice.ts'
import { runs } from '../../support/faults-seed.ts'

const PATHS = ['', 'owner', 'owner.x', 'role', 'a', 'a.b', 'a.b.c', 'a.d', 'a\\.b', 'toString'] as const
const VALUES: readonly [Value, ...Value[]] = [1, 2, 'ann', 'bob', null, [1], { x: 1, toString: 'no' }]

const somethingOf = (dice: Dice): Write => {
  const path = dice.pick(PATHS)
  const stamp = dice.chance(0.2) ? IMPLICIT : { t: 1 + dice.below(6), node: dice.pick(['a', 'b']) }
  if (dice.chance(0.3)) return { path, kind: OBJECT, value: undefined, ...stamp }
  if (dice.chance(0.2)) return { path, kind: DELETED, value: undefined, ...stamp }
  if (path === '') return { path, kind: OBJECT, value: undefined, ...IMPLICIT }
  if (dice.chance(0.1)) return { path, kind: INCREMENT, value: 1, ...stamp }
  return { path, kind: LEAF, value: dice.pick(VALUES), ...stamp }
}

const somethings = (dice: Dice, most: number): Write[] =>
  Array.from({ length: 1 + dice.below(most) }, () => somethingOf(dice))

/** What stands at each path below the record: a value as JSON, or that there is an object. */
const flat = (value: Value | undefined, path = '', found = new Map<string, string>()): Map<string, string> => {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (path && value !== undefined) found.set(path, isObject ? 'an object' : JSON.stringify(value))
  if (isObject) for (const [key, item] of Object.entries(value)) flat(item, below(path, key), found)
  return found
}

const visibilities = {
  strict: (state: RecordState) => state.isMade,
  implicit: (state: RecordState) => state.view() !== undefined
}

describe('records: what is asked about a write', () => {
  for (const [name, isVisible] of Object.entries(visibilities)) {
    it(`has all that it would change, whatever it consists of: ${name}`, () => {
      const { seed, numRuns } = runs(1_500)
      for (let run = 0; run < numRuns; run++) {
        const dice = new Dice(seed * 1_000_003 + run)
        const state = merged(new RecordState(), somethings(dice, 8))
        const writes = somethings(dice, 5)
        const then = merged(state, writes)
        const { own, fields } = wishesOf(state, writes, isVisible)
        const asked = [...own.filter(({ verb }) => verb !== 'read'), ...fields]
        const seen = (of: RecordState) => (isVisible(of) ? of.view() : undefined)
        const [before, after] = [flat(seen(state)), flat(seen(then))]
        const paths = new Set([...before.keys(), ...after.keys()])
        const missing = [...paths].filter(
          path => before.get(path) !== after.get(path) && !asked.some(thing => thing.path === path)
        )
        const isGone = !isVisible(then) && own.some(({ verb }) => verb === 'delete')
        const told = `SEED=${seed}, run ${run}: ${JSON.stringify({ is: state.view(), writes, after: then.view() })}`
        assert.deepEqual(isGone ? [] : missing, [], told)
        for (const { verb, path, value } of own)
          if (verb === 'write') assert.deepEqual(value, then.get(path)?.value ?? then.view(path), told)
        for (const { verb, path, current, previous, value } of fields) {
          assert.deepEqual([verb, current], ['write', seen(state)], told)
          assert.ok(!own.some(thing => thing.verb !== 'read' && thing.path === path), told)
          assert.notEqual(before.get(path), after.get(path), told)
          assert.deepEqual(
            [previous, value].map(value => flat(value, 'x').get('x')),
            [before.get(path), after.get(path)]
          )
        }
        if (!isVisible(state) && isVisible(then)) assert.equal(own[0]?.verb, 'create', told)
      }
    })
  }

  describe('where a rule is about a field', () => {
    let world: World
    const refusals: string[] = []

    const start = async (isSlow: boolean): Promise<void> => {
      refusals.length = 0
      world = new World({
        permit: question => {
          const { verb, path, value, current } = question
          const user = userOf(question)
          const ownerOf = (of: unknown): unknown => (Object(of) as { readonly owner?: unknown }).owner
          const judge = (): boolean => {
            if (verb === 'read') return true
            if (verb === 'create') return ownerOf(value) === user
            if (path === 'role') return false
            return !current || (path !== 'owner' && ownerOf(current) === user)
          }
          if (!judge()) refusals.push(`${verb} ${path}`)
          return isSlow ? new Promise(resolve => setTimeout(() => resolve(judge()), 1)) : judge()
        },
        collections: { 'implicit/': { resurrect: 'implicit' } }
      })
      await world.authority.open()
    }

    afterEach(() => world.end())

    const { make, set, remove, implicit } = at(5, 'ann')
    const attempts: Record<string, [writes: readonly Write[], refused: string]> = {
      'by making the record anew': [[make(), set('owner', 'bob'), set('text', 'mine')], 'write owner'],
      'by leaving it out': [[make(), set('text', 'mine')], 'write owner'],
      'by what it has not had': [[make(), set('owner', 'ann'), set('role', 'admin')], 'write role'],
      'by putting something below it': [[set('owner.x', 1)], 'write owner'],
      'by putting something below what is not there': [[set('role.x', 1)], 'write role'],
      'by a value with fields': [[make(), set('owner', { x: 1 })], 'write owner'],
      'by deleting it': [[remove('owner')], 'write owner']
    }

    for (const isSlow of [false, true]) {
      for (const [how, [writes, refused]] of Object.entries(attempts)) {
        it(`is not passed ${how}${isSlow ? ', where it takes its time' : ''}`, async () => {
          await start(isSlow)
          const ann = await world.welcomed('ann', [scope(1, 'notes/')], peerOf('ann'))
          const first = at(1, 'ann')
          ann.write('notes/1', [first.make(), first.set('owner', 'ann'), first.set('text', 'hello')])
          await world.pass(20)
          assert.deepEqual(refusals, [])
          assert.equal(contents(ann.deltas)['notes/1']?.['owner'], 'ann')
          ann.write('notes/1', writes)
          await world.pass(20)
          assert.deepEqual(
            ann.deltas.flatMap(({ results, records }) => [...results.map(({ code }) => code), ...records]),
            ['ERR_DENIED']
          )
          assert.equal(refusals[0], refused)
        })
      }

      it(`is asked when the record is made, and made again${isSlow ? ', where it takes its time' : ''}`, async () => {
        await start(isSlow)
        const ann = await world.welcomed('ann', [], peerOf('ann'))
        const one = at(1, 'ann')
        ann.write('notes/1', [one.make(), one.set('owner', 'ann'), one.set('role', 'admin')])
        ann.write('notes/1', [implicit(), set('owner', 'ann')])
        ann.write('notes/1', [at(6, 'ann').remove()])
        const again = at(7, 'ann')
        ann.write('notes/1', [again.make(), again.set('owner', 'ann'), again.set('role', 'admin')])
        await world.pass(50)
        assert.deepEqual(
          ann.deltas.flatMap(({ results }) => results.map(({ number, code, hint }) => [number, code, hint])),
          [1, 4].map(number => [
            number,
            'ERR_DENIED',
            "The permissions of the server do not allow this: 'write' of 'notes/1', 'role'"
          ])
        )
      })
    }

    it('is not passed by a deletion that leaves something', async () => {
      await start(false)
      const ann = await world.welcomed('ann', [], peerOf('ann'))
      ann.write('implicit/1', [at(1, 'ann').set('owner', 'ann')])
      await world.pass()
      ann.write('implicit/1', [remove(), set('text', 'mine')])
      await world.pass()
      assert.deepEqual(refusals, ['write owner'])
      ann.write('implicit/1', [at(6, 'ann').remove()])
      await world.pass()
      assert.deepEqual(refusals, ['write owner'])
    })

    it('hides nothing of what else is deleted, and asks nobody behind a denial', async () => {
      await start(false)
      const asked: string[] = []
      await world.authority.close()
      await world
        .make({
          permit: ({ verb, path, value, previous }) => {
            if (verb !== 'read') asked.push(`${verb} ${path} ${JSON.stringify(previous)} ${JSON.stringify(value)}`)
            return path !== 'billing.plan'
          }
        })
        .open()
      const ann = await world.welcomed('ann', [], peerOf('ann'))
      const one = at(1, 'ann')
      ann.write('a/1', [one.implicit(), one.set('billing.card', 1), one.set('billing.zip', 2)])
      await world.pass()
      ann.write('a/1', [set('billing.plan', 'free')])
      await world.pass()
      assert.deepEqual(asked.splice(0), [
        'create  undefined {"billing":{"card":1,"zip":2}}',
        'write billing undefined {"card":1,"zip":2}',
        'write billing.card undefined 1',
        'write billing.zip undefined 2',
        'write billing.plan undefined "free"'
      ])
      const two = at(6, 'ann')
      ann.write('a/1', [two.make('billing'), two.set('billing.card', 1), two.set('billing.plan', 1), two.set('z', 1)])
      await world.pass()
      ann.write('a/1', [at(7, 'ann').remove('billing')])
      await world.pass()
      assert.deepEqual(asked, [
        'write billing {"card":1,"zip":2} {"card":1,"plan":1}',
        'write z undefined 1',
        'write billing.zip 2 undefined',
        'write billing.plan undefined 1',
        'write billing {"card":1,"zip":2} undefined',
        'write billing.card 1 undefined',
        'write billing.zip 2 undefined'
      ])
    })
  })
})
