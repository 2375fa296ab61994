/** Random numbers, the same ones for the same seed: mulberry32, by Tommy Ettinger. */
export const dice = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'valueOf',
  'then',
  'length',
  'error',
  'id',
  'type',
  '',
  '*'
]

const nested = (depth: number): unknown =>
  depth === 0 ? null : depth % 2 ? [nested(depth - 1)] : { a: nested(depth - 1) }

/** Values that break code which does not look. All of them are JSON. */
export const SCALARS: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  -1e-308,
  2 ** 53,
  4_294_967_296,
  '0',
  'null',
  '\u0000',
  '\ud800',
  'x'.repeat(100_000),
  ...NAMES,
  [],
  {},
  [null],
  [[]],
  { length: 1e9 },
  { toJSON: 1, toString: 1, valueOf: null, constructor: true },
  nested(60),
  Array.from({ length: 10_000 }, () => 0)
]

/** So many random JSON values: of what plugins might expect, and of what they certainly do not. */
export const randomValues = (count: number, seed: number): unknown[] => {
  const random = dice(seed)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const make = (depth: number): unknown => {
    const kind = random()
    if (depth === 0 || kind < 0.4) return pick(SCALARS)
    const length = Math.floor(random() * 5)
    if (kind < 0.7) return Array.from({ length }, () => make(depth - 1))
    return Object.fromEntries(Array.from({ length }, () => [pick(NAMES.slice(1)), make(depth - 1)]))
  }
  return Array.from({ length: count }, () => make(4))
}

/** Each packet with each of its parts, at any depth, replaced by something else, or left out. */
export const mutations = (packet: unknown): unknown[] => {
  if (typeof packet !== 'object' || packet === null) return [...SCALARS]
  return Object.entries(packet).flatMap(([key, part]) => {
    const put = (value: unknown): unknown => {
      if (Array.isArray(packet)) return packet.with(Number(key), value)
      return { ...packet, [key]: value }
    }
    const without = Array.isArray(packet) ? packet.toSpliced(Number(key), 1) : { ...packet, [key]: undefined }
    return [without, ...mutations(part).map(put)]
  })
}
