/** How many of a property's histories are tried by default: a third, as somebody at work waits for them. */
const DEFAULT = 1 / 3

/**
 * Parameters of a property: the same histories in each run, others with `SEED=…`, more of them with `RUNS=…` (a factor,
 * 4 in .ci/run).
 * fast-check prints the seed of a failure.
 * @param count - with `RUNS=1`
 */
export const runs = (count: number): { seed: number; numRuns: number } => ({
  seed: Number(process.env['SEED'] ?? 1),
  numRuns: Math.ceil(count * Number(process.env['RUNS'] ?? DEFAULT))
})

/** Whether there is time for what proves little beside the rest, and takes long. */
export const isThorough = Number(process.env['RUNS'] ?? DEFAULT) > 1
