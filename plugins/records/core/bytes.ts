/*
 * Bytes of frames, written and read one after the other. Whole numbers take seven bits a byte, least significant first (LEB128),
 * text is its length in bytes and UTF-8, other numbers are IEEE 754 with 64 bits, least significant byte first.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Why a frame is refused; whoever decodes it tells more. */
export const malformed = (): never => {
  throw new Error('malformed frame')
}

/** Up to this many UTF-16 units text is copied by hand: calling out costs more. */
const SHORT = 48

/** One buffer serves all frames, because they are written one at a time; it grows with the largest. */
let buffer = new Uint8Array(4_096)

/** Short texts that were read, by their hash: names come over and over, and one that is there already is found faster. A power of 2. */
const MOST_TEXTS = 4_096
const texts = Array.from({ length: MOST_TEXTS }, () => '')

const floatBytes = new Uint8Array(8)
const float = new DataView(floatBytes.buffer)

export class Writer {
  #length = 0

  byte(value: number): void {
    if (this.#length === buffer.length) this.#reserve(1)
    buffer[this.#length++] = value
  }

  /** A whole number, not negative. */
  uint(value: number): void {
    if (!(Number.isSafeInteger(value) && value >= 0)) malformed()
    let rest = value
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80)
      rest = rest > 0x7fffffff ? Math.floor(rest / 0x80) : rest >>> 7
    }
    this.byte(rest)
  }

  /** A whole number, small where it is near 0. */
  int(value: number): void {
    this.uint(value < 0 ? -1 - 2 * value : 2 * value)
  }

  float(value: number): void {
    if (!Number.isFinite(value)) malformed()
    float.setFloat64(0, value, true)
    this.raw(floatBytes)
  }

  /** Bytes without their length. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    buffer.set(bytes, this.#length)
    this.#length += bytes.length
  }

  bytes(bytes: Uint8Array): void {
    this.uint(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    if (text.length > SHORT || !this.#ascii(text)) this.bytes(encoder.encode(text))
  }

  /** What was written, as bytes of its own. */
  take(): Uint8Array {
    return buffer.slice(0, this.#length)
  }

  /** Writes short text if it is nothing but ASCII. */
  #ascii(text: string): boolean {
    this.#reserve(SHORT + 1)
    let at = this.#length
    buffer[at++] = text.length
    for (let unit = 0; unit < text.length; unit++) {
      const code = text.charCodeAt(unit)
      if (code > 0x7f) return false
      buffer[at++] = code
    }
    this.#length = at
    return true
  }

  #reserve(more: number): void {
    if (this.#length + more <= buffer.length) return
    const larger = new Uint8Array(2 * (this.#length + more))
    larger.set(buffer)
    buffer = larger
  }
}

/** Every method throws where the bytes end too early; none takes more memory than the bytes that are there. */
export class Reader {
  /** About how many bytes in memory is what was read: some of it is many times as large as it was. */
  weight = 0
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? malformed()
  }

  uint(): number {
    const first = this.byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let scale = 0x80; scale < 2 ** 53; scale *= 0x80) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : malformed()
    }
    return malformed()
  }

  int(): number {
    const value = this.uint()
    return value % 2 ? -(value + 1) / 2 : value / 2
  }

  /** Four bytes, the most significant one first, as a whole number with a sign. */
  word(): number {
    return (this.byte() << 24) | (this.byte() << 16) | (this.byte() << 8) | this.byte()
  }

  float(): number {
    floatBytes.set(this.raw(8))
    const value = float.getFloat64(0, true)
    return Number.isFinite(value) ? value : malformed()
  }

  /** Some bytes; they share the frame's memory. */
  raw(length: number): Uint8Array {
    const start = this.#at
    this.#at += length
    if (this.#at > this.#bytes.length) malformed()
    return this.#bytes.subarray(start, this.#at)
  }

  bytes(): Uint8Array {
    return this.raw(this.uint()).slice()
  }

  text(): string {
    const length = this.uint()
    const start = this.#at
    const end = (this.#at += length)
    const bytes = this.#bytes
    if (end > bytes.length) return malformed()
    if (length > SHORT) return decoder.decode(bytes.subarray(start, end))
    // Names mostly differ at their ends.
    let hash = length
    for (let at = Math.max(start, end - 4); at < end; at++) hash = hash * 31 + (bytes[at] ?? 0)
    const slot = hash & (MOST_TEXTS - 1)
    const known = texts[slot] ?? ''
    let at = known.length === length ? 0 : length
    while (at < length && known.charCodeAt(at) === bytes[start + at]) at++
    if (at === length && known.length === length) return known
    let text = ''
    for (at = start; at < end; at++) {
      const byte = bytes[at] ?? 0
      if (byte > 0x7f) return decoder.decode(bytes.subarray(start, end))
      text += String.fromCharCode(byte)
    }
    return (texts[slot] = text)
  }
}
