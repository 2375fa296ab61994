import { cpus } from 'node:os'
import { COMMON, contenders, type Contender, type ContenderName } from './contenders.ts'
import { install } from './install.ts'
import { open, type Entry } from './measure.ts'
import { help, parse, type Options } from './options.ts'
import { summarize, table, type Results } from './report.ts'
import { workloads as all, type WorkloadName } from './workloads.ts'

/** A round of this workload starts a server and connects thousands of clients. */
const IDLE_ROUNDS = 3

const say = (text: string): boolean => process.stderr.write(`${text}\n`)

async function main(): Promise<void> {
  const options = parse(process.argv.slice(2))
  if (!options) return void process.stdout.write(help)
  install()
  const entries = options.contenders.flatMap(enter)
  const results: Results = {}
  for (const workload of options.workloads) results[workload] = await compare(workload, entries, options)

  const summaries = summarize(results)
  const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}`
  const json = (): string => JSON.stringify({ machine, options, results, summaries }, null, 2)
  const text = (): string =>
    `${machine}; server CPU per delivered message, × = ratio to bare ws, or to who is named\n\n${table(summaries)}`
  process.stdout.write(`${options.json ? json() : text()}\n`)
  if (options.assert) check(options, summaries)
}

/** The contender, or nothing and a line that says why. */
function enter(name: ContenderName): (Entry & { name: ContenderName; only?: readonly WorkloadName[] })[] {
  const contender: Contender = contenders[name]
  const command = contender.command()
  if (command) return [{ ...contender, name, command }]
  say(`${name} is left out: ${contender.missing}`)
  return []
}

/** Measures all contenders in one workload, A B C A B C, so that whatever else the machine does meets all of them. */
async function compare(
  name: WorkloadName,
  entries: ReturnType<typeof enter>,
  { rounds, seconds }: Options
): Promise<NonNullable<Results[WorkloadName]>> {
  const results: NonNullable<Results[WorkloadName]> = {}
  say(all[name].title)
  const entered = entries.filter(({ only = COMMON }) => only.includes(name))
  const arenas = await Promise.all(entered.map(entry => open(entry, all[name])))
  for (const arena of arenas) await arena.warm()
  for (let round = 0; round < (name === 'idle' ? Math.min(rounds, IDLE_ROUNDS) : rounds); round++) {
    for (const [i, entry] of entered.entries())
      (results[entry.name] ??= []).push((await arenas[i]?.round(seconds)) ?? NaN)
  }
  for (const arena of arenas) arena.close()
  return results
}

/** Every budget that can be judged in this run must be, and must be kept. */
function check({ workloads }: Options, summaries: ReturnType<typeof summarize>): void {
  for (const workload of workloads) {
    const { judged = 'anywire', beside = 'ws' } = all[workload]
    const budget = summaries.find(summary => summary.workload === workload && summary.contender === judged)?.budget
    if (budget === 'ok') continue
    say(
      `${workload}: ${budget === 'over' ? `${judged} is over its budget` : `${judged} or ${beside} was not measured`}`
    )
    process.exitCode = 1
  }
}

// The servers end when this process does.
main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error))
  process.exit(1)
})
