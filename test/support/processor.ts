/** Milliseconds of the processor that something takes, of which others on a busy machine take none away. */
export const processorTime = (run: () => void): number => {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
