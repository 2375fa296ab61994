import { parseArgs } from 'node:util'
import { install } from './install.ts'

/*
 * Records beside what else merges: the same sets of fields, made, sent and merged by all of them in one run, turn by turn.
 *
 *     npm run bench:records -- [--rounds n] [--only a,b] [--assert]
 */

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string' }, assert: { type: 'boolean' } }
})

// The peers may have to be installed first.
install()
const { map } = await import('./records/map.ts')
const { anywire } = await import('./records/anywire.ts')
const { yjs } = await import('./records/yjs.ts')
const { loro } = await import('./records/loro.ts')
const { automerge } = await import('./records/automerge.ts')
const { tinybase } = await import('./records/tinybase.ts')
const { measure, measureHeap } = await import('./records/measure.ts')
const { judge, table } = await import('./records/report.ts')

const contestants = [map, anywire, yjs, loro, automerge, tinybase].filter(
  ({ name }) => name === map.name || !values.only || values.only.split(',').includes(name)
)
const results = new Map(contestants.map(({ name }) => [name, [] as ReturnType<typeof measure>[]]))
// The first round is for the compiler.
for (let round = 0; round <= Number(values.rounds); round++) {
  for (const contestant of contestants) {
    process.stderr.write(`round ${round}: ${contestant.name}\n`)
    const result = measure(contestant)
    if (round > 0) results.get(contestant.name)?.push(result)
  }
}

const outcomes = new Map(
  contestants.map(contestant => {
    const heap = measureHeap(contestant)
    return [contestant.name, (results.get(contestant.name) ?? []).map(round => ({ ...round, heap }))]
  })
)
const { text, isKept } = judge(outcomes)
process.stdout.write(`${table(outcomes)}\n\n${text}\n`)
if (values.assert && !isKept) process.exitCode = 1
