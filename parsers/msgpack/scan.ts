import { MAP, SET, utf8 } from './extensions.ts'

/**
 * Walks over the heads of a message: what they claim must be there before the library makes room for it. The library's own
 * limits hold for each array alone: arrays in each other, each as long as allowed, cost the square of the message.
 * https://github.com/msgpack/msgpack/blob/master/spec.md
 */
class Scan {
  /** Whether there may be a key `constructor`. */
  suspicious = false
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at = 0
  private end: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.end = bytes.length
  }

  /** @param room - how many levels there may be from here on. */
  value(room: number): void {
    const head = this.uint(1)
    if (head < 0x80 || head >= 0xe0) return
    if (head < 0x90) return this.values(2 * (head - 0x80), room)
    if (head < 0xa0) return this.values(head - 0x90, room)
    if (head < 0xc0) return this.text(head - 0xa0)
    if (head < 0xc4) return // nil, false, true, and c1, which the library refuses
    if (head < 0xc7) return void this.skip(this.uint(1 << (head - 0xc4)))
    if (head < 0xca) return this.extension(this.uint(1 << (head - 0xc7)), room)
    if (head < 0xcc) return void this.skip(4 << (head - 0xca))
    if (head < 0xd4) return void this.skip(1 << (head & 3))
    if (head < 0xd9) return this.extension(1 << (head - 0xd4), room)
    if (head < 0xdc) return this.text(this.uint(1 << (head - 0xd9)))
    if (head < 0xde) return this.values(this.uint(2 << (head - 0xdc)), room)
    return this.values(2 * this.uint(2 << (head - 0xde)), room)
  }

  private values(count: number, room: number): void {
    if (room < 1) throw new TypeError('nested too deep')
    for (let left = count; left > 0; left--) this.value(room - 1)
  }

  /** The library takes any bytes for text, and drops the byte order mark of a long one. */
  private text(length: number): void {
    const start = this.skip(length)
    if (length === 11 && this.bytes[start] === 0x63) this.suspicious = true
    for (let at = start; at < this.at; at++) {
      if ((this.bytes[at] ?? 0) < 0x80) continue
      const text = utf8.decode(this.bytes.subarray(start, this.at))
      if (text.startsWith('\ufeff')) throw new TypeError('a byte order mark')
      return
    }
  }

  private extension(length: number, room: number): void {
    const type = this.uint(1)
    const start = this.skip(length)
    if (type !== MAP && type !== SET) return
    if (room < 1) throw new TypeError('nested too deep')
    const { end } = this
    this.end = this.at
    this.at = start
    let count = 0
    for (; this.at < this.end; count++) this.value(room - 1)
    if (type === MAP && count % 2) throw new TypeError('a key without a value')
    this.end = end
  }

  private uint(size: number): number {
    const at = this.skip(size)
    if (size === 1) return this.bytes[at] ?? 0
    return size === 2 ? this.view.getUint16(at) : this.view.getUint32(at)
  }

  /** Moves on, and says from where. */
  private skip(length: number): number {
    const { at } = this
    this.at += length
    if (this.at > this.end) throw new TypeError('a length that lies')
    return at
  }
}

/** Returns whether there may be a key `constructor`. Trailing bytes, `__proto__` and heads that mean nothing: the library. */
export const scan = (bytes: Uint8Array, depth: number): boolean => {
  const pass = new Scan(bytes)
  pass.value(depth)
  return pass.suspicious
}
