import { ERR_ENCODE, ERR_VALUE } from '../lib/failures.ts'
import type { Parser, ParserOptions } from '../lib/parser.ts'
import { failed } from './value.ts'
import { Decoder } from './msgpack/decoder.ts'
import { Encoder } from './msgpack/encoder.ts'

/**
 * MessagePack: smaller than JSON, and it also carries undefined, NaN, bigint of 64 bits, Date, Map, Set and all kinds of
 * bytes, at any level. See docs/parsers/msgpack.md.
 * @example createServer(http, { parsers: [msgpack()] })
 */
export const msgpack = ({ depth = 64 }: ParserOptions = {}): Parser => {
  const encoder = new Encoder(depth)
  return {
    name: 'msgpack',
    encode(value) {
      try {
        return encoder.encode(value)
      } catch (cause) {
        throw failed(ERR_ENCODE, cause)
      }
    },
    decode(data) {
      try {
        if (typeof data === 'string') throw new TypeError('text where bytes are expected')
        return new Decoder(data).decode(depth)
      } catch (cause) {
        throw failed(ERR_VALUE, cause)
      }
    }
  }
}
