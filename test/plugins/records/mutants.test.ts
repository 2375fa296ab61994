import assert from 'node:assert/strict'
import type { Core } from '../../support/records-history.ts'
import { Dice, play } from '../../support/records-history.ts'
import { laws } from '../../support/records-laws.ts'
import { mutate } from '../../support/records-mutants.ts'
import type { Mutant } from '../../support/records-mutants.ts'

const HISTORIES = process.env['FULL'] ? 5_000 : 250

/** Mistakes that the laws must find. */
const MISTAKES: readonly Mutant[] = [
  { what: 'the older one wins', file: 'register', from: 'return a.t > b.t', to: 'return a.t < b.t' },
  {
    what: 'nodes do not break ties',
    file: 'register',
    from: 'return a.node > b.node',
    to: 'return false'
  },
  {
    what: 'nodes do not break ties of what hides',
    file: 'register',
    from: 'a.t > b.t || (a.t === b.t && a.node > b.node)',
    to: 'a.t > b.t'
  },
  {
    what: 'twins differ by kind',
    file: 'register',
    from: 'return a.kind > b.kind',
    to: 'return false'
  },
  {
    what: 'twins differ by value',
    file: 'register',
    from: 'return compareValues(a.value, b.value) > 0',
    to: 'return false'
  },
  {
    what: 'the last to arrive wins',
    file: 'record-state',
    from: 'isWritten(place) && !wins(register, place)',
    to: 'false'
  },
  {
    what: 'nothing above hides what arrives later',
    file: 'record-state',
    from: 'isWritten(place) && isAfter(place, register)',
    to: 'false'
  },
  {
    what: 'equal stamps hide what arrives later',
    file: 'record-state',
    from: 'isWritten(place) && isAfter(place, register)',
    to: 'isWritten(place) && !isAfter(register, place)'
  },
  {
    what: 'values hide nothing',
    file: 'record-state',
    from: 'isWritten(place) && isAfter(place, register)',
    to: 'isWritten(place) && place.kind !== 0 && isAfter(place, register)'
  },
  {
    what: 'what is hidden now stays',
    file: 'record-state',
    from: 'this.#prune(place, register)',
    to: 'void 0'
  },
  {
    what: 'what is hidden far below stays',
    file: 'record-state',
    from: 'this.#prune(child, register)',
    to: 'void 0'
  },
  {
    what: 'equal stamps hide what is there',
    file: 'record-state',
    from: 'isWritten(child) && isAfter(register, child)',
    to: 'isWritten(child) && !isAfter(child, register)'
  },
  { what: 'places that lead on are dropped', file: 'place', from: ' && !child.branch)', to: ')' },
  { what: 'numbers of changes are lost', file: 'record-state', from: 'place.seq = seq', to: '' },
  { what: 'more than the news is told', file: 'record-state', from: 'place.seq > seq)', to: 'place.seq >= seq)' },
  {
    what: 'what is seen is not forgotten',
    file: 'record-state',
    from: 'branch.isFresh = false',
    to: ''
  },
  {
    what: 'what was seen below is not forgotten',
    file: 'record-state',
    from: 'branch.isFresh = false',
    to: '',
    isLast: true
  },
  {
    what: 'digests have what was deleted',
    file: 'digest',
    from: 'register.kind === DELETED ?',
    to: 'register.kind > DELETED ?'
  },
  { what: 'digests have no values', file: 'digest', from: '\\0${canonical(value)}`', to: '`' },
  { what: 'what was deleted late is collected', file: 'tombstones', from: ' && place.t < before', to: '' },
  { what: 'what was cleared is still seen', file: 'place', from: 'place.value = undefined', to: '' },
  {
    what: 'a value hides the fields below it',
    file: 'place',
    from: 'if (fields)',
    to: 'if (fields && place.t < 0)'
  },
  { what: 'fields have the order of arrival', file: 'place', from: 'branch.sort()', to: '' },
  {
    what: 'copies share what is below',
    file: 'place',
    from: 'place.branch = new Branch()',
    to: 'return ((place.branch = from.branch), place)'
  },
  { what: 'a stamp is given twice', file: 'clock', from: 'this.last + 1', to: 'this.last' },
  { what: 'stamps of others are not looked at', file: 'clock', from: 'this.last = t', to: 'void t' }
]

/** Changes that nobody can tell from the code as it is, but for its speed. */
const EQUIVALENT: readonly Mutant[] = [
  { what: 'states without news are searched', file: 'record-state', from: 'this.last > seq', to: 'true' },
  { what: 'places are always sorted', file: 'place', from: 'this.#isSorted)', to: 'false)' },
  { what: 'copies look again', file: 'place', from: 'place.branch.isFresh = from.branch.isFresh', to: '' }
]

/** The name of the first law that does not hold. */
const brokenLaw = (core: Core, histories: number): string | undefined => {
  for (let run = 0; run < histories; run++) {
    const history = play(core, run)
    for (const [name, law] of Object.entries(laws)) {
      try {
        law(core, history, new Dice(run))
      } catch (error) {
        if (!(error instanceof assert.AssertionError)) throw error
        return name
      }
    }
  }
  return undefined
}

describe('records: the laws of merging', () => {
  for (const mutant of MISTAKES) {
    it(`find it when ${mutant.what}`, async function () {
      this.timeout(HISTORIES * 200)
      assert.notEqual(brokenLaw(await mutate(mutant), HISTORIES), undefined)
    })
  }

  for (const mutant of EQUIVALENT) {
    it(`do not care when ${mutant.what}`, async function () {
      this.timeout(HISTORIES * 200)
      assert.equal(brokenLaw(await mutate(mutant), HISTORIES / 10), undefined)
    })
  }
})
