import assert from 'node:assert/strict'
import { isThorough, runs } from '../../support/faults-seed.ts'
import { play } from '../../support/simulation.ts'
import type { Seen } from '../../support/simulation.ts'

/** Histories in a run; `FULL=1` and `RUNS=…` play more, `SEED=…` one of them. */
const COUNT = process.env['FULL'] ? 500 : runs(2).numRuns
/** How long each lasts, in milliseconds of its own: which ones there are depends on it, so `SEED=…` needs the same `RUNS=…`. */
const DURATION = isThorough || process.env['FULL'] ? 600_000 : 300_000
/** Few histories need not have what is rare. */
const MANY = 6
const SEED = Number(process.env['SEED'] ?? 0)

describe('records: clients and a server that fail in all ways', () => {
  it('see the same in the end, and were told what is true', async function () {
    this.timeout((1 + COUNT) * 30_000)
    const all: Seen = { writes: 0, crashes: 0, refused: 0, stale: 0, copies: 0, diverged: 0 }
    for (let seed = SEED || 1; seed <= (SEED || COUNT); seed++) {
      const seen = await play(seed, { duration: DURATION, clients: 3 })
      for (const key of ['writes', 'crashes', 'refused', 'stale', 'copies', 'diverged'] as const) all[key] += seen[key]
    }
    if (process.env['FULL']) process.stdout.write(`${JSON.stringify(all)}\n`)
    if (SEED) return
    assert.ok(all.writes && all.crashes && all.refused, JSON.stringify(all))
    if (COUNT >= MANY) assert.ok(all.stale && all.copies && all.diverged, JSON.stringify(all))
  })
})
