import assert from 'node:assert/strict'
import fc from 'fast-check'
import { MAX_LANE } from '../../../lib/frames.ts'
import { LaneEnd } from '../../../lib/lane.ts'
import { reaches, reachOf } from '../../../lib/server/reach.ts'
import { runs } from '../../support/faults-seed.ts'

describe('the lanes that a peer can be reached over', () => {
  it('are those that are connected, however many there are, and the default one', () => {
    const end = Object.create(LaneEnd.prototype) as LaneEnd
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: MAX_LANE }), connected => {
        const lanes = [undefined, ...connected.map(is => (is ? end : undefined))]
        const peer = { lanes, reach: reachOf(lanes) }
        assert(reaches(peer, 0))
        for (let lane = 1; lane <= MAX_LANE; lane++) assert.equal(reaches(peer, lane), connected[lane - 1] ?? false)
      }),
      runs(100)
    )
  })
})
