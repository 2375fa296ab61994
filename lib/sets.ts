/** Sets by a key: a map, or what is like one. */
interface Sets<K, V> {
  get(key: K): Set<V> | undefined
  set(key: K, set: Set<V>): unknown
  delete(key: K): unknown
}

/** Adds to the set of a key. @returns how many are in it now */
export const addTo = <K, V>(sets: Sets<K, V>, key: K, value: V): number => {
  const set = sets.get(key)
  if (set) return set.add(value).size
  sets.set(key, new Set([value]))
  return 1
}

/** Takes from the set of a key; of one that is empty nothing is kept. @returns whether it was there */
export const removeFrom = <K, V>(sets: Sets<K, V>, key: K, value: V): boolean => {
  const set = sets.get(key)
  if (!set?.delete(value)) return false
  if (!set.size) sets.delete(key)
  return true
}
