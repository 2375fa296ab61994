/** Levels that are looked into: further down everything is too heavy. */
const DEPTH = 1_000

/**
 * About how long a value is as JSON text; of bytes, how many. Not by a parser: they carry more than JSON does, and the walk
 * ends where it is too much.
 * @param most - what is heavier may be said to weigh anything above
 */
export const weigh = (value: unknown, most: number, depth = DEPTH): number => {
  if (typeof value === 'string') return value.length + 2
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength + 2
  if (!depth) return most + 1
  let weight = 2
  const add = (item: unknown, more: number): boolean => {
    weight += more + weigh(item, most - weight, depth - 1)
    return weight <= most
  }
  if (Array.isArray(value) || value instanceof Set) {
    for (const item of value) if (!add(item, 1)) break
  } else if (value instanceof Map) {
    for (const [key, item] of value) if (!add(key, 1) || !add(item, 1)) break
  } else {
    for (const [key, item] of Object.entries(value)) if (!add(item, key.length + 4)) break
  }
  return weight
}
