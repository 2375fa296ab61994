import { type Binary, className, isBinary, toBytes, bytesOf, views } from '../binary.ts'
import { checkKey, isArray, isObject, settle, tooDeep, unfit } from '../value.ts'
import { BUFFER, DATE, MAP, SET, UNDEFINED, VIEW } from './extensions.ts'
import { Writer } from './writer.ts'

const INT64 = 2n ** 63n

/** Encodes values, one after the other; `depth` is how many levels they may have. */
export class Encoder {
  private readonly out = new Writer()
  private readonly depth: number

  constructor(depth: number) {
    this.depth = depth
  }

  /** May be called by a `toJSON` or getter of the value that it is just encoding. */
  encode(value: unknown): Uint8Array {
    const start = this.out.length
    try {
      this.value(value, this.depth)
      return this.out.since(start)
    } finally {
      this.out.rewind(start)
    }
  }

  private value(value: unknown, room: number): void {
    switch (typeof value) {
      case 'string':
        return this.out.text(value)
      case 'number':
        return this.number(value)
      case 'boolean':
        return this.out.uint8(value ? 0xc3 : 0xc2)
      case 'object':
        return value === null ? this.out.uint8(0xc0) : this.object(value, room)
      case 'bigint':
        return this.bigint(value)
      case 'undefined':
        return this.extension(UNDEFINED, Uint8Array.of(0))
      default:
        throw unfit(value)
    }
  }

  /** Integers of more than 32 bits are floats, so that 64 bits always mean a bigint. */
  private number(value: number): void {
    const { out } = this
    if (value === value >>> 0 && !Object.is(value, -0)) {
      if (value < 0x80) return out.uint8(value)
      if (value <= 0xff) return out.sized(value, 0xcc)
    }
  }
}
