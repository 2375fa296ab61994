import type { Data } from '../../lib/transformer.ts'

/*
 * What is on the stream: frames, each a head of four bytes (big-endian, the length of the payload times four, plus the
 * kind) and the payload. A datagram is a frame without the first three bytes of its head: the low bit of what is left tells
 * text from bytes.
 */
export const TEXT = 0
export const BYTES = 1
/** The payload is text: a close code in four digits, and the reason. */
export const GOODBYE = 2
/** Means nothing. A stream begins with one, because the other end does not hear of a stream before there are bytes. */
export const OPEN = 3

export const HEAD = 4

/** Is called for each frame. The payload is the callee's to keep. */
export type Hear = (kind: number, payload: Uint8Array) => void

/** Takes the bytes of a stream, in whatever chunks they come. */
export type Decode = (chunk: Uint8Array) => void

export const encode = (kind: number, data: Data): Uint8Array => {
  const payload = typeof data === 'string' ? new TextEncoder().encode(data) : data
  const frame = new Uint8Array(HEAD + payload.length)
  new DataView(frame.buffer).setUint32(0, payload.length * 4 + kind)
  frame.set(payload, HEAD)
  return frame
}

/** Makes a decoder for frames of an end that is trusted: it believes each length that it is told. */
export const makeDecoder = (hear: Hear): Decode => {
  /** The head or payload that is being filled. */
  let piece = new Uint8Array(HEAD)
  let filled = 0
  let kind = -1
  return chunk => {
    for (;;) {
      const part = chunk.subarray(0, piece.length - filled)
      piece.set(part, filled)
      chunk = chunk.subarray(part.length)
      filled += part.length
      if (filled < piece.length) return
      filled = 0
      if (kind < 0) {
        const head = new DataView(piece.buffer).getUint32(0)
        kind = head & 3
        piece = new Uint8Array(head >>> 2)
      } else {
        hear(kind, piece)
        kind = -1
        piece = new Uint8Array(HEAD)
      }
    }
  }
}
