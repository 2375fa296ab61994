const INITIAL = 2048
/** Bytes of memory that are kept for the next message. */
const KEPT = 65_536
/** Shorter strings are copied here, longer ones by the platform, which takes a while to start. */
const SHORT = 48

const utf8 = new TextEncoder()
const loneSurrogate = /\p{Surrogate}/u

/** Bytes that grow at the end, with what all of MessagePack's formats are made of. */
export class Writer {
  length = 0
  private bytes = new Uint8Array(INITIAL)
  private view = new DataView(this.bytes.buffer)

  /** A copy of what was written since `start`. */
  since(start: number): Uint8Array {
    return this.bytes.slice(start, this.length)
  }

  /** Forgets what was written since `start`. */
  rewind(start: number): void {
    this.length = start
    if (start === 0 && this.bytes.length > KEPT) this.use(new Uint8Array(INITIAL))
  }

  uint8(value: number): void {
    const at = this.grow(1)
    this.bytes[at] = value
  }

  uint16(value: number): void {
    const at = this.grow(2)
    this.view.setUint16(at, value)
  }

  uint32(value: number): void {
    const at = this.grow(4)
    this.view.setUint32(at, value)
  }

  uint64(value: bigint): void {
    const at = this.grow(8)
    this.view.setBigUint64(at, value)
  }

  float64(value: number): void {
    const at = this.grow(8)
    this.view.setFloat64(at, value)
  }

  raw(bytes: Uint8Array): void {
    const at = this.grow(bytes.length)
    this.bytes.set(bytes, at)
  }

  /** Overwrites four bytes that were written before. */
  patch(at: number, value: number): void {
    this.view.setUint32(at, value)
  }

  /** A length, or an unsigned integer, in 8, 16 or 32 bits, after the code of that form: `code` and the next two. */
  sized(value: number, code: number): void {
    if (value > 0xff) return this.wide(value, code + 1)
    this.uint8(code)
    this.uint8(value)
  }

  /** The same for negative integers. */
  signed(value: number, code: number): void {
    const form = value >= -0x80 ? 0 : value >= -0x8000 ? 1 : 2
    this.uint8(code + form)
    if (form === 0) this.uint8(value)
    else if (form === 1) this.uint16(value)
    else this.uint32(value)
  }

  /** A length in the lower bits of `fixed`, or in 16 or 32 bits after `code` or the next one. */
  counted(length: number, fixed: number, code: number): void {
    if (length > 15) this.wide(length, code)
    else this.uint8(fixed + length)
  }

  /** @throws TypeError for lone surrogates, which UTF-8 does not have. */
  text(value: string): void {
    if (value.length >= SHORT || !this.ascii(value)) this.utf8(value)
  }

  private wide(value: number, code: number): void {
    if (value > 0xffff) {
      this.uint8(code + 1)
      this.uint32(value)
      return
    }
    this.uint8(code)
    this.uint16(value)
  }

  private textHeader(length: number): void {
    if (length > 31) this.sized(length, 0xd9)
    else this.uint8(0xa0 + length)
  }

  /** Writes a string if it is ASCII, and says whether it was. */
  private ascii(value: string): boolean {
    const start = this.length
    this.textHeader(value.length)
    const at = this.grow(value.length)
    const { bytes } = this
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 127) {
        this.length = start
        return false
      }
      bytes[at + index] = code
    }
    return true
  }

  private utf8(value: string): void {
    const start = this.grow(5 + 3 * value.length)
    const { written } = utf8.encodeInto(value, this.bytes.subarray(start + 5))
    if (written !== value.length && loneSurrogate.test(value)) throw new TypeError('a string with a lone surrogate')
    this.length = start
    this.textHeader(written)
    this.bytes.copyWithin(this.length, start + 5, start + 5 + written)
    this.length += written
  }

  /** Makes room at the end, and says where it begins. */
  private grow(size: number): number {
    const at = this.length
    this.length += size
    if (this.length > this.bytes.length) {
      const { bytes } = this
      this.use(new Uint8Array(2 * this.length))
      this.bytes.set(bytes)
    }
    return at
  }

  private use(bytes: Uint8Array<ArrayBuffer>): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
  }
}
