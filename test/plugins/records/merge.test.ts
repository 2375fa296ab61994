import { Clock } from '../../../plugins/records/core/clock.ts'
import { digestOf } from '../../../plugins/records/core/digest.ts'
import { RecordState } from '../../../plugins/records/core/record-state.ts'
import { collect } from '../../../plugins/records/core/tombstones.ts'
import { runs } from '../../support/faults-seed.ts'
import { Dice, play } from '../../support/records-history.ts'
import { laws } from '../../support/records-laws.ts'

/** FULL=1: as many histories as the design was tried with. */
const HISTORIES = process.env['FULL'] ? 24_000 : 75

const core = { RecordState, Clock, collect, digestOf }

describe('records: merging', () => {
  for (const [name, law] of Object.entries(laws)) {
    it(name, function () {
      const { seed, numRuns } = runs(HISTORIES)
      this.timeout(60_000 + numRuns * 20)
      for (let run = 0; run < numRuns; run++) {
        const history = play(core, seed * 1_000_003 + run)
        try {
          law(core, history, new Dice(run))
        } catch (error) {
          throw new Error(`SEED=${seed}, history ${run}: ${JSON.stringify(history.written)}`, { cause: error })
        }
      }
    })
  }
})
