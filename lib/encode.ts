import { AnywireError } from './errors.ts'
import { ERR_ENCODE } from './failures.ts'
import type { Parser } from './parser.ts'
import type { Data } from './transformer.ts'
import { weigh } from './weigh.ts'

/** About how long a value may be that is searched for what cannot be encoded: each of its items is encoded by itself. */
const MOST = 4_096

const carries = (parser: Parser, value: unknown): boolean => {
  try {
    parser.encode(value)
    return true
  } catch {
    return false
  }
}

/** What has items of its own that are sent: what `toJSON` returns is sent instead of them. */
const hasItems = (value: unknown): value is object =>
  typeof value === 'object' &&
  value !== null &&
  !ArrayBuffer.isView(value) &&
  typeof Reflect.get(value, 'toJSON') !== 'function'

/**
 * Where in a value is what the parser cannot encode: names and numbers with dots between them; '' where that is all of it, the
 * value is large, or the parser carries no lists, and so no items.
 */
const placeOf = (parser: Parser, value: unknown): string => {
  if (!carries(parser, []) || weigh(value, MOST) > MOST) return ''
  const path: string[] = []
  for (let at = value; hasItems(at);) {
    // As an item, since bytes may be all of a value, and not a part of it.
    const found = Object.entries(at).find(([, item]) => !carries(parser, [item]))
    if (!found) break
    path.push(found[0])
    at = found[1]
  }
  return path.join('.')
}

/** The failure with the place, where there is one. */
const placed = (failure: AnywireError, parser: Parser, value: unknown): AnywireError => {
  try {
    const { code, message, cause } = failure
    const place = placeOf(parser, value)
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
