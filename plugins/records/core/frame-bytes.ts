import { fromBase64, toBase64 } from './base64.ts'
import { malformed, Reader, Writer } from './bytes.ts'

/*
 * Nodes are said once a frame, and then by number. Those that are 64 bits as base64url, as anywire makes them, are eight bytes
 * then; others are text.
 */

/** 11 characters have 66 bits: the last two are zero. */
const PACKABLE = /^[\w-]{10}[AEIMQUYcgkosw048]$/

/** What an item of a list takes in memory. */
const ITEM = 40

const PACKED = 0
const TEXT = 1
/** The number of the first node that the frame has said. */
const KNOWN = 2

export class FrameWriter extends Writer {
  /** The first node of the frame, which often is the only one. */
  first: string | undefined = undefined
  /** The numbers of the others. */
  #others: Map<string, number> | undefined

  node(node: string): void {
    const known = node === this.first ? KNOWN : this.#others?.get(node)
    if (known !== undefined) return this.uint(known)
    if (this.first === undefined) this.first = node
    else {
      this.#others ??= new Map()
      this.#others.set(node, KNOWN + 1 + this.#others.size)
    }
    const isPackable = PACKABLE.test(node)
    this.byte(isPackable ? PACKED : TEXT)
    if (isPackable) this.raw(fromBase64(node))
    else this.text(node)
  }

  /** A node, and the number of one of its writes. */
  numbered(node: string, number: number): void {
    this.node(node)
    this.uint(number)
  }

  /** How many there are, and each of them. */
  list<T>(items: readonly T[], write: (item: T) => void): void {
    this.uint(items.length)
    for (const item of items) write(item)
  }
}

/** The last node that was read as bytes: most frames that come one after the other have the same. */
const packed = new DataView(new ArrayBuffer(8))
let lastNode = toBase64(new Uint8Array(8))

export class FrameReader extends Reader {
  /** The first node of the frame. */
  first: string | undefined = undefined
  /** The others, once there are any. */
  #others: string[] | undefined

  node(): string {
    const number = this.uint()
    if (number > KNOWN) return this.#others?.[number - KNOWN - 1] ?? malformed()
    if (number === KNOWN) return this.first ?? malformed()
    const node = number === TEXT ? this.text() : this.#packed()
    if (this.first === undefined) this.first = node
    else (this.#others ??= []).push(node)
    return node
  }

  numbered(): readonly [node: string, number: number] {
    return [this.node(), this.uint()]
  }

  list<T>(read: () => T): T[] {
    const items: T[] = []
    for (let count = this.uint(); count > 0; count--) items.push(read())
    this.weight += ITEM * items.length
    return items
  }

  #packed(): string {
    const high = this.word()
    const low = this.word()
    if (high === packed.getInt32(0) && low === packed.getInt32(4)) return lastNode
    packed.setInt32(0, high)
    packed.setInt32(4, low)
    return (lastNode = toBase64(new Uint8Array(packed.buffer)))
  }
}
