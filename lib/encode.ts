import { AnywireError } from './errors.ts'
import { ERR_ENCODE } from './failures.ts'
import type { Parser } from './parser.ts'
import type { Data } from './transformer.ts'
import { weigh } from './weigh.ts'

/** About how long a value may be that is searched for what cannot be encoded: each of its items is encoded by itself. */
const MOST = 16_384

const carries = (parser: Parser, value: unknown): boolean => {
  try {
    parser.encode(value)
    return true
  } catch {
    return false
  }
}

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)

/** Where in a value is what the parser cannot encode: names and numbers with dots between them; '' where that is all of it. */
const placeOf = (parser: Parser, value: unknown): string => {
  const path: string[] = []
  for (let at = value; isObject(at);) {
    // As an item, since bytes may be all of a value, and not a part of it.
    const found = Object.entries(at).find(([, item]) => !carries(parser, [item]))
    if (!found) break
    path.push(found[0])
    at = found[1]
  }
  return path.join('.')
}

/**
 * Encodes a value of a server's, which has the code for an error that says where.
 * @throws ERR_ENCODE, with the place in the value
 */
export const encode = (parser: Parser, value: unknown): Data => {
  try {
    return parser.encode(value)
  } catch (error) {
    const { code, message, cause } = Object(error) as Partial<AnywireError>
    // A parser that carries no lists carries no items.
    if (code !== ERR_ENCODE[0] || !carries(parser, []) || weigh(value, MOST) > MOST) throw error
    const place = placeOf(parser, value)
    throw place ? new AnywireError([code, 0, `${message}, at '${place}'`], '', cause) : error
  }
}
