import { isUtf8 } from 'node:buffer'
import { BYTES, GOODBYE, HEAD, OPEN } from './frame.ts'
import type { Decode, Hear } from './frame.ts'

const NOTHING = new Uint8Array()

/** RFC 6455, section 7.4.1: the codes that these failures have. */
const PROTOCOL = 1002
const NOT_UTF8 = 1007
const TOO_LARGE = 1009

/** Begins with a close code. */
const isGoodbye = (payload: Uint8Array): boolean => /^[1-4]\d{3}/.test(String.fromCharCode(...payload.subarray(0, 4)))

/** Why a frame is none; 0 when it is one. */
const objection = (kind: number, payload: Uint8Array): number => {
  if (kind === BYTES || kind === OPEN) return 0
  if (!isUtf8(payload)) return NOT_UTF8
  return kind === GOODBYE && !isGoodbye(payload) ? PROTOCOL : 0
}

/**
 * Makes a decoder for frames of an end that may send anything. Bytes are copied only where a chunk ends within a frame,
 * twice at most; nothing is allocated for what has not arrived. Otherwise payloads are views of the chunk.
 * @param limit - the longest payload
 * @param refuse - is called once, with a close code, when a rule is broken; nothing is heard from then on
 */
export const makeStrictDecoder = (limit: number, hear: Hear, refuse: (code: number) => void): Decode => {
  /** The beginning of a head or payload whose rest is in the next chunks. */
  let begun = NOTHING
  let filled = 0
  let kind = -1
  let missing = HEAD
  let deaf = false

  const keep = (part: Uint8Array): void => {
    const size = filled + part.length
    if (size > begun.length) {
      const larger = new Uint8Array(Math.min(missing, 2 * size))
      larger.set(begun.subarray(0, filled))
      begun = larger
    }
    begun.set(part, filled)
    filled = size
  }

  /** A head or payload is whole. Returns a close code, or 0. */
  const take = (piece: Uint8Array): number => {
    if (kind < 0) {
      const head = new DataView(piece.buffer, piece.byteOffset).getUint32(0)
      kind = head & 3
      missing = head >>> 2
      return missing > limit ? TOO_LARGE : 0
    }
    const code = objection(kind, piece)
    if (code === 0) hear(kind, piece)
    kind = -1
    missing = HEAD
    return code
  }

  return chunk => {
    for (let offset = 0; !deaf;) {
      let piece = chunk.subarray(offset, offset + missing - filled)
      offset += piece.length
      if (piece.length < missing) {
        keep(piece)
        if (filled < missing) return
        piece = begun
        begun = NOTHING
        filled = 0
      }
      const code = take(piece)
      if (code === 0) continue
      deaf = true
      refuse(code)
    }
  }
}
