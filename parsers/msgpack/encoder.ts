import { type Binary, bytesOf, className, isBinary, toBytes, views } from '../binary.ts'
import { checkKey, isArray, isObject, settle, tooDeep, unfit } from '../value.ts'
import { BUFFER, MAP, SET, TIMESTAMP, UNDEFINED, VIEW } from './extensions.ts'
import { fromDate } from './timestamp.ts'
import { Writer } from './writer.ts'

/** Encodes values of at most `depth` levels. All of them share the memory that they are written to, not the result. */
export class Encoder {
  private readonly out = new Writer()
  private readonly depth: number

  constructor(depth: number) {
    this.depth = depth
  }

  /** A `toJSON` or getter of the value may call this again. */
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
      case 'function':
      case 'symbol':
        throw unfit(value)
    }
  }

  /** Integers of more than 32 bits are floats, so that 64 bits always mean a bigint. */
  private number(value: number): void {
    const { out } = this
    if (value === value >>> 0 && !Object.is(value, -0)) {
      if (value < 0x80) out.uint8(value)
      else out.sized(value, 0xcc)
    } else if (value === (value | 0) && value < 0) {
      if (value < -0x20) out.signed(value, 0xd0)
      else out.uint8(value)
    } else {
      out.uint8(0xcb)
      out.float64(value)
    }
  }

  private bigint(value: bigint): void {
    const negative = value < 0n
    if (value !== (negative ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value))) {
      throw new TypeError('a bigint of more than 64 bits')
    }
    this.out.uint8(negative ? 0xd3 : 0xcf)
    this.out.uint64(value)
  }

  private object(value: object, room: number): void {
    if (isArray(value)) return this.array(value, room)
    if (value instanceof Date) return this.extension(TIMESTAMP, fromDate(value))
    if (value instanceof Map) return this.nested(MAP, [...value].flat(), room)
    if (value instanceof Set) return this.nested(SET, value, room)
    const settled = settle(value)
    if (settled !== value) return this.value(settled, room)
    if (isBinary(value)) return this.binary(value)
    this.fields(value, room)
  }

  private array(items: readonly unknown[], room: number): void {
    if (room < 1) throw tooDeep()
    this.out.counted(items.length, 0x90, 0xdc)
    for (const item of items) this.value(item, room - 1)
  }

  private fields(value: object, room: number): void {
    if (room < 1 || !isObject(value)) throw tooDeep()
    const keys = Object.keys(value)
    this.out.counted(keys.length, 0x80, 0xde)
    for (const key of keys) {
      const item = value[key]
      checkKey(key, item)
      this.out.text(key)
      this.value(item, room - 1)
    }
  }

  /** An extension of values, whose length is only known once they are written. */
  private nested(type: number, items: Iterable<unknown>, room: number): void {
    if (room < 1) throw tooDeep()
    this.out.uint8(0xc9)
    this.out.uint32(0)
    this.out.uint8(type)
    const start = this.out.length
    for (const item of items) this.value(item, room - 1)
    this.out.patch(start - 5, this.out.length - start)
  }

  private binary(value: Binary): void {
    const kind = className(value)
    if (kind === 'Uint8Array') {
      const bytes = bytesOf(value)
      this.out.sized(bytes.length, 0xc4)
      return this.out.raw(bytes)
    }
    const index = views.findIndex(view => view.name === kind)
    if (index < 0 && kind !== 'ArrayBuffer') throw unfit(value)
    this.extension(index < 0 ? BUFFER : VIEW + index, toBytes(kind, value))
  }

  private extension(type: number, bytes: Uint8Array): void {
    const power = [1, 2, 4, 8, 16].indexOf(bytes.length)
    if (power < 0) this.out.sized(bytes.length, 0xc7)
    else this.out.uint8(0xd4 + power)
    this.out.uint8(type)
    this.out.raw(bytes)
  }
}
