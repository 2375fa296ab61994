// Runs all tests, compiled, in one process more than there are processors at a time, as much of it is waiting, and sums up.
// Which files share a process depends on their weights alone, so that it is the same each time. `--weigh` writes the weights
// anew; names, such as `lib stores/sqlite`, are how the files begin that are run, instead of all.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { relative, sep } from 'node:path'
import { parseArgs } from 'node:util'
import { closing } from './counts.ts'
import { runShard } from './shard.ts'
import type { FailureTold, Outcome, TestTold } from './shard.ts'
import { shares } from './shares.ts'

const WEIGHTS = 'test/weights.json'

/** It packs the package, for `npm run check:package`. */
const ELSEWHERE = 'package/tarball.test.ts'

const BUILT = 'build/test'
const PROCESSES = Number(process.env['PROCESSES'] ?? availableParallelism() + 1)
const SIGNS = { passed: '.', failed: '!', pending: ',' }
const WIDTH = 100

/** What files share is started once in a process: a browser, a database. So they share processes, which start before others. */
const SHARED = [/support\/chromium\.ts'/, /support\/postgres\.ts'/]
/**
 * Processes of the rest: so many that none is left alone for long in the end, and no more. Each compiles, and optimizes, all that
 * it runs anew.
 */
const OTHERS = PROCESSES + 2

const { values, positionals } = parseArgs({ options: { weigh: { type: 'boolean' } }, allowPositionals: true })
const isNamed = (file: string): boolean => !positionals.length || positionals.some(name => file.startsWith(name))

const sources = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map(name => name.replaceAll(sep, '/'))
  .filter(name => name.endsWith('.test.ts') && name !== ELSEWHERE && isNamed(name))
if (!sources.length) throw new Error(`No test file begins like ${positionals.join(' or ')}`)
const weights = JSON.parse(readFileSync(WEIGHTS, 'utf8')) as Readonly<Record<string, number>>

const took = new Map<string, number>()
let signs = 0

const heard = (told: TestTold | FailureTold): void => {
  if ('state' in told) return mark(told)
  // All of it comes at the end, unless somebody stops the tests before.
  process.stdout.write(`\n${told.title}: ${told.message}\n`)
  signs = 0
}

const mark = (test: TestTold): void => {
  const name = relative(BUILT, test.file).replaceAll(sep, '/').replace(/js$/, 'ts')
  took.set(name, (took.get(name) ?? 0) + test.took)
  process.stdout.write(`${SIGNS[test.state]}${++signs % WIDTH ? '' : '\n'}`)
}

const compiled = (name: string): string => `${BUILT}/${name.replace(/ts$/, 'js')}`
/** The files of each process, in the order in which they start. */
const waiting: string[][] = []
let rest = sources
for (const imports of SHARED) {
  const has = (name: string): boolean => imports.test(readFileSync(`test/${name}`, 'utf8'))
  const files = rest.filter(has)
  if (files.length) waiting.push(files)
  rest = rest.filter(name => !has(name))
}
waiting.push(...shares(rest, weights, OTHERS))

const outcomes: Outcome[] = []
const runShards = async (): Promise<void> => {
  for (let files = waiting.shift(); files; files = waiting.shift()) {
    outcomes.push(await runShard(files.map(compiled), heard))
  }
}
await Promise.all(Array.from({ length: PROCESSES }, runShards))
console.log('\n')
for (const { said } of outcomes) process.stdout.write(said)

const sum = (key: 'passed' | 'failed' | 'skipped'): number =>
  outcomes.reduce((total, { counts }) => total + counts[key], 0)
const counts = { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') }
console.log(closing(counts))
if (counts.failed) process.exitCode = 1

if (values.weigh) {
  const sorted = [...took].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, ms]) => [name, Math.ceil(ms)])
  writeFileSync(WEIGHTS, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`)
}
