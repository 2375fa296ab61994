import { fromBytes, views } from '../binary.ts'
import { checkKey, tooDeep } from '../value.ts'
import { BUFFER, MAP, SET, TIMESTAMP, UNDEFINED, VIEW } from './extensions.ts'
import { longText, SHORT, shortKey, shortText } from './text.ts'
import { toDate } from './timestamp.ts'

const malformed = (): TypeError => new TypeError('malformed MessagePack')

/** Reads one message. Whatever a length claims is checked against the bytes that are left before anything is made of it. */
export class Decoder {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0
  private end: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.end = bytes.length
  }

  /** @param depth - how many levels the value may have. */
  decode(depth: number): unknown {
    const value = this.value(depth)
    if (this.at !== this.end) throw malformed()
    return value
  }

  private value(room: number): unknown {
    const code = this.uint(1)
    if (code < 0x80) return code
    if (code < 0x90) return this.fields(code - 0x80, room)
    if (code < 0xa0) return this.array(code - 0x90, room)
    if (code < 0xc0) return this.text(code - 0xa0)
    if (code >= 0xe0) return code - 0x100
    switch (code) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return fromBytes('Uint8Array', this.take(this.uint(1 << (code - 0xc4))))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.extension(this.uint(1 << (code - 0xc7)), room)
      case 0xca:
        return this.view.getFloat32(this.skip(4))
      case 0xcb:
        return this.view.getFloat64(this.skip(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.uint(1 << (code - 0xcc))
      case 0xcf:
        return this.view.getBigUint64(this.skip(8))
      case 0xd0:
        return this.view.getInt8(this.skip(1))
      case 0xd1:
        return this.view.getInt16(this.skip(2))
      case 0xd2:
        return this.view.getInt32(this.skip(4))
      case 0xd3:
        return this.view.getBigInt64(this.skip(8))
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.extension(1 << (code - 0xd4), room)
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.text(this.uint(1 << (code - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.array(this.uint(2 << (code - 0xdc)), room)
      case 0xde:
      case 0xdf:
        return this.fields(this.uint(2 << (code - 0xde)), room)
      default:
        throw malformed()
    }
  }

  private array(length: number, room: number): unknown[] {
    if (room < 1) throw tooDeep()
    if (length > this.end - this.at) throw malformed()
    const items: unknown[] = []
    for (let index = 0; index < length; index++) items.push(this.value(room - 1))
    return items
  }

  private fields(length: number, room: number): Record<string, unknown> {
    if (room < 1) throw tooDeep()
    const fields: Record<string, unknown> = {}
    for (let index = 0; index < length; index++) {
      const key = this.key()
      if (Object.hasOwn(fields, key)) throw malformed()
      const item = this.value(room - 1)
      checkKey(key, item)
      fields[key] = item
    }
    return fields
  }

  private key(): string {
    const code = this.uint(1)
    if (code >= 0xa0 && code < 0xa0 + SHORT) {
      const start = this.skip(code - 0xa0)
      return shortKey(this.bytes, start, this.at)
    }
    this.at--
    const key = this.value(0)
    if (typeof key === 'string') return key
    throw malformed()
  }

  private text(length: number): string {
    const start = this.skip(length)
    return length < SHORT ? shortText(this.bytes, start, this.at) : longText(this.bytes, start, this.at)
  }

  private extension(length: number, room: number): unknown {
    const type = this.view.getInt8(this.skip(1))
    if (type === MAP) return this.map(this.items(length, room))
    if (type === SET) {
      const items = this.items(length, room)
      const set = new Set(items)
      if (set.size !== items.length) throw malformed()
      return set
    }
    const bytes = this.take(length)
    if (type === TIMESTAMP) return toDate(bytes)
    if (type === UNDEFINED && bytes.length === 1 && bytes[0] === 0) return undefined
    if (type === BUFFER) return fromBytes('ArrayBuffer', bytes)
    return fromBytes(views[type - VIEW]?.name, bytes)
  }

  private map(items: readonly unknown[]): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>()
    for (let index = 0; index < items.length; index += 2) map.set(items[index], items[index + 1])
    if (map.size * 2 !== items.length) throw malformed()
    return map
  }

  /** All values in the next `length` bytes. */
  private items(length: number, room: number): unknown[] {
    if (room < 1) throw tooDeep()
    const { end } = this
    const stop = this.skip(length) + length
    this.at = stop - length
    this.end = stop
    const items: unknown[] = []
    while (this.at < stop) items.push(this.value(room - 1))
    this.end = end
    return items
  }

  private uint(size: number): number {
    const at = this.skip(size)
    if (size === 1) return this.bytes[at] ?? 0
    return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at)
  }

  private take(length: number): Uint8Array {
    const start = this.skip(length)
    return this.bytes.subarray(start, start + length)
  }

  /** Moves on, and says from where. */
  private skip(length: number): number {
    const { at } = this
    if (length > this.end - at) throw malformed()
    this.at = at + length
    return at
  }
}
