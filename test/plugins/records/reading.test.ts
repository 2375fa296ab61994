import { runs } from '../../support/faults-seed.ts'
import { playReading } from '../../support/reading-history.ts'

const COUNT = process.env['FULL'] ? 3_000 : runs(60).numRuns
const SEED = Number(process.env['SEED'] ?? 0)

describe('records: one who follows some of a collection, and lets go of it', () => {
  it('sees what is there and may be seen, and has nothing else', async function () {
    this.timeout((1 + COUNT) * 1_000)
    for (let seed = SEED || 1; seed <= (SEED || COUNT); seed++) await playReading(seed)
  })
})
