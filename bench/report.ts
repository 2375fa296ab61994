import type { ContenderName } from './contenders.ts'
import { workloads, type WorkloadName } from './workloads.ts'

/** What was measured: for each workload and contender one number per round. */
export type Results = Partial<Record<WorkloadName, Partial<Record<ContenderName, number[]>>>>

export interface Summary {
  workload: WorkloadName
  contender: ContenderName
  /** Microseconds of CPU time per delivered value, or bytes per idle connection; median of the rounds. */
  median: number
  /** Median, least and greatest of the ratios to bare ws in the same round. */
  ratio: [median: number, least: number, greatest: number] | undefined
  /** For anywire: whether it keeps its budget. */
  budget: 'ok' | 'over' | undefined
}

export function summarize(results: Results): Summary[] {
  const summaries: Summary[] = []
  for (const [workload, contenders] of Object.entries(results) as [
    WorkloadName,
    NonNullable<Results[WorkloadName]>
  ][]) {
    for (const [contender, rounds] of Object.entries(contenders) as [ContenderName, number[]][]) {
      const ratios = rounds.map((value, i) => value / (contenders.ws?.[i] ?? NaN))
      const ratio = contenders.ws && ([median(ratios), Math.min(...ratios), Math.max(...ratios)] as Summary['ratio'])
      const budget =
        contender === 'anywire' && ratio ? (ratio[0] <= workloads[workload].budget ? 'ok' : 'over') : undefined
      summaries.push({ workload, contender, median: median(rounds), ratio, budget })
    }
  }
  return summaries
}

/** One row per contender, one column per workload: the median and its ratio to bare ws; then the budget. */
export function table(summaries: Summary[]): string {
  const columns = [...new Set(summaries.map(summary => summary.workload))]
  const rows = [...new Set(summaries.map(summary => summary.contender))]
  const find = (row: ContenderName, column: WorkloadName): Summary | undefined =>
    summaries.find(({ workload, contender }) => workload === column && contender === row)

  const lines = [
    ['', ...columns.map(name => workloads[name].title)],
    ...rows.map(row => [row, ...columns.map(column => cell(find(row, column)))]),
    ['budget for anywire', ...columns.map(column => verdict(column, find('anywire', column)))]
  ]
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map(line => line[i]?.length ?? 0))) ?? []
  return lines
    .map(line => line.map((text, i) => (i ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0))).join('  '))
    .join('\n')
}

function cell(summary: Summary | undefined): string {
  if (!summary) return '–'
  const value =
    summary.workload === 'idle' ? `${(summary.median / 1024).toFixed(1)} KB` : `${digits(summary.median)} µs`
  return summary.ratio ? `${value} ×${summary.ratio[0].toFixed(2)}` : value
}

function verdict(workload: WorkloadName, summary: Summary | undefined): string {
  const { budget } = workloads[workload]
  if (!summary?.ratio) return `≤ ${budget}`
  const [, least, greatest] = summary.ratio
  return `≤ ${budget} ${summary.budget} (${least.toFixed(2)}–${greatest.toFixed(2)})`
}

const digits = (value: number): string => value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 1)

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 ? (sorted[half] ?? NaN) : ((sorted[half - 1] ?? NaN) + (sorted[half] ?? NaN)) / 2
}
