import { measures, median } from './measure.ts'
import type { Measure, Outcome } from './measure.ts'

/** What was measured, by contestant. */
export type Results = ReadonlyMap<string, readonly Outcome[]>

/** The median of the ratios to another contestant in the same round. */
const ratio = (results: Results, name: string, to: string, measure: Measure): number => {
  const others = results.get(to) ?? []
  return median((results.get(name) ?? []).map((round, at) => round[measure] / (others[at]?.[measure] ?? Number.NaN)))
}

const value = (results: Results, name: string, measure: Measure): number =>
  median((results.get(name) ?? []).map(round => round[measure]))

/** What anywire must keep: how it is told, what it is, and the most that it may be. */
const budgets: readonly (readonly [what: string, measure: (results: Results) => number, most: number])[] = [
  ['set, to a plain Map', results => ratio(results, 'anywire', 'plain Map', 'set'), 6],
  ['apply, to a plain Map', results => ratio(results, 'anywire', 'plain Map', 'apply'), 5],
  ['merge, to a plain Map', results => ratio(results, 'anywire', 'plain Map', 'merge'), 1.5],
  ['bytes of a message', results => value(results, 'anywire', 'wire'), 36],
  ['bytes of a snapshot, to JSON', results => ratio(results, 'anywire', 'plain Map', 'snapshot'), 1],
  ['bytes of heap for a field', results => value(results, 'anywire', 'heap'), 250],
  ['set, to yjs', results => ratio(results, 'anywire', 'yjs', 'set'), 1 / 10],
  ['apply, to yjs', results => ratio(results, 'anywire', 'yjs', 'apply'), 1 / 10],
  ['set, to tinybase', results => ratio(results, 'anywire', 'tinybase', 'set'), 1 / 30],
  ['apply, to tinybase', results => ratio(results, 'anywire', 'tinybase', 'apply'), 1 / 30]
]

/** A line for each budget that can be judged; whether all are kept. */
export const judge = (results: Results): { readonly text: string; readonly isKept: boolean } => {
  const lines = budgets
    .map(([what, measure, most]) => ({ what, most, is: measure(results) }))
    .filter(({ is }) => !Number.isNaN(is))
  const text = lines
    .map(
      ({ what, is, most }) => `${is <= most ? 'ok  ' : 'OVER'} ${what}: ${is.toFixed(3)}, at most ${most.toFixed(3)}`
    )
    .join('\n')
  return { text, isKept: lines.every(({ is, most }) => is <= most) }
}

/** One row per contestant: medians, and their ratios to the plain Map. */
export const table = (results: Results): string => {
  const cell = (name: string, measure: Measure): string =>
    `${value(results, name, measure).toPrecision(3)} ×${ratio(results, name, 'plain Map', measure).toFixed(2)}`
  const rows = [
    ['', 'set µs', 'apply µs', 'merge µs', 'wire B', 'snapshot B', 'heap B/field'],
    ...[...results.keys()].map(name => [name, ...measures.map(measure => cell(name, measure))])
  ]
  return rows.map(row => row.map((text, at) => (at ? text.padStart(17) : text.padEnd(10))).join('')).join('\n')
}
