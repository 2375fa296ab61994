import { ERR_ENCODE } from '../lib/failures.ts'
import type { Parser } from '../lib/parser.ts'
import { bytesOf } from './binary.ts'
import { failed, unfit } from './value.ts'

/**
 * Strings and Uint8Arrays as they are: for those who bring an encoding of their own. Bytes are not copied: whoever writes
 * some must not change them afterwards. See docs/parsers/raw.md.
 * @example createServer(http, { parsers: [raw()] })
 */
export const raw = (): Parser => ({
  name: 'raw',
  encode(value) {
    if (typeof value === 'string' || value instanceof Uint8Array) return value
    throw failed(ERR_ENCODE, unfit(value))
  },
  decode: data => (typeof data === 'string' ? data : bytesOf(data))
})
