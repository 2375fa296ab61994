/** Counts one more of a name. @returns how many there are now */
export const increase = (counts: Map<string, number>, name: string): number => {
  const count = (counts.get(name) ?? 0) + 1
  counts.set(name, count)
  return count
}

/** Counts one less. @returns how many are left */
export const decrease = (counts: Map<string, number>, name: string): number => {
  const count = (counts.get(name) ?? 0) - 1
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
  return count
}
