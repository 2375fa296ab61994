import { AnywireError } from '../lib/errors.ts'
import { ERR_ENCODE } from '../lib/failures.ts'
import type { Parser } from '../lib/parser.ts'

/**
 * Strings and Uint8Arrays as they are: for those who bring an encoding of their own. Bytes are not copied: whoever writes
 * some must not change them afterwards. See docs/parsers/raw.md.
 * @example createServer(http, { parsers: [raw()] })
 */
export const raw = (): Parser => ({
  name: 'raw',
  encode(value) {
    if (typeof value === 'string' || value instanceof Uint8Array) return value
    throw new AnywireError(ERR_ENCODE, 'neither a string nor a Uint8Array')
  },
  // Node's messages are Buffers; what arrives is a Uint8Array everywhere.
  decode: data => (typeof data === 'string' ? data : new Uint8Array(data.buffer, data.byteOffset, data.length))
})
export type * from '../lib/types.ts'
