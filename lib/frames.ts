import type { Data } from './transformer.ts'

/*
 * The frames of a connection: PROTOCOL.md, "frames". A message that does not begin with the mark is a value of the default
 * lane, just as its parser encoded it. The mark is a character that no JSON text begins with, and a byte that no
 * MessagePack value begins with; a value that begins with it nevertheless is sent as a frame of lane 0, so no value can be
 * taken for control. Behind the mark stands one character, or byte, the head:
 *
 *     !0…         control: the digit says which
 *     !@… !A… !B… a counted message of lane 0, 1, 2 …
 *     !À… !Á… !Â… an unreliable, uncounted one
 */
const MARK = '!'
const MARK_BYTE = 0xc1

/** The head of lane 0; and of what may be lost in it. */
export const LANE = 64
export const LOOSE = 192

/** The last lane: '~'. */
export const MAX_LANE = 62

/** Control frames. */
export const HELLO = '!0'
export const WELCOME = '!1'
export const CLOSE = '!2'
export const ACK = '!3'
export const PING = '!4'
export const PONG = '!5'

/** A count, and what it is: an acknowledgement, a ping or a pong. */
export const COUNT = /^(![345])(\d{1,15})$/

/** Whether a message is anything but a plain value of the default lane. */
export const isMarked = (data: Data): boolean => data[0] === MARK || data[0] === MARK_BYTE

/** What a message is: below `LANE`, or no number, control; below `LOOSE` what is counted, of the lane that is left. */
export const headOf = (data: Data): number => {
  if (!isMarked(data)) return LANE
  return (typeof data === 'string' ? data.charCodeAt(1) : data[1]) ?? 0
}

/** What a parser encoded, without its frame. */
export const payloadOf = (data: Data): Data => (isMarked(data) ? data.slice(2) : data)

/** Whether a framed message is a value of the default lane. */
export const isValue = (data: Data): boolean => headOf(data) === LANE

/** The message that carries encoded `data` over a lane. */
export const frame = (lane: number, data: Data, reliable: boolean): Data => {
  if (reliable && !lane && !isMarked(data)) return data
  const head = lane + (reliable ? LANE : LOOSE)
  if (typeof data === 'string') return MARK + String.fromCharCode(head) + data
  const message = new Uint8Array(data.length + 2)
  message[0] = MARK_BYTE
  message[1] = head
  message.set(data, 2)
  return message
}
