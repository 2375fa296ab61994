import { constants, deflateRawSync } from 'node:zlib'
import type { Run } from '../../lib/run.ts'
import type { Data } from '../../lib/transformer.ts'

// RFC 6455, section 5.2: FIN and an opcode. RFC 7692, section 6: RSV1 marks a compressed message.
const TEXT = 0x81
const BINARY = 0x82
const COMPRESSED = 0x40

/** A message as the payload of a frame: text that is not compressed is encoded only when it is written. */
interface Payload {
  readonly first: number
  readonly data: Data
  /** In bytes. */
  readonly length: number
}

const payloadOf = (data: Data): Payload =>
  typeof data === 'string'
    ? { first: TEXT, data, length: Buffer.byteLength(data) }
    : { first: BINARY, data, length: data.length }

/** How many bytes a frame takes: servers do not mask theirs, so they are the same for every connection. */
const sizeOf = ({ length }: Payload): number => length + (length < 126 ? 2 : length < 65_536 ? 4 : 10)

const writeHeader = (target: Buffer, offset: number, first: number, length: number): number => {
  target[offset] = first
  if (length < 126) {
    target[offset + 1] = length
    return offset + 2
  }
  if (length < 65_536) {
    target[offset + 1] = 126
    return target.writeUInt16BE(length, offset + 2)
  }
  target[offset + 1] = 127
  return target.writeUInt32BE(length, target.writeUInt32BE(Math.floor(length / 2 ** 32), offset + 2))
}

/** Writes a frame; returns the offset behind it. */
const writeFrame = (target: Buffer, offset: number, { first, data, length }: Payload): number => {
  const start = writeHeader(target, offset, first, length)
  if (typeof data !== 'string') target.set(data, start)
  // As many bytes as characters: it is ASCII, and copied rather than converted.
  else target.write(data, start, length, length === data.length ? 'latin1' : 'utf8')
  return start + length
}

const join = (payloads: readonly Payload[]): Buffer => {
  const target = Buffer.allocUnsafe(payloads.reduce((size, payload) => size + sizeOf(payload), 0))
  let offset = 0
  for (const payload of payloads) offset = writeFrame(target, offset, payload)
  return target
}

/** The frame of one message. */
export const frameMessage = (data: Data): Buffer => join([payloadOf(data)])

/** The frames of a run, one behind the other. */
export const frameRun = (run: Run): Buffer => join(run.messages().map(payloadOf))

/** The headers of short text frames, as Latin-1. */
const SHORT = Array.from({ length: 126 }, (_, length) => String.fromCharCode(TEXT, length))

/** Beyond so many characters text is not written as one string: Node would copy it twice. */
const LONG = 16_384

/**
 * The frames of a run of ASCII text as one Latin-1 string, which a socket takes with less ado than a buffer that is used
 * once. Undefined: there is something else in it, or too much.
 */
export const frameText = (run: Run): string | undefined => {
  if (run.length === 1) return frameAscii(run.data)
  let text = ''
  for (const data of run.messages()) {
    const framed = frameAscii(data)
    if (framed === undefined || text.length > LONG) return undefined
    text += framed
  }
  return text
}

const frameAscii = (data: Data): string | undefined => {
  if (typeof data !== 'string' || data.length > LONG || Buffer.byteLength(data) !== data.length) return undefined
  const { length } = data
  return (SHORT[length] ?? String.fromCharCode(TEXT, 126, length >> 8, length & 255)) + data
}

/**
 * Makes what frames a run with messages of at least `threshold` bytes compressed. Each message is compressed by itself
 * (server_no_context_takeover), so the bytes are the same for every connection here too.
 */
export const compressRun = (threshold: number): ((run: Run) => Buffer) => {
  const compress = (payload: Payload): Payload => {
    if (payload.length < threshold) return payload
    const deflated = deflateRawSync(payload.data, { finishFlush: constants.Z_SYNC_FLUSH })
    // RFC 7692, section 7.2.1: the empty block that ends a flush is not sent.
    const data = deflated.subarray(0, -4)
    return { first: payload.first | COMPRESSED, data, length: data.length }
  }
  return run => join(run.messages().map(data => compress(payloadOf(data))))
}
