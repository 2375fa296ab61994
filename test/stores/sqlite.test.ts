import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs } from '../support/faults-seed.ts'
import { missing, sqlite } from '../support/sqlite.ts'
import { storeContract } from '../contract/store.ts'

/** Why it may be missing on a machine that has all the rest. */
const WHY = {
  'node:sqlite': '.ci/run has one',
  'better-sqlite3': 'its binary is on GitHub, or compiled for minutes',
  libsql: 'it comes with npm ci'
}

for (const driver of ['node:sqlite', 'better-sqlite3', 'libsql'] as const) {
  const reason = missing(driver)
  // Without a function it is told as skipped.
  if (reason) it(`sqlite, by ${driver}: ${reason} (${WHY[driver]})`)
  else
    storeContract(
      `sqlite, by ${driver}`,
      () => {
        const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
        const file = join(folder, 'data.db')
        return { make: () => sqlite(file, { driver }), stop: () => rmSync(folder, { recursive: true }) }
      },
      // Each history starts threads more than once.
      { runs: runs(5).numRuns }
    )
}
