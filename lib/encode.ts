import { AnywireError } from './errors.ts'
import { ERR_ENCODE } from './failures.ts'
import type { Parser } from './parser.ts'
import type { Data } from './transformer.ts'
import { weigh } from './weigh.ts'

/** About how long a value may be that is searched for what cannot be encoded: its items are encoded again. */
const MOST = 4_096

/** So many levels are searched for what no single item is to blame for, each level anew. */
const LEVELS = 8

/** What the parser says against a value; undefined: it carries it. */
const refusal = (parser: Parser, value: unknown): string | undefined => {
  try {
    parser.encode(value)
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}

/** Items that are sent, of what has such: what `toJSON` returns is sent instead of them. */
const itemsOf = (value: unknown): [name: string, item: unknown][] =>
  typeof value === 'object' &&
  value !== null &&
  !ArrayBuffer.isView(value) &&
  typeof Reflect.get(value, 'toJSON') !== 'function'
    ? Object.entries(value)
    : []

/** What has no items of its own, and its place in the value. */
interface Leaf {
  readonly item: unknown
  readonly place: string
}

const leavesOf = (value: unknown, leaves: Leaf[] = [], place = '', prefix = ''): readonly Leaf[] => {
  const items = itemsOf(value)
  for (const [name, item] of items) leavesOf(item, leaves, prefix + name, `${prefix}${name}.`)
  if (!items.length) leaves.push({ item: value, place })
  return leaves
}

/** Where the first leaf is that the parser refuses for a reason. By halves, so that it costs no more than the value twice. */
const leafPlaceOf = (parser: Parser, value: unknown, reason: string): string => {
  let leaves = leavesOf(value)
  // As items, since bytes may be all of a value, and not a part of it.
  const refusalOf = (some: readonly Leaf[]): string | undefined =>
    refusal(
      parser,
      some.map(({ item }) => item)
    )
  if (refusalOf(leaves) !== reason) return ''
  while (leaves.length > 1) {
    const half = leaves.slice(0, leaves.length / 2)
    leaves = refusalOf(half) === undefined ? leaves.slice(half.length) : half
  }
  return leaves[0]?.place ?? ''
}

/** Where it is when no leaf is to blame, but how they are put together: too deep, names that no object may have. */
const innerPlaceOf = (parser: Parser, value: unknown): string => {
  const path: string[] = []
  let at = value
  while (path.length < LEVELS) {
    const found = itemsOf(at).find(([, item]) => refusal(parser, [item]) !== undefined)
    if (!found) break
    path.push(found[0])
    at = found[1]
  }
  return path.join('.')
}

/**
 * Where in a value is what the parser cannot encode: names and numbers with dots between them; '' where that is all of it, the
 * value is large, or the parser carries no lists, and so no items.
 */
const placeOf = (parser: Parser, value: unknown, reason: string): string => {
  if (refusal(parser, []) !== undefined || weigh(value, MOST) > MOST) return ''
  return leafPlaceOf(parser, value, reason) || innerPlaceOf(parser, value)
}

/** The failure with the place, where there is one. */
const placed = (failure: AnywireError, parser: Parser, value: unknown): AnywireError => {
  try {
    const { code, message, cause } = failure
    const place = placeOf(parser, value, message)
    return place ? new AnywireError([code, 0, `${message}, at '${place}'`], '', cause) : failure
  } catch {
    // A getter or proxy of the application's, which the parser has met too.
    return failure
  }
}

/**
 * Encodes a value of a server's, which has the code for an error that says where.
 * @param lane - a value of the default one has places that whoever wrote it knows; what plugins send are their packets
 * @throws ERR_ENCODE, with the place in the value
 */
export const encode = (parser: Parser, value: unknown, lane: number): Data => {
  try {
    return parser.encode(value)
  } catch (error) {
    const isPlaced = lane === 0 && error instanceof AnywireError && error.code === ERR_ENCODE[0]
    throw isPlaced ? placed(error, parser, value) : error
  }
}
