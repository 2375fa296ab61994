/**
 * Parameters of a property: the same histories in each run, others with `SEED=…`, more of them with `RUNS=…` (a factor,
 * 2 in .ci/run).
 * fast-check prints the seed of a failure.
 */
export const runs = (count: number): { seed: number; numRuns: number } => ({
  seed: Number(process.env['SEED'] ?? 1),
  numRuns: count * Number(process.env['RUNS'] ?? 1)
})
