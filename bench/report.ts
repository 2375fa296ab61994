import { contenders, type ContenderName } from './contenders.ts'
import { workloads, type WorkloadName } from './workloads.ts'

/** What was measured: for each workload and contender one number per round. */
export type Results = Partial<Record<WorkloadName, Partial<Record<ContenderName, number[]>>>>

type Spread = [median: number, least: number, greatest: number]

export interface Summary {
  workload: WorkloadName
  contender: ContenderName
  /** Microseconds of CPU time per delivered value, or bytes per idle connection; median of the rounds. */
  median: number
  /** Median, least and greatest of the ratios to bare ws in the same round, or to whom the workload names. */
  ratio: Spread | undefined
  /** For whom the workload judges: whether it keeps its budget. */
  budget: 'ok' | 'over' | undefined
}

export function summarize(results: Results): Summary[] {
  const summaries: Summary[] = []
  for (const [workload, rounds] of Object.entries(results) as [WorkloadName, Required<Results>[WorkloadName]][]) {
    for (const [contender, values] of Object.entries(rounds) as [ContenderName, number[]][]) {
      const { judged = 'anywire', beside = 'ws', budget: most } = workloads[workload]
      const others: number[] | undefined = rounds[beside]
      const ratio = others && spread(values.map((value, i) => value / (others[i] ?? NaN)))
      const kept = ratio && ratio[0] <= most
      const budget = ratio && contender === judged ? (kept ? 'ok' : 'over') : undefined
      summaries.push({ workload, contender, median: median(values), ratio, budget })
    }
  }
  return summaries
}

/** One row per contender, one column per workload: the median and its ratio to bare ws; then the budget. */
export function table(summaries: Summary[]): string {
  const columns = [...new Set(summaries.map(summary => summary.workload))]
  const names = Object.keys(contenders) as ContenderName[]
  const rows = names.filter(name => summaries.some(summary => summary.contender === name))
  const find = (row: ContenderName, column: WorkloadName): Summary | undefined =>
    summaries.find(({ workload, contender }) => workload === column && contender === row)

  const lines = [
    ['', ...columns.map(column => workloads[column].short)],
    ...rows.map(row => [row, ...columns.map(column => cell(find(row, column)))]),
    ['beside', ...columns.map(column => besideOf(column))],
    ['all rounds', ...columns.map(column => range(find(judgedOf(column), column)))],
    ['budget', ...columns.map(column => verdict(column, find(judgedOf(column), column)))]
  ]
  const width = (column: number): number => Math.max(...lines.map(line => line[column]?.length ?? 0))
  const pad = (text: string, column: number): string =>
    column > 0 ? text.padStart(width(column)) : text.padEnd(width(column))
  return lines.map(line => line.map(pad).join('   ')).join('\n')
}

const judgedOf = (column: WorkloadName): ContenderName => workloads[column].judged ?? 'anywire'

const besideOf = (column: WorkloadName): ContenderName => workloads[column].beside ?? 'ws'

function cell(summary: Summary | undefined): string {
  if (!summary) return '–'
  const { median, ratio, workload } = summary
  const value = workload === 'idle' ? `${(median / 1024).toFixed(1)} KB` : `${digits(median)} µs`
  return ratio ? `${value} ×${ratio[0].toFixed(2)}` : value
}

const range = (summary: Summary | undefined): string =>
  summary?.ratio ? `×${summary.ratio[1].toFixed(2)}–${summary.ratio[2].toFixed(2)}` : '–'

const verdict = (workload: WorkloadName, summary: Summary | undefined): string =>
  `${summary?.budget ?? ''} ≤ ×${workloads[workload].budget.toFixed(2)}`

const digits = (value: number): string => value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 1)

const spread = (values: number[]): Spread => [median(values), Math.min(...values), Math.max(...values)]

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? (sorted[half] ?? NaN) : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2
}
