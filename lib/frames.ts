import type { Data } from './transformer.ts'

/*
 * The frames of a connection: PROTOCOL.md, "frames". A message that does not begin with the mark is a value of the default
 * lane, just as its parser encoded it. The mark is a character that no JSON text begins with, and a byte that no
 * MessagePack value begins with; a value that begins with it nevertheless is sent as a frame of lane 0, so no value can be
 * taken for control.
 *
 *     !0…         control: the digit says which
 *     !?@…        an unreliable, uncounted message of lane 0
 *     !@… !A… !B… a counted message of lane 0, 1, 2 …
 */
const MARK = '!'
const MARK_BYTE = 0xc1
const UNRELIABLE = '?'
const LANE_0 = 64

/** Lanes are told by one character: '@' is 0, '~' the last. */
export const MAX_LANE = 62

/** Control frames. */
export const HELLO = '!0'
export const WELCOME = '!1'
export const CLOSE = '!2'
export const ACK = '!3'
export const PING = '!4'
export const PONG = '!5'

/** Whether a message is anything but a plain value of the default lane. */
export const isMarked = (data: Data): boolean =>
  typeof data === 'string' ? data.charCodeAt(0) === 33 : data[0] === MARK_BYTE

/** The message that carries encoded `data` over a lane. */
export const frame = (lane: number, data: Data, reliable: boolean): Data => {
  if (reliable && !lane && !isMarked(data)) return data
  const head = (reliable ? MARK : MARK + UNRELIABLE) + String.fromCharCode(LANE_0 + lane)
  if (typeof data === 'string') return head + data
  const message = new Uint8Array(head.length + data.length)
  message.set(new TextEncoder().encode(head))
  message.set(data, head.length)
  message[0] = MARK_BYTE
  return message
}

/** A marked message, read. */
export interface Marked {
  /** Negative, or no number, for what is none of a lane: control frames. */
  readonly lane: number
  readonly reliable: boolean
  readonly payload: Data
}

/** Reads a marked message, whatever is in it. */
export const parseMarked = (data: Data): Marked => {
  const head = typeof data === 'string' ? data : String.fromCharCode(...data.subarray(0, 3))
  const reliable = head[1] !== UNRELIABLE
  const start = reliable ? 1 : 2
  return { lane: head.charCodeAt(start) - LANE_0, reliable, payload: data.slice(start + 1) }
}

/** What a parser encoded, without its frame. */
export const payloadOf = (data: Data): Data => (isMarked(data) ? parseMarked(data).payload : data)
