import type { Data } from './transformer.ts'

/*
 * The frames of a connection: PROTOCOL.md, "frames". A message that does not begin with the mark is a value of the default
 * lane, just as its parser encoded it. The mark is a character that no JSON text begins with, and a byte that no
 * MessagePack value begins with; a value that begins with it nevertheless is sent as a frame of lane 0, so no value can be
 * taken for control.
 *
 *     !0{…}       control: the digit says which
 *     !?@…        an unreliable, uncounted message of lane 0
 *     !@… !A… !B… a counted message of lane 0, 1, 2 …
 */
const MARK = 0x21
const MARK_BYTE = 0xc1
const UNRELIABLE = 0x3f
const LANE_0 = 0x40

/** Lanes are told by one character: '@' is 0, '~' the last. */
export const MAX_LANE = 0x7e - LANE_0

/** Control frames. */
export const HELLO = '!0'
export const WELCOME = '!1'
export const CLOSE = '!2'
export const ACK = '!3'
export const PING = '!4'
export const PONG = '!5'

/** Whether a message is anything but a plain value of the default lane. */
export const isMarked = (data: Data): boolean =>
  typeof data === 'string' ? data.charCodeAt(0) === MARK : data[0] === MARK_BYTE

/** The message that carries encoded `data` over a lane. */
export const frame = (lane: number, data: Data, reliable: boolean): Data => {
  if (reliable && lane === 0 && !isMarked(data)) return data
  const head = (reliable ? [] : [UNRELIABLE]).concat(LANE_0 + lane)
  if (typeof data === 'string') return String.fromCharCode(MARK, ...head) + data
  const message = new Uint8Array(1 + head.length + data.length)
  message.set([MARK_BYTE, ...head])
  message.set(data, 1 + head.length)
  return message
}

/** A marked message, read. Control frames have no lane, and the digit in `control`. */
export interface Marked {
  lane: number
  reliable: boolean
  /** The digit of a control frame, and '' for everything else. */
  control: string
  payload: Data
}

/** Reads a marked message. Undefined: it is none of those above. */
export const parseMarked = (data: Data): Marked | undefined => {
  const text = typeof data === 'string'
  const at = (index: number): number => (text ? data.charCodeAt(index) : (data[index] ?? NaN))
  const reliable = at(1) !== UNRELIABLE
  const start = reliable ? 1 : 2
  const lane = at(start) - LANE_0
  if (lane >= 0 && lane <= MAX_LANE) {
    return { lane, reliable, control: '', payload: text ? data.slice(start + 1) : data.subarray(start + 1) }
  }
  return text && reliable ? { lane, reliable, control: data.slice(0, 2), payload: data.slice(2) } : undefined
}

/** A count as control frames carry it: a safe integer in plain decimal digits. Undefined: it is none. */
export const parseCount = (text: Data): number | undefined =>
  typeof text === 'string' && /^\d{1,15}$/.test(text) ? +text : undefined
