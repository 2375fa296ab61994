import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../support/sqlite.ts'
import { storeContract } from '../contract/store.ts'

storeContract('sqlite', () => {
  const folder = mkdtempSync(join(tmpdir(), 'anywire-'))
  const file = join(folder, 'data.db')
  return { make: () => sqlite(file), stop: () => rmSync(folder, { recursive: true }) }
})
