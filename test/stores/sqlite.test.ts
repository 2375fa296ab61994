import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runs } from '../support/faults-seed.ts'
import { missing, sqlite } from '../support/sqlite.ts'
import { storeContract } from '../contract/store.ts'

for (const driver of ['node:sqlite', 'better-sqlite3', 'libsql'] as const) {
  const reason = missing(driver)
  // Without a function it is told as skipped.
  if (reason) it(`sqlite, by ${driver}: ${reason}`)
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
