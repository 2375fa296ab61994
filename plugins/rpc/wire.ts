import { isCount } from '../../lib/handshake.ts'

/*
 * Over the lane, as lib/requests.ts has it; either end asks. Numbers are of the end that asks.
 *
 *     [n, name, extras, ...arguments]                 a call; extras: 0, or [timeout?, key?, service?, count?]; `service` 1:
 *                                                     of what others provide; `count` arguments more are undefined
 *     [n, PROVIDE, name]                               from a client: provides a service, until it is ended
 *     [n]                                             cancels a call, or withdraws a service
 *     [n, count]                                      so many items of a stream were taken
 *
 *     [-n, 0, value?]                                 the result; nothing for undefined. Of a stream: its end
 *     [-n, code, message, data?]                      the failure
 *     [-n, LATER]                                      from a server, of lib/requests.ts: it is about to say goodbye, and no call from this number on runs
 *     [-n, ACCEPTED]                                  the handler is at it
 *     [-n, STREAM], [-n, ITEM, value?]                the result is a stream; an item of it
 */
export const PROVIDE = 0

export const ACCEPTED = 1
export const STREAM = 2
export const ITEM = 3

/** Arguments of a call, at most. */
export const ARGUMENTS = 1_000

/** How many items of a stream may be on their way. */
export const WINDOW = 32

/** What an end asks for: most of it calls. */
export type Asked = readonly [number: number, what?: unknown, extras?: unknown, ...args: unknown[]]

/** How a call ends. */
export type AnswerPacket = readonly [number: number, code: 0 | string, ...values: unknown[]]

export const isAsked = (packet: readonly unknown[]): packet is Asked => isCount(packet[0]) && packet[0] > 0

/** What else there is of a call. */
export const extrasOf = ([, , extras]: Asked): readonly unknown[] => (Array.isArray(extras) ? extras : [])

/** What a call is called with, with those arguments at the end that are undefined. */
export const argumentsOf = (packet: Asked): unknown[] => {
  const args = packet.slice(3)
  const [, , , count] = extrasOf(packet)
  if (typeof count === 'number' && count > 0) args.length += Math.floor(Math.min(count, ARGUMENTS))
  return args
}
