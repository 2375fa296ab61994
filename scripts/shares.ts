/** The share of each process: its files, and what they weigh. */
interface Share {
  readonly files: string[]
  weight: number
}

/**
 * Divides files so that each process has about as much to do: the heaviest first, each to who has the least yet. So the
 * first share has the heaviest file.
 * @param weights - of files, in milliseconds; what is not there weighs as much as others on average
 */
export const shares = (
  files: readonly string[],
  weights: Readonly<Record<string, number>>,
  processes: number
): string[][] => {
  const known = Object.values(weights)
  const average = known.reduce((sum, weight) => sum + weight, 0) / known.length || 1
  const weigh = (file: string): number => weights[file] ?? average
  const all = Array.from({ length: processes }, (): Share => ({ files: [], weight: 0 }))
  for (const file of [...files].sort((a, b) => weigh(b) - weigh(a) || (a < b ? -1 : 1))) {
    const lightest = all.reduce((best, share) => (share.weight < best.weight ? share : best))
    lightest.files.push(file)
    lightest.weight += weigh(file)
  }
  return all.map(share => share.files.sort()).filter(share => share.length > 0)
}
