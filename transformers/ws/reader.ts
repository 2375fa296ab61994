import { isUtf8 } from 'node:buffer'
import type { Duplex } from 'node:stream'
import type { Receiver } from '../../lib/transformer.ts'

// RFC 6455, section 5.2: FIN and an opcode.
const TEXT = 0x81
const BINARY = 0x82
const PING = 0x89
const PONG = 0x8a

/** The bytes before a masked payload of less than 126 bytes, and of less than 65,536. */
const SHORT = 6
const LONG = 8

/** So many pieces of a frame are kept as they came. */
const MOST_PARTS = 64

/** A chunk of a socket. */
export type Listener = (chunk: Buffer) => void

/**
 * Reads what nearly all frames of clients are, and `ws` takes several times as long for: whole messages below 64 KiB, pings
 * and pongs. The first frame that is anything else, or breaks a rule, is left to `ws` with all that follows it.
 */
export class FrameReader {
  readonly #socket: Duplex
  /** The largest message, in bytes. */
  readonly #limit: number
  readonly #receiver: Receiver
  readonly #ping: (payload: Buffer) => void
  readonly #listener: Listener = chunk => this.#read(chunk)
  /** How `ws` reads. */
  readonly #others: Listener
  /** A frame that has not come whole, and how many bytes of it are missing before there is more to see. */
  #parts: Buffer[] | undefined
  #missing = 0

  /** @param others - how `ws` listens to the socket */
  constructor(socket: Duplex, others: Listener, limit: number, receiver: Receiver, ping: (payload: Buffer) => void) {
    this.#socket = socket
    this.#others = others
    this.#limit = limit
    this.#receiver = receiver
    this.#ping = ping
  }

  /** Takes the place of the other listener, before anything is read. */
  start(): void {
    this.#socket.on('data', this.#listener)
    this.#socket.off('data', this.#others)
  }

  #read(chunk: Buffer): void {
    let bytes = chunk
    if (this.#parts) {
      this.#parts.push(chunk)
      this.#missing -= chunk.length
      if (this.#missing > 0) {
        // Many small ones take far more memory than what is in them.
        if (this.#parts.length > MOST_PARTS) this.#parts = [Buffer.concat(this.#parts)]
        return
      }
      bytes = Buffer.concat(this.#parts)
      this.#parts = undefined
    }
    let at = 0
    while (at < bytes.length) {
      const end = this.#readFrame(bytes, at)
      if (end === undefined) return
      at = end
    }
  }

  /** Returns where the frame ends; undefined when the rest is not read here, or not yet. */
  #readFrame(bytes: Buffer, at: number): number | undefined {
    const { length } = bytes
    if (at + 2 > length) return this.#wait(bytes, at, at + 2)
    const first = bytes[at] ?? 0
    const second = bytes[at + 1] ?? 0
    let size = second & 127
    const isData = first === TEXT || first === BINARY
    const isControl = first === PING || first === PONG
    if (second < 128 || size === 127 || !(isData || (isControl && size < 126))) return this.#leave(bytes, at)
    let start = at + SHORT
    if (size === 126) {
      start = at + LONG
      if (start > length) return this.#wait(bytes, at, start)
      size = bytes.readUInt16BE(at + 2)
    }
    if (size > this.#limit) return this.#leave(bytes, at)
    const end = start + size
    if (end > length) return this.#wait(bytes, at, end)
    const isAscii = unmask(bytes, start, end)
    if (first === TEXT) {
      if (!isAscii && !isUtf8(bytes.subarray(start, end))) {
        // As it came.
        unmask(bytes, start, end)
        return this.#leave(bytes, at)
      }
      this.#receiver.message(bytes.toString(isAscii ? 'latin1' : 'utf8', start, end))
    } else if (first === BINARY) {
      this.#receiver.message(new Uint8Array(bytes.buffer, bytes.byteOffset + start, size))
    } else if (first === PING) this.#ping(bytes.subarray(start, end))
    return end
  }

  /** Goes on when there are bytes up to `end`. */
  #wait(bytes: Buffer, at: number, end: number): undefined {
    this.#parts = [bytes.subarray(at)]
    this.#missing = end - bytes.length
  }

  #leave(bytes: Buffer, at: number): undefined {
    this.#socket.on('data', this.#others)
    this.#socket.off('data', this.#listener)
    this.#others.call(this.#socket, bytes.subarray(at))
  }
}

/** Takes the mask that stands before a payload off it, or puts it on again. Returns whether the payload is ASCII. */
const unmask = (bytes: Buffer, start: number, end: number): boolean => {
  const mask = start - 4
  let all = 0
  let place = start
  // Four at a time take half as long.
  for (; place + 3 < end; place += 4) {
    const first = (bytes[place] ?? 0) ^ (bytes[mask] ?? 0)
    const second = (bytes[place + 1] ?? 0) ^ (bytes[mask + 1] ?? 0)
    const third = (bytes[place + 2] ?? 0) ^ (bytes[mask + 2] ?? 0)
    const fourth = (bytes[place + 3] ?? 0) ^ (bytes[mask + 3] ?? 0)
    bytes[place] = first
    bytes[place + 1] = second
    bytes[place + 2] = third
    bytes[place + 3] = fourth
    all |= first | second | third | fourth
  }
  for (; place < end; place++) {
    const byte = (bytes[place] ?? 0) ^ (bytes[mask + ((place - start) & 3)] ?? 0)
    bytes[place] = byte
    all |= byte
  }
  return all < 128
}
